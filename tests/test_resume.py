"""Kill a training anywhere, resume it, and compare its end with a run that was left alone: weights, average and optimizer, to the bit.

A small run of all three stages is saved after every optimizer step (of two micro-batches): pytest tests/test_resume.py --n 20 --steps 14"""
import multiprocessing, os, random, sys, time
import pytest

SETTINGS = '''model.latent_dim=8 model.vae_base_channels=16 model.unet_model_channels=16 model.predictor_channels=16 data.resolution=[32,32]
    data.n_clips=24 data.batch_size=4 data.num_workers=0 training.vae_epochs=20 training.num_epochs=20 training.predictor_epochs=20
    training.augmentations_per_clip=1 training.grad_accumulation=2 training.checkpoint_every=1 training.experiment_name=kills'''.split()

def pytest_generate_tests(metafunc):
    if 'kill' in metafunc.fixturenames: metafunc.parametrize('kill', range(metafunc.config.getoption('n')))

def work(folder, steps):
    "Train in `folder`, from the last checkpoint if there is one"
    os.chdir(folder)
    sys.stdout = sys.stderr = open('log.txt', 'a')
    import torch
    from v2v_diffusion.config import load_config
    from v2v_diffusion.train import train
    torch.set_num_threads(1)
    train(load_config('tiny', [*SETTINGS, f'training.max_steps={steps}']), resume='last', quiet=True)

@pytest.fixture(scope='module')
def start(tree, request):
    "Begin a training in a process of its own; all are forked from one that has imported what they need and run nothing"
    ctx = multiprocessing.get_context('forkserver')
    ctx.set_forkserver_preload(['v2v_diffusion.train'])
    def start(folder):
        p = ctx.Process(target=work, args=(folder, request.config.getoption('steps')))
        p.start()
        return p
    return start

def finish(p, folder):
    p.join()
    assert p.exitcode==0, (folder/'log.txt').read_text()[-3000:]
    assert not [f for f in folder.rglob('.tmp-*') if 'cache' not in f.parts], 'temporary files left behind'

def leaves(o, name=''):
    "All values in nested dicts and lists, as bytes or text, with their names"
    if isinstance(o, dict|list|tuple):
        for k,v in o.items() if isinstance(o, dict) else enumerate(o): yield from leaves(v, f'{name}.{k}')
    else: yield name, o.contiguous().numpy().tobytes() if hasattr(o, 'numpy') else repr(o)

def end(folder):
    "Weights, average and optimizer of the final checkpoint"
    import torch
    d = torch.load(folder/'checkpoints/kills/checkpoint_final.pt', weights_only=True)
    return {k: dict(leaves(v)) for k,v in dict(weights=d['model'], average=d['ema'], optimizer=d['train']['opt']).items()}

def same(a, b): return {k: a[k]==b[k] for k in a}=={k: True for k in a}

@pytest.fixture(scope='module')
def alone(start, tmp_path_factory):
    "How a run ends that is left alone, and in how many seconds"
    folder,t = tmp_path_factory.mktemp('alone'),time.time()
    finish(start(folder), folder)
    return end(folder),time.time()-t

def test_repeats(start, alone, tmp_path):
    finish(start(tmp_path), tmp_path)
    assert same(end(tmp_path), alone[0])

def test_killed_and_resumed(start, alone, tmp_path, kill):
    p = start(tmp_path)
    p.join(random.Random(kill).uniform(.05, .98)*alone[1])
    p.kill()
    p.join()
    print('killed; newest file:', max(tmp_path.rglob('*.pt'), key=os.path.getmtime, default='none'), 'in a save' if any(tmp_path.rglob('.tmp-*')) else '')
    finish(start(tmp_path), tmp_path)
    assert same(end(tmp_path), alone[0])
