#!/usr/bin/env python3
"""The verbs that list, show and follow, and how each refuses bad input."""
import json
import os
import signal
import stat

import runner
from harness import eventually, platform, sandbox

OPTIONAL_TEXT = (str, type(None))
OPTIONAL_NUMBER = (int, type(None))
FIELDS = {'class': str, 'id': str, 'state': str, 'generation': int, 'machine': OPTIONAL_TEXT, 'location': OPTIONAL_TEXT,
          'stop_reason': OPTIONAL_TEXT, 'exit_code': OPTIONAL_NUMBER, 'exit_signal': OPTIONAL_NUMBER, 'restarts': int,
          'started_at': OPTIONAL_TEXT, 'ready_ms': (int, float, type(None)), 'image': OPTIONAL_TEXT}


def line_of(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line


def end(process):
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def test_ps_lists_what_runs_and_with_all_the_stopped_ones_with_every_field_in_its_type():
    with platform(sandbox()) as p:
        p.deploy()
        assert p.json('ps') == []
        p.answer('/sandbox/alice/')
        p.verb('start', 'Sandbox/bob')
        p.verb('stop', 'Sandbox/bob')
        assert [row['id'] for row in p.json('ps')] == ['alice']
        alice, bob = sorted(p.json('ps', '--all'), key=lambda row: row['id'])
        for row in alice, bob:
            for field, types in FIELDS.items():
                assert isinstance(row[field], types), (field, row[field])
        assert (alice['state'], alice['generation'], alice['stop_reason']) == ('running', 1, None)
        assert alice['ready_ms'] > 0 and alice['image'].startswith('rootfs:/') and alice['machine'] and alice['location']
        assert (alice['exit_code'], alice['exit_signal']) == (None, None)
        assert (bob['state'], bob['stop_reason'], bob['exit_code'], bob['exit_signal']) == ('stopped', 'requested', 0, None)
        assert p.status('Sandbox/alice') == alice
        assert 'Sandbox/alice' in p.verb('ps') and 'Sandbox/bob' not in p.verb('ps')
        assert 'Sandbox/bob' in p.verb('ps', '--all') and 'requested' in p.verb('inspect', 'Sandbox/bob')


def test_apps_shows_each_application_with_its_version_classes_and_routes():
    with platform(sandbox()) as p:
        assert p.json('apps') == []
        p.deploy()
        app, = p.json('apps')
        assert (app['name'], app['version'], app['classes']) == ('test', 1, ['Sandbox'])
        assert app['routes'] == [{'path': '/sandbox/:id/*', 'class': 'Sandbox'}]
        p.deploy()
        assert 'test' in p.verb('apps')


def test_start_waits_until_ready_and_its_env_is_for_that_run_only():
    with platform(sandbox(env={'COLOUR': 'red', 'SIZE': 'big'})) as p:
        p.deploy()
        p.verb('start', 'Sandbox/alice', '--env', 'COLOUR=blue', '--env', 'EMPTY=')
        env = p.answer('/sandbox/alice/env')
        assert (env['COLOUR'], env['SIZE'], env['EMPTY']) == ('blue', 'big', '')
        identity = {key: env[key] for key in env if key.startswith('MERIDIAN_')}
        assert identity == {'MERIDIAN_ID': 'alice', 'MERIDIAN_CLASS': 'Sandbox', 'MERIDIAN_GENERATION': '1',
                            'MERIDIAN_LOCATION': p.status('Sandbox/alice')['location']}, identity
        assert 'runs already' in p.fails('start', 'Sandbox/alice', '--env', 'A=b')
        p.verb('start', 'Sandbox/alice')
        assert p.status('Sandbox/alice')['generation'] == 1
        p.verb('stop', 'Sandbox/alice')
        env = p.answer('/sandbox/alice/env')
        assert env['COLOUR'] == 'red' and 'EMPTY' not in env and env['MERIDIAN_GENERATION'] == '2'


def test_logs_print_what_was_written_and_follow_goes_on_with_what_comes():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/log?line=first')
        eventually(lambda: 'first' in p.verb('logs', 'Sandbox/alice').splitlines(), 'the line is in the logs')
        follower = p.popen('logs', '-f', 'Sandbox/alice')
        try:
            while line_of(follower) != 'first\n':
                pass
            p.answer('/sandbox/alice/log?line=second')
            assert line_of(follower) == 'second\n'
            p.verb('stop', 'Sandbox/alice')
            p.answer('/sandbox/alice/log?line=third')  # the next generation is followed too
            while line_of(follower) != 'third\n':
                pass
        finally:
            end(follower)
        entries = [json.loads(line) for line in p.verb('logs', '--json', 'Sandbox/alice').splitlines()]
        assert all({'at', 'stream'} <= entry.keys() for entry in entries), entries
        p.verb('stop', 'Sandbox/alice')
        assert 'second' in p.verb('logs', 'Sandbox/alice'), 'the logs of a stopped container stay'


def test_exec_keeps_its_streams_apart_takes_input_and_ends_with_the_status_of_the_command():
    with platform(sandbox()) as p:
        p.deploy()
        p.verb('start', 'Sandbox/alice')
        done = p.run('exec', 'Sandbox/alice', '--', '/server', 'cat', input='one\ntwo' * 20000)
        assert (done.returncode, done.stdout, done.stderr) == (0, 'one\ntwo' * 20000, '')
        done = p.run('exec', 'Sandbox/alice', '--', '/server', 'fail', '3', input='trouble')
        assert (done.returncode, done.stdout, done.stderr) == (3, '', 'trouble'), done
        with p.popen('exec', 'Sandbox/alice', '--', '/server', 'cat', stdin=-1) as running:
            running.stdin.write('x\n')
            running.stdin.flush()
            assert line_of(running) == 'x\n'
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 128 + signal.SIGTERM
        assert '/nothing: No such file' in p.fails('exec', 'Sandbox/alice', '--', '/nothing', status=125)
        assert 'does not run' in p.fails('exec', 'Sandbox/bob', '--', '/server', status=125)
        assert p.status('Sandbox/alice')['generation'] == 1


def test_exec_ends_with_its_instance():
    with platform(sandbox()) as p:
        p.deploy()
        p.verb('start', 'Sandbox/alice')
        with p.popen('exec', 'Sandbox/alice', '--', '/server', 'cat', stdin=-1) as running:
            running.stdin.write('x\n')
            running.stdin.flush()
            assert line_of(running) == 'x\n'
            p.verb('destroy', 'Sandbox/alice')
            assert running.wait(30) == 128 + signal.SIGKILL


def test_events_tell_the_life_of_an_id_in_order_and_follow_goes_on_with_what_comes():
    with platform(sandbox()) as p:
        p.deploy()
        follower = p.popen('events', '-f', '--json')
        try:
            p.verb('start', 'Sandbox/alice')
            p.verb('stop', 'Sandbox/alice')
            kinds = []
            while not kinds or kinds[-1] != 'stopped':
                kinds.append(json.loads(line_of(follower))['kind'])
        finally:
            end(follower)
        assert kinds[:3] == ['placing', 'starting', 'running'] and 'stopping' in kinds, kinds
        events = p.events('Sandbox/alice')
        assert [event['kind'] for event in events] == kinds
        numbers = [event['number'] for event in events]
        assert numbers == sorted(set(numbers))
        rest = p.verb('events', '--json', '--after', str(numbers[1])).splitlines()
        assert json.loads(rest[0])['number'] == numbers[2]


def test_why_names_the_choice_of_each_tier_with_its_candidates_and_reasons():
    with platform(sandbox()) as p:
        p.deploy()
        p.verb('start', 'Sandbox/alice')
        decisions = p.json('why', 'Sandbox/alice')
        status = p.status('Sandbox/alice')
        assert [decision['chosen'] for decision in decisions] == [status['location'], status['machine']]
        for decision in decisions:
            candidate, = decision['candidates']
            assert candidate['feasible'] is True and candidate['reason'], candidate
        assert 'never placed' in p.verb('why', 'Sandbox/bob')


def test_bad_input_is_refused_in_one_line_and_changes_nothing():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        before = p.json('ps', '--all'), p.json('apps'), p.events()
        for verb in 'inspect', 'start', 'stop', 'destroy', 'logs', 'why':
            for address in 'alice', 'Sandbox/', 'Sandbox/..', 'Sandbox/a b', 'Sandbox/' + 'x' * 129, '/alice':
                assert 'allowed' in p.fails(verb, address), (verb, address)
        assert 'CLASS/ID' in p.fails('inspect', status=2)
        assert 'allowed' in p.fails('stop', 'Sandbox/alice', '--signal', 'SIGNOTHING')
        assert 'allowed' in p.fails('start', 'Sandbox/bob', '--env', 'NOVALUE')
        p.fails('frobnicate', status=2)
        p.fails('events', '--after', 'x', status=2)
        for change in ({'max_instances': -1}, {'instance_type': 'huge'}, {'sleep_after': '5 weeks'}, {'colour': 'red'},
                       {'image': 'rootfs:/nowhere'}, {'restart': 'often'}, {'default_port': 70000}):
            p.configure(sandbox(**change))
            message = p.fails('deploy', '--config', p.config)
            key, value = next(iter(change.items()))
            assert str(value).removeprefix('rootfs:') in message or key in message, message
        assert 'no-such-file' in p.fails('deploy', '--config', '/no-such-file')
        assert (p.json('ps', '--all'), p.json('apps'), p.events()) == before


def test_a_class_that_nobody_declares_does_not_start():
    with platform(sandbox()) as p:
        assert 'unknown-class' in p.fails('start', 'Nowhere/alice')
        assert p.json('ps', '--all') == []


def test_each_verb_explains_itself():
    with platform(sandbox()) as p:
        everything = p.verb('--help')
        for verb in 'dev up down info deploy apps ps inspect start stop destroy logs exec events why'.split():
            assert f'  {verb} ' in everything and f'Usage: meridian {verb}' in p.verb(verb, '--help'), verb


def test_the_socket_is_for_its_owner_only_and_without_a_platform_every_verb_says_so():
    with platform(sandbox()) as p:
        mode = os.stat(os.path.join(p.state, 'rpc.sock')).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, oct(mode)
        p.verb('down')
        for arguments in (['ps'], ['apps'], ['events'], ['inspect', 'Sandbox/a'], ['deploy', '--config', p.config]):
            assert 'no platform' in p.fails(*arguments)


if __name__ == '__main__':
    runner.main()
