"""Feed corrupt videos to the library: fuzz.py [--minutes 30 | --cases 60] [--seed 0] [--first 0]

Each case is named by the seed and its number, and runs in a process of its own. It must end within ten seconds, with a result or with one of
the library's own lines (`V2VError`; or memory, which the commands say in a line). Anything else, a traceback, a crash, a hang, is printed and fails."""
import itertools, multiprocessing, os, random, sys, tempfile, time, traceback, warnings
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

KINDS = (('a.mp4','libx264','yuv420p',{}), ('b.mkv','libx264','yuv420p',{'g': '5'}), ('c.avi','mpeg4','yuv420p',{}), ('d.ts','mpeg2video','yuv420p',{}),
         ('e.webm','libvpx-vp9','yuv420p',{}), ('f.mov','png','rgb24',{}), ('g.mkv','ffv1','bgr0',{}))

def seeds(folder):
    "Small files of seven kinds, two with sound"
    import av, numpy as np
    from skimage import data
    photo = data.astronaut()
    for name,codec,fmt,kw in KINDS:
        with av.open(str(folder/name), 'w') as c:
            s = c.add_stream(codec, rate=25, options=kw)
            s.height,s.width,s.pix_fmt = 48,64,fmt
            tone = c.add_stream('aac', rate=48000) if name in ('a.mp4','b.mkv') else None
            for i in range(12): c.mux(s.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(photo[40:88, 40+i:104+i]))))
            c.mux(s.encode())
            for i in range(20 if tone else 0):
                f = av.AudioFrame.from_ndarray(np.zeros((2,1024), 'float32'), 'fltp', 'stereo')
                f.sample_rate,f.pts = 48000,1024*i
                c.mux(tone.encode(f))
            if tone: c.mux(tone.encode())
    return [(n, (folder/n).read_bytes()) for n,*_ in KINDS]

def corrupted(b, rng):
    "Bytes with one to four kinds of corruption"
    b = bytearray(b)
    for _ in range(rng.randint(1, 4)):
        i,n = rng.randrange(len(b)),rng.choice((1,2,4,16,200,len(b)//8+1))
        how = rng.choice(('flip','set','zero','cut','drop','double','head','move','number'))
        if how=='flip':
            for k in range(rng.choice((1,3,30))): b[rng.randrange(len(b))] ^= 1 << rng.randrange(8)
        elif how=='set': b[i:i+n] = bytes(rng.randrange(256) for _ in range(len(b[i:i+n])))
        elif how=='zero': b[i:i+n] = bytes(len(b[i:i+n]))
        elif how=='cut': del b[max(1,i):]
        elif how=='drop': del b[i:i+n]
        elif how=='double': b[i:i] = b[i:i+n]
        elif how=='head':
            for k in range(rng.randint(1, 20)): b[rng.randrange(min(len(b), 800))] = rng.randrange(256)
        elif how=='move': b[i:i] = b[:n]
        else: b[i:i+4] = rng.choice((b'\xff\xff\xff\xff', b'\x7f\xff\xff\xff', b'\x00\x00\x00\x00', b'\x80\x00\x00\x00', b'\x00\x00\x40\x00'))
        if not b: b = bytearray(b'\0')
    return bytes(b)

def read(path):
    "All that is done with a file: probed, streamed, read in part, written again"
    from v2v_diffusion import video
    from v2v_diffusion.core import V2VError
    try:
        info = video.probe_video(path)
        if info.width*info.height>2**24: return 'huge'
        for _ in itertools.islice(video.stream_video(path, 5, 2), 6): pass
        video.read_video(path, info.n_frames//2, 2)
        video.write_video(video.stream_video(path, 8), path.with_name('out.mkv'), like=info)
    except V2VError as e: return 'several lines' if '\n' in str(e) else 'refused'
    except MemoryError: return 'memory'
    left = [p.name for p in path.parent.glob('.tmp*')]
    return f'left behind: {left}' if left else 'done'

def case(pipe, name, data):
    "Read `data` as a file called `name`, and send how that went"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter('ignore')
    with tempfile.TemporaryDirectory() as d:
        (path := Path(d)/name).write_bytes(data)
        try: pipe.send(read(path))
        except BaseException: pipe.send(traceback.format_exc()[-4000:])

def run(ctx, i, seed, files):
    "Case `i` in a process of its own: the kind of file, and how it ended"
    rng = random.Random(f'{seed}/{i}')
    name,data = rng.choice(files)
    r,w = ctx.Pipe(duplex=False)
    p = ctx.Process(target=case, args=(w, name, corrupted(data, rng)))
    p.start()
    w.close()
    try: text = r.recv() if r.poll(10) else 'hung for 10 s'
    except EOFError: text = 'crashed'
    if text=='hung for 10 s': p.kill()
    p.join()
    return name,text

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--minutes', type=float)
    p.add_argument('--cases', type=int, default=60)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--first', type=int, default=0, help='number of the first case')
    a = p.parse_args()
    ctx = multiprocessing.get_context('forkserver')
    ctx.set_forkserver_preload(['v2v_diffusion.video'])
    counts,bad,end = Counter(),0,time.time()+60*(a.minutes or 1e9)
    with tempfile.TemporaryDirectory() as d: files = seeds(Path(d))
    for i in itertools.count(a.first):
        if time.time()>end or a.minutes is None and i>=a.first+a.cases: break
        name,text = run(ctx, i, a.seed, files)
        fine = text in ('done','refused','memory','huge')
        counts[name,text if fine else 'FAILED'] += 1
        if not fine:
            bad += 1
            print(f'seed {a.seed}, case {i} ({name}): {text}', flush=True)
    print(f'{sum(counts.values())} cases, {bad} failed: '+', '.join(f'{k} {t} {n}' for (k,t),n in sorted(counts.items())))
    sys.exit(bool(bad))

if __name__=='__main__': main()
