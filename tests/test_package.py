"What pip installs: metadata from one source, a wheel that needs no repository, and imports that stay light."
import importlib.metadata, os, re, sys, time, tomllib
from configparser import ConfigParser
import pytest
from conftest import NBS, ROOT, nb_name, py, sh

CONFIG = ConfigParser(delimiters=['='])
CONFIG.read(ROOT/'settings.ini', encoding='utf-8')
CFG = CONFIG['DEFAULT']
COMMANDS = [o.split('=')[0] for o in CFG['console_scripts'].split()]

@pytest.fixture(scope='module')
def wheel(tree, tmp_path_factory):
    "The folder where the wheel, built from the tree, is installed alone"
    d = tmp_path_factory.mktemp('wheel')
    sh('pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', d, tree)
    sh('pip', 'install', '-q', '--no-deps', '--target', d/'site', *d.glob('*.whl'))
    return d/'site'

@pytest.fixture(scope='module')
def dist(wheel): return next(importlib.metadata.distributions(path=[str(wheel)]))

def test_metadata(dist):
    "settings.ini is the source of all; PEP 621 wants the name in pyproject.toml too"
    assert dist.name==CFG['lib_name']==tomllib.loads((ROOT/'pyproject.toml').read_text())['project']['name']
    assert dist.metadata['License-Expression']==CFG['license'] and dist.metadata['Requires-Python']=='>='+CFG['min_python']
    have = {r.replace(' ', '') for r in dist.requires if 'extra' not in r}
    assert have==set(CFG['requirements'].split())
    assert all(re.search('[=<>]', r) for r in have), 'a requirement without a lower bound'
    assert [e.name for e in dist.entry_points if e.group=='console_scripts']==sorted(COMMANDS)

def test_versions_go_together(): sh('pip', 'check')

def test_wheel_is_whole(tree, wheel, dist):
    "It carries each file of the package, the licence, and a description whose links work elsewhere"
    tracked = sh('git', 'ls-files', CFG['lib_path'], cwd=tree).split()
    assert f'{CFG["lib_path"]}/py.typed' in tracked and not [f for f in tracked if not (wheel/f).is_file()]
    assert any(f.name=='LICENSE' for f in dist.files)
    links = re.findall(r'\]\(([^)\s]+)', dist.metadata.get_payload() or dist.metadata['Description'])
    assert links and not [l for l in links if not l.startswith(('https://', '#'))]

def test_wheel_works_alone(wheel, tmp_path):
    "Without the repository: the presets and the model that ships are found and load"
    code = 'import v2v_diffusion.restore as r, v2v_diffusion.config as c; print(r.__file__); c.load_config("tiny"); r.load_model()'
    assert py('-c', code, cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(wheel)}).startswith(str(wheel))

def test_every_chapter_is_listed():
    "Every notebook is in the site's sidebar, and all.py imports every module, in order"
    listed = re.findall(r'[\w/]+\.ipynb', (ROOT/'_quarto.yml').read_text().split('sidebar:')[1])
    assert sorted(listed)==sorted(map(nb_name, NBS))
    exported = [m[1] for nb in NBS if (m := re.search(r'"#\| *default_exp +(\w+)', nb.read_text(encoding='utf-8')))]
    stars = re.findall(r'^from v2v_diffusion\.(\w+) import \*', (ROOT/'v2v_diffusion/all.py').read_text(), re.M)
    assert stars==[m for m in exported if m!='cli']

def seconds(*cmd):
    "The best of three runs"
    def one():
        t = time.time()
        sh(*cmd)
        return time.time()-t
    return min(one() for _ in range(3))

def test_import_is_light(tree):
    "The bare import takes no time, and restoring loads nothing of what only training and notebooks need"
    assert seconds(sys.executable, '-c', 'import v2v_diffusion')-seconds(sys.executable, '-c', 'pass')<.2
    heavy = 'fastai skimage matplotlib datasets pandas ipywidgets IPython'
    assert py('-c', f'import sys, v2v_diffusion.restore; print(*[o for o in "{heavy}".split() if o in sys.modules])')==''

@pytest.mark.parametrize('cmd', COMMANDS)
def test_help_is_fast(tree, cmd): assert seconds(cmd, '--help')<1
