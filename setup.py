"Reads all package metadata from settings.ini. Edit there, not here."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

root = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']

lib = cfg['lib_path']
version = re.search(r'^__version__ = "(.+)"', (root/lib/'__init__.py').read_text(encoding='utf-8'), re.M)[1]
train,dev = [cfg[f'{o}_requirements'].split() for o in ('train','dev')]
statuses = '1 - Planning,2 - Pre-Alpha,3 - Alpha,4 - Beta,5 - Production/Stable,6 - Mature,7 - Inactive'.split(',')

def absolute(text):
    "The README without links and pictures that only lead somewhere in the repository; their words stay"
    return re.sub(r'(?<!!)\[([^]]*)\]\((?!https?:|#)[^)]*\)', r'\1', re.sub(r'!\[[^]]*\]\((?!https?:)[^)]*\)\n*', '', text))

setup(
    name=cfg['lib_name'],
    version=version,
    description=cfg['description'],
    long_description=absolute((root/'README.md').read_text(encoding='utf-8')),
    long_description_content_type='text/markdown',
    author=cfg['author'],
    license_expression=cfg['license'],
    keywords=cfg['keywords'].split(),
    classifiers=[
        f'Development Status :: {statuses[int(cfg["status"])-1]}',
        f'Intended Audience :: {cfg["audience"]}',
        f'Natural Language :: {cfg["language"]}',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3 :: Only',
    ],
    python_requires='>='+cfg['min_python'],
    install_requires=cfg['requirements'].split(),
    extras_require=dict(train=train, dev=train+dev, diffusers=[o for o in dev if o.startswith('diffusers')]),
    packages=find_packages(include=[lib, f'{lib}.*']),
    include_package_data=False,
    package_data={lib: cfg['package_data'].split()},
    entry_points=dict(
        console_scripts=cfg['console_scripts'].split(),
        nbdev=[f'{lib}={lib}._modidx:d'],
    ),
)
