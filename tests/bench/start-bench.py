"""A cold start: from a request for an ID that does not run to the first byte of its answer, and the phases of that way; beside it,
taken in turn with it, the floor (the same isolation steps as a plain C program) and `runc run` of the same image.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

import bench

FLOOR = os.environ.get('FLOOR', os.path.join(bench.harness.BUILD, 'tests/bench/floor/floor'))
ROOTFS = os.path.abspath(os.path.join(bench.harness.BUILD, 'examples/sandbox/rootfs'))
PORT = '8080'
PAUSE = 0.2  # seconds; the platform refills its pools meanwhile, which must not slow the others down


@contextlib.contextmanager
def network_namespace():
    """The path of one that all runs share, as the platform takes them from a pool."""
    holder = subprocess.Popen(['unshare', '--net', 'sh', '-c', 'ip link set lo up && echo && exec cat'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    path = f'/proc/{holder.pid}/ns/net'
    try:
        assert holder.stdout.readline(), 'no network namespace'
        yield path
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()


class Floor:
    def __init__(self, folder):
        self.scratch = os.path.join(folder, 'floor-scratch')

    def run_ms(self, namespace):
        """(from its first step to execve, from there until the program listens)"""
        os.mkdir(self.scratch)
        done = subprocess.run([FLOOR, '--runs', '3', '--json', '--netns', namespace, '--port', PORT, ROOTFS, self.scratch,
                               '/server'], capture_output=True, text=True, check=True, timeout=bench.harness.DEADLINE)
        shutil.rmtree(self.scratch)
        times = json.loads(done.stdout)
        return times['median_ns'] / 1e6, times['listen_median_ns'] / 1e6


class Runc:
    def __init__(self, folder, namespace):
        self.bundle = os.path.join(folder, 'bundle')
        self.state = os.path.join(folder, 'runc-state')
        os.mkdir(self.bundle)
        shutil.copytree(ROOTFS, os.path.join(self.bundle, 'rootfs'))
        subprocess.run(['runc', 'spec', '--bundle', self.bundle], check=True)
        config = os.path.join(self.bundle, 'config.json')
        with open(config) as file:
            spec = json.load(file)
        spec['process'].update(args=['/server'], terminal=False)
        for each in spec['linux']['namespaces']:
            if each['type'] == 'network':
                each['path'] = namespace
        with open(config, 'w') as file:
            json.dump(spec, file)

    def run_ms(self, number):
        """From before runc to the first byte of its program: the line it prints once it listens."""
        command = ['runc', '--root', self.state]
        name = f'meridian-bench-{os.getpid()}-{number}'
        begin = time.monotonic_ns()
        running = subprocess.Popen([*command, 'run', '--bundle', self.bundle, name], stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL)
        try:
            assert running.stdout.read(1), 'runc run failed'
            return (time.monotonic_ns() - begin) / 1e6
        finally:
            subprocess.run([*command, 'kill', name, 'KILL'], stderr=subprocess.DEVNULL, check=False)
            running.wait(bench.harness.DEADLINE)
            running.stdout.close()


def commits(platform):
    info = platform.json('info')
    return info['server_commits'], info['agent_commits']


def commits_of_one_start(platform):
    """When the platform is quiet, so that they are this start's alone."""
    before = commits(platform)
    bench.first_byte_ms(platform.address, '/sandbox/counted/')
    bench.harness.eventually(lambda: 'counted' in bench.running_events(platform), 'the start is on disk')
    after = commits(platform)
    return after[0] - before[0], after[1] - before[1]


def main():
    chosen = bench.options(__doc__)
    runs = 3 if chosen.short else 50
    with tempfile.TemporaryDirectory(prefix='meridian-bench-') as folder, network_namespace() as namespace, \
            bench.platform() as platform:
        platform.deploy()
        floor = Floor(folder)
        runc = Runc(folder, namespace) if shutil.which('runc') else None
        cold, floors, peers, listens = [], [], [], []
        for number in range(runs):
            cold.append(bench.first_byte_ms(platform.address, f'/sandbox/cold-{number}/'))
            time.sleep(PAUSE)
            to_exec, to_listen = floor.run_ms(namespace)
            floors.append(to_exec)
            listens.append(to_listen)
            if runc:
                peers.append(runc.run_ms(number))
            time.sleep(PAUSE)
        server, agent = commits_of_one_start(platform)
        starts = [each for name, each in bench.running_events(platform).items() if name.startswith('cold-')]

    found = {'runs': runs, 'cold request to first byte, ms': bench.median(cold)}
    for name in ('placed_ms', 'accepted_ms', 'started_ms', 'ready_ms'):
        found[f'since the request, {name}'] = bench.median([each[name] for each in starts])
    launch = bench.median([each['started_ms'] - each['accepted_ms'] for each in starts])
    found.update({
        'accepted to started, ms': launch,
        'floor: clone to execve, ms': bench.median(floors),
        'accepted to started / floor': round(launch / bench.median(floors), 2),
        'floor: execve to listen, ms': bench.median(listens),
        'cold - execve to listen, ms': round(bench.median(cold) - bench.median(listens), 3),  # the aim: at most 10
        'cold - clone to listen, ms': round(bench.median(cold) - bench.median(floors) - bench.median(listens), 3),
        'commits of one start': server + agent,  # each one fdatasync, and LMDB's synchronous write of its meta page
        "of these the server's, the agent's": [server, agent],
    })
    if runc:
        found['runc run to first byte, ms'] = bench.median(peers)
        found['runc / cold'] = round(bench.median(peers) / bench.median(cold), 2)
    else:
        found['runc'] = 'not installed'
    bench.report(chosen, 'start', found)


main()
