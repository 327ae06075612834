#!/usr/bin/env python3
"""The life of an ID: it wakes once for however many, sleeps when idle, stops with a grace, restarts when its class says so."""
import concurrent.futures
import contextlib
import http.client
import os
import signal

import runner
from harness import DEADLINE, eventually, platform, sandbox




def test_a_hundred_concurrent_requests_wake_an_id_once():
    with platform(sandbox()) as p:
        p.deploy()
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _: p.answer('/sandbox/alice/'), range(100)))
        assert {answer['generation'] for answer in answers} == {1}
        assert len(p.events('Sandbox/alice', 'starting')) == 1
        assert len(p.events('Sandbox/alice', 'running')) == 1


def test_an_idle_id_goes_to_sleep_and_the_next_request_wakes_it_as_the_next_generation():
    with platform(sandbox(sleep_after='200ms')) as p:
        p.deploy()
        assert p.answer('/sandbox/alice/')['generation'] == 1
        asleep = p.when('Sandbox/alice', 'stopped')
        assert (asleep['stop_reason'], asleep['exit_code']) == ('idle', 0), asleep
        assert p.answer('/sandbox/alice/')['generation'] == 2
        # A request that takes longer than the idle time is activity as long as it lasts.
        assert p.answer('/sandbox/alice/sleep?ms=1000') == {'slept': True}
        assert p.events('Sandbox/alice', 'running')[-1]['generation'] == 2


def test_requests_around_the_moment_of_sleep_are_all_answered():
    with platform(sandbox(sleep_after='20ms')) as p:
        p.deploy()
        for generation in range(1, 21):
            assert p.answer('/sandbox/alice/')['generation'] == generation
            # The next request comes while it drains, stops or just has.
            eventually(lambda: p.status('Sandbox/alice')['state'] != 'running', 'alice gets tired')


def test_stop_lets_a_request_in_flight_finish_before_sigterm():
    with platform(sandbox()) as p:
        p.deploy()
        connection = http.client.HTTPConnection(p.address, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.putrequest('POST', '/sandbox/alice/')
            connection.putheader('Content-Length', '2')
            connection.endheaders(b'a')
            response = connection.getresponse()
            assert response.read(1) == b'a'
            with p.popen('stop', 'Sandbox/alice') as stop:
                p.when('Sandbox/alice', 'draining')
                connection.send(b'b')
                assert response.read() == b'b'
                assert stop.wait(DEADLINE) == 0
        status = p.status('Sandbox/alice')
        assert (status['stop_reason'], status['exit_code'], status['exit_signal']) == ('requested', 0, None)


def test_stop_kills_what_outlives_its_grace():
    with platform(sandbox(stop_grace='300ms')) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        # A process that is stopped does not get to its SIGTERM.
        os.kill(p.main_process('alice'), signal.SIGSTOP)
        p.verb('stop', 'Sandbox/alice')
        status = p.status('Sandbox/alice')
        assert (status['stop_reason'], status['exit_code'], status['exit_signal']) == ('requested', None, signal.SIGKILL), status


def test_stop_with_a_signal_of_its_own_sends_that_one():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.verb('stop', 'Sandbox/alice', '--signal', 'SIGKILL')
        status = p.status('Sandbox/alice')
        assert (status['stop_reason'], status['exit_signal']) == ('requested', signal.SIGKILL), status
        p.answer('/sandbox/alice/')
        assert p.json('stop', 'Sandbox/alice', '--signal', 'INT')['exit_code'] == 0


def test_destroy_kills_at_once_removes_the_logs_and_keeps_the_generation():
    with platform(sandbox(stop_grace='10m')) as p:
        p.deploy()
        p.answer('/sandbox/alice/log?line=secret')
        p.verb('destroy', 'Sandbox/alice')
        status = p.status('Sandbox/alice')
        assert (status['state'], status['generation'], status['exit_signal']) == ('stopped', 1, signal.SIGKILL), status
        assert 'no logs' in p.fails('logs', 'Sandbox/alice')
        for folder, _, names in os.walk(os.path.join(p.state, 'logs')):
            assert not names, (folder, names)
        assert p.answer('/sandbox/alice/')['generation'] == 2
        assert 'secret' not in p.verb('logs', 'Sandbox/alice')


def test_a_class_that_restarts_on_failure_comes_back_after_a_crash_and_not_after_exit_0():
    with platform(sandbox(restart='on-failure')) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.problem('/sandbox/alice/exit?code=7', 502, method='POST')
        eventually(lambda: p.status('Sandbox/alice')['generation'] == 2, 'alice starts again')
        status = p.when('Sandbox/alice', 'running')
        assert (status['restarts'], status['stop_reason'], status['exit_code']) == (1, 'exited', 7), status
        p.problem('/sandbox/alice/exit?code=0', 502, method='POST')
        status = p.when('Sandbox/alice', 'stopped')
        assert (status['generation'], status['stop_reason'], status['exit_code']) == (2, 'exited', 0), status


def test_a_class_that_always_restarts_comes_back_after_exit_0_but_not_after_stop():
    with platform(sandbox(restart='always')) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.problem('/sandbox/alice/exit?code=0', 502, method='POST')
        eventually(lambda: p.status('Sandbox/alice')['generation'] == 2, 'alice starts again')
        p.when('Sandbox/alice', 'running')
        p.verb('stop', 'Sandbox/alice')
        status = p.status('Sandbox/alice')
        assert (status['state'], status['generation']) == ('stopped', 2), status


def test_a_class_that_never_restarts_stays_stopped_with_the_signal_until_the_next_request():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.problem('/sandbox/alice/crash', 502, method='POST')
        status = p.when('Sandbox/alice', 'stopped')
        assert (status['stop_reason'], status['exit_code'], status['exit_signal']) == ('signalled', None, signal.SIGABRT), status
        assert p.answer('/sandbox/alice/')['generation'] == 2


if __name__ == '__main__':
    runner.main()
