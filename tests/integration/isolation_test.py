#!/usr/bin/env python3
"""Containers reach neither the platform, nor each other, nor anything outside."""
import contextlib
import socket

import runner
from harness import platform, sandbox


def local_addresses(pid):
    """The IPv4 addresses in the network namespace of a process, without those of its loopback."""
    found, address = set(), None
    with open(f'/proc/{pid}/net/fib_trie') as file:
        for line in file:
            words = line.split()
            if words[0] == '|--':
                address = words[1]
            elif words[:3] == ['/32', 'host', 'LOCAL'] and not address.startswith('127.'):
                found.add(address)
    return found


def reaches(p, id, to):
    return p.answer(f'/sandbox/{id}/reach?to={to}')['reached']


@contextlib.contextmanager
def two_instances():
    """A platform with alice and bob, and the address of each."""
    with platform(sandbox()) as p:
        p.deploy()
        addresses = {}
        for id in 'alice', 'bob':
            p.answer(f'/sandbox/{id}/')
            addresses[id], = local_addresses(p.main_process(id))
        yield p, addresses


def test_a_container_reaches_itself_and_no_other_container():
    with two_instances() as (p, addresses):
        assert addresses['alice'] != addresses['bob']
        for id, other in ('alice', 'bob'), ('bob', 'alice'):
            assert reaches(p, id, '127.0.0.1:8080') and reaches(p, id, addresses[id] + ':8080')
            assert not reaches(p, id, addresses[other] + ':8080')


def test_a_container_reaches_no_port_of_the_machine_and_nothing_outside():
    with two_instances() as (p, addresses), socket.create_server(('0.0.0.0', 0)) as everywhere:
        bridge = '.'.join(addresses['alice'].split('.')[:2]) + '.0.1'
        assert bridge in local_addresses('self')
        http, open_port = p.address.split(':')[1], everywhere.getsockname()[1]
        for address in {'127.0.0.1', bridge} | local_addresses('self'):
            socket.create_connection((address, open_port), timeout=5).close()
            everywhere.accept()[0].close()
            assert not reaches(p, 'alice', f'{address}:{open_port}'), address
            assert not reaches(p, 'alice', f'{address}:{http}'), address
        for outside in '198.51.100.1:80', '169.254.169.254:80':   # a documentation address, and the one of metadata services
            assert not reaches(p, 'alice', outside), outside
        everywhere.setblocking(False)
        try:
            raise AssertionError(f'a container came through: {everywhere.accept()}')
        except BlockingIOError:
            pass


def test_a_container_has_a_pid_namespace_of_its_own_and_no_power_over_the_machine():
    with two_instances() as (p, _):
        for id in 'alice', 'bob':
            with open(f'/proc/{p.main_process(id)}/status') as file:
                status = {line.partition(':')[0]: line.partition(':')[2].strip() for line in file}
            assert len(status['NSpid'].split()) >= 2, status['NSpid']
            assert status['NoNewPrivs'] == '1'
            capabilities = int(status['CapEff'], 16)
            for name, bit in ('CAP_NET_ADMIN', 12), ('CAP_SYS_MODULE', 16), ('CAP_SYS_PTRACE', 19), ('CAP_SYS_ADMIN', 21):
                assert not capabilities >> bit & 1, name


if __name__ == '__main__':
    runner.main()
