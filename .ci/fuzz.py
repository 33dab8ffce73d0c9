"""Feed damaged videos, recipes and settings to the library: fuzz.py [--minutes 30 | --cases 60] [--seed 0]

Each case is named by the seed and its number, and runs in a process of its own. It must end within ten seconds, with a result or with one of
the library's own lines (`V2VError`; or memory, which the commands say in a line). Anything else, a traceback, a crash, a hang, is printed and fails."""
import itertools, json, os, random, shutil, signal, sys, tempfile, time, traceback, warnings
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

def seeds(folder):
    "Small files of six kinds"
    import av, numpy as np
    from skimage import data
    photo,out = data.astronaut(),[]
    for name,codec,fmt,kw in (('a.mp4','libx264','yuv420p',{}), ('b.mkv','libx264','yuv420p',{'g': '5'}), ('c.avi','mpeg4','yuv420p',{}), ('d.ts','mpeg2video','yuv420p',{}),
                              ('e.webm','libvpx-vp9','yuv420p',{}), ('f.mov','png','rgb24',{}), ('g.mkv','ffv1','bgr0',{})):
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
        out.append(folder/name)
    return [(p.name, p.read_bytes()) for p in out]

def damaged(b, rng):
    "Bytes with one to four kinds of damage"
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

odd = [None, True, -1, 0, 1, 2.5, 1e9, -1e-9, float('nan'), float('inf'), '', 'x', '0.5', [], [1], [[2]], {}, {'a': 1}, 10**30, 'é\n', [None], [64,64], 'cosine']

def spoiled(d, rng):
    "A nested dict with some keys and values changed"
    d = json.loads(json.dumps(d))
    spots = []
    def walk(o):
        for k in (list(o) if isinstance(o, dict) else range(len(o))):
            spots.append((o,k))
            if isinstance(o[k], (dict,list)): walk(o[k])
    walk(d)
    for _ in range(rng.randint(1, 4)):
        o,k = rng.choice(spots)
        how = rng.random()
        try:
            if how<.6: o[k] = rng.choice(odd)
            elif how<.75: del o[k]
            elif isinstance(o, dict): o[rng.choice(('name','seed','steps','exposure','model','lr','num_frames',''))] = rng.choice(odd)
            else: o.append(rng.choice(odd))
        except (KeyError,IndexError,TypeError): pass
    return d

def case(kind, files, rng, folder):
    "One case; what was done with it"
    import torch
    from v2v_diffusion.core import V2VError
    from v2v_diffusion import data, degrade, train, video
    clip = torch.linspace(-1, 1, 3*4*32*32).view(3,4,32,32)
    try:
        if kind=='video':
            name,b = rng.choice(files)
            p = folder/name
            p.write_bytes(damaged(b, rng))
            info = video.probe_video(p)
            if info.width*info.height>2**24: return 'huge'
            for w in itertools.islice(video.stream_video(p, 5, 2), 6): pass
            video.read_video(p, info.n_frames//2, 2)
            video.write_video(video.stream_video(p, 8), folder/'out.mkv', like=info)
        elif kind=='recipe':
            r = spoiled(degrade.random_recipe(rng.choice(degrade.degradation_presets), torch.Generator().manual_seed(rng.randrange(99))), rng)
            degrade.degrade(clip, r)
        elif kind=='settings':
            cfg = train.make_config(spoiled(base_config(), rng))
            data.VideoDataset(None, 'synthetic', cfg.data.num_frames, cfg.data.resolution, degrade=cfg.data.degrade, n_clips=cfg.data.n_clips)
        else: data.list_pairs(spoiled([{'input': 'a', 'target': 'b'}, {'target': 'c'}], rng))
        return 'done'
    except V2VError as e:
        assert '\n' not in str(e), 'a message of several lines'
        return 'refused'
    except MemoryError: return 'memory'

def base_config():
    from v2v_diffusion.train import load_config
    return load_config('tiny').dict()

def run(i, seed, files, root):
    "Case `i` in a process of its own: how it ended"
    rng = random.Random(f'{seed}/{i}')
    kind = rng.choices(('video','recipe','settings','list'), (6,2,2,1))[0]
    r,w = os.pipe()
    pid = os.fork()
    if not pid:
        signal.alarm(10)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        warnings.simplefilter('ignore')
        folder = Path(root)/f'case{i}'
        folder.mkdir()
        try: text = case(kind, files, rng, folder)
        except BaseException: text = traceback.format_exc()
        left = [p.name for p in folder.glob('.tmp*')]
        if left: text = f'left behind: {left}'
        os.write(w, text.encode()[-4000:])
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f: text = f.read()
    _,status = os.waitpid(pid, 0)
    shutil.rmtree(Path(root)/f'case{i}', ignore_errors=True)
    if status: text = 'hung for 10 s' if os.WIFSIGNALED(status) and os.WTERMSIG(status)==signal.SIGALRM else f'crashed, status {status}'
    return kind,text

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--minutes', type=float)
    p.add_argument('--cases', type=int, default=60)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--first', type=int, default=0, help='number of the first case')
    a = p.parse_args()
    warnings.simplefilter('ignore')
    os.environ.update(OMP_NUM_THREADS='1', MPLBACKEND='agg')
    counts,bad,end = Counter(),0,time.time()+60*(a.minutes or 1e9)
    with tempfile.TemporaryDirectory() as root:
        files = in_fork(lambda: seeds(Path(root)), root)
        import torch, v2v_diffusion.train # noqa: what the forks share; nothing was computed yet
        torch.set_num_threads(1)
        for i in itertools.count(a.first):
            if time.time()>end or a.minutes is None and i>=a.first+a.cases: break
            kind,text = run(i, a.seed, files, root)
            fine = text in ('done','refused','memory','huge')
            counts[kind,text if fine else 'FAILED'] += 1
            if not fine:
                bad += 1
                print(f'seed {a.seed}, case {i} ({kind}): {text}', flush=True)
    print(f'{sum(counts.values())} cases, {bad} failed: '+', '.join(f'{k} {t} {n}' for (k,t),n in sorted(counts.items())))
    sys.exit(bool(bad))

def in_fork(f, root):
    "The files that `f` makes in `root`, made in a fork: encoders start threads"
    pid = os.fork()
    if not pid:
        try: f()
        finally: os._exit(0)
    os.waitpid(pid, 0)
    return [(p.name, p.read_bytes()) for p in sorted(Path(root).glob('*.*'))]

if __name__=='__main__': main()
