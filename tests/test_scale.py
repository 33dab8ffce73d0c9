"""Launch trainings of all three stages with `accelerate launch` and `torchrun`, on CPUs, and compare their ends: several processes with one, killed and resumed with left alone.

A small run: pytest tests/test_scale.py"""
import os, shutil, signal, subprocess, sys, time
from pathlib import Path
import pytest
from conftest import ROOT
from test_resume import leaves

SETTINGS = '''model.latent_dim=8 model.vae_base_channels=16 model.unet_model_channels=16 model.unet_channel_mult=[1] model.attention_levels=[0]
    model.predictor_channels=8 data.resolution=[16,16] data.num_frames=4 data.n_clips=10 training.vae_epochs=3 training.num_epochs=3
    training.predictor_epochs=3 training.grad_accumulation=2 training.checkpoint_every=1 training.experiment_name=it'''.split()
TORCHRUN = '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node'
ACCELERATE = '-m', 'accelerate.commands.launch', '--config_file', str(ROOT/'v2v_diffusion/launch/two_cpus.yaml'), '--num_processes'
SHARDED = *ACCELERATE[:3], str(ROOT/'v2v_diffusion/launch/eight_gpus_sharded.yaml'), '--main_process_port', '0', '--num_processes'
LAST = 'model.predictor=none', 'training.vae_epochs=0' # the last stage alone

def start(folder, launcher, n, *more, bs=None, settings=()):
    "Begin a training by `n` processes, each of them with `bs` clips, together with four; what they print goes to log.txt"
    folder.mkdir(exist_ok=True)
    cmd = [sys.executable, *launcher, str(n)] if n>1 else [sys.executable]
    words = ['-m', 'v2v_diffusion.cli', 'train', '--config', 'tiny', *more, '--set', *SETTINGS, *settings, f'data.batch_size={bs or 4//n}']
    if '--resume' not in more: words.insert(3, '--quiet')
    with open(folder/'log.txt', 'a') as log: return subprocess.Popen(cmd+words, cwd=folder, stdout=log, stderr=log, env=dict(os.environ, PYTHONUNBUFFERED='1'))

def train(folder, launcher, n, *more, code=0, **kw):
    "Train to the end, and give what was printed"
    p = start(folder, launcher, n, *more, **kw)
    p.wait(timeout=900)
    text = (folder/'log.txt').read_text()
    assert p.returncode==code, text[-3000:]
    return text

def end(folder):
    "Weights and average of the final checkpoint"
    import torch
    d = torch.load(folder/'checkpoints/it/checkpoint_final.pt', weights_only=True)
    return {f'{part}.{k}': v for part in ('model','ema') for k,v in d[part].items()}

def gap(a, b):
    "Largest difference between weights, in units of each tensor's largest where that is over 1"
    return max(((a[k]-v).abs().max()/v.abs().max().clamp(min=1)).item() for k,v in b.items())

@pytest.fixture(scope='module')
def one(tree, tmp_path_factory):
    train(d := tmp_path_factory.mktemp('one'), None, 1)
    return d

@pytest.fixture(scope='module')
def two(tree, tmp_path_factory):
    train(d := tmp_path_factory.mktemp('two'), TORCHRUN, 2)
    return d

@pytest.fixture(scope='module')
def alone(tree, tmp_path_factory):
    "The last stage, by two processes that were left alone"
    train(d := tmp_path_factory.mktemp('alone'), TORCHRUN, 2, settings=LAST)
    return d

@pytest.fixture(scope='module')
def killed(tree, tmp_path_factory):
    "A run of two processes of which the second was killed while the U-Net was trained, and how long the first one took to end"
    d = tmp_path_factory.mktemp('killed')
    p = start(d, ACCELERATE, 2, settings=LAST)
    while not list(d.glob('checkpoints/it/checkpoint_epoch_1.pt')) and p.poll() is None: time.sleep(.05)
    pids = {rank: pid for pid,rank,cwd in workers() if cwd==str(d)}
    os.kill(pids['1'], signal.SIGKILL)
    t = time.time()
    while pids['0'] in [o[0] for o in workers()]: time.sleep(.05)
    t = time.time()-t
    p.wait(timeout=300)
    return d,t

def workers():
    "Process number, rank and folder of what a launcher started"
    for p in Path('/proc').glob('[0-9]*'):
        try:
            env = dict(o.split('=', 1) for o in (p/'environ').read_text().split('\0') if '=' in o)
            if 'LOCAL_RANK' in env: yield int(p.name),env['RANK'],os.readlink(p/'cwd')
        except OSError: pass

def same(a, b): return dict(leaves(end(a)))==dict(leaves(end(b)))

def test_two_are_one(one, two): assert gap(end(one), end(two))<1e-5

def test_four_are_one(one, tmp_path):
    train(tmp_path, TORCHRUN, 4)
    assert gap(end(one), end(tmp_path))<1e-5

def test_killed(killed):
    assert killed[1]<30
    assert 'v2v_train: error: process 1 of 2 has ended' in (killed[0]/'log.txt').read_text()

def test_killed_and_resumed(killed, alone, tmp_path):
    shutil.copytree(killed[0], d := tmp_path/'again')
    train(d, TORCHRUN, 2, '--resume', 'last', settings=LAST)
    assert same(d, alone)

def test_resumed_by_fewer(killed, alone, tmp_path):
    shutil.copytree(killed[0], d := tmp_path/'fewer')
    text = train(d, None, 1, '--resume', 'last', bs=2, settings=LAST)
    assert 'was written by 2 processes, now there are 1: a batch stays 4 clips' in text
    assert gap(end(d), end(alone))<1e-5

def test_sharded(killed, alone, tmp_path):
    "With the U-Net sharded the end is the same, from a file that was written without; and one process goes on from a sharded one's"
    shutil.copytree(killed[0], d := tmp_path/'sharded')
    train(d, SHARDED, 2, '--resume', 'last', settings=LAST)
    assert gap(end(d), end(alone))<1e-5
    for f in d.glob('checkpoints/it/checkpoint_[!e]*'): f.unlink()
    (d/'checkpoints/it/checkpoint_epoch_3.pt').unlink()
    train(d, None, 1, '--resume', 'last', bs=2, settings=LAST)
    assert gap(end(d), end(alone))<1e-5

def launched(folder, n, *words, code=0):
    "What a launched command printed"
    cmd = [sys.executable, *(TORCHRUN if n>1 else ()), *([str(n)] if n>1 else []), *map(str, words)]
    r = subprocess.run(cmd, cwd=folder, capture_output=True, text=True, timeout=900)
    assert r.returncode==code, r.stderr[-3000:]
    return r.stdout+r.stderr

def test_refused(tree, tmp_path):
    "Processes of other settings, or of another version, say so once"
    for k,(here,what) in enumerate([("w.append('data.seed='+r)", 'settings.data.seed: 1, not 0'), ("scale.__version__ += r", 'version: ')]):
        (tmp_path/f'{k}.py').write_text(f"""import os,sys; from v2v_diffusion import cli, scale
r,w = os.environ['RANK'],{['--config', 'tiny', '--set', *SETTINGS]}
{here}
sys.exit(cli.train(w))""")
        line, = [o for o in launched(tmp_path, 2, tmp_path/f'{k}.py', code=1).splitlines() if o.startswith('v2v_train')]
        assert line.startswith('v2v_train: error: process 1 of 2 differs from process 0 in ') and what in line

def test_folder_restored(tree, tmp_path):
    from v2v_diffusion.synthetic import validation_clips
    from v2v_diffusion.video import write_video
    (tmp_path/'in').mkdir()
    for k,c in enumerate(validation_clips(3, 5, (32,32))): write_video(c, tmp_path/f'in/{k}.mp4')
    words = '-m', 'v2v_diffusion.cli', 'restore', '--steps', '1', '--input', 'in', '--output'
    for n in (1,2): assert '3 of 3 videos restored' in launched(tmp_path, n, *words, f'out{n}')
    for k in range(3): assert (tmp_path/f'out1/{k}.mp4').read_bytes()==(tmp_path/f'out2/{k}.mp4').read_bytes()
    (tmp_path/'differ.py').write_text("import os,sys; from v2v_diffusion import cli; sys.exit(cli.restore(['in/0.mp4', 'x.mp4', '--steps', '1', '--seed', os.environ['RANK']]))")
    line, = [o for o in launched(tmp_path, 2, 'differ.py', code=1).splitlines() if o.startswith('v2v_restore')]
    assert 'process 1 of 2 differs from process 0 in settings.seed: 1, not 0' in line

def test_long_video_restored(tree, tmp_path):
    "Two processes write the file of one, also when one of them was killed, and the other run goes on with one more"
    from v2v_diffusion.synthetic import validation_clips
    from v2v_diffusion.video import write_video
    a,b = validation_clips(2, 20, (32,32))
    write_video((o for x in (a,b,a.flip(1)) for o in x.split(1, 1)), tmp_path/'in.mp4')
    words = '-m', 'v2v_diffusion.cli', 'restore', '--steps', '2', '--num-frames', '8', 'in.mp4'
    launched(tmp_path, 1, *words, 'one.mp4')
    p = subprocess.Popen([sys.executable, *TORCHRUN, '2', *words, 'two.mp4'], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path/'.two.mp4.parts/000002.mkv').exists() and p.poll() is None: time.sleep(.01)
    os.kill(next(pid for pid,rank,cwd in workers() if (cwd,rank)==(str(tmp_path),'1')), signal.SIGKILL)
    t = time.time()
    err = p.communicate(timeout=300)[1]
    assert time.time()-t<30 and 'v2v_restore: error: process 1 of 2 has ended; the others end too, the same command goes on' in err
    assert 'frames were finished before; going on from there' in launched(tmp_path, 3, *words, 'two.mp4')
    assert (tmp_path/'one.mp4').read_bytes()==(tmp_path/'two.mp4').read_bytes()
    assert not [*tmp_path.glob('.*')]
