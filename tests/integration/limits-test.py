"""Limits hold, each for its own instance alone; what a full or failing start gets; restarts; isolation."""
import json
import os
import socket

import platform as harness
from platform import eventually, sandbox

SMALL = {'vcpu': 0.0625, 'memory_mib': 128, 'disk_mb': 64}


def problem(platform, path):
    status, body, headers = platform.request(path)
    return status, json.loads(body), headers


# ---- what is full

def a_full_machine_says_what_is_full_and_when_to_come_back():
    with harness.platform(sandbox(instance_type=SMALL), capacity='vcpu=2,memory_mib=300,disk_mb=10000') as platform:
        platform.hello('one')
        platform.hello('two')
        status, error, headers = problem(platform, '/sandbox/three/hello')
        assert (status, error['code']) == (503, 'no-capacity'), error
        assert int(headers['Retry-After']) >= 1 and 'memory' in error['message'], (headers, error)
        assert any('memory' in candidate['reason'] for decision in platform.json('why', 'Sandbox/three')
                   for candidate in decision['candidates'])
        platform.verb('stop', 'Sandbox/one')
        assert platform.hello('three')['id'] == 'three'


def a_full_class_says_so():
    with harness.platform(sandbox(max_instances=1)) as platform:
        platform.hello('one')
        status, error, headers = problem(platform, '/sandbox/two/hello')
        assert (status, error['code']) == (503, 'max-instances'), error
        assert int(headers['Retry-After']) >= 1 and '1' in error['message'], (headers, error)
        assert 'max-instances' in platform.refused('start', 'Sandbox/two')
        platform.verb('stop', 'Sandbox/one')
        assert platform.hello('two')['id'] == 'two'


# ---- starts that fail

def a_failed_start_is_502_with_the_reason():
    with harness.platform(sandbox(entrypoint=['/not-there'])) as platform:
        status, error, _ = problem(platform, '/sandbox/alice/hello')
        assert (status, error['code'], error['stop_reason']) == (502, 'start-failed', 'exec-failed'), error
        assert '/not-there' in error['message'] + json.dumps(platform.status('Sandbox/alice')), error
        platform.redeploy(sandbox(entrypoint=['/server', 'fail', '9']))
        status, error, _ = problem(platform, '/sandbox/alice/hello')
        assert (status, error['stop_reason']) == (502, 'exited'), error
        assert platform.status('Sandbox/alice')['exit_code'] == 9


def a_start_that_takes_too_long_is_504_with_the_reason():
    with harness.platform(sandbox(default_port=9, start_timeout='500ms')) as platform:
        status, error, _ = problem(platform, '/sandbox/alice/hello')
        assert (status, error['code'], error['stop_reason']) == (504, 'start-timeout', 'start-timeout'), error
        platform.until_state('Sandbox/alice', 'stopped')
        assert not platform.instances()


def what_the_gateway_does_not_know_is_an_error_with_a_code():
    with harness.platform(sandbox()) as platform:
        status, error, _ = problem(platform, '/elsewhere')
        assert (status, error['code']) == (404, 'no-route'), error
        for name in ('a%2fb', '..', '%00', 'x' * 129):
            status, error, _ = problem(platform, f'/sandbox/{name}/hello')
            assert status == 400 and error['code'], (name, error)
        assert platform.json('ps', '--all') == []


# ---- restart policies

def after_exit(restart, code):
    """The state of an instance that has exited with this code, once it is decided."""
    with harness.platform(sandbox(restart=restart)) as platform:
        platform.hello('alice')
        platform.request(f'/sandbox/alice/exit?code={code}', 'POST')
        eventually(lambda: platform.stops('alice'), 'the exit is known')
        if restart == 'never' or (restart == 'on-failure' and code == 0):
            status = platform.status('Sandbox/alice')
            assert platform.hello('alice')['generation'] == 2, 'the next request wakes it'
            return status
        return platform.until_state('Sandbox/alice', 'running')


def a_restart_policy_decides_what_comes_after_an_exit():
    for restart, code, state, restarts in (('never', 1, 'stopped', 0), ('on-failure', 0, 'stopped', 0), ('on-failure', 1, 'running', 1),
                                           ('always', 0, 'running', 1)):
        status = after_exit(restart, code)
        assert (status['state'], status['restarts'], status['exit_code']) == (state, restarts, code), (restart, code, status)


def who_is_stopped_by_request_is_not_restarted():
    with harness.platform(sandbox(restart='always')) as platform:
        platform.hello('alice')
        platform.verb('stop', 'Sandbox/alice')
        assert platform.status('Sandbox/alice')['state'] == 'stopped'
        assert not platform.instances()


# ---- memory, disk

def who_takes_too_much_memory_is_ended_alone():
    with harness.platform(sandbox(instance_type=SMALL)) as platform:
        platform.hello('bob')
        platform.hello('alice')
        status, _, _ = platform.request('/sandbox/alice/alloc?mib=512', 'POST')
        assert status == 502
        alice = platform.until_state('Sandbox/alice', 'stopped')
        assert (alice['stop_reason'], alice['exit_code']) == ('oom', None), alice
        assert platform.hello('bob')['generation'] == 1
        assert platform.hello('alice')['generation'] == 2


def a_full_disk_is_ones_own():
    with harness.platform(sandbox(instance_type=SMALL)) as platform:
        filled = platform.hello('alice', 'fill?mib=200')
        assert filled['error'] == os.strerror(28) and 20 < filled['written_mib'] < 64, filled
        assert platform.hello('bob', 'fill?mib=20') == {'written_mib': 20, 'error': ''}
        assert platform.hello('alice')['generation'] == 1


# ---- isolation

def an_instance_reaches_neither_platform_nor_others_nor_outside():
    with harness.platform(sandbox(), http='0.0.0.0:0') as platform:
        platform.hello('alice')
        platform.hello('bob')
        bob = platform.instances()[('Sandbox/bob', 1)].address()
        assert harness.ask(bob + ':8080', '/hello')[0] == 200, 'the host reaches it, so the address is right'
        port = platform.address.split(':')[1]
        bridge = bob.rsplit('.', 2)[0] + '.0.1'
        assert harness.ask(f'{bridge}:{port}', '/elsewhere')[0] == 404, 'the host reaches the platform there'
        for to in (f'{bob}:8080', f'{bridge}:{port}', '203.0.113.1:80', f'127.0.0.1:{port}'):
            assert platform.hello('alice', f'reach?to={to}')['reached'] is False, to


def an_instance_sees_only_itself():
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        process = platform.instances()[('Sandbox/alice', 1)]
        for kind in ('pid', 'mnt', 'net', 'uts', 'ipc'):
            ours, its = (os.readlink(f'/proc/{pid}/ns/{kind}') for pid in ('self', process.pid))
            assert ours != its, kind
        assert platform.hello('alice')['hostname'] == 'alice'
        with open(f'/proc/{process.pid}/status') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        assert status['NoNewPrivs'] == '1'
        capabilities = int(status['CapEff'], 16)
        assert not capabilities & (1 << 21 | 1 << 12 | 1 << 19), 'CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE'


harness.run_tests([
    a_full_machine_says_what_is_full_and_when_to_come_back, a_full_class_says_so, a_failed_start_is_502_with_the_reason,
    a_start_that_takes_too_long_is_504_with_the_reason, what_the_gateway_does_not_know_is_an_error_with_a_code,
    a_restart_policy_decides_what_comes_after_an_exit, who_is_stopped_by_request_is_not_restarted,
    who_takes_too_much_memory_is_ended_alone, a_full_disk_is_ones_own, an_instance_reaches_neither_platform_nor_others_nor_outside,
    an_instance_sees_only_itself])
