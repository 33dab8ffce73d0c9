"""Kill a restoration anywhere, start it again, and compare the file with that of a run that was left alone: to the byte.

A small model that samples, with noise that follows the motion, on 80 frames in windows of 8: pytest -s tests/test_resume_restore.py --n 20"""
import multiprocessing, os, random, sys, time
import pytest

MODEL = dict(space='pixel', predictor='unet', predictor_channels=8, unet_model_channels=16, unet_channel_mult=(1,2),
    attention_levels=(), temporal_attention=False, conv='frames', steps=2, num_frames=8)

def pytest_generate_tests(metafunc):
    if 'kill' in metafunc.fixturenames: metafunc.parametrize('kill', range(metafunc.config.getoption('n')))

def work(video, folder):
    "Restore `video` in `folder`, from where that was left"
    os.chdir(folder)
    sys.stdout = sys.stderr = open('log.txt', 'a')
    import torch
    from v2v_diffusion.core import seed_everything
    from v2v_diffusion.model import VideoToVideoDiffusion
    from v2v_diffusion.restore import generate_video
    torch.set_num_threads(1)
    seed_everything(0)
    generate_video(VideoToVideoDiffusion(MODEL).eval(), video, 'out.mkv', progress=False, overlap=2)

@pytest.fixture(scope='module')
def video(tree, tmp_path_factory):
    "Two scenes of a dark film"
    from v2v_diffusion.core import keyed_generator
    from v2v_diffusion.degrade import low_light
    from v2v_diffusion.synthetic import source_images, synthetic_clip
    from v2v_diffusion.video import write_video
    path,photos = tmp_path_factory.mktemp('video')/'in.mp4',source_images('valid')
    clips = (synthetic_clip(photos[k:k+1], 40, (32,48), keyed_generator('kills', k)) for k in range(2))
    write_video((low_light(o, .2, generator=keyed_generator('dark')) for o in clips), path, fps=24)
    return path

@pytest.fixture(scope='module')
def start(video):
    "Begin to restore in a process of its own; all are forked from one that has imported what they need and run nothing"
    ctx = multiprocessing.get_context('forkserver')
    ctx.set_forkserver_preload(['v2v_diffusion.restore'])
    def start(folder):
        p = ctx.Process(target=work, args=(video, folder))
        p.start()
        return p
    return start

def finish(p, folder):
    "The bytes of the file, beside which nothing is left"
    p.join()
    assert p.exitcode==0, (folder/'log.txt').read_text()[-3000:]
    assert sorted(o.name for o in folder.iterdir())==['log.txt','out.mkv']
    return (folder/'out.mkv').read_bytes()

@pytest.fixture(scope='module')
def alone(start, tmp_path_factory):
    "The file of a run that is left alone, and its seconds"
    folder,t = tmp_path_factory.mktemp('alone'),time.time()
    return finish(start(folder), folder),time.time()-t

def test_killed_and_resumed(start, alone, tmp_path, kill):
    p = start(tmp_path)
    p.join(random.Random(kill).uniform(.05, .98)*alone[1])
    p.kill()
    p.join()
    pieces = [*tmp_path.glob('.out.mkv.parts/[0-9]*.mkv')]
    print(f'killed with {len(pieces)} pieces', 'in a write' if [*tmp_path.rglob('.tmp-*')] else '', 'whole' if (tmp_path/'out.mkv').exists() else '')
    assert finish(start(tmp_path), tmp_path)==alone[0]

def test_left_behind(video, tmp_path):
    "What a killed run left is removed by the next run to the same output, also by one that is too short to leave anything"
    from v2v_diffusion.model import VideoToVideoDiffusion
    from v2v_diffusion.restore import generate_video
    from v2v_diffusion.video import read_video, write_video
    (tmp_path/'.out.mkv.parts').mkdir()
    for name in ('000000.mkv','run.json'): (tmp_path/'.out.mkv.parts'/name).write_text('left')
    short = write_video(read_video(video, 0, 3), tmp_path/'short.mp4').path
    generate_video(VideoToVideoDiffusion(MODEL).eval(), short, tmp_path/'out.mkv', progress=False)
    assert sorted(o.name for o in tmp_path.iterdir())==['out.mkv','short.mp4']
