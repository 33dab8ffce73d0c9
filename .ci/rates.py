"""How fast videos are read, side by side with PyAV itself (and torchcodec and decord, if they are there): rates.py [--frames 400]

Sequential reading, random clips, and a clip at the end of a file of an hour against one at the end of ten seconds. Each pair is measured in turn,
five times, and the best of each counts. Not a part of CI: a busy machine says nothing."""
import itertools, random, sys, tempfile, time, warnings
from argparse import ArgumentParser
from pathlib import Path
import av, numpy as np
from skimage import data
from v2v_diffusion.video import _times, read_video, stream_video

def film(path, n, h, w, g):
    "A pan over a photograph, h264, a key frame every `g` frames"
    photo = np.tile(data.astronaut(), (2,3,1))
    with av.open(str(path), 'w') as out:
        s = out.add_stream('libx264', rate=25, options={'g': str(g), 'keyint_min': str(g), 'sc_threshold': '0', 'preset': 'veryfast'})
        s.height,s.width,s.pix_fmt = h,w,'yuv420p'
        for i in range(n): out.mux(s.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(photo[40:40+h, 3*(i%200):3*(i%200)+w]))))
        out.mux(s.encode())
    return path

def raw(path):
    "PyAV alone: all frames as rgb24"
    with av.open(str(path)) as c:
        c.streams.video[0].thread_type = 'AUTO'
        return sum(f.to_ndarray(format='rgb24').shape[0]>0 for f in c.decode(video=0))

def ours(path): return sum(x.shape[1] for x in stream_video(path, 16))

def raw_clip(path, start, n, times, keys):
    "PyAV alone: seek to the key frame before, decode to the clip, rgb24"
    with av.open(str(path)) as c:
        s = c.streams.video[0]
        s.thread_type = 'AUTO'
        c.seek(int(keys[keys<=times[start]][-1]), stream=s)
        return [f.to_ndarray(format='rgb24') for f in itertools.islice((f for f in c.decode(s) if f.pts>=times[start]), n)]

def best(fs, n=5):
    "The shortest time of each function, called in turn"
    out = [1e9]*len(fs)
    for _ in range(n):
        for i,f in enumerate(fs):
            t = time.perf_counter()
            f()
            out[i] = min(out[i], time.perf_counter()-t)
    return out

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--frames', type=int, default=400)
    a = p.parse_args()
    warnings.simplefilter('ignore')
    with tempfile.TemporaryDirectory() as d:
        f = film(Path(d)/'film.mp4', a.frames, 360, 640, 48)
        base,mine = best([lambda: raw(f), lambda: ours(f)])
        print(f'sequential, 640x360: PyAV {a.frames/base:.0f} frames/s, ours {a.frames/mine:.0f}: {base/mine:.0%}', flush=True)
        _,times,keys = _times(f)
        starts = [random.Random(i).randrange(a.frames-8) for i in range(30)]
        base,mine = best([lambda: [raw_clip(f, s, 8, times, keys) for s in starts], lambda: [read_video(f, s, 8) for s in starts]])
        print(f'random clips of 8: PyAV {30/base:.1f} clips/s, ours {30/mine:.1f}: {base/mine:.0%}', flush=True)
        short,long = film(Path(d)/'short.mp4', 250, 128, 128, 25),film(Path(d)/'long.mp4', 90_000, 128, 128, 25)
        t = time.perf_counter()
        _times(long)
        index = time.perf_counter()-t
        _times(short)
        base,mine = best([lambda: [read_video(short, 250-8, 8) for _ in range(10)], lambda: [read_video(long, 90_000-8, 8) for _ in range(10)]])
        print(f'last clip of 10 seconds {100*base:.1f} ms, of an hour {100*mine:.1f} ms: {mine/base:.2f} times (index of the hour: {index:.2f} s, once)', flush=True)

if __name__=='__main__': main()
