"What is generated is up to date: nobody has anything left to do."
import re, sys
from pathlib import Path
import pytest
from conftest import sh

@pytest.mark.parametrize('cmd', ['nbdev-export', 'nbdev-clean', 'tools/readme.py', 'tools/nb.py check'])
def test_changes_nothing(tree, cmd):
    "The library is exported, notebooks are clean, README.md is made from index.ipynb, no output is older than the code above it"
    try:
        sh(*([sys.executable] if cmd.startswith('tools') else []), *cmd.split(), cwd=tree)
        assert not sh('git', 'status', '--porcelain', cwd=tree), sh('git', 'diff', cwd=tree)[:4000]
    finally:
        sh('git', 'checkout', '-q', '.', cwd=tree)
        sh('git', 'clean', '-fdq', cwd=tree)

def test_no_leftovers(tree):
    "Nothing is left to do, and nothing names a machine's folders"
    bad = []
    for f in sh('git', 'ls-files', cwd=tree).split():
        if f.startswith(('tests/', 'tools/', '.ci/')) or Path(f).suffix in ('.png', '.jpg', '.webp', '.mp4', '.safetensors'): continue
        text = re.sub(r'"image/png": "[^"]*"|base64,[A-Za-z0-9+/=]*', '', (tree/f).read_text(encoding='utf-8'))
        bad += [f'{f}: {m}' for m in set(re.findall(r'TODO|FIXME|/home/\w+|/root/\w*|/work/\w+|/private/var', text))]
    assert not bad
