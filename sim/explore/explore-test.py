#!/usr/bin/env python3
"""`sim explore` as a user calls it. Usage: explore-test.py MERIDIAN_SIM"""

import json
import subprocess
import sys

FINE, NOT_EXHAUSTIVE, USAGE = 0, 4, 64


def explore(*arguments):
    done = subprocess.run([sys.argv[1], "explore", *arguments], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def explored(*arguments):
    status, output, _ = explore(*arguments, "--json")
    return status, json.loads(output)


# The bounds that a user gets without asking: both worlds, whole.
status, found = explored()
assert status == FINE, found
assert found["complete"] and found["violations"] == 0 and found["depth"] > 0, found
assert [world["world"] for world in found["worlds"]] == ["id", "transfer"], found
assert found["states"] == sum(world["states"] for world in found["worlds"]) > 10_000, found

# More events, more states; the same events, the same states.
counts = []
for events in ["0", "1", "1"]:
    status, found = explored("id", "--events", events)
    assert status == FINE and found["complete"], found
    counts.append((found["states"], found["transitions"], found["depth"]))
assert counts[0] < counts[1] == counts[2], counts

status, output, _ = explore("id", "--events", "1")
assert status == FINE and output.startswith(f"id states {counts[1][0]} depth {counts[1][2]} violations 0 "), output
assert "never two" in output, output

# What is not whole is no proof.
status, output, _ = explore("id", "--events", "3", "--memory", "4")
assert status == NOT_EXHAUSTIVE and "not exhaustive: memory" in output, output
status, found = explored("id", "--events", "6", "--seconds", "1")
assert status == NOT_EXHAUSTIVE and not found["complete"] and "time" in found["worlds"][0]["not_exhaustive"], found

for wrong in [["nowhere"], ["--events", "-1"], ["--events", "many"], ["--seconds", "0"], ["id", "more"]]:
    status, output, complaint = explore(*wrong)
    assert status == USAGE and output == "" and complaint.count("\n") == 1 and wrong[-1] in complaint, (wrong, status, output, complaint)

print("sim explore: fine")
