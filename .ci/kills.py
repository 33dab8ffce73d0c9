"""Kill a training anywhere, go on, and compare the end: kills.py [--n 20] [--seed 0] [--workers 0] [--steps 14]

A small run of all three stages, saved after every optimizer step (of two micro-batches), is killed (`kill -9`) at random
moments, resumed with `--resume last`, and must end with the same weights, average and optimizer, to the bit, as a run left alone."""
import hashlib, os, random, signal, sys, tempfile, time, warnings
from argparse import ArgumentParser
from pathlib import Path

def leaves(o, name=''):
    "All values in nested dicts and lists, with their names"
    if isinstance(o, dict): o = o.items()
    elif isinstance(o, list|tuple): o = enumerate(o)
    else:
        yield name,o
        return
    for k,v in o: yield from leaves(v, f'{name}.{k}')

def digest(path):
    "Hashes of weights, average and optimizer in a checkpoint"
    import torch
    d,out = torch.load(path, weights_only=True),[]
    for part in (d['model'], d['ema'], d['train']['opt']):
        h = hashlib.sha256()
        for k,v in leaves(part): h.update(k.encode() + (v.contiguous().numpy().tobytes() if hasattr(v, 'numpy') else repr(v).encode()))
        out.append(h.hexdigest()[:12])
    return out

def fork(folder, settings):
    "Train in a process of its own, in `folder`; its id"
    pid = os.fork()
    if pid: return pid
    os.setpgrp()
    os.chdir(folder)
    null = os.open('log.txt', os.O_WRONLY|os.O_CREAT|os.O_APPEND)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        from v2v_diffusion.train import load_config, train
        train(load_config('tiny', settings), resume='last', quiet=True)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def in_own_process(f, *args):
    "What `f` says, from a fork: torch must not have run in the process that forks"
    r,w = os.pipe()
    if not os.fork():
        os.write(w, repr(f(*args)).encode())
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as pipe: text = pipe.read()
    os.wait()
    return eval(text)

def wait(pid, folder):
    "Wait for a run that must end well"
    _,status = os.waitpid(pid, 0)
    if status: sys.exit(f'a run failed:\n{(Path(folder)/"log.txt").read_text()[-3000:]}')

def newest(folder):
    files = sorted((Path(folder)/'checkpoints/kills').glob('*.pt'), key=lambda f: f.stat().st_mtime_ns)
    return files[-1].stem if files else 'nothing yet'

def kill_once(root, i, settings, delay):
    "A run killed after `delay` seconds and resumed; where that was, if in a save, and the digest of its end"
    folder = Path(root)/f'run{i}'
    folder.mkdir()
    pid = fork(folder, settings)
    time.sleep(delay)
    ended = os.waitpid(pid, os.WNOHANG)[0]
    if not ended:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    where,saving = newest(folder),any((folder/'checkpoints').rglob('.tmp-*'))
    wait(fork(folder, settings), folder)
    left = [f.name for f in folder.rglob('.tmp-*') if 'cache' not in f.parts]
    if left: sys.exit(f'left behind: {left}')
    return 'ended before' if ended else where,saving,in_own_process(digest, folder/'checkpoints/kills/checkpoint_final.pt')

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--n', type=int, default=20)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--workers', type=int, default=0)
    p.add_argument('--steps', type=int, default=14, help='optimizer steps of each of the three stages')
    a = p.parse_args()
    warnings.simplefilter('ignore')
    os.environ.update(OMP_NUM_THREADS='1', MPLBACKEND='agg')
    import torch, v2v_diffusion.train # noqa: what the forks share
    torch.set_num_threads(1)
    settings = f'''model.latent_dim=8 model.vae_base_channels=16 model.unet_model_channels=16 model.predictor_channels=16 data.resolution=[32,32]
        data.n_clips=24 data.batch_size=4 data.num_workers={a.workers} training.vae_epochs=20 training.num_epochs=20 training.predictor_epochs=20
        training.augmentations_per_clip=1 training.grad_accumulation=2 training.checkpoint_every=1 training.max_steps={a.steps} training.experiment_name=kills'''.split()
    rng,bad = random.Random(a.seed),0
    with tempfile.TemporaryDirectory() as root:
        alone = []
        for name in ('alone','again'):
            (folder := Path(root)/name).mkdir()
            t = time.time()
            wait(fork(folder, settings), folder)
            seconds = time.time()-t
            alone.append(in_own_process(digest, folder/'checkpoints/kills/checkpoint_final.pt'))
        print(f'left alone: {3*a.steps} steps, {seconds:.0f} s, {alone[0]}; a second run {"the same" if alone[0]==alone[1] else "DIFFERS"}', flush=True)
        bad += alone[0]!=alone[1]
        for i in range(a.n):
            delay = rng.uniform(.05, .98)*seconds
            where,saving,end = kill_once(root, i, settings, delay)
            same = [x==y for x,y in zip(end, alone[0])]
            bad += not all(same)
            print(f'{i+1:3} killed after {delay:5.1f} s, newest file {where:20} {"in a save" if saving else "":9} '
                  f'weights, average, optimizer {"equal" if all(same) else same}', flush=True)
    print(f'{a.n+1-bad} of {a.n+1} equal')
    sys.exit(bool(bad))

if __name__=='__main__': main()
