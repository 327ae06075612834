#!/usr/bin/env python3
"""A seed has the same transcript, byte for byte, whatever surrounds its process: the environment, the program's path, the folder, the
stack's limit, the user, the seeds that ran before, and the number of worlds at once. Usage: transcript-test.py MERIDIAN_SIM SCENARIO..."""

import json
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile

SEEDS = (1, 6)
SECONDS_MAX = 240


def run(program, *arguments, **how):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX, **how)
    if done.returncode != 0:
        sys.exit(f'{program} {" ".join(arguments)} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr}')
    return done


def hash_of(program, scenario, *arguments, **how):
    found = json.loads(run(program, 'swarm', scenario, '--seeds', f'{SEEDS[0]}..{SEEDS[1]}', *arguments, '--json', **how).stdout)
    if found['addresses'] != 'fixed':
        print('SKIP: addresses cannot be fixed here, so transcripts need not be the same')
        sys.exit(77)
    return found['transcript_hash']


def unlimited_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (resource.getrlimit(resource.RLIMIT_STACK)[1],) * 2)


def become_nobody():
    os.setgroups([])
    os.setgid(pwd.getpwnam('nobody').pw_gid)
    os.setuid(pwd.getpwnam('nobody').pw_uid)


def main():
    program, scenarios = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        # A copy rather than a link: a link's own path is nowhere to be seen.
        elsewhere = os.path.join(folder, 'a' * 100, 'b' * 100, 'another-name')
        os.makedirs(os.path.dirname(elsewhere))
        shutil.copy(program, elsewhere)
        surroundings = {
            'another environment': (program, [], {'env': {'FILLER': 'x' * 4001}}),
            'no environment': (program, [], {'env': {}}),
            'another path': (elsewhere, [], {}),
            'another folder': (program, [], {'cwd': '/'}),
            'another stack limit': (program, [], {'preexec_fn': unlimited_stack}),
            'three jobs': (program, ['--jobs', '3'], {}),
        }
        if os.geteuid() == 0:
            surroundings['another user'] = (elsewhere, [], {'preexec_fn': become_nobody, 'cwd': '/'})
        else:
            print('SKIP: another user: only root can become one')
        for scenario in scenarios:
            first = hash_of(program, scenario, '--jobs', '1')
            for name, (path, arguments, how) in surroundings.items():
                other = hash_of(path, scenario, *arguments, **how)
                if other != first:
                    sys.exit(f'{scenario}: {name}: {other} instead of {first}')
            alone = [run(path, 'run', scenario, '--seed', str(SEEDS[1]), '--trace', **how).stdout
                     for path, how in ((program, {}), (elsewhere, {'env': {'FILLER': 'x' * 999}}))]
            if alone[0] != alone[1]:
                sys.exit(f'{scenario}: seed {SEEDS[1]} has two transcripts')
            print(f'{scenario}: seeds {SEEDS[0]}..{SEEDS[1]} are the same in all surroundings, {first}')


main()
