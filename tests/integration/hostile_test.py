#!/usr/bin/env python3
"""Hostile peers at the operators' socket: each attack costs the platform a bounded amount and ends its own connection only."""
import contextlib
import os
import random
import re
import select
import socket
import struct
import subprocess
import time

import rpc_bytes as rpc
import runner
from harness import DEADLINE, eventually, platform, read, sandbox

GROWTH_MAX = 64 << 20   # bytes of memory that an attack may cost the platform, at its worst moment
FRAME_TIME_MAX = 10     # seconds for one message
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../schema')
APPLICATIONS, LIST, EVENTS, CONTAINER, INFO = 1, 2, 3, 4, 6


def fleet_id():
    """The number of the Fleet interface, as the schema compiler makes it."""
    shown = subprocess.run(['capnp', 'compile', '-ocapnp', '--src-prefix=' + SCHEMA, os.path.join(SCHEMA, 'fleet.capnp')],
                           capture_output=True, text=True, check=True).stdout
    return int(re.search(r'interface Fleet @(0x[0-9a-f]+)', shown).group(1), 16)


FLEET = fleet_id()


class Peer:
    """One connection to the operators' socket, with bytes of our own."""

    def __init__(self, p):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(os.path.join(p.state, 'rpc.sock'))
        self.received = b''

    def send(self, *messages):
        """Sends as long as the platform takes it; it may close at any moment."""
        for message in messages:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.socket.sendall(rpc.frame(message))

    def send_bytes(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def receive(self):
        """The next message's words, or None at the end of the stream."""
        while True:
            if len(self.received) >= 8:
                segments, words = struct.unpack_from('<II', self.received)
                assert segments == 0, 'an answer of several segments'
                if len(self.received) >= 8 + 8 * words:
                    message, self.received = self.received[8:8 + 8 * words], self.received[8 + 8 * words:]
                    return message
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b''
            if not data:
                return None
            self.received += data

    def ended(self):
        """Whether the platform has closed the connection, within the deadline."""
        try:
            while self.receive() is not None:
                pass
        except TimeoutError:
            return False
        return True

    def asks_and_is_answered(self, question):
        self.send(rpc.bootstrap(question), rpc.call(question + 1, rpc.answer(question), FLEET, INFO),
                  rpc.finish(question + 1), rpc.finish(question))
        return self.receive() is not None and self.receive() is not None

    def close(self):
        self.socket.close()


def memory(p, name):
    return int(re.search(name + r':\s+(\d+) kB', read(f'/proc/{p.process.pid}/status')).group(1)) << 10


def refusals(p):
    return [line for line in p.said().splitlines() if 'rpc-connection-ended' in line]


class Ground:
    """A platform with an innocent client, on which one attack follows the other."""

    def __init__(self, p):
        self.p = p
        self.witness = Peer(p)
        assert self.witness.asks_and_is_answered(0)

    def bystanders_go_on(self, name):
        assert self.witness.asks_and_is_answered(0), f'{name}: another connection has ended'
        self.p.verb('ps')

    @contextlib.contextmanager
    def bounded(self, name):
        """What happens inside makes the platform grow by a bounded amount, and bystanders do not notice."""
        with open(f'/proc/{self.p.process.pid}/clear_refs', 'w') as file:
            file.write('5')   # the peak begins anew
        before = memory(self.p, 'VmRSS')
        yield
        self.bystanders_go_on(name)
        growth = memory(self.p, 'VmHWM') - before
        assert growth <= GROWTH_MAX, f'{name}: the platform grew by {growth >> 20} MiB'

    def ends(self, name, attack, why):
        """The attack ends its connection, with one line in the log that says why."""
        before = len(refusals(self.p))
        with self.bounded(name):
            peer = Peer(self.p)
            attack(peer)
            assert peer.ended(), f'{name}: the connection goes on'
            peer.close()
        lines = eventually(lambda: refusals(self.p)[before:], f'{name}: a line in the log')
        assert len(lines) == 1 and why in lines[0] and len(lines[0]) < 500, (name, lines)

    def bears(self, name, attack):
        """The attack is answered, and its connection goes on."""
        with self.bounded(name):
            peer = Peer(self.p)
            attack(peer)
            peer.send(rpc.bootstrap(900), rpc.finish(900))
            assert peer.receive() is not None, f'{name}: the connection has ended'
            peer.close()


def sends(*messages):
    return lambda peer: peer.send(*messages)


def info(question, **options):
    return rpc.call(question, rpc.answer(0), FLEET, INFO, **options)



def chain_of_pointers(depth):
    """A struct of one pointer, to a struct of one pointer, and so on; written flat, since Python's recursion is shorter."""
    pointer = 1 << 48   # the struct right behind
    return rpc.Raw([pointer] * depth + [0], pointer)


def many_to_one(pointers, words):
    """A list of pointers that all lead to the same bytes."""
    leads = [1 | ((pointers - 1 - i) << 2) | (5 << 32) | (words << 35) for i in range(pointers)]
    return rpc.Raw(leads + [0] * words, 1 | (6 << 32) | (pointers << 35))


def test_messages_that_claim_too_much_are_refused_before_room_is_made_for_them():
    with platform(sandbox()) as p:
        ground = Ground(p)
        for name, data, why in (
                ('a first word of ones', b'\xff' * 8, 'segmentsMax'),
                ('2^32 - 1 segments', struct.pack('<II', 0xfffffffe, 0), 'segmentsMax'),
                ('1 GiB in 16 bytes', struct.pack('<IIQ', 0, 1 << 27, 0), 'frameBytesMax'),
                ('512 segments of 32 GiB', struct.pack('<514I', 511, *[0xffffffff] * 512, 0), 'frameBytesMax')):
            ground.ends(name, lambda peer: peer.send_bytes(data), why)
        for name, params in (
                ('2^29 rows of nothing', rpc.Struct([], [rpc.claimed_rows((1 << 29) - 1)])),
                ('rows that are not there', rpc.Struct([], [rpc.claimed_rows(1 << 20, 8)])),
                ('bytes that are not there', rpc.Struct([], [rpc.claimed_bytes((1 << 29) - 1)])),
                ('10,000 levels', chain_of_pointers(10_000)),
                ('a pointer out of the message', rpc.Struct([], [(1 << 20 << 2) | (1 << 32)])),
                ('a far pointer to a segment that is not there', rpc.Struct([], [2 | (7 << 32)])),
                ('10,000 pointers to the same 64 KiB', many_to_one(10_000, 8_192))):
            ground.ends(name, sends(rpc.bootstrap(0), rpc.call(1, rpc.answer(0), FLEET, LIST, params)), 'malformed')
        ground.ends('2^29 capabilities of no size', sends(rpc.bootstrap(0), info(1, capabilities=rpc.claimed_rows((1 << 29) - 1))), 'malformed')
        ground.ends('100,000 capabilities', sends(
            rpc.bootstrap(0), info(1, capabilities=rpc.Rows([rpc.hosted(i) for i in range(100_000)]))), 'questionBytesMax')
        dice = random.Random(4)
        for _ in range(20):
            with ground.bounded('noise'):
                peer = Peer(p)
                peer.send_bytes(dice.randbytes(4_096))
                peer.socket.shutdown(socket.SHUT_WR)
                assert peer.ended()
                peer.close()


def test_what_a_peer_makes_the_platform_keep_is_bounded():
    with platform(sandbox()) as p:
        ground = Ground(p)
        key = rpc.Struct([], [rpc.Struct([], [rpc.Text(b'Sandbox'), rpc.Text(b'alice')])])
        ground.ends('bootstraps never finished', sends(*map(rpc.bootstrap, range(10_000))), 'questionsMax')
        ground.ends('questions never finished', sends(rpc.bootstrap(0), *map(info, range(1, 10_000))), 'questionsMax')
        ground.ends('a question asked twice', sends(rpc.bootstrap(0), rpc.bootstrap(0)), 'asked twice')
        ground.ends('capabilities never released', sends(rpc.bootstrap(0), *(
            message for i in range(1, 10_000)
            for message in (rpc.call(i, rpc.answer(0), FLEET, CONTAINER, key), rpc.finish(i, release=False)))), 'exportsMax')
        ground.ends('answers to keep', sends(rpc.bootstrap(0), *(info(i, yourself=True) for i in range(1, 100))), 'redirectedMax')
        ground.ends('calls on calls on calls', sends(rpc.bootstrap(0), *(
            rpc.call(i, rpc.answer(i - 1, [0]), FLEET, CONTAINER, key) for i in range(1, 100))), 'pipelineMax')
        ground.ends('a promise that stands for itself', sends(
            rpc.bootstrap(0), events(1, rpc.promise(7)), rpc.resolve(7, rpc.promise(7))), 'promiseChainMax')
        ground.ends('a row of promises', sends(rpc.bootstrap(0), *(
            message for i in range(1, 100) for message in (events(i, rpc.promise(i)), rpc.resolve(i, rpc.promise(i + 1))))), 'promiseChainMax')
        ground.ends('questions that wait for the peer itself', sends(rpc.bootstrap(0), *(
            message for i in range(1, 10_000) for message in (events(i, rpc.hosted(i), follow=0), rpc.finish(i)))), 'questionsMax')


def events(question, sink, follow=1):
    return rpc.call(question, rpc.answer(0), FLEET, EVENTS, rpc.Struct([0, follow], [0x3 | (0 << 32)]), rpc.Rows([sink]))


def test_a_peer_that_does_not_read_its_answers_is_left():
    with platform(sandbox()) as p:
        ground = Ground(p)
        ground.ends('unknown messages, echoed', sends(*[rpc.rpc(10, rpc.Struct([0], [None, rpc.Text(bytes(1 << 20))]))] * 100), 'unreadBytesMax')
        thousand = (rpc.frame(info(1)) + rpc.frame(rpc.finish(1))) * 1_000

        def asks_for_ever(peer):
            peer.send(rpc.bootstrap(0))
            for _ in range(300):
                peer.send_bytes(thousand)
        ground.ends('answered questions', asks_for_ever, 'unreadBytesMax')


def test_nonsense_ends_its_connection_only():
    with platform(sandbox()) as p:
        ground = Ground(p)
        for name, messages, why in (
                ('a call to an unknown export', [rpc.call(0, rpc.export(77), FLEET, INFO)], 'not a current export'),
                ('a call to an unknown question', [rpc.call(1, rpc.answer(77), FLEET, INFO)], 'not a current question'),
                ('a finish of an unknown question', [rpc.finish(77)], 'invalid question ID'),
                ('a second finish', [rpc.bootstrap(0), rpc.finish(0), rpc.finish(0)], 'invalid question ID'),
                ('a release of an unknown export', [rpc.release(77, 1)], 'invalid export ID'),
                ('a release too much', [rpc.bootstrap(0), rpc.release(0, 5)], 'below zero'),
                ('an answer to no question', [rpc.returned(77)], 'Invalid question ID'),
                ('a promise resolved to nothing', [rpc.resolve(5, rpc.Struct([0], [None]))], 'CapDescriptor.none'),
                ('an embargo on what is ours', [rpc.bootstrap(0), rpc.disembargo(rpc.export(0), 0, 1)], 'does not point back'),
                ('the end of no embargo', [rpc.disembargo(rpc.export(0), 1, 9)], 'embargo ID'),
                ('an embargo of three vats', [rpc.disembargo(rpc.export(0), 2, 0)], 'Disembargo type'),
                ('a message without a body', [rpc.message(None)], 'required RPC message type'),
                ('an empty message', [b''], 'malformed')):
            ground.ends(name, sends(*messages), why)
        for name, messages in (
                ('a giant method', [rpc.bootstrap(0), rpc.call(1, rpc.answer(0), FLEET, 65_535), rpc.finish(0)]),
                ('an unknown interface', [rpc.bootstrap(0), rpc.call(1, rpc.answer(0), 2**64 - 1, 0), rpc.finish(0)]),
                ('an unknown kind of message', [rpc.rpc(60_000, rpc.Struct([1, 2, 3], [None]))]),
                ('an unknown promise resolved', [rpc.resolve(5, rpc.hosted(9))])):
            ground.bears(name, sends(*messages))


def test_a_peer_that_says_goodbye_is_let_go_without_a_word():
    with platform(sandbox()) as p:
        ground = Ground(p)
        peer = Peer(p)
        peer.send(rpc.rpc(1, rpc.Struct([0], [rpc.Text(b'enough of this'), None])))
        assert peer.ended()
        ground.bystanders_go_on('an abort')
        assert not refusals(p)


def test_half_a_message_is_waited_for_for_a_bounded_time_and_silence_between_messages_for_ever():
    with platform(sandbox()) as p:
        ground = Ground(p)
        silent = Peer(p)
        assert silent.asks_and_is_answered(0)
        halves = {'half a table of segments': struct.pack('<II', 300, 1), 'half a word': b'\0' * 5,
                  'half a message': struct.pack('<IIQ', 0, 100, 0)}
        with ground.bounded('halves'):
            peers = [Peer(p) for _ in halves]
            began = time.monotonic()
            for peer, data in zip(peers, halves.values()):
                peer.send_bytes(data)
            drips = Peer(p)
            drips.send_bytes(struct.pack('<II', 0, 1 << 20))
            while not select.select([drips.socket], [], [], 0.5)[0]:   # a byte now and then does not help it
                assert time.monotonic() - began < DEADLINE, 'a message in drips is waited for'
                drips.send_bytes(b'\0')
            for peer in [*peers, drips]:
                assert peer.ended()
                peer.close()
        assert time.monotonic() - began >= FRAME_TIME_MAX - 1
        assert sum('frameTimeMax' in line for line in refusals(p)) == len(halves) + 1
        assert silent.asks_and_is_answered(0)
        # One that goes in the middle of a message is no attack.
        gone = Peer(p)
        gone.send_bytes(struct.pack('<II', 0, 100))
        gone.close()
        ground.bystanders_go_on('a half message and an end')
        assert len(refusals(p)) == len(halves) + 1


def test_one_connection_too_many_is_closed_and_there_is_room_again_when_others_end():
    with platform(sandbox()) as p:
        ground = Ground(p)
        with ground.bounded('connections'):
            peers = [Peer(p) for _ in range(600)]
            for peer in peers:
                peer.send(rpc.bootstrap(0))
            served = [peer for peer in peers if peer.receive() is not None]
            assert 500 <= len(served) < 600, len(served)
            for peer in peers:
                peer.close()
            eventually(lambda: p.run('ps').returncode == 0, 'there is room again')
        lines = [line for line in p.said().splitlines() if 'operator-connection-refused' in line]
        assert len(lines) == 1 and 'CONNECTIONS_MAX' in lines[0], lines


if __name__ == '__main__':
    runner.main()
