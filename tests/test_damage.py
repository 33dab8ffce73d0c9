"Recipes, settings, lists and files with anything in them are used, or refused in one line; never a traceback, a crash or a hang."
import copy, json
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from conftest import py

ODD = st.sampled_from([None, True, -1, 0, 1, 2.5, 1e9, -1e-9, float('nan'), float('inf'), '', 'x', '0.5', [], [1], [[2]], {}, {'a': 1}, 10**30, 'é\n', [None],
    [64, 64], 'cosine']).map(copy.deepcopy) | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(['name', 'seed', 'steps', 'exposure', 'model', 'lr', 'num_frames', ''])
pytestmark = pytest.mark.timeout(600)
many = settings(max_examples=100, deadline=10_000, derandomize=True, suppress_health_check=list(HealthCheck))

def places(o):
    "Every container and key in nested dicts and lists"
    for k in list(o) if isinstance(o, dict) else range(len(o)):
        yield o,k
        if isinstance(o[k], dict|list): yield from places(o[k])

def corrupted(draw, o):
    "A copy of `o` with one to four values changed, removed or added"
    o = copy.deepcopy(o)
    for _ in range(draw(st.integers(1, 4))):
        if not (spots := list(places(o))): break
        (at,k),how = draw(st.sampled_from(spots)),draw(st.sampled_from(['change', 'change', 'remove', 'add']))
        if how=='change': at[k] = draw(ODD)
        elif how=='remove': del at[k]
        elif isinstance(at, dict): at[draw(KEYS)] = draw(ODD)
        else: at.append(draw(ODD))
    return o

def use(f, *args):
    "Call `f`; a refusal must be the library's own, in one line, and memory may run out"
    from v2v_diffusion.core import V2VError
    try: return f(*args)
    except V2VError as e: assert '\n' not in str(e)
    except MemoryError: pass

def recipe(draw):
    import torch
    from v2v_diffusion.degrade import degradation_presets, random_recipe
    return random_recipe(draw(st.sampled_from(list(degradation_presets))), torch.Generator().manual_seed(draw(st.integers(0, 99))))

def degraded(r):
    import torch
    from v2v_diffusion.degrade import degrade
    return degrade(torch.linspace(-1, 1, 3*4*32*32).view(3, 4, 32, 32), r)

@many
@given(st.data())
def test_recipe_replays(data):
    "A recipe gives the same clip again, also from its JSON"
    r = recipe(data.draw)
    assert degraded(r).equal(degraded(json.loads(json.dumps(r))))

@many
@given(st.data())
def test_recipes(data): use(degraded, corrupted(data.draw, recipe(data.draw)))

@many
@given(st.data())
def test_settings(data):
    from v2v_diffusion.config import load_config, make_config
    from v2v_diffusion.data import VideoDataset
    def dataset(d):
        c = make_config(d).data
        return VideoDataset(None, 'synthetic', c.num_frames, c.resolution, degrade=c.degrade, n_clips=c.n_clips)
    use(dataset, corrupted(data.draw, load_config('tiny').dict()))

@many
@given(st.data())
def test_lists(data):
    from v2v_diffusion.data import _list_pairs
    use(_list_pairs, corrupted(data.draw, [{'input': 'a', 'target': 'b'}, {'target': 'c'}]))

def test_files(tree): py('tools/fuzz.py', '--cases', '40', cwd=tree)
