#!/usr/bin/env python3
"""Each rule of tidy.py finds the fault that is planted for it, and a clean tree has none."""

import os
import tempfile
import unittest

import tidy

CLEAN = {
    'meson.build': "subdir('runtime')\n",
    'runtime/base/meson.build': "static_library('base', 'name.c++', 'name-test.c++')\n",
    'runtime/base/name.h': '#pragma once\n',
    'runtime/base/name.c++': '#include "runtime/base/name.h"\n',
    'runtime/base/name-test.c++': '#include "runtime/base/name.h"\n',
    'runtime/http/meson.build': "static_library('http', 'head.c++')\n",
    'runtime/http/head.c++': '#include "runtime/base/name.h"\n',
    'runtime/main.c++': '#include "runtime/base/name.h"\nint main() { std::printf("x"); }\n',
    'runtime/meson.build': "executable('meridian', 'main.c++')\n",
    'actors/class/meson.build': "static_library('class', 'class.c++', 'class-actor.c++')\n",
    'actors/class/class.c++': '#include <vector>\n\n#include "runtime/base/name.h"\n',
    'actors/class/class-actor.c++': '#include <kj/async.h>\n',
    'schema/meson.build': "schemas = {'class': []}\n",
    'schema/class.capnp': '@0x1;\n',
}


def findings(changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in (CLEAN | changes).items():
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        return tidy.findings(root)


class Tidy(unittest.TestCase):
    def finds(self, path, text, words, line=1):
        found = findings({path: text})
        self.assertEqual(len(found), 1, found)
        self.assertEqual(found[0][:2], (path, line))
        self.assertIn(words, found[0][2])

    def test_a_clean_tree_has_no_finding(self):
        self.assertEqual(findings({}), [])

    def test_an_include_upward(self):
        self.finds('runtime/base/name.c++', '#include "runtime/base/name.h"\n#include "schema/class.capnp.h"\n',
                   'may not include', line=2)

    def test_a_stranger(self):
        self.finds('runtime/http/head.c++', '#include "runtime/store/lmdb.h"\n', 'may not include')
        self.finds('actors/class/class-actor.c++', '#include "actors/global/global.h"\n', 'may not include')

    def test_product_code_that_uses_tests(self):
        self.finds('runtime/http/head.c++', '#include "tests/toy.h"\n', 'may not include')
        self.assertEqual(findings({'runtime/base/name-test.c++': '#include "tests/toy.h"\n'}), [])

    def test_a_decision_that_reaches_out(self):
        self.finds('actors/class/class.c++', '#include <kj/async.h>\n', 'a decision includes only')
        self.finds('actors/class/class.c++', '#include "runtime/actor/storage.h"\n', 'a decision includes only')

    def test_a_relative_include(self):
        self.finds('runtime/base/name-test.c++', '#include "name.h"\n', 'by its path')

    def test_a_dear_library_in_a_header(self):
        self.finds('runtime/base/name.h', '#pragma once\n#include <nlohmann/json.hpp>\n', 'is for source files', line=2)
        self.finds('runtime/base/name-test.c++', '#include <caf/all.hpp>\n', 'costs seconds')

    def test_a_long_file(self):
        self.finds('runtime/http/head.c++', 'int x;\n' * 501, '501 lines', line=501)

    def test_leftovers(self):
        self.finds('runtime/http/head.c++', '  KJ_DBG(x);\n', 'debug print')
        self.finds('runtime/http/head.c++', '  std::cerr << x;\n', 'debug print')
        self.assertEqual(findings({'runtime/main.c++': 'int main() { std::puts("x"); }\n'}), [])
        self.finds('runtime/http/head.c++', '// TODO: later\n', 'TODO without its kind')
        self.assertEqual(findings({'runtime/http/head.c++': '// TODO(perf): one copy less\n'}), [])

    def test_white_space(self):
        self.finds('runtime/http/head.c++', 'int\tx;\n', 'a tab')
        self.finds('runtime/http/head.c++', 'int x; \n', 'blanks at the end')
        self.finds('runtime/http/head.c++', 'int x;', 'no newline')

    def test_a_header_without_pragma_once(self):
        self.finds('runtime/base/name.h', 'int x();\n', '#pragma once')

    def test_dead_files(self):
        self.finds('runtime/http/dead.c++', 'int x;\n', 'named in no meson.build')
        self.finds('runtime/http/dead.h', '#pragma once\n', 'included by nobody')
        self.finds('schema/dead.capnp', '@0x2;\n', 'named in no meson.build')

    def test_a_file_named_by_a_loop_is_not_dead(self):
        loop = "foreach name : ['head']\n  test(name, executable(name, name + '-test.c++', 'head.c++'))\nendforeach\n"
        self.assertEqual(findings({'runtime/http/meson.build': loop, 'runtime/http/head-test.c++': ''}), [])


if __name__ == '__main__':
    unittest.main()
