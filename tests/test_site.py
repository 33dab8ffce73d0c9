"The built site: every link leads somewhere, every public name is documented, every page shows all it has in Chromium."
import re, runpy, sys
from posixpath import dirname, join, normpath
from urllib.parse import unquote
import pytest
from nbdev.config import nbpath2html
from conftest import NBS, ROOT, sh

PAGES = [str(nbpath2html(nb.relative_to(ROOT/'nbs'))) for nb in NBS]
PICTURES = "[...document.images].filter(i => { i.scrollIntoView(); return !(i.complete && i.naturalWidth); }).length"
VIDEOS = "[...document.querySelectorAll('video')].every(v => v.readyState >= 2 && v.videoWidth > 0)"
RAW = r"""() => { const w = document.createTreeWalker(document.querySelector('main') || document.body, NodeFilter.SHOW_TEXT), bad = [];
    for (let n; n = w.nextNode();) if (!n.parentElement.closest('pre, code, script, style, .katex') && /\\\(|\\\[|\$\$|\\frac|\\sqrt|\\bar/.test(n.data)) bad.push(n.data.trim().slice(0, 80));
    return bad; }"""
# linkchecker, which as root becomes a user that may not read what we built; KaTeX's style names older kinds of its fonts, which no browser asks for
LINKS = 'import linkcheck.command.linkchecker as l; l.drop_privileges = lambda: None; l.linkchecker()'

def test_links(site): sh(sys.executable, '-c', LINKS, '--no-status', '--no-warnings', '--ignore-url', r'fonts/.*\.(woff|ttf)$', site/'index.html')

@pytest.fixture(scope='module')
def html(site): return {str(p.relative_to(site)): p.read_text(encoding='utf-8') for p in site.rglob('*.html')}

@pytest.fixture(scope='module')
def anchors(html): return {n: set(re.findall(r'\bid="([^"]+)"', s)) for n,s in html.items()}

def test_anchors(html, anchors):
    "A link to a place in a page finds it there; linkchecker could tell, but takes minutes"
    found = {(n, normpath(join(dirname(n), p)) if p else n, unquote(a)) for n,s in html.items() for p,a in re.findall(r'href="([^":#?]*)#([^"]+)"', s)}
    assert not [(n, to, a) for n,to,a in found if to in anchors and a not in anchors[to]]

def test_public_names_are_documented(anchors):
    "Pages and anchors that the package's index promises: every public function and class of every module"
    syms = runpy.run_path(ROOT/'v2v_diffusion/_modidx.py')['d']['syms']
    links = [link[0] for mod in syms.values() for name,link in mod.items() if name.count('.')==2 and not name.split('.')[2].startswith('_')]
    assert links and not [l for l in links if l.split('#')[1] not in anchors.get(l.split('#')[0], ())]

@pytest.fixture
def watched(page, served):
    "A page, and what goes wrong in it"
    bad = []
    page.on('response', lambda r: r.status>=400 and not r.url.endswith('favicon.ico') and bad.append(f'{r.status} {r.url}'))
    page.on('requestfailed', lambda r: r.failure!='net::ERR_ABORTED' and bad.append(f'failed {r.url} {r.failure}'))
    page.on('request', lambda r: r.url.startswith('http') and not r.url.startswith(served) and bad.append(f'asks another host for {r.url}'))
    page.on('pageerror', lambda e: bad.append(str(e)))
    yield page
    assert not bad

@pytest.mark.parametrize('name', PAGES)
def test_page(watched, served, name):
    "Formulas, pictures and videos show, and no error"
    watched.goto(f'{served}/{name}', wait_until='networkidle')
    assert not watched.locator('.katex-error').count() and not watched.evaluate(RAW)
    watched.wait_for_timeout(50)
    assert not watched.evaluate(PICTURES), 'pictures do not show'
    watched.wait_for_function(VIDEOS, timeout=15_000)
    assert not watched.locator('.cell-output-error, .ansi-red-fg').count()

def test_search(watched, served):
    "It finds a word, and its first hit opens"
    watched.goto(f'{served}/index.html', wait_until='networkidle')
    watched.keyboard.press('/')
    watched.keyboard.type('schedule')
    hit = watched.locator('.search-result').first
    hit.wait_for(timeout=10_000)
    assert 'schedule' in watched.locator('.smalldocs-search-results').inner_text().lower()
    hit.click()
    watched.wait_for_load_state('networkidle')
    assert not watched.url.endswith('/index.html')
