"""Warm requests a second through the gateway, beside the container asked directly, each at 64 keep-alive connections."""
import shutil
import subprocess
import sys

import bench

PORT = 8080


def container_address(pid):
    """The address of the container's own end of its network, seen from within."""
    shown = subprocess.run(['nsenter', '-t', str(pid), '-n', 'ip', '-4', '-o', 'addr', 'show', 'scope', 'global'],
                           capture_output=True, text=True, check=True).stdout
    return shown.split(' inet ')[1].split('/')[0]


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as file:
        return [int(word) for word in file.read().split()]


def main():
    chosen = bench.options(__doc__)
    if not shutil.which('wrk'):
        print('SKIP: wrk is not installed')
        sys.exit(77)
    runs, seconds = (1, 1) if chosen.short else (5, 3)
    with bench.platform() as platform:
        platform.deploy()
        bench.first_byte_ms(platform.address, '/sandbox/warm/')
        direct = f'{container_address(children(platform.shim())[0])}:{PORT}'
        through, beside = [], []
        for _ in range(runs):
            through.append(bench.wrk(f'http://{platform.address}/sandbox/warm/', seconds))
            beside.append(bench.wrk(f'http://{direct}/', seconds))
    bench.report(chosen, 'warm', {'runs': f'{runs} of {seconds} s', 'through the gateway, requests/s': bench.median(through),
                                  'the container directly, requests/s': bench.median(beside),
                                  'gateway / direct': round(bench.median(through) / bench.median(beside), 2)})


main()
