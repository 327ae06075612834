#!/usr/bin/env python3
"""Seeds of the simulated worlds that once found a bug, each still fine. Usage: scenario-test.py MERIDIAN_SIM SEEDS_FILE"""

import subprocess
import sys

failed = 0
for line in open(sys.argv[2]):
    if not line.strip() or line.startswith("#"):
        continue
    scenario, seed, story = line.strip().split(" ", 2)
    done = subprocess.run([sys.argv[1], "run", scenario, "--seed", seed], capture_output=True, text=True)
    if done.returncode != 0:
        failed += 1
        print(f"again: {story}\n{done.stdout}{done.stderr}")
sys.exit(1 if failed else 0)
