"""Is a chapter checked? Break its exported code, one token at a time, and see whether the chapter notices.

mutate.py NB [--n 120] [--seed 0] [--only WORD]: a seeded sample of mutants of the exported cells. Each is run in a process
forked after the imports, cell by cell, and is killed by the first cell that fails. Survivors are listed. Those that change
nothing are argued in equivalent.txt, a line each, and counted apart. Not a part of CI: it takes minutes."""
import ast, copy, os, random, re, signal, sys, time, warnings
from argparse import ArgumentParser
from pathlib import Path
from fastcore.nbio import read_nb

SKIP = {'slow','oracle'}
SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
         ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
         ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
NAMES = dict(min='max', max='min', any='all', all='any', amin='amax', amax='amin', ceil='floor', cumprod='cumsum', zeros='ones', sum='mean', mean='sum')
DROPS = {'sqrt','abs','square','log','exp','reversed','round'}

def directives(src): return {m[1]: m[2].strip() for m in re.finditer(r'^#\|\s*(\w+):?(.*)$', src, re.M)}

def others(n, parent):
    "What could stand in the place of node `n`, one slip away"
    if isinstance(n, ast.BinOp):
        if isinstance(n.op, ast.Pow): yield n.left
        elif type(n.op) in SWAPS: yield ast.BinOp(n.left, SWAPS[type(n.op)](), n.right)
    elif isinstance(n, ast.AugAssign) and type(n.op) in SWAPS: yield ast.AugAssign(n.target, SWAPS[type(n.op)](), n.value)
    elif isinstance(n, ast.BoolOp): yield ast.BoolOp(SWAPS[type(n.op)](), n.values)
    elif isinstance(n, ast.Compare):
        for i,o in enumerate(n.ops):
            if type(o) in SWAPS: yield ast.Compare(n.left, n.ops[:i]+[SWAPS[type(o)]()]+n.ops[i+1:], n.comparators)
    elif isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub|ast.Not): yield n.operand
    elif isinstance(n, ast.Call): yield from _calls(n)
    elif isinstance(n, ast.Constant):
        if isinstance(n.value, bool): yield ast.Constant(not n.value)
        elif isinstance(n.value, int): yield ast.Constant(n.value+1)
        elif isinstance(n.value, float): yield ast.Constant(2*n.value or 1.)

def _calls(n):
    "Slips in a call: a root dropped, a range reversed, the wrong one of a pair"
    f = n.func
    name = f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else ''
    module = isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in ('torch','math','np','F')
    if name in DROPS:
        if isinstance(f, ast.Attribute) and not module: yield f.value
        elif n.args: yield n.args[0]
    if name=='pow' and isinstance(f, ast.Attribute) and not module: yield f.value
    if name=='range': yield ast.Subscript(n, ast.Slice(step=ast.UnaryOp(ast.USub(), ast.Constant(1))), ast.Load())
    if name in NAMES:
        g = ast.Name(NAMES[name], f.ctx) if isinstance(f, ast.Name) else ast.Attribute(f.value, NAMES[name], f.ctx)
        yield ast.Call(g, n.args, n.keywords)
    for i,k in enumerate(n.keywords):
        if k.arg in ('min','max'): yield ast.Call(f, n.args, n.keywords[:i]+[ast.keyword(NAMES[k.arg], k.value)]+n.keywords[i+1:])

def children(n):
    "The nodes below `n` that run: no annotations, decorators, docstrings or messages"
    for name,v in ast.iter_fields(n):
        if name in ('annotation','returns','decorator_list','bases','type_comment') or isinstance(n, ast.Raise|ast.Import|ast.ImportFrom|ast.JoinedStr): continue
        for i,o in enumerate(v if isinstance(v, list) else [v]):
            if not isinstance(o, ast.AST) or isinstance(o, ast.Expr) and isinstance(o.value, ast.Constant): continue
            yield o,(name, i if isinstance(v, list) else None)

def mutants(tree, path=(), parents=()):
    "All single slips in a tree: `(path, new node, where, before, after)`"
    for n,step in children(tree):
        here = path+(step,)
        for new in others(n, tree):
            where = next((p.name for p in (n,tree,*reversed(parents)) if isinstance(p, ast.FunctionDef|ast.ClassDef)), 'module')
            near = next(p for p in (tree,*reversed(parents)) if isinstance(p, ast.stmt|ast.Call|ast.Compare|ast.BinOp|ast.IfExp|ast.arguments|ast.Module))
            yield here,new,where,'default' if isinstance(near, ast.arguments) else _line(near),_line(n),_line(new)
        yield from mutants(n, here, (*parents,tree))

def _line(n):
    s = ast.unparse(ast.fix_missing_locations(copy.deepcopy(n)))
    return re.sub(r'\s+', ' ', s if len(s)<150 else s[:150]+'...')

def mutated(tree, path, new):
    "A copy of `tree` with `new` at `path`"
    tree = copy.deepcopy(tree)
    n = tree
    for name,i in path[:-1]: n = getattr(n, name) if i is None else getattr(n, name)[i]
    name,i = path[-1]
    if i is None: setattr(n, name, copy.deepcopy(new))
    else: getattr(n, name)[i] = copy.deepcopy(new)
    return ast.fix_missing_locations(tree)

def only_imports(src): return all(isinstance(o, ast.Import|ast.ImportFrom) for o in ast.parse(src).body)

def child(cells, ns, limit):
    "Run `cells` in a fork; the process id"
    pid = os.fork()
    if pid: return pid
    signal.alarm(limit)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        for c in cells: exec(compile(c, '<cell>', 'exec'), ns)
    except BaseException: os._exit(1)
    os._exit(0)

def run_all(jobs, ns, limit, workers=2):
    "How each list of cells ended: 'survived', 'killed' or 'timeout'"
    left,busy,ends = list(enumerate(jobs)),{},{}
    while left or busy:
        while left and len(busy)<workers:
            i,cells = left.pop(0)
            busy[child(cells, ns, limit)] = i
        pid,status = os.wait()
        ends[busy.pop(pid)] = 'timeout' if os.WIFSIGNALED(status) and os.WTERMSIG(status)==signal.SIGALRM else 'killed' if status else 'survived'
    return [ends[i] for i in range(len(jobs))]

def load(nb):
    "The cells that run, as trees, imports first and apart; and the mutants of the exported ones"
    imports,cells,found = [],[],[]
    for c in read_nb(nb).cells:
        d = directives(c.source)
        if c.cell_type!='code' or not c.source.strip() or SKIP&d.keys(): continue
        tree = ast.parse(c.source)
        if only_imports(c.source): imports.append(tree); continue
        if 'export' in d or 'exporti' in d: found += [(len(cells),c.id,*m) for m in mutants(tree)]
        cells.append(tree)
    return imports,cells,found

def equivalents(stem):
    "The argued mutants of a chapter, as they are listed"
    lines = Path(__file__).with_name('equivalent.txt').read_text().splitlines()
    return {tuple(l.split(' || ')[1:5]) for l in lines if l.startswith(stem+' || ')}

def main():
    p = ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('nb', type=Path)
    p.add_argument('--n', type=int, default=120)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--only', default='', help='mutants in functions of this name')
    a = p.parse_args()
    warnings.simplefilter('ignore')
    os.environ.update(MPLBACKEND='agg', OMP_NUM_THREADS='1')
    imports,cells,found = load(a.nb)
    os.chdir(a.nb.parent)
    found = [m for m in found if a.only in m[4]]
    picked = random.Random(a.seed).sample(found, min(a.n, len(found)))
    ns,start = {'__name__': '__main__'},time.time()
    for c in imports: exec(compile(c, '<imports>', 'exec'), ns)
    if run_all([cells], ns, 600)!=['survived']: sys.exit(f'{a.nb.name} fails as it stands')
    limit = int(5*(time.time()-start)+30)
    jobs = [cells[:i]+[mutated(cells[i], path, new)]+cells[i+1:] for i,_,path,new,*_ in picked]
    ends,argued,same = run_all(jobs, ns, limit),equivalents(a.nb.stem),0
    for (i,cid,path,new,where,near,before,after),end in zip(picked, ends):
        if end!='survived': continue
        equal = (where,near,before,after) in argued
        same += equal
        print('equivalent' if equal else 'SURVIVED', cid, ' || '.join((where,near,before,after)), flush=True)
    killed = len(picked)-ends.count('survived')
    print(f'{a.nb.stem}, seed {a.seed}: {len(found)} possible, {len(picked)} made, {killed} killed ({ends.count("timeout")} by time-out), {same} equivalent, '
          f'{len(picked)-killed-same} survived: {100*killed/max(1, len(picked)-same):.0f}% caught in {(time.time()-start)/60:.1f} minutes')

if __name__=='__main__': main()
