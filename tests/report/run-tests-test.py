#!/usr/bin/env python3
"""What the summary of a test run counts."""

import importlib
import unittest

run_tests = importlib.import_module('run-tests')


def test(name, result, stdout='', stderr=''):
    return {'name': name, 'result': result, 'stdout': stdout, 'stderr': stderr}


class Summary(unittest.TestCase):
    def test_all_passed(self):
        self.assertEqual(run_tests.summarise([test('a', 'OK'), test('b', 'OK')]), (['2 passed, 0 failed, 0 skipped'], 0))

    def test_a_skip_is_listed_with_its_reason(self):
        lines, failed = run_tests.summarise([test('a', 'SKIP', 'SKIP: no cgroup v2\n'), test('b', 'SKIP')])
        self.assertEqual(lines, ['skipped:', '  a: no cgroup v2', '  b: no reason given', '0 passed, 0 failed, 2 skipped'])
        self.assertEqual(failed, 0)

    def test_a_part_that_was_left_out_counts_as_skipped(self):
        lines, _ = run_tests.summarise([test('a', 'OK', 'fine\nSKIP: needs clang\n')])
        self.assertEqual(lines, ['skipped:', '  a: needs clang', '1 passed, 0 failed, 1 skipped'])

    def test_a_failure_shows_the_end_of_its_output(self):
        lines, failed = run_tests.summarise([test('a', 'FAIL', 'x\n' * 100 + 'the reason\n'), test('b', 'TIMEOUT')])
        self.assertTrue(lines[0].startswith('--- a: fail\nx\n'))
        self.assertTrue(lines[0].endswith('\nthe reason'))
        self.assertEqual(lines[0].count('\n'), run_tests.OUTPUT_LINES_OF_FAILURE)
        self.assertEqual(lines[1:], ['--- b: timeout', '0 passed, 2 failed, 0 skipped'])
        self.assertEqual(failed, 2)

    def test_a_progress_line_of_meson_is_understood(self):
        match = run_tests.PROGRESS.match(' 1/12 unit - meridian:cli config OK              0.03s')
        self.assertEqual(match.groups(), ('1', '12', 'unit - meridian:cli config', 'OK', '0.03s'))


if __name__ == '__main__':
    unittest.main()
