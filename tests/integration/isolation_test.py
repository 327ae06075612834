"""Containers reach neither the platform, nor each other, nor anything outside."""
import socket

import runner
from platform import platform, sandbox


def reach(p, id, to):
    return p.answer(f'/sandbox/{id}/reach?to={to}')['reached']


def addresses(p, id):
    """(own address, the bridge's) of an instance, as the platform's connections to it show them."""
    import http.client
    from_host = http.client.HTTPConnection(p.address, timeout=30)
    from_host.request('GET', f'/sandbox/{id}/sleep?ms=400')
    try:
        with open(f'/proc/{p.process.pid}/net/tcp') as file:
            rows = [line.split() for line in file.readlines()[1:]]
    finally:
        from_host.getresponse().read()
        from_host.close()
    return rows


def test_a_container_does_not_reach_the_platform_others_or_the_outside():
    with platform(sandbox()) as p, socket.create_server(('0.0.0.0', 0)) as everywhere:
        p.deploy()
        alice, bob = (p.answer(f'/sandbox/{id}/env') and address_of(p, id) for id in ('alice', 'bob'))
        assert alice != bob
        assert reach(p, 'alice', '127.0.0.1:8080') and reach(p, 'alice', alice + ':8080'), 'it does reach itself'
        bridge = alice.rsplit('.', 2)[0] + '.0.1'
        port, open_port = p.address.split(':')[1], everywhere.getsockname()[1]
        assert socket.create_connection((bridge, open_port), timeout=5).close() is None, 'the bridge has that address'
        forbidden = [f'{bob}:8080', f'127.0.0.1:{port}', f'{bridge}:{port}', f'{bridge}:{open_port}']
        forbidden += [f'{own}:{open_port}' for own in machine_addresses()] + ['192.0.2.1:80', '8.8.8.8:53', '169.254.169.254:80']
        for to in forbidden:
            assert not reach(p, 'alice', to), to
        everywhere.setblocking(False)
        first = everywhere.accept()[1][0]
        assert first == bridge, 'the only connection is the one of this test'
        try:
            raise AssertionError(everywhere.accept())
        except BlockingIOError:
            pass


def address_of(p, id):
    """The address of an instance, as the kernel shows it to the instance itself."""
    done = p.run('exec', f'Sandbox/{id}', '--', '/server', 'cat', input='')
    assert done.returncode == 0, done


def machine_addresses():
    return []


if __name__ == '__main__':
    runner.main()
