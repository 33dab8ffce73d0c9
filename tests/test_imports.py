"Each module alone, in a process of its own, then once more without what only some systems have; needs nothing but pytest."
import builtins, dis, importlib, os, re, sys, types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pytest

LIB = 'v2v_diffusion'
MODULES = [*re.findall(r'^from v2v_diffusion\.(\w+)', (Path(__file__).parent.parent/LIB/'all.py').read_text(), re.M), 'cli', 'all']

def codes(c):
    "A code object and all those inside it"
    yield c
    for o in c.co_consts:
        if isinstance(o, types.CodeType): yield from codes(o)

def undefined(mod):
    "Names that the module's code would look for in vain; a linter cannot tell, since chapters import with a star"
    src = Path(mod.__file__).read_text(encoding='utf-8')
    names = {i.argval for c in codes(compile(src, mod.__file__, 'exec')) for i in dis.get_instructions(c) if i.opname=='LOAD_GLOBAL'}
    return sorted(n for n in {*names, *getattr(mod, '__all__', ())} if not hasattr(mod, n) and not hasattr(builtins, n))

def take_away():
    "What Windows has not: modules, and parts of `os`"
    for n in ('resource', 'fcntl', 'termios', 'pwd', 'grp'): sys.modules[n] = None
    for n in ('register_at_fork', 'fork', 'getuid', 'geteuid', 'uname', 'sched_getaffinity', 'statvfs'): os.__dict__.pop(n, None)

def check(name):
    if bad := undefined(importlib.import_module(f'{LIB}.{name}')): sys.exit(f'{name} uses or exports names that it never defines: {bad}')
    for m in [m for m in sys.modules if m.split('.')[0]==LIB]: del sys.modules[m]
    take_away()    # others keep what they have found
    importlib.import_module(f'{LIB}.{name}')

@pytest.fixture(scope='module')
def imports(request):
    "The modules that are asked for, two at a time"
    from conftest import py
    with ThreadPoolExecutor(2) as ex:
        wanted = [i.callspec.params['name'] for i in request.session.items if i.originalname=='test_import']
        yield {n: ex.submit(py, __file__, n) for n in wanted}

@pytest.mark.parametrize('name', MODULES)
def test_import(imports, name): imports[name].result()

if __name__=='__main__': check(sys.argv[1])
