"""The swarm on one core: simulated hours an hour and events a second, for drawn worlds and for a large one, and where the time goes."""
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import bench

PROGRAM = os.environ.get('MERIDIAN_SIM', os.path.join(bench.harness.BUILD, 'sim', 'meridian-sim'))
LARGE = {'locations': 3, 'machines': 20}
TARGET = 1000                # times real time
SAMPLES_A_SECOND = 499

# Where a function belongs: the first row whose library and name it matches.
AREAS = [
    ('kernel: processes and their pages', r'\[', r''),
    ('allocation', r'', r'malloc|_int_|c?free|calloc|realloc|unlink_chunk|tcache|sysmalloc|operator (new|delete)'),
    ('exceptions', r'libgcc_s', r''),
    ('exceptions', r'', r'__cxa|__gxx|_Unwind|_dl_find_object'),
    ('RPC: Cap\'n Proto and the gate', r'libcapnp', r''),
    ('KJ: promises and the loop', r'libkj', r''),
    ('hosts: turns, buffers, commits', r'libcaf', r''),
    ('copying, comparing, trees, text', r'lib(c|m|stdc\+\+|fmt|spdlog)\b', r''),
    ('the world around the processes', r'', r'meridian::sim::(World|Sim|Agenda|Stage|Course|Wire|Storm|Transcript|LogTap)'),
    ('checkers and workload', r'', r'meridian::sim::'),
    ('RPC: Cap\'n Proto and the gate', r'', r'capnp::|meridian::rpc::'),
    ('hosts: turns, buffers, commits', r'', r'meridian::(actor|store)::|caf::'),
    ('decisions and records of the actors', r'', r'meridian::'),
    ('KJ: promises and the loop', r'', r'kj::'),
    ('copying, comparing, trees, text', r'', r'std::|fmt::|nlohmann::|__'),
]


def large_size():
    """As `--size` takes it; a world that has but one location need not be told."""
    sizes = next(each['sizes'] for each in json.loads(subprocess.check_output([PROGRAM, 'list', '--json'])) if each['scenario'] == 'containers')
    return ','.join(f'{name}={size}' for name, size in LARGE.items() if name in sizes)


def swarm(seeds, size):
    command = [PROGRAM, 'swarm', 'containers', '--seeds', f'1..{seeds}', '--jobs', '1', '--json', *(['--size', size] if size else [])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}')
    found = json.loads(done.stdout)
    # The time on the processor is that of an idle machine, more or less, also while others use this one.
    found['cpu_seconds'] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def measures(found):
    cpu = found['cpu_seconds']
    return {
        'seeds': found['seeds'],
        'simulated hours': round(found['simulated_hours'], 2),
        'simulated hours an hour (wall)': round(found['speedup']),
        'simulated hours an hour (CPU)': round(found['simulated_hours'] * 3600 / cpu),
        'target': TARGET,
        'events a second (wall)': round(found['events_per_second']),
        'events a second (CPU)': round(found['events'] / cpu),
        'CPU microseconds an event': round(cpu * 1e6 / found['events'], 2),
    }


def profile(seeds, size):
    """Area -> share of the samples; or why there is none."""
    if not shutil.which('perf'):
        return 'perf is not installed'
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, 'perf.data')
        recorded = subprocess.run(['perf', 'record', '-q', '-F', str(SAMPLES_A_SECOND), '-o', recording, '--', PROGRAM, 'swarm',
                                   'containers', '--seeds', f'1..{seeds}', '--jobs', '1', *(['--size', size] if size else [])],
                                  capture_output=True, text=True)
        if recorded.returncode != 0:
            return f'perf cannot record here: {recorded.stderr.strip().splitlines()[:1]}'
        report = subprocess.run(['perf', 'report', '-i', recording, '--stdio', '-q', '--no-children', '-g', 'none', '-F',
                                 'overhead,dso,sym', '--sort', 'dso,sym'], capture_output=True, text=True)
    shares = collections.Counter()
    for share, library, name in re.findall(r'^\s*([\d.]+)%\s+(\S+)\s+\[.\] (.*)$', report.stdout, re.M):
        # A word of the name, for a thunk says so first and a template the type that it gives.
        area = next((area for area, of, named in AREAS if re.match(of, library) and re.search(rf'(^|\s)({named})', name)), 'other')
        shares[area] += float(share)
    return {area: round(share, 1) for area, share in shares.most_common()}


def main():
    chosen = bench.options(__doc__, root=False)
    seeds = 10 if chosen.short else 300
    size = large_size()
    found = {'as drawn': measures(swarm(seeds, None)), size: measures(swarm(seeds, size)), 'where the time goes, %': profile(seeds, size)}
    if chosen.json:
        return bench.report(chosen, 'swarm', found)
    for title, table in found.items():
        bench.report(chosen, f'swarm: {title}', table if isinstance(table, dict) else {'not measured': table})


main()
