#!/usr/bin/env python3
"""The command `sim` around scenarios whose ends are known (toy-scenarios.c++). Usage: command-test.py TOY_SIM"""

import ctypes
import errno
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)
SECONDS_MAX = 120


def sim(*arguments, program=PROGRAM, **how):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX, **how)


def swarm(*arguments, **how):
    done = sim('swarm', *arguments, '--json', **how)
    return done.returncode, json.loads(done.stdout)


def wait_for_children(pid):
    """Whether this process has a child, within the time that anything may take."""
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        with open(f'/proc/{pid}/task/{pid}/children') as children:
            if children.read():
                return True
    return False


def forbid_personality():
    """In this process and its children, as a container may do: a filter of system calls answers it with EPERM."""
    load, equal, give = 0x20, 0x15, 0x06
    number = {'x86_64': 135, 'aarch64': 92}[os.uname().machine]
    program = b''.join(struct.pack('HBBI', *step) for step in [
        (load, 0, 0, 0), (equal, 0, 1, number), (give, 0, 0, 0x00050000 | errno.EPERM), (give, 0, 0, 0x7fff0000)])
    steps = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filtered = 38, 22, 2
    assert libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
    filter_ = struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(steps))
    assert libc.prctl(set_seccomp, filtered, filter_, 0, 0) == 0


def without_times(found):
    return {name: value for name, value in found.items()
            if name not in ('wall_seconds', 'speedup', 'events_per_second', 'jobs')}


class Swarm(unittest.TestCase):
    def test_a_swarm_without_failures_ends_with_0(self):
        status, found = swarm('mixed', '--seeds', '1..9')
        self.assertEqual(status, 0)
        self.assertEqual((found['seeds'], found['failed'], found['failures'], found['complete']), (9, 0, [], True))
        self.assertEqual(found['events'], 900)
        self.assertEqual(found['counts'], {'lines': 900})
        self.assertAlmostEqual(found['simulated_hours'], 0.25)
        self.assertAlmostEqual(found['speedup'], 900 / found['wall_seconds'], delta=1)
        self.assertRegex(found['transcript_hash'], '^[0-9a-f]{16}$')

    def test_a_failure_of_any_kind_ends_neither_the_swarm_nor_the_count(self):
        status, found = swarm('mixed', '--seeds', '1..55', '--jobs', '3')
        self.assertEqual(status, 2, 'the first seed that fails is 10')
        self.assertEqual((found['seeds'], found['failed'], found['complete']), (55, 5, True))
        kinds = [(each['seed'], each['kind'], each['checker']) for each in found['failures']]
        self.assertEqual(kinds, [(10, 'stuck', 'toy-stuck'), (20, 'crash', 'crash'), (30, 'crash', 'crash'), (40, 'crash', 'crash'),
                                 (50, 'wrong', 'toy-wrong')])
        whats = [each['what'] for each in found['failures']]
        self.assertEqual(whats, ['as it was\ntold to', 'ended by signal 6 (SIGABRT)', 'thrown by a toy', 'its process exited with 7',
                                 'as it was\ntold to'])

    def test_each_failure_comes_with_the_line_that_runs_it_again(self):
        for each, status in zip(swarm('mixed', '--seeds', '1..55', '--storm', '4500ms')[1]['failures'], (2, 3, 3, 3, 1)):
            self.assertIn('--storm 4500ms', each['replay'])
            done = subprocess.run(each['replay'], shell=True, capture_output=True, text=True)
            self.assertEqual(done.returncode, status)
            self.assertIn(each['replay'], done.stdout)
        done = sim('swarm', 'mixed', '--seeds', '1..10')
        self.assertIn(f'again: {PROGRAM} run mixed --seed 10\n', done.stdout)

    def test_what_is_found_does_not_depend_on_the_number_of_jobs(self):
        results = [swarm('mixed', '--seeds', '3..140', '--max-failures', '9', '--jobs', jobs) for jobs in ('1', '2', '16')]
        self.assertEqual([status for status, _ in results], [2, 2, 2])
        one, two, many = (without_times(found) for _, found in results)
        self.assertEqual(one, two)
        self.assertEqual(one, many)
        self.assertEqual((one['seeds'], one['failed'], one['complete']), (88, 9, False), 'it ends with the ninth that fails, seed 90')

    def test_a_swarm_that_ends_early_says_so(self):
        done = sim('swarm', 'mixed', '--seeds', '1..100', '--max-failures', '1')
        self.assertEqual(done.returncode, 2)
        self.assertIn('ended after 1 failures (--max-failures); 90 seeds were not run', done.stdout)

    def test_an_interrupt_ends_it_with_what_it_has_found(self):
        with subprocess.Popen([PROGRAM, 'swarm', 'mixed', '--seeds', '1..1000000000', '--max-failures', '100000', '--json'],
                              stdout=subprocess.PIPE, text=True) as running:
            self.assertTrue(wait_for_children(running.pid), 'the worlds have begun')
            running.send_signal(signal.SIGINT)
            found = json.loads(running.communicate(timeout=SECONDS_MAX)[0])
        self.assertFalse(found['complete'])
        self.assertEqual(found['failed'], len(found['failures']))
        self.assertEqual(running.returncode, 2 if found['failed'] else 130)

    def test_where_addresses_stay_random_it_says_so(self):
        done = sim('swarm', 'mixed', '--seeds', '1..5', '--json', preexec_fn=forbid_personality)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)['addresses'], 'random')
        self.assertIn('warning: address randomisation cannot be switched off here (Operation not permitted)', done.stderr)

    def test_the_hash_is_that_of_all_transcripts_in_order(self):
        hashes = {swarm('mixed', '--seeds', seeds)[1]['transcript_hash'] for seeds in ('1..5', '1..6', '2..6')}
        self.assertEqual(len(hashes), 3)

    def test_with_one_checker_others_do_not_count(self):
        status, found = swarm('mixed', '--seeds', '1..55', '--checker', 'toy-wrong')
        self.assertEqual(status, 1)
        self.assertEqual([each['seed'] for each in found['failures']], [50])

    def test_a_world_that_hangs_is_stuck(self):
        status, found = swarm('endless', '--seeds', '1..2', '--jobs', '2', '--patience', '1s')
        self.assertEqual(status, 2)
        self.assertEqual([(each['kind'], each['checker']) for each in found['failures']], [('stuck', 'real-time')] * 2)


class Run(unittest.TestCase):
    def test_one_seed(self):
        done = sim('run', 'mixed', '--seed', '7', '--json')
        self.assertEqual(done.returncode, 0)
        found = json.loads(done.stdout)
        self.assertEqual((found['seed'], found['kind'], found['simulated_seconds'], found['storm_seconds']), (7, 'fine', 100, 30))

    def test_narrowing_reaches_the_world(self):
        found = json.loads(sim('run', 'shrinking', '--seed', '7', '--storm', '3.5s', '--without', 'rain,hail', '--json').stdout)
        self.assertEqual((found['kind'], found['storm_seconds'], found['without']), ('wrong', 3.5, ['hail', 'rain']))
        self.assertTrue(found['replay'].endswith('run shrinking --seed 7 --storm 3500ms --without hail,rain'))

    def test_sizes_reach_the_world(self):
        found = json.loads(sim('run', 'mixed', '--seed', '1', '--size', 'height=7,width=3', '--json').stdout)
        self.assertEqual(found['counts'], {'height': 7, 'lines': 100, 'width': 3})
        self.assertTrue(found['replay'].endswith('--size height=7,width=3'))

    def test_the_transcript_is_printed_whole_and_also_before_a_crash(self):
        lines = sim('run', 'mixed', '--seed', '20', '--trace').stdout.splitlines()
        self.assertEqual(len([line for line in lines if ' toy  ' in line]), 100)
        self.assertIn('crash: crash: ended by signal 6 (SIGABRT)', '\n'.join(lines))

    def test_a_failure_shows_the_tail_of_the_transcript(self):
        done = sim('run', 'mixed', '--seed', '10')
        self.assertEqual(done.returncode, 2)
        self.assertIn('   99.000000  toy        seed 10\nseed 10: stuck: toy-stuck: as it was\ntold to\n  again: ', done.stdout)

    def test_a_replay_stops_at_its_moment_and_has_found_nothing_by_then(self):
        done = sim('replay', 'mixed', '--seed', '10', '--until', '2500ms')
        self.assertEqual(done.returncode, 0)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()[:3]], ['0.000000', '1.000000', '2.000000'])
        self.assertIn('fine so far', done.stdout)
        self.assertEqual(sim('replay', 'mixed', '--seed', '10', '--until', '10m').returncode, 2)


class Shrink(unittest.TestCase):
    def test_the_fewest_faults_and_the_shortest_storm(self):
        for jobs in ('1', '3'):
            done = sim('shrink', 'shrinking', '--seed', '5', '--jobs', jobs, '--json')
            self.assertEqual(done.returncode, 1)
            found = json.loads(done.stdout)
            self.assertEqual((found['faults'], found['checker']), (['wind', 'snow'], 'toy-wrong'))
            self.assertEqual((found['storm_seconds'], found['storm_seconds_before']), (3.4, 30))
            self.assertTrue(found['replay'].endswith('run shrinking --seed 5 --storm 3400ms --without rain'), found['replay'])
            again = subprocess.run(found['replay'], shell=True, capture_output=True)
            self.assertEqual(again.returncode, 1)

    def test_a_seed_that_is_fine_cannot_be_shrunk(self):
        done = sim('shrink', 'mixed', '--seed', '5')
        self.assertEqual(done.returncode, 0)
        self.assertIn('nothing to shrink', done.stdout)


class Arguments(unittest.TestCase):
    def test_what_is_not_understood_is_one_line_with_value_and_allowed(self):
        for arguments, words in [
                ([], ['no command', 'swarm']),
                (['fly'], ['"fly"', 'swarm']),
                (['swarm', 'none', '--seeds', '1..2'], ['SCENARIO', '"none"', 'mixed', 'endless']),
                (['swarm', 'mixed'], ['--seeds']),
                (['swarm', 'mixed', '--seeds', '5..4'], ['--seeds', '"5..4"', 'A..B']),
                (['swarm', 'mixed', '--seeds', '-1..4'], ['--seeds', '"-1..4"']),
                (['swarm', 'mixed', '--seeds', '1..'], ['--seeds', '"1.."']),
                (['swarm', 'mixed', '--seeds', '1..18446744073709551616'], ['--seeds', '18446744073709551615']),
                (['swarm', 'mixed', '--seeds', '0..1000000000'], ['--seeds', 'at most 1000000000']),
                (['swarm', 'mixed', '--seeds', '1..2', '--jobs', '0'], ['--jobs', '"0"', '1 to 256']),
                (['swarm', 'mixed', '--seeds', '1..2', '--jobs', '-1'], ['--jobs', '"-1"']),
                (['swarm', 'mixed', '--seeds', '1..2', '--max-failures', '0'], ['--max-failures', '"0"']),
                (['run', 'mixed', '--seed', '1x'], ['--seed', '"1x"']),
                (['run', 'mixed', '--seed', '-1'], ['--seed', '"-1"']),
                (['run', 'mixed', '--seed', '18446744073709551616'], ['--seed', '18446744073709551615']),
                (['run', 'mixed', '--seed', '1', '--without', 'rain,fog'], ['--without', '"fog"', 'rain']),
                (['run', 'mixed', '--seed', '1', '--without', ''], ['--without', '""', 'rain']),
                (['run', 'endless', '--seed', '1', '--without', 'rain'], ['--without', '"rain"', 'none']),
                (['run', 'mixed', '--seed', '1', '--storm', '5'], ['--storm', '"5"', '12s']),
                (['run', 'mixed', '--seed', '1', '--storm', '-5s'], ['--storm', '"-5s"']),
                (['run', 'mixed', '--seed', '1', '--storm', '1.5ns'], ['--storm', '"1.5ns"']),
                (['run', 'mixed', '--seed', '1', '--size', 'depth=1'], ['--size', '"depth=1"', 'width, height']),
                (['run', 'mixed', '--seed', '1', '--size', 'width'], ['--size', '"width"']),
                (['run', 'mixed', '--seed', '1', '--size', 'width=0'], ['--size width=', '"0"', '1 to 1000']),
                (['run', 'mixed', '--seed', '1', '--size', 'width=1,'], ['--size', '""']),
                (['run', 'endless', '--seed', '1', '--size', 'width=1'], ['--size', 'none']),
                (['run', 'mixed', '--seed', '1', '--patience', '10ms'], ['--patience', '"10ms"', '1s']),
                (['run', 'mixed', '--seed', '1', '--trace', '--json'], ['--trace', '--json']),
                (['replay', 'mixed', '--seed', '1'], ['--until']),
                (['replay', 'mixed', '--seed', '1', '--until', '100001h'], ['--until', '"100001h"', '100000h']),
                (['run', 'mixed', '--seed', '1', 'more'], ['"more"']),
                (['run', 'mixed', '--seed', '1', '--jobs', '2'], ['"--jobs"'])]:
            done = sim(*arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ''), arguments)
            self.assertRegex(done.stderr, r'^meridian: [^\n]*\n$')
            for word in words:
                self.assertIn(word, done.stderr, arguments)

    def test_the_largest_seed_is_one_too(self):
        self.assertEqual(swarm('mixed', '--seeds', '18446744073709551614..18446744073709551615')[1]['seeds'], 2)

    def test_help_says_what_there_is(self):
        self.assertIn('shrink', sim('--help').stdout)
        for command in ('swarm', 'run', 'replay', 'shrink'):
            text = sim(command, '--help').stdout
            self.assertIn('2 something was stuck', text)
            self.assertIn('--without', text)

    def test_scenarios_are_listed(self):
        listed = json.loads(sim('list', '--json').stdout)
        self.assertEqual([each['scenario'] for each in listed], ['mixed', 'shrinking', 'endless'])
        self.assertEqual(listed[1]['faults'], ['wind', 'rain', 'snow', 'hail'])
        self.assertIn('mixed: each tenth seed fails\n  faults: rain\n  sizes: width height\n', sim('list').stdout)

    def test_a_path_that_a_shell_would_split_is_quoted(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "it's a toy")
            os.symlink(os.path.abspath(PROGRAM), program)
            replay = swarm('mixed', '--seeds', '10', program=program)[1]['failures'][0]['replay']
            self.assertEqual(subprocess.run(replay, shell=True, capture_output=True).returncode, 2)


unittest.main()
