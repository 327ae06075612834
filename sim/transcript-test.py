#!/usr/bin/env python3
"""Same seed, same transcript: twice in one process, and in another process with another environment. Usage: transcript-test.py WORLD_RUN"""

import os
import subprocess
import sys

SEEDS = "1..30"


def hashes(program, environment):
    done = subprocess.run([program, "--hash", SEEDS], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"world-run failed with {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout


first = hashes(sys.argv[1], os.environ)
second = hashes(sys.argv[1], dict(os.environ, FILLER="x" * 4000))
if first != second:
    sys.exit(f"two processes have two transcripts\n{first}\n{second}")
print(f"seeds {SEEDS}: the same transcripts, {first.split()[-1]} the last")
