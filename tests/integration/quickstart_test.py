"""`./quickstart --once` shows a container waking, and leaves nothing behind."""
import os
import re
import signal
import subprocess
import tempfile

import harness

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def started_by(text):
    """The pids of programs that have this in their command line."""
    found = []
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{entry}/cmdline') as file:
                if text in file.read():
                    found.append(int(entry))
        except OSError:
            continue
    return found


def expect_nothing_left(scratch):
    assert os.listdir(scratch) == [], os.listdir(scratch)
    assert started_by(scratch) == []
    with open('/proc/self/mounts') as file:
        assert scratch not in file.read()


def quickstart(scratch, **options):
    # Whatever it makes it makes in TMPDIR.
    environment = {**os.environ, 'BUILD': harness.BUILD, 'TMPDIR': scratch}
    return subprocess.Popen([os.path.join(ROOT, 'quickstart'), '--once'], env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)


def check_once(scratch):
    shown = quickstart(scratch)
    output, errors = shown.communicate(timeout=300)
    assert shown.returncode == 0 and errors == '', (shown.returncode, output, errors)
    for wanted in (r'ready at http://', r'/sandbox/alice/hello +200 .*started by this request', r'/sandbox/carol/hello +200',
                   r'Sandbox/bob +running', r'alice fell asleep [\d.]+ s after', r'/sandbox/alice/hello +200 .*woken by this request',
                   r'curl http://127\.0\.0\.1:8787/sandbox/you/hello'):
        assert re.search(wanted, output), (wanted, output)
    assert len(output.splitlines()) < 40, 'too long to read'
    expect_nothing_left(scratch)


def check_interrupted(scratch):
    shown = quickstart(scratch)
    for line in shown.stdout:
        if 'started by this request' in line:
            break
    os.killpg(shown.pid, signal.SIGINT)
    output, errors = shown.communicate(timeout=60)
    assert shown.returncode == 130, (shown.returncode, output, errors)
    expect_nothing_left(scratch)


def main():
    harness.require_root()
    for check in check_once, check_interrupted:
        with tempfile.TemporaryDirectory(prefix='meridian-test-') as scratch:
            check(scratch)
    print('shown once, and interrupted; nothing is left')


main()
