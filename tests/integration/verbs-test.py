"""The one-shot verbs on containers, and the life of the platform that they talk to."""
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess

import platform as harness
from platform import eventually, sandbox

FIELDS = {'class': str, 'id': str, 'state': str, 'generation': int, 'machine': str, 'location': str, 'restarts': int, 'image': str}


# ---- ps, inspect, start, why

def ps_shows_what_lives_and_with_all_what_has_lived():
    with harness.platform(sandbox()) as platform:
        assert platform.json('ps') == []
        platform.hello('alice')
        platform.hello('bob')
        platform.verb('stop', 'Sandbox/bob')
        alice, = platform.json('ps')
        assert alice['id'] == 'alice'
        stopped = next(entry for entry in platform.json('ps', '--all') if entry['id'] == 'bob')
        for entry in (alice, stopped):
            for field, kind in FIELDS.items():
                assert type(entry[field]) is kind or (entry is stopped and entry[field] is None), (field, entry)
        assert (alice['class'], alice['state'], alice['generation'], alice['restarts']) == ('Sandbox', 'running', 1, 0)
        assert (alice['stop_reason'], alice['exit_code'], alice['exit_signal']) == (None, None, None)
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z', alice['started_at']) and alice['ready_ms'] > 0
        assert alice['image'] == harness.image()
        assert (stopped['state'], stopped['stop_reason'], stopped['exit_code']) == ('stopped', 'requested', 0), stopped
        assert platform.status('Sandbox/alice') == alice
        table = platform.verb('ps', '--all')
        assert 'Sandbox/alice' in table and 'Sandbox/bob' in table and 'Sandbox/bob' not in platform.verb('ps')


def an_exit_is_shown_with_its_code_and_a_signal_with_its_number():
    with harness.platform(sandbox()) as platform:
        status, body, _ = platform.request('/sandbox/alice/exit?code=7', 'POST')
        assert status == 502, body
        alice = platform.until_state('Sandbox/alice', 'stopped')
        assert (alice['stop_reason'], alice['exit_code'], alice['exit_signal']) == ('exited', 7, None), alice
        assert platform.request('/sandbox/bob/crash', 'POST')[0] == 502
        bob = platform.until_state('Sandbox/bob', 'stopped')
        assert (bob['stop_reason'], bob['exit_code'], bob['exit_signal']) == ('signalled', None, signal.SIGABRT), bob


def start_wakes_and_adds_to_the_environment_of_one_generation():
    with harness.platform(sandbox(env={'FIXED': '1'})) as platform:
        assert 'generation 1' in platform.verb('start', 'Sandbox/alice', '--env', 'EXTRA=two words', '--env', 'FIXED=2')
        env = platform.hello('alice', 'env')
        assert (env['EXTRA'], env['FIXED']) == ('two words', '2'), env
        assert (env['MERIDIAN_ID'], env['MERIDIAN_CLASS'], env['MERIDIAN_GENERATION']) == ('alice', 'Sandbox', '1'), env
        assert env['MERIDIAN_LOCATION'] == platform.status('Sandbox/alice')['location']
        assert platform.json('start', 'Sandbox/alice')['generation'] == 1, 'who runs is not started again'
        assert 'env' in platform.refused('start', 'Sandbox/alice', '--env', 'EXTRA=3')
        platform.verb('stop', 'Sandbox/alice')
        env = platform.hello('alice', 'env')
        assert 'EXTRA' not in env and env['FIXED'] == '1', env


def why_names_what_was_considered():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        tiers = {decision['tier']: decision for decision in platform.json('why', 'Sandbox/alice')}
        status = platform.status('Sandbox/alice')
        assert tiers['global']['chosen'] == status['location']
        assert tiers[status['location']]['chosen'] == status['machine']
        for decision in tiers.values():
            assert decision['reason'] and all(candidate['reason'] for candidate in decision['candidates'])
        assert status['machine'] in platform.verb('why', 'Sandbox/alice')


# ---- stop, destroy

def stop_sends_a_signal_waits_the_grace_and_kills():
    with harness.platform(sandbox(stop_grace='1s')) as platform:
        platform.hello('calm')
        assert 'requested' in platform.verb('stop', 'Sandbox/calm')
        assert platform.status('Sandbox/calm')['exit_code'] == 0
        assert 'stopping' in platform.verb('logs', 'Sandbox/calm'), 'SIGTERM did not arrive'

        platform.hello('other')
        platform.verb('stop', '--signal', 'SIGINT', 'Sandbox/other')
        assert platform.status('Sandbox/other')['exit_code'] == 0

        platform.hello('stubborn')
        key, = platform.instances()
        process = platform.instances()[key]
        os.kill(process.pid, signal.SIGSTOP)  # deaf to SIGTERM
        platform.verb('stop', 'Sandbox/stubborn')
        stubborn = platform.status('Sandbox/stubborn')
        assert (stubborn['stop_reason'], stubborn['exit_signal']) == ('requested', signal.SIGKILL), stubborn
        assert not process.alive()


def stop_of_a_stopped_one_changes_nothing():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        platform.verb('stop', 'Sandbox/alice')
        before = platform.status('Sandbox/alice')
        platform.verb('stop', 'Sandbox/alice')
        assert platform.status('Sandbox/alice') == before


def destroy_kills_and_removes_logs_and_keeps_the_generation():
    with harness.platform(sandbox(stop_grace='10m')) as platform:
        platform.hello('alice')
        (key, process), = platform.instances().items()
        os.kill(process.pid, signal.SIGSTOP)
        platform.verb('destroy', 'Sandbox/alice')
        assert not process.alive()
        alice = platform.status('Sandbox/alice')
        assert (alice['state'], alice['generation'], alice['exit_signal']) == ('stopped', 1, signal.SIGKILL), alice
        assert 'no logs' in platform.refused('logs', 'Sandbox/alice')
        assert platform.hello('alice')['generation'] == 2
        assert 'generation 1' not in platform.verb('logs', 'Sandbox/alice')


# ---- logs, events, exec

def follow(platform, *arguments):
    return platform.popen(*arguments, stdout=subprocess.PIPE)


def end(process):
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=harness.DEADLINE)


def line_with(process, words):
    """The next line that has all of the words. A test that waits in vain is ended by the runner's time limit."""
    for line in process.stdout:
        if all(word in line for word in words):
            return line
    raise AssertionError(f'the output ended before {words}')


def logs_of_all_generations_are_kept_and_followed():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice', 'log?line=first')
        platform.verb('stop', 'Sandbox/alice')
        platform.hello('alice', 'log?line=second')
        texts = eventually(lambda: 'second' in platform.verb('logs', 'Sandbox/alice') and platform.verb('logs', 'Sandbox/alice'),
                           'the line is in the log').splitlines()
        assert texts.index('first') < texts.index('stopping') < texts.index('second'), texts
        entries = platform.json_lines('logs', 'Sandbox/alice')
        assert [entry['text'] for entry in entries] == texts
        assert {(entry['generation'], entry['stream']) for entry in entries} == {(1, 'stdout'), (2, 'stdout')}
        with follow(platform, 'logs', '-f', 'Sandbox/alice') as process:
            line_with(process, ['second'])
            platform.hello('alice', 'log?line=third')
            line_with(process, ['third'])
            platform.verb('stop', 'Sandbox/alice')
            platform.hello('alice', 'log?line=fourth')  # the next generation is followed too
            line_with(process, ['fourth'])
            end(process)


def events_tell_each_state_and_are_followed():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        platform.verb('stop', 'Sandbox/alice')
        events = platform.json_lines('events')
        assert [event['kind'] for event in events] == ['placing', 'starting', 'running', 'draining', 'stopping', 'stopped'], events
        assert all((event['class'], event['id'], event['generation']) == ('Sandbox', 'alice', 1) for event in events)
        numbers = [event['number'] for event in events]
        assert numbers == sorted(set(numbers))
        assert platform.json_lines('events', '--after', str(numbers[2])) == events[3:]
        with follow(platform, 'events', '-f') as process:
            line_with(process, ['alice', 'stopped'])
            platform.hello('bob')
            line_with(process, ['Sandbox/bob', 'running'])
            end(process)


def exec_keeps_streams_apart_and_answers_with_the_commands_status():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        big = 'x' * 3_000_000
        done = platform.run('exec', 'Sandbox/alice', '--', '/server', 'cat', input=big)
        assert (done.returncode, done.stdout == big, done.stderr) == (0, True, '')
        done = platform.run('exec', 'Sandbox/alice', '--', '/server', 'fail', '3', input='trouble')
        assert (done.returncode, done.stdout, done.stderr) == (3, '', 'trouble')
        done = platform.run('exec', 'Sandbox/alice', '--', '/nothing')
        assert done.returncode not in (0, 3) and '/nothing' in done.stderr, done
        with platform.popen('exec', 'Sandbox/alice', '--', '/server', 'cat', stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write('echo\n')
            process.stdin.flush()
            line_with(process, ['echo'])
            process.send_signal(signal.SIGTERM)  # is the command's
            assert process.wait(harness.DEADLINE) == 128 + signal.SIGTERM
        platform.verb('stop', 'Sandbox/alice')
        refusal = platform.refused('exec', 'Sandbox/alice', '--', '/server', 'cat')
        assert 'not run' in refusal, refusal
        assert platform.status('Sandbox/alice')['generation'] == 1, 'exec wakes nobody'


def exec_ends_with_its_instance():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        with platform.popen('exec', 'Sandbox/alice', '--', '/server', 'cat', stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write('echo\n')
            process.stdin.flush()
            line_with(process, ['echo'])
            platform.verb('destroy', 'Sandbox/alice')
            assert process.wait(harness.DEADLINE) == 128 + signal.SIGKILL


# ---- bad input

WRONG = [
    (['inspect', 'Sandbox'], 'CLASS/ID'),
    (['inspect', 'Sandbox/..'], '..'),
    (['inspect', 'Sandbox/' + 'x' * 129], '128'),
    (['start', 'Nobody/alice'], 'Nobody'),
    (['start', 'Sandbox/alice', '--env', 'novalue'], 'novalue'),
    (['stop', 'Sandbox/alice', '--signal', 'SIGWHAT'], 'SIGWHAT'),
    (['exec', 'Sandbox/alice'], 'CMD'),
    (['exec', 'Sandbox/nobody', '--', '/server'], 'Sandbox/nobody'),
    (['logs', 'Sandbox/nobody'], 'no logs'),
    (['frobnicate'], 'frobnicate'),
    (['ps', '--frobnicate'], '--frobnicate'),
    (['events', '--after', 'x'], '--after'),
]


def wrong_arguments_are_one_clear_line_and_change_nothing():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        before = platform.json('ps', '--all')
        for arguments, word in WRONG:
            refusal = platform.refused(*arguments)
            assert word in refusal, (arguments, refusal)
        assert platform.json('ps', '--all') == before
        assert platform.hello('alice')['generation'] == 1


def each_verb_explains_itself():
    with harness.platform(sandbox()) as platform:
        general = platform.verb('--help')
        for verb in ('dev up down deploy apps ps inspect start stop destroy logs exec events why').split():
            assert f'  {verb} ' in general and 'Usage: meridian ' + verb in platform.verb(verb, '--help'), verb


# ---- the platform itself

def the_operators_socket_is_its_owners_alone():
    with harness.platform(sandbox()) as platform:
        status = os.stat(os.path.join(platform.state, 'rpc.sock'))
        assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600, oct(status.st_mode)


def a_state_folder_has_one_platform():
    with harness.platform(sandbox()) as platform:
        for words in (['up', '--http', '127.0.0.1:0'], ['dev', '--config', platform.config, '--port', '0']):
            refusal = platform.refused(*words)
            assert platform.state in refusal and '`meridian up`' in refusal, refusal
        platform.hello('alice')


def an_address_in_use_is_refused_and_a_verb_without_platform_too():
    with harness.platform(sandbox()) as platform, harness.Platform(sandbox()).owned() as second:
        assert platform.address in second.refused('up', '--http', platform.address)
        assert not second.shim(), 'a platform that does not serve leaves no shim'
        assert second.state in second.refused('ps')


def after_sigterm_containers_run_on_and_the_next_up_takes_over():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        (key, process), = platform.instances().items()
        shim = platform.shim()
        assert platform.kill(signal.SIGTERM) == 0
        assert process.alive() and platform.shim() == shim
        assert platform.state in platform.refused('ps')
        platform.start()
        assert platform.hello('alice')['generation'] == 1 and process.alive()
        assert platform.kill(signal.SIGTERM) == 0
        platform.verb('down')  # without a platform it ends what that left
        assert not process.alive() and not platform.shim()
        platform.start()
        assert platform.status('Sandbox/alice')['stop_reason'] == 'requested'
        assert platform.hello('alice')['generation'] == 2


def down_stops_instances_platform_and_shim():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        (key, process), = platform.instances().items()
        platform.verb('down')
        assert platform.wait() == 0
        assert not process.alive() and not platform.shim()
        assert 'stopping' in open(os.path.join(platform.state, 'logs/Sandbox/alice/log'), errors='replace').read(), 'SIGTERM did not arrive'
        platform.start()
        alice = platform.status('Sandbox/alice')
        assert (alice['state'], alice['stop_reason'], alice['exit_code']) == ('stopped', 'requested', 0), alice


harness.run_tests([
    ps_shows_what_lives_and_with_all_what_has_lived, an_exit_is_shown_with_its_code_and_a_signal_with_its_number,
    start_wakes_and_adds_to_the_environment_of_one_generation, why_names_what_was_considered,
    stop_sends_a_signal_waits_the_grace_and_kills, stop_of_a_stopped_one_changes_nothing,
    destroy_kills_and_removes_logs_and_keeps_the_generation, logs_of_all_generations_are_kept_and_followed,
    events_tell_each_state_and_are_followed, exec_keeps_streams_apart_and_answers_with_the_commands_status, exec_ends_with_its_instance,
    wrong_arguments_are_one_clear_line_and_change_nothing, each_verb_explains_itself, the_operators_socket_is_its_owners_alone,
    a_state_folder_has_one_platform, an_address_in_use_is_refused_and_a_verb_without_platform_too,
    after_sigterm_containers_run_on_and_the_next_up_takes_over, down_stops_instances_platform_and_shim])
