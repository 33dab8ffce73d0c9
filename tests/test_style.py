"House style, as far as others' linters know it; then what only notebooks have: weight, title, order."
import ast, base64, json, re
import pytest
from conftest import NBS, ROOT, nb_name, sh

LIB = [p for p in sorted((ROOT/'v2v_diffusion').glob('*.py')) if p.name!='_modidx.py']
PICTURE, PICTURES, VIDEO = 120_000, 1_200_000, 200_000   # bytes: one picture, all of a notebook, one video
NUMBER = {nb.stem.split('_', 1)[1]: int(nb.name[:2]) for nb in NBS if nb.name[:2].isdigit()}

@pytest.mark.parametrize('cmd', ['ruff check', 'chkstyle --show-rule .', 'codespell'])
def test_linter(cmd):
    "What is undefined, unused or undocumented; the narrative of chapters; the field's terms (tests/terms.txt)"
    sh(*cmd.split(), cwd=ROOT)

def functions(path):
    "Public functions and methods of a module, their parameters, and its lines"
    src = path.read_text(encoding='utf-8')
    for n in ast.parse(src).body:
        for f in n.body if isinstance(n, ast.ClassDef) else [n]:
            if not isinstance(f, ast.FunctionDef) or n.name.startswith('_') or f.name.startswith('_') and f.name!='__init__': continue
            patched = any('patch' in ast.unparse(d) for d in f.decorator_list)
            args = [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]
            yield f, [a for a in args[patched:] if a.arg not in ('self', 'cls')], src.splitlines()

def test_types():
    "ruff finds parameters and returns without a type; of the public ones, at most one in twenty"
    event = re.compile('(before|after)_|__init__')   # fastai's and Python's own: they return nothing
    spots = {(p.name, o.lineno, getattr(o, 'name', o.__dict__.get('arg'))) for p in LIB for f,args,_ in functions(p) for o in ([] if event.match(f.name) else [f]) + args}
    found = json.loads(sh('ruff', 'check', '--select', 'ANN001,ANN201,ANN204,ANN206', '--output-format', 'json', '--exit-zero', 'v2v_diffusion', cwd=ROOT))
    bare = {(o['filename'].rsplit('/', 1)[1], o['location']['row'], re.search('`(.+?)`', o['message'])[1]) for o in found} & spots
    assert len(bare)<=.05*len(spots), f'{len(bare)} of {len(spots)} have no type: {sorted(bare)[:40]}'

@pytest.mark.parametrize('path', LIB, ids=lambda p: p.stem)
def test_docments(path):
    "From three parameters on, each has a comment that says what it is"
    def bare(args, lines): return [a.arg for a in args if '#' not in lines[a.lineno-1]]
    found = {f'{f.name}:{f.lineno}': bare(args, lines) for f,args,lines in functions(path) if len(args)>2 and f.name!='forward'}
    assert not {k:v for k,v in found.items() if v}

@pytest.mark.parametrize('name', NUMBER)
def test_imports_run_downward(name):
    "A chapter imports from lower numbers only, lazily too: so there is no circle"
    nodes = list(ast.walk(ast.parse((ROOT/f'v2v_diffusion/{name}.py').read_text(encoding='utf-8'))))
    mods = [m for n in nodes if isinstance(n, ast.ImportFrom) for o in [('v2v_diffusion.' if n.level else '') + (n.module or '')]
            for m in ([o] if n.module else [o + a.name for a in n.names])] + [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    used = {m.split('.')[1] for m in mods if m.startswith('v2v_diffusion.')}
    assert not [m for m in used if NUMBER.get(m, 100)>=NUMBER[name] and (m in NUMBER or m=='all')]

def source(c): return ''.join(c['source'])

def weights(cells):
    "Kind and bytes of each picture and video that is saved"
    for o in (o for c in cells for o in c.get('outputs', [])):
        data = o.get('data', {})
        if 'image/png' in data: yield 'image', len(base64.b64decode(''.join(data['image/png'])))
        for kind,b in re.findall(r'data:(video|image)/\w+;base64,([A-Za-z0-9+/=\s]+)', ''.join(data.get('text/html', ''))): yield kind, len(b)*3//4

@pytest.mark.parametrize('nb', NBS, ids=nb_name)
def test_page(nb):
    "It opens with a title and a question, exports to the module it is called after, saves no error, and is not too heavy"
    cells = json.loads(nb.read_text(encoding='utf-8'))['cells']
    first = next(source(c) for c in cells if c['cell_type']=='markdown')
    assert re.match(r'# .+\n+> .+', first), 'does not open with a title and a > subtitle'
    assert {m for c in cells for m in re.findall(r'^#\| *default_exp +(\w+)', source(c), re.M)} <= {nb.stem.split('_', 1)[-1]}
    errors = [c['id'] for c in cells for o in c.get('outputs', []) if o['output_type']=='error' and not re.search(r'^#\| *error', source(c), re.M)]
    assert not errors, f'cells with a saved error: {errors}'
    sizes = list(weights(cells))
    assert all(n<=(VIDEO if kind=='video' else PICTURE) for kind,n in sizes), sizes
    assert sum(n for kind,n in sizes if kind=='image')<=PICTURES

def test_pages_have_names_of_their_own(): assert len({nb.stem.split('_', 1)[-1] if nb.name[:2].isdigit() else nb.stem for nb in NBS})==len(NBS)
