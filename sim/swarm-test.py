#!/usr/bin/env python3
"""The seeds of one scenario that belong to the tests. Usage: swarm-test.py MERIDIAN_SIM SCENARIO SEEDS SEEDS_LONG"""

import os
import sys

program, scenario, short, long = sys.argv[1:]
os.execv(program, [program, 'swarm', scenario, '--seeds', f"1..{long if os.environ.get('MERIDIAN_LONG') else short}", '--jobs', '1'])
