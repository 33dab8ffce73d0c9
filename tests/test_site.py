"The built site: every link leads somewhere, every public name is documented, every page shows all it has in Chromium, to everybody, soon."
import re, runpy, sys
from posixpath import dirname, join, normpath
from urllib.parse import unquote
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbdev.config import nbpath2html
from conftest import NBS, ROOT, sh

PAGES = [str(nbpath2html(nb.relative_to(ROOT/'nbs'))) for nb in NBS]
PICTURES = "[...document.images].filter(i => { i.scrollIntoView(); return !(i.complete && i.naturalWidth); }).length"
VIDEOS = "[...document.querySelectorAll('video')].every(v => v.readyState >= 2 && v.videoWidth > 0)"
RAW = r"""() => { const w = document.createTreeWalker(document.querySelector('main') || document.body, NodeFilter.SHOW_TEXT), bad = [];
    for (let n; n = w.nextNode();) if (!n.parentElement.closest('pre, code, script, style, .katex') && /\\\(|\\\[|\$\$|\\frac|\\sqrt|\\bar/.test(n.data)) bad.push(n.data.trim().slice(0, 80));
    return bad; }"""
LOAD = 2000    # ms until a page is there
LOADED = "performance.getEntriesByType('navigation')[0].duration"
CUT = """() => [...document.querySelectorAll('main pre')].filter(p => Math.max(p.scrollWidth - p.clientWidth, p.firstElementChild?.scrollWidth - p.clientWidth) > 1)
    .map(p => p.innerText.slice(0, 80))"""
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
    page.on('response', lambda r: r.status>=400 and bad.append(f'{r.status} {r.url}'))
    page.on('requestfailed', lambda r: r.failure!='net::ERR_ABORTED' and bad.append(f'failed {r.url} {r.failure}'))
    page.on('request', lambda r: r.url.startswith('http') and not r.url.startswith(served) and bad.append(f'asks another host for {r.url}'))
    page.on('pageerror', lambda e: bad.append(str(e)))
    yield page
    assert not bad

def barriers(page, **options):
    "What axe finds that keeps somebody out: which rule, how often, where first"
    found = Axe().run(page, options=dict(resultTypes=['violations'], **options)).response['violations']
    return [(o['id'], len(o['nodes']), o['nodes'][0]['html'][:200]) for o in found if o['impact'] in ('serious', 'critical')]

@pytest.mark.parametrize('name', PAGES + ['api.html'])
def test_page(watched, served, name):
    "Formulas, pictures and videos show, code fits its column, nobody is kept out, and no error"
    watched.goto(f'{served}/{name}', wait_until='networkidle')
    watched.wait_for_function(f'({RAW})().length==0', timeout=15_000)
    assert not watched.locator('.katex-error').count()
    watched.wait_for_timeout(50)
    assert not watched.evaluate(PICTURES), 'pictures do not show'
    watched.wait_for_function(VIDEOS, timeout=15_000)
    assert not watched.locator('.cell-output-error, .ansi-red-fg').count()
    assert not watched.evaluate(CUT)
    assert not barriers(watched)
    for _ in range(5):
        if (took := watched.evaluate(LOADED))<=LOAD: break
        watched.reload(wait_until='load')
    assert took<=LOAD, f'{took:.0f} ms'
    if name!='api.html': assert watched.request.get(watched.locator('a[download]').evaluate('a => a.href')).json()['cells']

@pytest.mark.parametrize('name', ['index.html', 'degrade.html', 'tutorials/noise_explorer.html', 'tutorials/perception_distortion.html', 'api.html'])
def test_phone(watched, served, name):
    "Nothing is wider than a phone, and the contents unfold"
    watched.set_viewport_size(dict(width=390, height=844))
    watched.goto(f'{served}/{name}', wait_until='networkidle')
    assert watched.evaluate('document.documentElement.scrollWidth')<=390 and not watched.evaluate(CUT)
    watched.locator('#TOC-body summary').click()
    assert watched.locator('#TOC-body a').first.is_visible()

def test_themes(browser, served):
    "Dark where the system is, until the switch says otherwise"
    page = browser.new_page(color_scheme='dark')
    def dark(): return sum(map(int, re.findall(r'\d+', page.evaluate('getComputedStyle(document.body).backgroundColor'))[:3]))<200
    for name in ('schedules.html', 'api.html'):
        page.goto(f'{served}/{name}', wait_until='networkidle')
        assert dark() and not barriers(page, runOnly=dict(type='rule', values=['color-contrast']))
    page.locator('.quarto-color-scheme-toggle:visible').click()
    page.wait_for_function("!document.documentElement.classList.contains('quarto-dark')")
    page.reload(wait_until='networkidle')
    assert not dark()
    page.close()

def test_missing_page(page, served):
    "What is not there has a page with the site's looks and links, wherever it was looked for"
    assert page.goto(f'{served}/tutorials/no/such.html', wait_until='networkidle').status==404
    assert page.locator('#quarto-sidebar a').count()>len(PAGES)
    page.locator('main a', has_text='home page').click()
    page.wait_for_url('**/index.html')

def test_course_order(site):
    "llms.txt names every page with a line of its own, in the order of the course; none is an orphan"
    lines = re.findall(r'^- \[(.+?)\]\((.+?)\.llms\.md\): (.+)$', (site/'llms.txt').read_text(encoding='utf-8'), re.M)
    assert {f'{o[1]}.html' for o in lines}=={*PAGES, 'api.html'}
    numbers = [int(m[1]) for o in lines if (m := re.match(r'(\d\d)\. ', o[0]))]
    assert numbers==sorted(numbers) and len(numbers)==len([o for o in NBS if o.name[:2].isdigit()])

def test_repository_links():
    "As soon as settings.ini names a repository, each page leads there"
    html = runpy.run_path(ROOT/'tools/docs.py')['notebook_links']('10_schedules.ipynb', '', 'https://github.com/us/course')
    for o in ('colab.research.google.com/github/us/course/blob/main/nbs/10_schedules.ipynb', 'github.com/us/course/blob/main/nbs/10_schedules.ipynb', 'github.com/us/course/issues/new'):
        assert f'"https://{o}"' in html

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
