#!/usr/bin/env python3
"""Checks of the source tree that no compiler makes: layers, size, dead files, leftovers.

    tidy.py ROOT      prints `FILE:LINE: what is wrong` for each finding; exit status 1 when there is one
"""

import os
import re
import sys

# What the files below a folder may include, from the most specific folder to the least. The layers of the house: base below
# env and schema, then the durable actor, then actors and adapters, strangers to each other, then the composition.
BASE = ['runtime/base']
ENV = BASE + ['runtime/env']
ACTOR = ENV + ['runtime/actor', 'schema']
EVERYTHING = ['runtime', 'actors', 'schema', 'sim', 'bpf', 'tests']
LAYERS = [
    ('runtime/base', BASE),
    ('runtime/env', ENV),
    ('runtime/actor', ACTOR),
    ('runtime/store', ACTOR + ['runtime/store']),
    ('runtime/rpc', ACTOR + ['runtime/rpc']),
    ('runtime/http', ACTOR + ['runtime/http']),
    ('runtime/image', ACTOR + ['runtime/image']),
    ('runtime/container', ACTOR + ['runtime/container']),
    ('runtime/cli', ACTOR + ['runtime/cli']),
    ('runtime/main.c++', EVERYTHING),
    ('runtime', ['runtime', 'actors', 'schema', 'bpf']),    # the composition: runtime/platform, main.c++
    ('actors/global', ACTOR + ['actors/global', 'actors/placement']),
    ('actors/location', ACTOR + ['actors/location', 'actors/placement']),
    ('actors/placement', ACTOR + ['actors/placement']),
    ('actors', ACTOR + ['OWN FOLDER']),
    ('bpf', BASE + ['OWN FOLDER']),
    ('sim/world', ACTOR + ['sim/world', 'runtime/store', 'runtime/rpc']),  # it shares the commit queue, and gives wires
    ('sim', EVERYTHING),
    ('examples', []),
    ('tests', EVERYTHING),
    ('schema', []),
]

# A test beside its code may also use what tests share.
TEST_ALSO = ['tests', 'sim']

# In an actor's folder everything decides, except what moves records and effects.
NOT_DECIDING = re.compile(r'-(actor|record|codec|server|calls|test)\.(h|c\+\+)$')
ACTORS_WITHOUT_DECISIONS = ['actors/fleet']    # the operators' front door

LIBRARIES_OF_SOURCE_FILES = ['CLI/', 'nlohmann/json.hpp', 'spdlog/spdlog.h']    # too dear for a header
LIBRARIES_OF_NOBODY = ['caf/all.hpp']

CODE = ('.h', '.c++', '.c')
TEXT = CODE + ('.capnp', '.build', '.py', '.sh', '.md', '.jsonc', '.txt')
SCRIPTS = ['quickstart', 'check', '.ci/run']
LINES_MAX = 500

TODO = re.compile(r'TODO(?!\((soon|someday|perf|test)\): \S)')
DEBUG_PRINT = re.compile(r'\bKJ_DBG\b')
PRINT = re.compile(r'\bstd::(cout|cerr)\b|(?<![\w:])(std::)?(printf|puts)\s*\(')
PRINTING = ['runtime/platform', 'runtime/cli']    # what talks to the user
INCLUDE = re.compile(r'\s*#include\s+(["<])([^">]+)[">]')


def source_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(('.', 'build')) and f != '__pycache__')
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(TEXT):
                yield path
    for script in SCRIPTS:
        if os.path.exists(os.path.join(root, script)):
            yield script


def below(path, folder):
    return path == folder or path.startswith(folder + '/')


def is_test(path):
    return re.search(r'-(test|harness)\.(c\+\+|c)$', path) is not None


def may_include(path, target):
    layer = next((layer for layer in LAYERS if below(path, layer[0])), None)
    if layer is None:
        return True
    allowed = [os.path.dirname(path) if folder == 'OWN FOLDER' else folder for folder in layer[1]]
    if is_test(path):
        allowed += TEST_ALSO
    return any(below(target, folder) for folder in allowed)


def decides(path):
    if not below(path, 'actors') or is_test(path) or NOT_DECIDING.search(path):
        return False
    return not any(below(path, folder) for folder in ACTORS_WITHOUT_DECISIONS)


def check_includes(path, lines, included):
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        system, target = match.group(1) == '<', match.group(2)
        if not system:
            included.add(target)
            if '/' not in target:
                yield number, f'include "{target}" by its path from the root'
            elif not may_include(path, target):
                yield number, f'{os.path.dirname(path)} may not include {target}: another layer, or a stranger'
        if decides(path) and (target.startswith(('kj/', 'capnp/', 'caf/')) if system else
                              not target.startswith(('runtime/base/', os.path.dirname(path) + '/', 'actors/placement/'))):
            yield number, f'a decision includes only runtime/base and its own folder, not {target}'
        if path.endswith('.h') and target.startswith(tuple(LIBRARIES_OF_SOURCE_FILES)):
            yield number, f'{target} is for source files; a header takes its forward declarations'
        if target in LIBRARIES_OF_NOBODY:
            yield number, f'{target} costs seconds a unit; include its parts'


def check_text(path, text, lines):
    if text and not text.endswith('\n'):
        yield len(lines), 'no newline at the end'
    for number, line in enumerate(lines, 1):
        if '\t' in line:
            yield number, 'a tab'
        if line != line.rstrip():
            yield number, 'blanks at the end of the line'
        if TODO.search(line) and not below(path, 'tests/tidy'):
            yield number, 'a TODO without its kind: TODO(soon|someday|perf|test): what'


def check_code(path, text, lines):
    if len(lines) > LINES_MAX:
        yield LINES_MAX + 1, f'{len(lines)} lines, more than {LINES_MAX}: a second noun wants a file of its own'
    if path.endswith('.h') and '#pragma once' not in text:
        yield 1, 'a header without #pragma once'
    is_program = re.search(r'^int main\(', text, re.MULTILINE) is not None
    may_print = is_program or is_test(path) or any(below(path, folder) for folder in PRINTING)
    if any(below(path, folder) for folder in ['runtime', 'actors', 'bpf']):
        for number, line in enumerate(lines, 1):
            if DEBUG_PRINT.search(line) or (PRINT.search(line) and not may_print):
                yield number, 'a stray debug print'


def built_names(texts):
    """Paths of the quoted words of each meson.build, also of two in a row: 'score' + '-test.c++'."""
    names = set()
    for path, text in texts.items():
        if os.path.basename(path) != 'meson.build':
            continue
        folder = os.path.dirname(path)
        words = set(re.findall(r"'([^'\n]+)'", text))
        endings = {word for word in words if word.startswith('-') and word.endswith(CODE)}
        for word in words | {word + ending for word in words for ending in endings}:
            names.add(os.path.normpath(os.path.join(folder, word)))
    return names


def check_dead(path, built, included):
    if path.endswith(('.c++', '.c')) and path not in built:
        yield 1, 'named in no meson.build'
    if path.endswith('.capnp') and not {path, path.removesuffix('.capnp')} & built:
        yield 1, 'named in no meson.build'
    if path.endswith('.h') and path not in included and path not in built:
        yield 1, 'included by nobody'


def findings(root):
    texts = {}
    for path in source_files(root):
        with open(os.path.join(root, path), encoding='utf-8') as file:
            texts[path] = file.read()
    included = set()
    found = []

    def note(path, checks):
        found.extend((path, number, what) for number, what in checks)

    for path, text in texts.items():
        lines = text.splitlines()
        if not below(path, 'tests/golden'):
            note(path, check_text(path, text, lines))
        if path.endswith(CODE):
            note(path, check_code(path, text, lines))
            note(path, check_includes(path, lines, included))
    built = built_names(texts)
    for path in texts:
        if not below(path, 'tests/planted'):
            note(path, check_dead(path, built, included))
    return sorted(found)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: tidy.py ROOT')
    found = findings(sys.argv[1])
    for path, number, what in found:
        print(f'{path}:{number}: {what}')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
