"A Chromium that talks to nobody but us"
import shutil

FLAGS = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split()

def launch(p):
    "Start the installed browser with playwright `p`; its own browser is never downloaded"
    exe = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    if not exe: raise SystemExit('no Chromium found: install chromium or google-chrome')
    return p.chromium.launch(executable_path=exe, args=FLAGS)
