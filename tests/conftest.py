"What tests share: a copy of the tree, so that they change nothing, how to run a command, and the installed Chromium."
import functools, http.server, os, shutil, subprocess, sys, threading
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
NBS = sorted((ROOT/'nbs').rglob('[!_.]*.ipynb'))
os.environ.update(OMP_NUM_THREADS='1', PYTHONWARNINGS='ignore', MPLBACKEND='agg', HF_HUB_OFFLINE='1')

def pytest_addoption(parser):
    parser.addoption('--n', type=int, default=2, help='how often test_resume kills a training')
    parser.addoption('--steps', type=int, default=4, help='optimizer steps of each of its three stages')

def nb_name(nb): return str(nb.relative_to(ROOT/'nbs'))

def sh(*cmd, code=0, **kw):
    "Run `cmd`, which must end with exit code `code`; its output and errors in one text"
    r = subprocess.run([str(o) for o in cmd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    assert r.returncode==code, f'{" ".join(map(str, cmd))} gave {r.returncode}, not {code}\n{r.stdout[-12000:]}'
    return r.stdout.strip()

def py(*cmd, **kw): return sh(sys.executable, *cmd, **kw)

@pytest.fixture(scope='session')
def tree(tmp_path_factory):
    "The files that git has or would add, committed in a repository of their own; commands import the package from there"
    dst = tmp_path_factory.mktemp('tree')/ROOT.name
    for f in sh('git', 'ls-files', '-zco', '--exclude-standard', cwd=ROOT).split('\0'):
        if f and (ROOT/f).exists():
            (dst/f).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT/f, dst/f, follow_symlinks=False)
    for cmd in ('init -q', 'add -A', '-c user.name=ci -c user.email=ci@localhost commit -qm tree'): sh('git', *cmd.split(), cwd=dst)
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, (str(dst), os.environ.get('PYTHONPATH'))))
    return dst

@pytest.fixture(scope='session')
def site(tree):
    "The site, built once, and kept in _docs for whoever publishes it"
    py('tools/docs.py', cwd=tree)
    shutil.rmtree(ROOT/'_docs', ignore_errors=True)
    return shutil.copytree(tree/'_docs', ROOT/'_docs')

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass

    def send_error(self, code, *a):
        "As hosts of pages do, the site's own page for what is not there"
        if code!=404: return super().send_error(code, *a)
        body = open(os.path.join(self.directory, '404.html'), 'rb').read()
        self.send_response(404)
        self.send_header('Content-Type', 'text/html')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

@pytest.fixture(scope='session')
def served(site):
    "The address where the site is served"
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=site)) as srv:
        threading.Thread(target=srv.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{srv.server_port}'
        srv.shutdown()

@pytest.fixture(scope='session')
def browser_type_launch_args():
    "The Chromium that is installed, talking to nobody but us"
    exe = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    assert exe, 'install chromium or google-chrome'
    flags = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
    return dict(executable_path=exe, args=flags.split())
