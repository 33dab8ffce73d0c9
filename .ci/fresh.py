"Import a module in a fresh process, without what only some systems have, and look up every global its functions use: fresh.py MODULE..."
import builtins, dis, importlib, os, sys, types

def take_away():
    "What Windows has not: modules, and parts of `os`"
    for n in ('resource','fcntl','termios','pwd','grp'): sys.modules[n] = None
    for n in ('register_at_fork','fork','getuid','geteuid','uname','sched_getaffinity','statvfs'): os.__dict__.pop(n, None)

def codes(c):
    "A code object and all those inside it"
    yield c
    for o in c.co_consts:
        if isinstance(o, types.CodeType): yield from codes(o)

def missing(mod):
    "Names that the module's code would look for in vain"
    src = open(mod.__file__, encoding='utf-8').read()
    names = {i.argval for c in codes(compile(src, mod.__file__, 'exec')) for i in dis.get_instructions(c) if i.opname=='LOAD_GLOBAL'}
    return sorted(n for n in names if not hasattr(mod, n) and not hasattr(builtins, n))

def main(*names):
    importlib.import_module('fastai.vision.all') # others may use what they find
    take_away()
    for n in names:
        mod = importlib.import_module(n)
        if bad := missing(mod): sys.exit(f'{n} uses names that it never defines: {", ".join(bad)}')
        if bad := [o for o in getattr(mod, '__all__', ()) if not hasattr(mod, o)]: sys.exit(f'{n}.__all__ names what is not there: {", ".join(bad)}')

if __name__=='__main__': main(*sys.argv[1:])
