#!/usr/bin/env python3
"""What goes wrong is said: no room, no start, no memory, no disk; each hits only the ID it belongs to."""
import concurrent.futures
import signal

import runner
from harness import platform, sandbox


def assert_full(p, what):
    problem, headers = p.problem('/sandbox/three/', 503)
    assert problem['full'] == what and problem['message'], problem
    assert int(headers['Retry-After']) >= 1 and problem['retry_after_s'] == int(headers['Retry-After']), headers
    assert (problem['class'], problem['id']) == ('Sandbox', 'three'), problem
    return problem


def test_without_capacity_a_request_is_refused_with_503_until_there_is_room_again():
    # Two of `lite`, which takes 256 MiB each.
    with platform(sandbox(), capacity='vcpu=8,memory_mib=600,disk_mb=100000') as p:
        p.deploy()
        p.answer('/sandbox/one/')
        p.answer('/sandbox/two/')
        problem = assert_full(p, 'capacity')
        assert problem['code'] == 'no-capacity' and 'memory' in problem['message'], problem
        candidates = [candidate for decision in p.json('why', 'Sandbox/three') for candidate in decision['candidates']]
        assert any(not candidate['feasible'] and 'memory' in candidate['reason'] for candidate in candidates), candidates
        p.verb('stop', 'Sandbox/one')
        p.answer('/sandbox/three/')


def test_capacity_is_not_oversold_however_many_ask_at_once():
    with platform(sandbox(), capacity='vcpu=8,memory_mib=600,disk_mb=100000') as p:
        p.deploy()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = sorted(pool.map(lambda number: p.request(f'/sandbox/id{number}/')[0], range(20)))
        assert statuses == [200] * 2 + [503] * 18, statuses
        assert len(p.json('ps')) == 2


def test_beyond_max_instances_a_request_is_refused_with_503_until_there_is_room_again():
    with platform(sandbox(max_instances=2)) as p:
        p.deploy()
        p.answer('/sandbox/one/')
        p.answer('/sandbox/two/')
        assert assert_full(p, 'max-instances')['code'] == 'max-instances'
        assert 'max-instances' in p.fails('start', 'Sandbox/three')
        p.verb('destroy', 'Sandbox/one')
        p.answer('/sandbox/three/')


def test_a_program_that_does_not_exist_is_502_with_the_reason():
    with platform(sandbox(entrypoint=['/no-such-program'])) as p:
        p.deploy()
        problem, _ = p.problem('/sandbox/alice/', 502)
        assert (problem['code'], problem['stop_reason']) == ('start-failed', 'exec-failed'), problem
        assert 'no-such-program' in problem['detail'], problem
        status = p.status('Sandbox/alice')
        assert (status['state'], status['stop_reason']) == ('stopped', 'exec-failed'), status
        assert 'exec-failed' in p.fails('start', 'Sandbox/alice')


def test_a_program_that_ends_before_it_is_ready_is_502_with_its_exit_code():
    with platform(sandbox(entrypoint=['/server', 'cat'])) as p:
        p.deploy()
        problem, _ = p.problem('/sandbox/alice/', 502)
        assert (problem['code'], problem['stop_reason'], problem['exit_code']) == ('start-failed', 'exited', 0), problem


def test_a_program_that_never_gets_ready_is_504_with_the_reason_and_is_gone():
    with platform(sandbox(default_port=9, start_timeout='300ms')) as p:
        p.deploy()
        problem, _ = p.problem('/sandbox/alice/', 504)
        assert (problem['code'], problem['stop_reason']) == ('start-timeout', 'start-timeout'), problem
        status = p.when('Sandbox/alice', 'stopped')
        assert status['stop_reason'] == 'start-timeout', status
        assert 'start-timeout' in p.fails('start', 'Sandbox/alice')
        p.when('Sandbox/alice', 'stopped')
        assert p.json('ps') == []


def test_a_failed_start_is_told_to_all_who_wait_for_it_and_holds_nothing():
    with platform(sandbox(entrypoint=['/no-such-program'], max_instances=1)) as p:
        p.deploy()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = set(pool.map(lambda _: p.request('/sandbox/alice/')[0], range(20)))
        assert statuses == {502}, statuses
        for number in range(3):
            p.problem(f'/sandbox/id{number}/', 502)


def test_a_request_that_no_route_or_id_fits_is_refused_with_a_code_and_wakes_nobody():
    with platform(sandbox()) as p:
        p.deploy()
        assert p.problem('/elsewhere', 404)[0]['code'] == 'no-route'
        for id in 'a%2fb', '..', '%00', 'x' * 129:
            assert p.problem(f'/sandbox/{id}/', 400)[0]['code'], id
        assert p.json('ps', '--all') == []


def test_out_of_memory_ends_only_the_instance_that_took_it():
    with platform(sandbox(instance_type={'vcpu': 1, 'memory_mib': 64, 'disk_mb': 64})) as p:
        p.deploy()
        p.answer('/sandbox/bob/')
        p.answer('/sandbox/alice/alloc?mib=16')
        p.problem('/sandbox/alice/alloc?mib=200', 502, method='POST')
        status = p.when('Sandbox/alice', 'stopped')
        assert (status['stop_reason'], status['exit_signal']) == ('oom', signal.SIGKILL), status
        assert p.answer('/sandbox/bob/')['generation'] == 1
        assert p.answer('/sandbox/alice/')['generation'] == 2


def test_a_full_disk_is_enospc_of_its_own_and_is_empty_again_at_the_next_start():
    with platform(sandbox(instance_type={'vcpu': 1, 'memory_mib': 256, 'disk_mb': 32})) as p:
        p.deploy()
        full = p.answer('/sandbox/alice/fill?mib=100')
        assert full['error'] == 'No space left on device' and 20 <= full['written_mib'] <= 32, full
        assert p.answer('/sandbox/bob/fill?mib=10') == {'written_mib': 10, 'error': ''}
        assert p.answer('/sandbox/alice/')['generation'] == 1
        p.verb('stop', 'Sandbox/alice')
        assert p.answer('/sandbox/alice/fill?mib=10') == {'written_mib': 10, 'error': ''}


if __name__ == '__main__':
    runner.main()
