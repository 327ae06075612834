#!/usr/bin/env python3
"""Proves the checkers of the simulated world, and of the tests that name themselves in a patch: each patch here plants one bug,
and the checker that it names must find it.

A patch is applied to copies of the sources in the build folder. What it touches is compiled there with the command of the build and
linked in front of the same libraries, so it costs a few seconds. Usage: planted-test.py BUILD_DIR SOURCE_DIR [NAME...]
"""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SEEDS = "1..1000"
SECONDS_MAX = 300      # for one patch's seeds
WORLD = "sim/world-run"


class Failed(Exception):
    pass


def run(command, cwd, seconds=SECONDS_MAX):
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} took more than {seconds} s")
    return done.returncode, done.stdout + done.stderr


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


def prove(build, source, patch, commands):
    text = patch.read_text()
    checker = re.search(r"^Checker: (\S+)$", text, re.M).group(1)
    finder = re.search(r"^Program: (\S+)$", text, re.M)
    folder = build / "tests/planted" / patch.stem
    shutil.rmtree(folder, ignore_errors=True)
    objects = []
    paths = re.findall(r"^--- a/(\S+)", text, re.M)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, folder / path)
    status, output = run(["patch", "-p1", "--fuzz=0", "-i", str(patch)], folder)
    if status != 0:
        raise Failed(f"it does not apply any more:\n{output}")
    for path in paths:
        target = folder / (path.replace("/", "_") + ".o")
        compile_copy(build, commands[path], folder / path, target)
        objects.append(target)
    program = folder / "world-run"
    link(build, finder.group(1) if finder else WORLD, objects, program)
    status, output = run([str(program), "--find", checker, SEEDS], folder)
    if status != 0:
        raise Failed(f"{checker} does not find it in seeds {SEEDS} (exit {status})\n{output[-2000:]}")
    shutil.rmtree(folder)
    return output.strip().splitlines()[-1]


def main():
    build, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    patches = sorted((source / "tests/planted").glob("*.patch"))
    if len(sys.argv) > 3:
        patches = [p for p in patches if p.stem in sys.argv[3:]]
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (build / entry["file"]).resolve()
        if path.is_relative_to(source) and "-test.p/" not in entry["output"]:
            commands.setdefault(str(path.relative_to(source)), entry)

    failures = 0
    with ThreadPoolExecutor(2) as workers:
        for patch, proof in [(p, workers.submit(prove, build, source, p, commands)) for p in patches]:
            try:
                print(f"{patch.stem}: {proof.result()}", flush=True)
            except Failed as failure:
                failures += 1
                print(f"{patch.stem}: FAILED: {failure}", flush=True)
    print(f"{len(patches) - failures} of {len(patches)} planted bugs found")
    return 1 if failures or not patches else 0


sys.exit(main())
