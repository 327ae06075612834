"""What the drivers of benchmarks share: their options, medians, one request timed over a raw socket, and the report.

A driver measures a real platform, prints what it found as text or, with --json, as JSON, and never fails because of a time: the
machine it runs on is shared. `--short` is the form that the normal suite runs.
"""
import argparse
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import time

CAPACITY = 'vcpu=1000,memory_mib=1000000,disk_mb=10000000'  # so that the machine's size never refuses a start


def load(name, path):
    """A module by its path: the harness is called as a module of the standard library is."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(os.path.abspath(__file__)), path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


harness = load('harness', '../integration/harness.py')


def options(about, root=True):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument('--short', action='store_true', help='a few runs: shows that it works, not how fast it is')
    parser.add_argument('--json', action='store_true')
    chosen = parser.parse_args()
    if root:
        harness.require_root()
    return chosen


def platform(mode='up', **changes):
    return harness.platform(harness.sandbox(max_instances=100000, **changes), mode=mode, capacity=CAPACITY)


def median(values):
    return round(statistics.median(values), 3)


def first_byte_ms(address, path):
    """From before the connect to the first byte of a 200."""
    host, port = address.split(':')
    begin = time.monotonic_ns()
    with socket.create_connection((host, int(port)), timeout=harness.DEADLINE) as connection:
        connection.sendall(f'GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'.encode())
        answer = connection.recv(4096)
        took = (time.monotonic_ns() - begin) / 1e6
    assert answer.startswith(b'HTTP/1.1 200'), f'{path}: {answer[:200]}'
    return took


def running_events(platform):
    """id -> {placed_ms: ..., accepted_ms: ..., started_ms: ..., ready_ms: ...} of the starts whose events are kept."""
    found = {}
    for line in platform.verb('events', '--json').splitlines():
        event = json.loads(line)
        if event['kind'] == 'running':
            pairs = (pair.split('=') for pair in event['detail'].split())
            found[event['id']] = {name: float(value) for name, value in pairs if name.endswith('_ms')}
    return found


def report(chosen, title, found):
    if chosen.json:
        print(json.dumps({'bench': title, 'load_1min': os.getloadavg()[0], **found}))
        return
    print(f'{title} (load of the machine in the last minute: {os.getloadavg()[0]:.1f})')
    for name, value in found.items():
        print(f'  {name:34} {value}')


def wrk(url, seconds):
    """Requests a second at 64 keep-alive connections."""
    done = subprocess.run(['wrk', '-t1', '-c64', f'-d{seconds}s', url], capture_output=True, text=True, timeout=seconds + 30, check=True)
    for line in done.stdout.splitlines():
        if line.startswith('Requests/sec:'):
            return float(line.split()[1])
    raise AssertionError(done.stdout)
