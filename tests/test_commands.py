"The installed commands on real files: train two steps on pairs, restore a video, refuse what is wrong in one line."
from pathlib import Path
import pytest
from conftest import sh

SMALL = '''--config tiny --quiet --set data.data_source=pairs data.n_clips=8 data.batch_size=4 training.augmentations_per_clip=1 training.max_steps=2
    data.small_clips=resize model.vae_base_channels=16 model.unet_model_channels=16'''.split()

@pytest.fixture(scope='module')
def folder(tree, tmp_path_factory):
    "Six pairs of two sizes, in a folder of their own"
    from v2v_diffusion.core import keyed_generator
    from v2v_diffusion.degrade import degrade
    from v2v_diffusion.synthetic import source_images, synthetic_clip
    from v2v_diffusion.video import write_video
    d,photos = tmp_path_factory.mktemp('commands'),source_images('train')
    for kind in ('input', 'target'): (d/'pairs'/kind).mkdir(parents=True)
    for i in range(6):
        x = synthetic_clip(photos, *((5,(48,48)) if i>3 else (12,(64,80))), generator=keyed_generator('commands', i))
        y = degrade(x, dict(seed=i, steps=[dict(name='low_light', exposure=.2)]))
        for kind,v in dict(input=y, target=x).items(): write_video(v, d/f'pairs/{kind}/{i}.mp4', fps=12)
    return d

@pytest.fixture(scope='module')
def checkpoint(folder):
    sh('v2v_train', *SMALL, 'training.experiment_name=small', cwd=folder)
    return folder/'checkpoints/small/checkpoint_final.pt'

def test_train(checkpoint, folder): assert checkpoint.is_file() and not list(folder.rglob('.tmp-*'))

def test_small_clips_are_refused(folder):
    err = sh('v2v_train', *SMALL, 'data.small_clips=refuse', code=1, cwd=folder)
    assert 'has 5 frames of 48x48' in err and 'data.small_clips=resize' in err and len(err.splitlines())==1

def test_restore(checkpoint, folder):
    "Frames, size and rate stay"
    from v2v_diffusion.video import probe_video
    sh('v2v_restore', '--quiet', '--checkpoint', checkpoint, '--input', 'pairs/input/0.mp4', '--output', 'out.mp4', '--steps', 1, cwd=folder)
    a,b = probe_video(folder/'pairs/input/0.mp4'),probe_video(folder/'out.mp4')
    assert (a.n_frames, a.width, a.height, a.fps)==(b.n_frames, b.width, b.height, b.fps)

def test_bad_file_is_refused(checkpoint, folder):
    (folder/'bad.mp4').write_bytes(b'not a video')
    err = sh('v2v_restore', '--checkpoint', checkpoint, '--input', 'bad.mp4', '--output', 'never.mp4', code=1, cwd=folder)
    assert 'bad.mp4' in err and len(err.splitlines())==1 and not Path(folder/'never.mp4').exists()

def test_unknown_key_is_refused(folder):
    err = sh('v2v_train', '--config', 'tiny', '--set', 'training.learning_rat=1', code=1, cwd=folder)
    assert 'learning_rate' in err and len(err.splitlines())==1

def test_doctor(folder):
    "Healthy pairs pass; a video that is also validated under another name is found; what is wrong with the call is one line"
    import shutil
    (folder/'mine.yaml').write_text(sh('v2v_train', *SMALL, '--print-config', cwd=folder))
    out = sh('v2v_doctor', '--config', 'mine.yaml', cwd=folder)
    assert '20 checks: 0 found' in out and 'left out  denoiser: needs a trained model' in out
    shutil.copytree(folder/'pairs', folder/'copied')
    for f in [*(folder/'copied').rglob('*.mp4')]: shutil.copy(f, f.with_stem('copy_'+f.stem))
    (folder/'copied.yaml').write_text((folder/'mine.yaml').read_text().replace('data_source: pairs', 'data_source: copied'))
    out = sh('v2v_doctor', '--quiet', '--config', 'copied.yaml', code=1, cwd=folder)
    assert out.startswith('FOUND     split') and '  do:       split by source' in out and out.endswith('1 checks: 1 found, 0 left out')
    for bad in (['gone.yaml'], ['mine.yaml', '--checkpoint', 'gone.pt']):
        err = sh('v2v_doctor', '--config', *bad, code=1, cwd=folder)
        assert bad[-1] in err and len(err.splitlines())==1
