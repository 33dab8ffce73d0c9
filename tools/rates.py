"""How fast videos are read, side by side with PyAV itself (and torchcodec and decord2, if they are there): rates.py [--frames 400] [FILE ...]

Sequential reading, random clips, and a clip at the end of a file of an hour against one at the end of ten seconds. What is compared is measured in
turn, five times, and the best of each counts. PyAV converts coarsely unless it is told otherwise; it is shown with our conversion too. Its decoder
gets as many threads as ours and our two converters together. Not a part of CI: a busy machine says nothing."""
import itertools, os, random, resource, tempfile, time, warnings
from argparse import ArgumentParser
from pathlib import Path
import av, numpy as np
from skimage import data
from v2v_diffusion.decode import _best, _times, read_video, stream_video

def pan(path, n, h, w, g):
    "A pan over a photograph, h264, a key frame every `g` frames"
    photo = np.tile(data.astronaut(), (2,6,1))
    with av.open(str(path), 'w') as out:
        s = out.add_stream('libx264', rate=25, options={'g': str(g), 'keyint_min': str(g), 'sc_threshold': '0', 'preset': 'veryfast'})
        s.height,s.width,s.pix_fmt = h,w,'yuv420p'
        for i in range(n): out.mux(s.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(photo[40:40+h, 3*(i%200):3*(i%200)+w]))))
        out.mux(s.encode())
    return path

coarse = dict(format='rgb24') # as everybody calls it
lone = dict(coarse, threads=1) # told not to start threads for each frame, which costs more than it brings
ours_too = dict(format='gbrp', interpolation=_best, threads=1)

def opened(c):
    s = c.streams.video[0]
    s.thread_type,s.thread_count = 'AUTO',os.cpu_count()+2
    return s

def raw(path, how):
    "PyAV alone: all frames in RGB"
    with av.open(str(path)) as c: return sum(f.reformat(**how).to_ndarray().shape[0]>0 for f in c.decode(opened(c)))

def ours(path, fast_rgb=False): return sum(x.shape[1] for x in stream_video(path, 16, fast_rgb=fast_rgb))

def raw_clip(path, start, n, times, keys, how):
    "PyAV alone: seek to the key frame before, decode to the clip, RGB"
    with av.open(str(path)) as c:
        s = opened(c)
        c.seek(int(keys[keys<=times[start]][-1]), stream=s)
        return [f.reformat(**how).to_ndarray() for f in itertools.islice((f for f in c.decode(s) if f.pts>=times[start]), n)]

def peers():
    "Other readers that are installed: name to a function that reads a file from its beginning to its end, sixteen frames at a time"
    out = {}
    try:
        from torchcodec.decoders import VideoDecoder
        def torchcodec(path):
            d = VideoDecoder(str(path), num_ffmpeg_threads=0)
            return sum(len(d.get_frames_in_range(i, min(i+16, len(d))).data) for i in range(0, len(d), 16))
        out['torchcodec'] = torchcodec
    except (ImportError,RuntimeError) as e: print('torchcodec is not here:', str(e).splitlines()[0])
    try:
        import decord
        def decord2(path):
            d = decord.VideoReader(str(path))
            return sum(d.get_batch(range(i, min(i+16, len(d)))).shape[0] for i in range(0, len(d), 16))
        out['decord2'] = decord2
    except (ImportError,RuntimeError) as e: print('decord2 is not here:', str(e).splitlines()[0])
    return out

def best(fs, n=5):
    "The shortest time of each function, called in turn"
    out = [1e9]*len(fs)
    for _ in range(n):
        for i,f in enumerate(fs):
            t = time.perf_counter()
            f()
            out[i] = min(out[i], time.perf_counter()-t)
    return out

def sequential(f, others):
    "All frames of a file"
    _,times,_ = _times(f)
    n,(h,w) = len(times),read_video(f, 0, 1).shape[2:]
    whole = [lambda: raw(f, coarse), lambda: raw(f, lone), lambda: raw(f, ours_too), lambda: ours(f), lambda: ours(f, True)]
    a,a1,b,mine,fast_rgb,*rest = best(whole + [lambda o=o: o(f) for o in others.values()])
    print(f'sequential, {w}x{h}: PyAV coarse {n/a:.0f} frames/s (one thread to convert: {n/a1:.0f}), ours with fast_rgb {n/fast_rgb:.0f}: {a/fast_rgb:.0%}; PyAV with our conversion {n/b:.0f}, ours {n/mine:.0f}: {b/mine:.0%} (of coarse {a/mine:.0%})'
          + ''.join(f'; {k} {n/t:.0f}' for k,t in zip(others, rest)), flush=True)

def clips(f):
    "Thirty random clips of eight frames"
    _,times,keys = _times(f)
    (h,w),starts = read_video(f, 0, 1).shape[2:],[random.Random(i).randrange(len(times)-8) for i in range(30)]
    def each(g): # one clip after the other, none kept
        for s in starts: g(s)
    raws = [lambda how=how: each(lambda s: raw_clip(f, s, 8, times, keys, how)) for how in (coarse,ours_too)]
    a,b,mine = best(raws + [lambda: each(lambda s: read_video(f, s, 8))])
    print(f'random clips of 8, {w}x{h}: PyAV coarse {30/a:.1f} clips/s, PyAV with our conversion {30/b:.1f}, ours {30/mine:.1f}: {a/mine:.0%} and {b/mine:.0%}', flush=True)

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--frames', type=int, default=400)
    p.add_argument('files', nargs='*')
    a = p.parse_args()
    warnings.simplefilter('ignore')
    others = peers()
    with tempfile.TemporaryDirectory() as d:
        made = [pan(Path(d)/f'{h}.mp4', a.frames, h, w, 48) for h,w in ((128,128), (360,640), (720,1280))]
        for f in made+a.files: sequential(f, others)
        for f in made+a.files: clips(f)
        short,long = pan(Path(d)/'short.mp4', 250, 128, 128, 25),pan(Path(d)/'long.mp4', 90_000, 128, 128, 25)
        t = time.perf_counter()
        _times(long)
        index = time.perf_counter()-t
        _times(short)
        base,mine = best([lambda: [read_video(short, 250-8, 8) for _ in range(10)], lambda: [read_video(long, 90_000-8, 8) for _ in range(10)]])
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
        ours(short)
        before,n = peak(),ours(long)
        streamed = peak()-before
        for i in range(2000): read_video(long, random.Random(i).randrange(90_000-8), 8)
        print(f'memory: +{streamed:.0f} MiB after a stream of {n} frames, +{peak()-before:.0f} MiB after 2000 random clips more', flush=True)
        print(f'last clip of 10 seconds {100*base:.1f} ms, of an hour {100*mine:.1f} ms: {mine/base:.2f} times (index of the hour: {index:.2f} s, once)', flush=True)

if __name__=='__main__': main()
