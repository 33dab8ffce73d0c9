"""The marks of house style that a machine can check: style.py [NB...]

chkstyle checks the cells; this adds what a page weighs, what a function says of itself, and who imports whom."""
import ast, base64, json, re, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
LIB = 'v2v_diffusion'
PICTURE, PICTURES, VIDEO = 60_000, 600_000, 200_000   # bytes: one picture, all of a notebook, one video
EXPORTS = {'export', 'exports', 'exporti'}

def source(c): return ''.join(c['source'])
def directives(c): return {m[1]: m[2] for m in re.finditer(r'^#\| *(\w+):? *(.*)$', source(c), re.M)}

def parse(c):
    "The cell's statements; magics and shell lines are left out"
    try: return ast.parse(re.sub(r'^[%!].*$', 'pass', source(c), flags=re.M)).body
    except SyntaxError: return []

def weight(cells):
    "Pictures and videos that are too heavy"
    total = 0
    for c in cells:
        for o in c.get('outputs', []):
            data = o.get('data', {})
            if 'image/png' in data:
                n = len(base64.b64decode(''.join(data['image/png'])))
                total += n
                if n>PICTURE: yield f"cell {c['id']}: a picture of {n//1000} kB, at most {PICTURE//1000}"
            for kind,b in re.findall(r'data:(video|image)/\w+;base64,([A-Za-z0-9+/=\s]+)', ''.join(data.get('text/html', ''))):
                n = len(b)*3//4
                if kind=='image': total += n
                if n>(most := VIDEO if kind=='video' else PICTURE): yield f"cell {c['id']}: a {kind} of {n//1000} kB, at most {most//1000}"
            if o['output_type']=='error' and not directives(c).get('error'): yield f"cell {c['id']}: a saved error"
    if total>PICTURES: yield f'{total//1000} kB of pictures, at most {PICTURES//1000}'

def patched(n): return isinstance(n, ast.FunctionDef) and any('patch' in ast.unparse(d) for d in n.decorator_list)

def functions(stmts):
    "Public functions and methods, each with its full name"
    for n in stmts:
        if getattr(n, 'name', '_').startswith('_'): continue
        if isinstance(n, ast.FunctionDef): yield n.name,n
        for m in n.body if isinstance(n, ast.ClassDef) else []:
            if isinstance(m, ast.FunctionDef) and (m.name=='__init__' or not m.name.startswith('_')): yield f'{n.name}.{m.name}',m

def documented(c):
    "Exported names that do not say what they are, and parameters that do not (from three on)"
    lines,stmts = source(c).splitlines(),parse(c)
    for n in stmts:
        if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and not n.name.startswith('_') and not ast.get_docstring(n): yield f"cell {c['id']}: {n.name} has no docstring"
    for name,f in functions(stmts):
        if any('property' in ast.unparse(d) for d in f.decorator_list): continue
        a = f.args
        ps = [o for o in (*a.posonlyargs, *a.args, *a.kwonlyargs) if o.arg not in ('self', 'cls')]
        if patched(f): ps = [o for o in (*a.posonlyargs, *a.args, *a.kwonlyargs)][1:]
        if name.endswith('.forward') or len(ps)<3: continue
        bare = [o.arg for o in ps if '#' not in lines[o.lineno-1]]
        if bare: yield f"cell {c['id']}: {name} has no docment for {', '.join(bare)}"

def tried(cells):
    "Exported names that no later cell shows or tests; a method that others call, as a callback's, counts with its class"
    for i,c in enumerate(cells):
        if c['cell_type']!='code' or not EXPORTS & directives(c).keys(): continue
        for n in parse(c):
            if not isinstance(n, (ast.ClassDef, ast.FunctionDef)) or n.name.startswith('_'): continue
            rest = ' '.join(source(o) for o in cells[i+1:] if o['cell_type']=='code' and not EXPORTS & directives(o).keys())
            owner = ast.unparse(n.args.args[0].annotation) if patched(n) and n.args.args[0].annotation else n.name
            if not re.search(rf'\b({n.name}|{re.escape(owner)})\b', rest): yield f"cell {c['id']}: {n.name} is never shown or tested"

def imports(nb, cells, number):
    "Exported imports of the library from chapters that come later"
    for c in cells:
        if not EXPORTS & directives(c).keys(): continue
        for n in ast.walk(ast.Module(parse(c), [])):
            mods = [n.module] if isinstance(n, ast.ImportFrom) and n.module else [o.name for o in n.names] if isinstance(n, ast.Import) else []
            for m in mods:
                if m.startswith(LIB+'.') and number.get(m.split('.')[1], '')>=nb.name.split('_')[0]: yield f"cell {c['id']}: imports {m}, which does not come before it"

def chapter(nb, number):
    "All that is wrong with a notebook"
    cells = json.loads(nb.read_text(encoding='utf-8'))['cells']
    code = [c for c in cells if c['cell_type']=='code']
    first = next((source(c) for c in cells if c['cell_type']=='markdown'), '')
    if not re.match(r'# .+\n+> .+', first): yield 'does not open with a title and a > subtitle'
    names = [d['default_exp'] for c in code if 'default_exp' in (d := directives(c))]
    if names and names!=[nb.stem.split('_', 1)[1]]: yield f'exports to {names}, is called {nb.stem}'
    yield from weight(code)
    exported = [c for c in code if EXPORTS & directives(c).keys()]
    for c in exported: yield from documented(c)
    yield from tried(cells)
    if nb.name[:2].isdigit(): yield from imports(nb, exported, number)

def main(*paths):
    nbs = sorted((root/'nbs').rglob('[!_.]*.ipynb'))
    number = {p.stem.split('_', 1)[1]: p.stem.split('_')[0] for p in nbs if p.name[:2].isdigit()}
    if len({p.stem.split('_', 1)[-1] for p in nbs})<len(nbs): sys.exit('two notebooks would have one page: their names differ in the number only')
    bad = [f'{p.name}: {o}' for p in (map(Path, paths) if paths else nbs) for o in chapter(p, number)]
    if bad: sys.exit('\n'.join(bad))

if __name__=='__main__': main(*sys.argv[1:])
