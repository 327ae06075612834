#!/usr/bin/env python3
"""A long run keeps its ledger. Usage: long-run-test.py LONG_RUN TOY_SIM"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

LONG_RUN, TOY_SIM = sys.argv.pop(1), sys.argv.pop(1)


def rows(ledger):
    lines = pathlib.Path(ledger).read_text().splitlines()
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if line.startswith('|')][2:]


class LongRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ledger = os.path.join(folder.name, 'LEDGER.md')

    def run_for_a_moment(self, scenarios):
        return subprocess.run([sys.executable, LONG_RUN, '--minutes', '0.005', '--sim', TOY_SIM, '--ledger', self.ledger, '--scenarios',
                               scenarios], capture_output=True, text=True, timeout=120)

    def test_seeds_go_on_where_the_ledger_ends(self):
        for _ in range(2):
            self.assertEqual(self.run_for_a_moment('mixed,shrinking').returncode, 1, 'both have seeds that fail')
        first, _, second, _ = rows(self.ledger)
        self.assertEqual(first[2], 'mixed')
        begin, end = first[3].split('..')
        self.assertEqual((begin, first[4]), ('1', end))
        self.assertEqual(second[3].split('..')[0], str(int(end) + 1))

    def test_totals_are_those_of_the_rows(self):
        for _ in range(2):
            self.run_for_a_moment('mixed')
        seeds = sum(int(row[4]) for row in rows(self.ledger))
        self.assertIn(f'So far: {seeds:,} seeds, ', pathlib.Path(self.ledger).read_text())

    def test_failures_are_printed_with_their_line_and_counted(self):
        done = self.run_for_a_moment('shrinking')
        self.assertEqual(done.returncode, 1)
        self.assertIn('run shrinking --seed 1\n', done.stdout)
        self.assertIn('20 failures are enough', done.stdout)
        self.assertEqual([(row[3], row[7]) for row in rows(self.ledger)], [('1..20', '20')])

    def test_an_unknown_scenario_is_named(self):
        done = self.run_for_a_moment('none')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('unknown scenarios none; allowed: mixed', done.stderr)


unittest.main()
