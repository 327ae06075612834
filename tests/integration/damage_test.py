#!/usr/bin/env python3
"""A bit of one ID's stored record flips on the disk while no platform runs. The next platform starts, says which ID it is and what
of it is damaged, and serves all others."""
import os

import runner
from harness import platform, sandbox

NODE_HEAD = 8  # of LMDB's nodes: size in two halves, flags, length of the key; then key and value


def nodes(file, key):
    """Where the values of this key lie, in pages of now and of before."""
    at = file.find(key)
    while at >= 0:
        head = file[at - NODE_HEAD:at]
        if int.from_bytes(head[6:8], 'little') == len(key):
            assert head[4:6] == b'\0\0', 'the value lies in a page of its own'
            yield at + len(key)
        at = file.find(key, at + 1)


def flip_record(state, actor, kind='Supervisor'):
    path = os.path.join(state, 'server', 'store.mdb')
    with open(path, 'r+b') as store:
        file = store.read()
        number = {file[at:at + 8] for at in nodes(file, f'N{kind}\0{actor}'.encode())}
        assert len(number) == 1, number
        places = list(nodes(file, b'S' + number.pop() + b'record'))
        assert places, 'there is no record'
        for at in places:
            store.seek(at)
            store.write(bytes([file[at] ^ 0x10]))


def states(p):
    return {container['id']: container['state'] for container in p.json('ps', '--all')}


def test_a_flipped_bit_costs_its_own_id_and_no_other():
    with platform(sandbox()) as p:
        p.deploy()
        for id in ('alice', 'bob', 'carol'):
            p.answer(f'/sandbox/{id}/')
            p.verb('stop', f'Sandbox/{id}')
        p.kill()
        flip_record(p.state, 'Sandbox/bob')
        p.start()
        assert states(p) == {'alice': 'stopped', 'bob': 'damaged', 'carol': 'stopped'}, states(p)
        for id in ('alice', 'carol'):
            assert p.answer(f'/sandbox/{id}/')['generation'] == 2
        status, body, _ = p.request('/sandbox/bob/')
        assert status >= 500, (status, body)
        said = [line for line in p.said().splitlines() if 'set-aside' in line]
        assert len(said) == 1 and 'Supervisor:Sandbox/bob' in said[0] and 'its key record' in said[0], said
        refusal = p.fails('inspect', 'Sandbox/bob')
        assert 'Sandbox/bob' in refusal, refusal
        # New IDs as well.
        assert p.answer('/sandbox/dave/')['generation'] == 1


if __name__ == '__main__':
    runner.main()
