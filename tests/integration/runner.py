"""Runs every function `test_…` of the calling module, in the order they stand there, and prints one line for each.

Arguments choose tests by a part of their name. Exit status 1: one failed.
"""
import sys
import time
import traceback

from harness import require_root


def main():
    require_root()
    module = sys.modules['__main__']
    chosen = [test for name, test in vars(module).items() if name.startswith('test_') and
              (len(sys.argv) == 1 or any(part in name for part in sys.argv[1:]))]
    failed = 0
    for test in chosen:
        began = time.monotonic()
        try:
            test()
            verdict = 'ok    '
        except Exception:
            traceback.print_exc()
            verdict = 'FAILED'
            failed += 1
        sentence = test.__name__.removeprefix('test_').replace('_', ' ')
        print(f'{verdict} {time.monotonic() - began:5.2f} s  {sentence}', flush=True)
    print(f'{len(chosen) - failed} of {len(chosen)} passed')
    sys.exit(1 if failed or not chosen else 0)
