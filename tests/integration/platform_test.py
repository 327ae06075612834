#!/usr/bin/env python3
"""`dev`, `up` and `down`: one platform for a state folder, containers that outlive `up`, and nothing left behind."""
import contextlib
import os
import re
import signal
import subprocess

import runner
from harness import BUILD, DEADLINE, Platform, eventually, platform, sandbox


def other(p, mode):
    """A second platform of this mode on the same folder; its error."""
    arguments = ['--http', '127.0.0.1:0'] if mode == 'up' else ['--config', p.config, '--port', '0']
    done = subprocess.run([os.path.join(BUILD, 'meridian'), '--state', p.state, mode, *arguments],
                          capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode != 0 and done.stderr.startswith('meridian: ') and 'ready' not in done.stdout, done
    return done.stderr


def test_two_platforms_refuse_one_state_folder():
    for mode in 'up', 'dev':
        with platform(sandbox(), mode=mode) as p:
            for second in 'up', 'dev':
                assert p.state in other(p, second)
            p.verb('start', 'Sandbox/alice') if mode == 'dev' else p.verb('ps')


def test_sigterm_of_up_leaves_shim_and_containers_which_the_next_up_takes_over():
    with platform(sandbox()) as p:
        p.deploy()
        before = p.answer('/sandbox/alice/env')
        shim, started = p.shim(), p.status('Sandbox/alice')['started_at']
        p.kill(signal.SIGTERM)
        assert p.process.returncode == 0
        assert p.shim() == shim
        p.start()
        assert p.shim() == shim
        status = p.when('Sandbox/alice', 'running')
        assert (status['generation'], status['started_at']) == (1, started), status
        assert p.answer('/sandbox/alice/env') == before
        assert p.json('apps')[0]['version'] == 1
        assert 'serving alice generation 1' in p.verb('logs', 'Sandbox/alice')


def test_an_exit_while_no_platform_ran_is_known_with_its_code_to_the_next_one():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        child = p.main_process('alice')
        p.kill(signal.SIGKILL)
        os.kill(child, signal.SIGTERM)
        eventually(lambda: not os.path.exists(f'/proc/{child}'), 'the container ended')
        p.start()
        status = p.when('Sandbox/alice', 'stopped')
        assert (status['stop_reason'], status['exit_code']) == ('exited', 0), status
        assert p.answer('/sandbox/alice/')['generation'] == 2


def test_down_stops_instances_agent_and_shim_and_leaves_nothing():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        kinds = {trace.split()[0] for trace in p.traces()}
        assert kinds == {'process', 'mount', 'loop', 'cgroup', 'link'}, kinds
        p.verb('down')
        assert p.process.wait(DEADLINE) == 0
        assert not p.traces(), p.traces()


def test_down_without_up_stops_what_it_left_running():
    with platform(sandbox()) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.kill(signal.SIGTERM)
        p.verb('down')
        assert not p.traces(), p.traces()
        p.start()
        status = p.status('Sandbox/alice')
        assert (status['state'], status['stop_reason'], status['generation']) == ('stopped', 'requested', 1), status


def test_ctrl_c_of_dev_stops_everything_and_leaves_nothing():
    with platform(sandbox(stop_grace='10m'), mode='dev') as p:
        for name in 'alice', 'bob':
            p.answer(f'/sandbox/{name}/')
        p.kill(signal.SIGINT)
        assert p.process.returncode == 0
        assert not p.traces(), p.traces()


def test_a_second_ctrl_c_of_dev_kills_and_leaves_nothing():
    with platform(sandbox(stop_grace='10m'), mode='dev') as p:
        p.answer('/sandbox/alice/')
        child = p.main_process('alice')
        os.kill(child, signal.SIGSTOP)
        p.process.send_signal(signal.SIGINT)
        for line in p.process.stdout:
            if 'again kills' in line:
                break
        p.kill(signal.SIGINT)
        assert p.process.returncode == 0
        assert not p.traces(), p.traces()
        p.start()
        status = p.when('Sandbox/alice', 'stopped')
        assert status['exit_signal'] == signal.SIGKILL, status
        assert p.answer('/sandbox/alice/')['generation'] == 2


def test_dev_after_a_kill_takes_over_and_ends_as_ever():
    with platform(sandbox(), mode='dev') as p:
        p.answer('/sandbox/alice/')
        p.kill(signal.SIGKILL)
        p.start()
        assert p.answer('/sandbox/alice/')['generation'] == 1
        p.kill(signal.SIGINT)
        assert p.process.returncode == 0
        assert not p.traces(), p.traces()


def test_down_ends_a_dev_too():
    with platform(sandbox(), mode='dev') as p:
        p.answer('/sandbox/alice/')
        p.verb('down')
        assert p.process.wait(DEADLINE) == 0
        assert not p.traces(), p.traces()


def test_a_platform_that_cannot_serve_says_why_in_one_line_and_leaves_nothing():
    with platform(sandbox()) as p, contextlib.closing(Platform(sandbox(image='rootfs:/nowhere'))) as second:
        taken = second.run('up', '--http', p.address)
        wrong = second.run('dev', '--config', second.config, '--port', '0')
        for done, word in (taken, p.address), (wrong, '/nowhere'):
            assert done.returncode == 1 and done.stdout == '', done
            assert done.stderr.startswith('meridian: ') and word in done.stderr and done.stderr.count('\n') == 1, done
            assert not second.traces(), second.traces()


def test_dev_prints_routes_starts_output_and_stops_as_they_happen():
    p = Platform(sandbox(sleep_after='300ms'), mode='dev')
    try:
        p.start()
        p.answer('/sandbox/alice/log?line=hello-from-alice')
        seen = ''
        for wanted in r'Sandbox/alice.*running', r'hello-from-alice', r'Sandbox/alice.*stopped.*idle':
            while not re.search(wanted, seen):
                line = p.process.stdout.readline()
                assert line, seen
                seen += line
        p.kill(signal.SIGINT)
    finally:
        p.close()


if __name__ == '__main__':
    runner.main()
