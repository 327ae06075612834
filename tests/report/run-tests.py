#!/usr/bin/env python3
"""Runs `meson test`, shows how far it is, and sums up.

    run-tests.py BUILD [ARGUMENT OF MESON TEST]...

Ends with the plain line `N passed, N failed, N skipped`; exit status 1 unless all passed or were skipped. A test is one that is
registered with meson. Each skip is listed with its reason, the text after `SKIP: ` in the test's output; a test that passes and
left parts of itself out counts as passed, and each such part as skipped.
"""

import json
import os
import re
import subprocess
import sys
import time

PROGRESS = re.compile(r'\s*(\d+)/(\d+)\s+(.*?)\s+(OK|SKIP|FAIL|ERROR|TIMEOUT|INTERRUPT|EXPECTEDFAIL|UNEXPECTEDPASS)\s+([\d.]+s)')
SKIP_REASON = re.compile(r'^SKIP: (.*)$', re.MULTILINE)
PASSED = ('OK', 'EXPECTEDFAIL')
LINES_WITHOUT_TERMINAL = 10    # a progress line for so many tests
OUTPUT_LINES_OF_FAILURE = 40


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line now and then. What did not pass has a line of its own."""

    def __init__(self, out):
        self.out = out
        self.terminal = out.isatty()

    def show(self, match):
        number, total, name, result, duration = match.groups()
        if result not in PASSED:
            self.line(f'  {result:8} {name} ({duration})')
        if self.terminal:
            self.out.write(f'\r\033[K  {number}/{total} {name}')
            self.out.flush()
        elif int(number) % LINES_WITHOUT_TERMINAL == 0 or number == total:
            self.line(f'  {number}/{total}')

    def line(self, text):
        self.out.write(('\r\033[K' if self.terminal else '') + text + '\n')
        self.out.flush()

    def end(self):
        if self.terminal:
            self.out.write('\r\033[K')


def run(build, arguments, progress):
    """The status of meson; 0 when all tests passed."""
    command = ['meson', 'test', '-C', build, '--no-rebuild', *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    other = []
    for line in process.stdout:
        match = PROGRESS.match(line)
        if match:
            progress.show(match)
        else:
            other.append(line)
    progress.end()
    return process.wait(), ''.join(other)


def read_results(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return [json.loads(line) for line in file]


def output_of(test):
    return test.get('stdout', '') + test.get('stderr', '')


def summarise(tests):
    """(lines to print, number of failed tests)."""
    passed = failed = 0
    skips, failures = [], []
    for test in tests:
        reasons = SKIP_REASON.findall(output_of(test))
        if test['result'] == 'SKIP':
            skips.append(f"  {test['name']}: {reasons[0] if reasons else 'no reason given'}")
            continue
        if test['result'] in PASSED:
            passed += 1
        else:
            failed += 1
            tail = output_of(test).splitlines()[-OUTPUT_LINES_OF_FAILURE:]
            failures.append('\n'.join([f"--- {test['name']}: {test['result'].lower()}", *tail]))
        skips += [f"  {test['name']}: {reason}" for reason in reasons]
    lines = failures
    if skips:
        lines = lines + ['skipped:', *skips]
    return lines + [f'{passed} passed, {failed} failed, {len(skips)} skipped'], failed


def main():
    if len(sys.argv) < 2:
        sys.exit('usage: run-tests.py BUILD [ARGUMENT OF MESON TEST]...')
    build, arguments = sys.argv[1], sys.argv[2:]
    log = os.path.join(build, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.remove(log)
    start = time.monotonic()
    status, other = run(build, arguments, Progress(sys.stdout))
    if not os.path.exists(log):
        sys.exit(other.strip() or 'meson test wrote no log')
    lines, failed = summarise(read_results(log))
    print(f'  ran in {time.monotonic() - start:.0f} s')
    print('\n'.join(lines))
    sys.exit(1 if status != 0 or failed else 0)


if __name__ == '__main__':
    main()
