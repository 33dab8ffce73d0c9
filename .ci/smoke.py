"The installed commands on real files, in a folder of their own: train two steps on pairs, restore a video, refuse a bad file"
import os, subprocess, sys, tempfile, time
from pathlib import Path

def sh(*cmd, code=0):
    "Run a command that must end with exit code `code`, and never with a traceback"
    t = time.time()
    r = subprocess.run([str(o) for o in cmd], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if r.returncode!=code or 'Traceback' in r.stderr: sys.exit(f'{" ".join(map(str, cmd))} gave {r.returncode}, not {code}\n{r.stdout[-2000:]}\n{r.stderr[-6000:]}')
    print(f'{time.time()-t:.0f} s {cmd[0]}', end=', ')
    return r.stderr.strip()

def main():
    from v2v_diffusion.core import keyed_generator
    from v2v_diffusion.data import synthetic_clip, source_images
    from v2v_diffusion.degrade import degrade
    from v2v_diffusion.video import probe_video, write_video
    photos = source_images('train')
    for i in range(6):
        x = synthetic_clip(photos, *((5,(48,48)) if i>3 else (12,(64,80))), generator=keyed_generator('smoke', i))
        y = degrade(x, dict(seed=i, steps=[dict(name='low_light', exposure=.2)]))
        for kind,v in dict(input=y, target=x).items():
            Path('pairs', kind).mkdir(parents=True, exist_ok=True)
            write_video(v, f'pairs/{kind}/{i}.mp4', fps=12)
    small = 'data.n_clips=8 data.batch_size=4 training.augmentations_per_clip=1 training.max_steps=2 model.vae_base_channels=16 model.unet_model_channels=16'
    sh('v2v_train', '--config', 'tiny', '--quiet', '--set', 'data.data_source=pairs', *small.split(), '--set', 'training.experiment_name=smoke')
    ckpt = Path('checkpoints/smoke/checkpoint_final.pt')
    if not ckpt.is_file(): sys.exit(f'v2v_train wrote no {ckpt}')
    sh('v2v_train', '--config', 'tiny', '--quiet', '--set', 'data.data_source=pairs', *small.split(), 'data.buckets=true', 'data.reverse=true', 'data.stride=2',
       'training.experiment_name=sizes')
    if left := [str(p) for p in Path().rglob('.tmp-*')]: sys.exit(f'left behind: {left}')
    sh('v2v_restore', '--quiet', '--checkpoint', ckpt, '--input', 'pairs/input/0.mp4', '--output', 'out.mp4', '--steps', 1)
    a,b = probe_video('pairs/input/0.mp4'),probe_video('out.mp4')
    if (a.n_frames,a.width,a.height,a.fps)!=(b.n_frames,b.width,b.height,b.fps): sys.exit(f'{a} became {b}')
    Path('bad.mp4').write_bytes(b'not a video')
    err = sh('v2v_restore', '--checkpoint', ckpt, '--input', 'bad.mp4', '--output', 'never.mp4', code=1)
    if 'bad.mp4' not in err or len(err.splitlines())!=1 or Path('never.mp4').exists(): sys.exit(f'a bad file is refused with: {err}')
    err = sh('v2v_train', '--config', 'tiny', '--set', 'training.learning_rat=1', code=1)
    if 'learning_rate' not in err: sys.exit(f'an unknown key is refused with: {err}')
    print(f'{b.n_frames} frames of {b.width}x{b.height} at {b.fps}; {err}')

if __name__=='__main__':
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        main()
