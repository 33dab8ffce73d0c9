"The README's test command, run once; then each notebook's result, and its outputs beside those that are committed."
import collections, json, re, subprocess, warnings
from types import SimpleNamespace
import pytest
from fastcore.nbio import read_nb
from nbdev.test import nb_test_cells
from conftest import NBS, nb_name, sh

TEST = 'nbdev-test --save --flags oracle --n-workers 2'   # the README's command; outputs kept, peers compared with
SECONDS = 90    # a chapter runs alone in under 60 s; here two run at once, on as many cores
NUMBER = r'(?<![\w.])[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?'

def outputs(path):
    "The outputs of each code cell: kinds, and text with ids blanked, in two parts, words and numbers; not pictures' bytes"
    def one(o):
        d = {k:v for k,v in o.get('data', {}).items() if 'widget' not in k}
        text = re.sub(r'\b[0-9a-f]{32}\b|( at )?0x[0-9a-f]+', '', ''.join(o.get('text') or d.get('text/markdown') or d.get('text/plain') or ''))
        words = re.sub(r'\s+|[-=]{3,}', ' ', re.sub(NUMBER, '#', text))
        return (o['output_type'], sorted(d), words), [float(n) for n in re.findall(NUMBER, text)]
    return {c['id']: [one(o) for o in c['outputs']] for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if c['cell_type']=='code'}

def changed(before, after):
    "Cells whose kinds or words differ from the committed ones, and those whose numbers alone do, by more than a per cent"
    def words(os): return [w for w,_ in os]
    def numbers(os): return [n for _,ns in os for n in ns]
    def far(a, b): return len(a)!=len(b) or any(abs(x-y)>.01*max(abs(x), abs(y), 1e-3) for x,y in zip(a, b))
    bad = [k for k in after if words(before.get(k, []))!=words(after[k])]
    return bad, [k for k in after if k not in bad and far(numbers(before.get(k, [])), numbers(after[k]))]

def skipped(nb):
    "How many code cells no one ran, by flag"
    run = {c.id for c in nb_test_cells(nb, ['slow', 'oracle'], ['oracle'])}
    left = [c.source for c in read_nb(nb).cells if c.cell_type=='code' and c.source.strip() and c.id not in run]
    return collections.Counter(' '.join(re.findall(r'^#\| *(slow|oracle|eval)\b', s, re.M)) or 'other' for s in left)

@pytest.fixture(scope='session')
def ran(request, tree):
    "What the test command made of the notebooks that are asked for; the tree is put back"
    wanted = [nb_name(i.callspec.params['nb']) for i in request.session.items if getattr(i, 'originalname', '')=='test_notebook']
    paths = '' if len(wanted)==len(NBS) else f' --path-re /nbs/({"|".join(wanted)})$'
    r = subprocess.run((TEST + paths).split(), cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    failed = set(re.findall(r'^\t(\S+\.ipynb)$', r.stdout, re.M))
    nbs = {n: SimpleNamespace(cells=read_nb(tree/'nbs'/n).cells, outputs=outputs(tree/'nbs'/n)) for n in wanted}
    left = sh('git', 'status', '--porcelain', '--ignored', 'nbs', cwd=tree).splitlines()
    sh('git', 'checkout', '-q', 'nbs', cwd=tree)
    return SimpleNamespace(code=r.returncode, log=r.stdout, failed=failed, nbs=nbs, left=[l for l in left if l[:2] in ('??', '!!')])

@pytest.mark.timeout(3600)
@pytest.mark.parametrize('nb', NBS, ids=nb_name)
def test_notebook(ran, nb):
    now,before,skips = ran.nbs[nb_name(nb)],outputs(nb),skipped(nb)
    assert nb.name not in ran.failed, ran.log.split(f'/{nb.name}:\n===')[-1][:6000]
    times = [c.metadata.execution.total for c in now.cells if c.cell_type=='code' and 'execution' in c.metadata]
    assert times, 'no cell ran'
    assert all('slow' in k for k in skips), f'only slow cells may be left out: {skips}'
    bad,off = changed(before, now.outputs)
    if nb.name=='index.ipynb': bad += off   # its numbers are those of nbs/results, to the last digit
    assert not bad, f'committed outputs are not those of this code, run tools/nb.py run {nb.name}\n' + '\n'.join(
        f'cell {k}: committed {before.get(k)}, now {now.outputs[k]}'[:600] for k in bad)
    assert sum(times)<=SECONDS, f'{sum(times):.0f} s'
    if off: warnings.warn(f'{nb.name}: other numbers than committed in {", ".join(off)}')

def test_command(ran):
    "The command fails where a notebook does and nowhere else, and notebooks leave nothing behind"
    assert bool(ran.code)==bool(ran.failed), ran.log[-20000:]
    assert not ran.left
