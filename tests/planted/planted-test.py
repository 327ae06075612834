#!/usr/bin/env python3
"""Proves the checkers: each patch here plants one bug, and the checker that it names (`Checker:`) must find it in the scenario that it
names (`Scenario:`; none: containers), within 200 seeds unless it says that it is rarer (`Seeds:`). A patch may name a test instead
(`Program:`), which is called as PROGRAM --find CHECKER SEEDS, and ends with 0 when it has found it. One that breaks a step or the host
within the bound of an exhaustive search says which (`Explore: WORLD:EVENTS`), and that search must find it too.

A patch is applied to copies of the sources in the build folder. What it touches is compiled there with the command of the build and
linked in front of the same libraries, so it costs a few seconds. Usage: planted-test.py BUILD_DIR SOURCE_DIR [--apply] [NAME...]
With --apply it says only whether the patches fit the sources.
"""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SEEDS = "1..200"
SECONDS_MAX = 300      # for one patch's seeds
WORLD = "sim/meridian-sim"


class Failed(Exception):
    pass


def run(command, cwd, seconds=SECONDS_MAX):
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} took more than {seconds} s")
    return done.returncode, done.stdout or done.stderr


def compile_copy(build, entry, copy, target):
    """The build's own command, with the copy in and another object out."""
    words = shlex.split(entry["command"])
    words = [str(copy) if word == entry["file"] else word for word in words]
    for flag, value in (("-o", target), ("-MF", f"{target}.d"), ("-MQ", target)):
        words[words.index(flag) + 1] = str(value)
    status, output = run(words, build)
    if status != 0:
        raise Failed(output)


def link(build, program, objects, target):
    commands = subprocess.run(["ninja", "-t", "commands", program], cwd=build, capture_output=True, text=True, check=True).stdout
    words = shlex.split(commands.splitlines()[-1])
    words[words.index("-o") + 1] = str(target)
    first = next(i for i, word in enumerate(words) if word.endswith(".o"))
    # Before the libraries: what is defined here is not taken from them.
    words[first + 1:first + 1] = [str(o) for o in objects]
    status, output = run(words, build)
    if status != 0:
        raise Failed(output)


def header(text, name, default):
    found = re.search(rf"^{name}: (\S+)$", text, re.M)
    if found is None and default is None:
        raise Failed(f"it has no line `{name}:`")
    return found.group(1) if found else default


def find_in_swarm(program, checker, scenario, seeds, folder):
    status, output = run([str(program), "swarm", scenario, "--seeds", seeds, "--jobs", "1", "--max-failures", "1", "--checker", checker,
                          "--json"], folder)
    failures = json.loads(output)["failures"] if status in (0, 1, 2) else []
    if not failures:
        raise Failed(f"{checker} does not find it in {scenario}, seeds {seeds} (exit {status})\n{output[-2000:]}")
    return f"{scenario}, seed {failures[0]['seed']}: {checker}: {failures[0]['what']}"


def find_in_exploration(program, where, folder):
    world, events = where.split(":")
    status, output = run([str(program), "explore", world, "--events", events, "--json"], folder)
    if status != 1:
        raise Failed(f"an exhaustive search of {world} within {events} events does not find it (exit {status})\n{output[-2000:]}")
    found = json.loads(output)["worlds"][0]
    return f"explored {found['states']} states, {len(found['trace'])} steps: {found['violation']}"


def apply(source, patch, folder):
    """The paths of what it changes; copies of these are then in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    paths = re.findall(r"^--- a/(\S+)", patch.read_text(), re.M)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, folder / path)
    status, output = run(["patch", "-p1", "--fuzz=0", "-i", str(patch)], folder)
    if status != 0:
        raise Failed(f"it does not apply any more:\n{output}")
    return paths


def prove_that_it_applies(build, source, patch, commands):
    folder = build / "tests/planted" / (patch.stem + "-applied")
    unknown = [path for path in apply(source, patch, folder) if path not in commands]
    shutil.rmtree(folder)
    if unknown:
        raise Failed(f"nothing compiles {', '.join(unknown)}")
    return "it applies"


def prove(build, source, patch, commands):
    text = patch.read_text()
    checker = header(text, "Checker", None)
    seeds = header(text, "Seeds", SEEDS)
    finder = header(text, "Program", "")
    folder = build / "tests/planted" / patch.stem
    objects = []
    for path in apply(source, patch, folder):
        target = folder / (path.replace("/", "_") + ".o")
        compile_copy(build, commands[path], folder / path, target)
        objects.append(target)
    program = folder / "finder"
    link(build, finder or WORLD, objects, program)
    if finder:
        status, output = run([str(program), "--find", checker, seeds], folder)
        if status != 0:
            raise Failed(f"{checker} does not find it in seeds {seeds} (exit {status})\n{output[-2000:]}")
        found = output.strip().splitlines()[-1]
    else:
        found = find_in_swarm(program, checker, header(text, "Scenario", "containers"), seeds, folder)
    explored = header(text, "Explore", "")
    if explored:
        found += "; " + find_in_exploration(program, explored, folder)
    shutil.rmtree(folder)
    return found


def main():
    build, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    patches = sorted((source / "tests/planted").glob("*.patch"))
    names = [word for word in sys.argv[3:] if word != "--apply"]
    if names:
        patches = [p for p in patches if p.stem in names]
    proof_of = prove_that_it_applies if "--apply" in sys.argv else prove
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (build / entry["file"]).resolve()
        if path.is_relative_to(source) and "-test.p/" not in entry["output"]:
            commands.setdefault(str(path.relative_to(source)), entry)

    failures = 0
    with ThreadPoolExecutor(2) as workers:
        for patch, proof in [(p, workers.submit(proof_of, build, source, p, commands)) for p in patches]:
            try:
                print(f"{patch.stem}: {proof.result()}", flush=True)
            except Failed as failure:
                failures += 1
                print(f"{patch.stem}: FAILED: {failure}", flush=True)
    print(f"{len(patches) - failures} of {len(patches)} patches {'apply' if proof_of is prove_that_it_applies else 'are found'}")
    return 1 if failures or not patches else 0


sys.exit(main())
