#!/usr/bin/env python3
"""Runs all simulated worlds, the explorer and crash states for a given time, and adds what was run to the ledger, tests/LEDGER.md.

    tests/long-run.py --minutes 60

Seeds go on where the ledger ends. The ledger is rewritten after each part, so that a run that is ended early (Ctrl-C, or worse) has
its rows too. Ends with 1 when something failed; each failure is printed with the command that shows it again.
"""

import argparse
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SLICE_SECONDS = 15           # of one part of the run
FIRST_SEEDS = 50             # of a scenario's first slice: how long they take says how many are next
FAILURES_MAX = 20            # then a source has said enough
SLICE_SECONDS_MAX = 1800     # for a part that hangs

HEADER = '''# Ledger

What the simulated worlds, the explorer and the crash states have gone through so far. Rows are added by `tests/long-run.py
--minutes N`; seeds go on where the last row of their scenario ends. A commit marked + was changed on the way.

'''
COLUMNS = ['date', 'commit', 'what', 'range', 'seeds', 'simulated hours', 'states', 'failed', 'minutes']


class Source:
    """Something that can be run part by part. What it has done so far is in its fields."""

    def __init__(self, name):
        self.name = name
        self.seconds = self.seeds = self.hours = self.states = self.failed = 0
        self.range = '-'
        self.done = False

    def slice(self):
        """Runs one part."""
        begin = time.monotonic()
        self.run()
        self.seconds += time.monotonic() - begin
        if self.failed >= FAILURES_MAX and not self.done:
            self.done = True
            print(f'{self.name}: {self.failed} failures are enough', flush=True)

    def fail(self, text):
        self.failed += 1
        print(f'{self.name}: {text}', flush=True)

    def call(self, command):
        """(status, what it printed); a part that hangs is a failure."""
        # In a group of its own: Ctrl-C is for this program, which then ends what it has begun.
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
            try:
                out, _ = process.communicate(timeout=SLICE_SECONDS_MAX)
            except BaseException as error:
                process.kill()
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                return None, f'it has not ended after {SLICE_SECONDS_MAX} s'
        return process.returncode, out

    def row(self, date, commit):
        return [date, commit, self.name, self.range, self.seeds or '-', f'{self.hours:.1f}' if self.hours else '-', self.states or '-',
                self.failed, f'{self.seconds / 60:.1f}']


class Scenario(Source):
    def __init__(self, name, program, last):
        super().__init__(name)
        self.program = program
        self.first = self.next = last + 1
        self.count = FIRST_SEEDS

    def run(self):
        seeds = f'{self.next}..{self.next + self.count - 1}'
        command = [*self.program, 'swarm', self.name, '--seeds', seeds, '--json']
        status, out = self.call(command)
        if status is None or not out.startswith('{'):
            self.done = True
            return self.fail(f'seeds {seeds}: {" ".join(command)} ended with {status}: {out}')
        found = json.loads(out)
        for failure in found['failures']:
            self.fail(f"seed {failure['seed']}: {failure['kind']}: {failure['checker']}: {failure['what']}\n  again: {failure['replay']}")
        self.next += found['seeds']
        self.seeds += found['seeds']
        self.hours += found['simulated_hours']
        self.range = f'{self.first}..{self.next - 1}'
        self.count = max(1, min(4 * self.count, int(SLICE_SECONDS * found['seeds'] / max(found['wall_seconds'], 0.01))))


class Explorer(Source):
    """Its states are the same each time, so once is enough."""

    def __init__(self, program):
        super().__init__('explore')
        self.command = [*program, 'explore', '--json']

    def run(self):
        self.done = True
        status, out = self.call(self.command)
        if status != 0:
            self.fail(f'{" ".join(self.command)} ended with {status}\n{out}')
        if out.startswith('{'):
            self.states = json.loads(out)['states']


class CrashStates(Source):
    def __init__(self, program, last):
        super().__init__('crash states')
        self.program = program
        self.first = self.next = last + 1

    def run(self):
        command = [self.program, '--seed', str(self.next)]
        status, out = self.call(command)
        if status != 0:
            self.fail(f'{" ".join(command)} ended with {status}\n{out}')
        counted = re.search(r'^(\d+) crash states, none bad', out, re.M)
        self.states += int(counted.group(1)) if counted else 0
        self.range = f'{self.first}..{self.next}'
        self.next += 1


class Ledger:
    def __init__(self, path):
        self.path = path
        self.rows = []
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                lines = [line for line in file if line.startswith('|')]
            self.rows = [[cell.strip() for cell in line.strip().strip('|').split('|')] for line in lines[2:]]

    def last_seed(self, name):
        ranges = [row[3] for row in self.rows if row[2] == name and '..' in row[3]]
        return max((int(each.split('..')[1]) for each in ranges), default=0)

    def write(self, rows):
        """These rows after those that it had."""
        table = self.rows + [[str(cell) for cell in row] for row in rows]
        total = {name: sum(float(row[COLUMNS.index(name)].replace('-', '0')) for row in table) for name in COLUMNS[4:]}
        text = HEADER + (f"So far: {total['seeds']:,.0f} seeds, {total['simulated hours']:,.0f} simulated hours, {total['states']:,.0f} states; "
                         f"{total['failed']:,.0f} failed; {total['minutes']:,.0f} minutes of real time.\n\n")
        for row in [COLUMNS, ['---'] * len(COLUMNS), *table]:
            text += '| ' + ' | '.join(row) + ' |\n'
        with open(self.path + '.new', 'w', encoding='utf-8') as file:
            file.write(text)
        os.replace(self.path + '.new', self.path)


def commit():
    try:
        name = subprocess.check_output(['git', 'rev-parse', '--short', 'HEAD'], cwd=ROOT, text=True, stderr=subprocess.DEVNULL).strip()
        changed = subprocess.check_output(['git', 'status', '--porcelain', '-uno'], cwd=ROOT, text=True)
        return name + ('+' if changed else '')
    except (OSError, subprocess.CalledProcessError):
        return '-'


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, required=True)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'), help='the build folder')
    parser.add_argument('--sim', help='a program to run instead of `meridian sim`')
    parser.add_argument('--scenarios', help='only these, with commas; then neither the explorer nor crash states')
    parser.add_argument('--ledger', default=os.path.join(ROOT, 'tests', 'LEDGER.md'))
    return parser.parse_args()


def sources_of(chosen, ledger):
    program = [os.path.abspath(chosen.sim)] if chosen.sim else [os.path.join(os.path.abspath(chosen.build), 'meridian'), 'sim']
    listed = [each['scenario'] for each in json.loads(subprocess.check_output([*program, 'list', '--json']))]
    names = chosen.scenarios.split(',') if chosen.scenarios else listed
    unknown = set(names) - set(listed)
    if unknown:
        sys.exit(f'unknown scenarios {", ".join(sorted(unknown))}; allowed: {", ".join(listed)}')
    sources = [Scenario(name, program, ledger.last_seed(name)) for name in names]
    if chosen.scenarios:
        return sources
    if re.search(r'^\s+explore\s', subprocess.check_output([*program, '--help'], text=True), re.M):
        sources.append(Explorer(program))
    crash = os.path.join(os.path.abspath(chosen.build), 'tests/integration/store-crash/store-crash-test')
    if os.path.exists(crash):
        sources.append(CrashStates(crash, ledger.last_seed('crash states')))
    return sources


def main():
    chosen = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ledger = Ledger(chosen.ledger)
    sources = sources_of(chosen, ledger)
    date, at = datetime.date.today().isoformat(), commit()
    end = time.monotonic() + chosen.minutes * 60
    try:
        # Each at least once, then who has had the least time.
        while waiting := [source for source in sources if not source.done and (source.seconds == 0 or time.monotonic() < end)]:
            min(waiting, key=lambda source: source.seconds).slice()
            ledger.write(source.row(date, at) for source in sources if source.seconds > 0)
    except KeyboardInterrupt:
        print('ended early')
    for source in sources:
        print(f'{source.name}: {source.range}, {source.hours:.1f} simulated hours, {source.states} states, {source.failed} failed, '
              f'{source.seconds / 60:.1f} minutes')
    sys.exit(1 if any(source.failed for source in sources) else 0)


main()
