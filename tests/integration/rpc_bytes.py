"""Cap'n Proto RPC messages as bytes, written by hand: also those that no library would send.

A message is one segment. Objects are `Struct`, `Rows` (a list of structs of one shape), `Text` and `Raw`; a pointer is one of them, an
`int` (the word itself, for pointers that lie), or None. The shapes are those of rpc.capnp.
"""
import struct


class Struct:
    def __init__(self, data=(), pointers=()):
        self.data, self.pointers = list(data), list(pointers)


class Rows:
    """A list of structs; each row has the shape of the first."""

    def __init__(self, rows):
        self.rows = rows


class Text:
    def __init__(self, text):
        self.bytes = text + b'\0'


class Raw:
    """Words as they are, and what the pointer to them says beside where they are."""

    def __init__(self, words, pointer):
        self.words, self.pointer = words, pointer


def claimed_rows(count, words_each=0):
    """A list of structs that claims to have `count` of them, and has none."""
    return Raw([(count << 2) | (words_each << 32)], 1 | (7 << 32) | (words_each * count << 35))


def claimed_bytes(count):
    return Raw([], 1 | (2 << 32) | (count << 35))


def message(root):
    """The words of a message with this root, without framing."""
    words = [0]
    _place(root, words, 0)
    return struct.pack(f'<{len(words)}Q', *words)


def frame(segment):
    return struct.pack('<II', 0, len(segment) // 8) + segment


def _place(what, words, at):
    """Writes the pointer to `what` at words[at], and what it points to behind all there is."""
    if what is None:
        return
    if isinstance(what, int):
        words[at] = what
        return
    begin = len(words)
    offset = begin - at - 1
    if isinstance(what, Raw):
        words += what.words
        words[at] = what.pointer | (offset << 2)
    elif isinstance(what, Text):
        padded = what.bytes + b'\0' * (-len(what.bytes) % 8)
        words += struct.unpack(f'<{len(padded) // 8}Q', padded)
        words[at] = 1 | (offset << 2) | (2 << 32) | (len(what.bytes) << 35)
    elif isinstance(what, Struct):
        words += what.data + [0] * len(what.pointers)
        words[at] = (offset << 2) | (len(what.data) << 32) | (len(what.pointers) << 48)
        _place_all(what.pointers, words, begin + len(what.data))
    else:
        shape = what.rows[0]
        size = len(shape.data) + len(shape.pointers)
        words.append((len(what.rows) << 2) | (len(shape.data) << 32) | (len(shape.pointers) << 48))
        for row in what.rows:
            words += row.data + [0] * len(row.pointers)
        words[at] = 1 | (offset << 2) | (7 << 32) | (size * len(what.rows) << 35)
        for index, row in enumerate(what.rows):
            _place_all(row.pointers, words, begin + 1 + index * size + len(shape.data))


def _place_all(pointers, words, at):
    for index, pointer in enumerate(pointers):
        _place(pointer, words, at + index)


# ---- rpc.capnp

def rpc(kind, body):
    return message(Struct([kind], [body]))


def bootstrap(question):
    return rpc(8, Struct([question], [None]))


def export(id):
    return Struct([id], [None])


def answer(question, path=()):
    steps = Rows([Struct([1 | (index << 16)]) for index in path]) if path else None
    return Struct([1 << 32], [Struct([question], [steps])])


def call(question, target, interface, method, params=None, capabilities=None, yourself=False):
    redirect = 1 if yourself else 0
    return rpc(2, Struct([question | (method << 32) | (redirect << 48), interface, 0],
                         [target, Struct([], [params, capabilities]), None]))


def finish(question, release=True):
    return rpc(4, Struct([question | (0 if release else 1 << 32)]))


def release(id, count):
    return rpc(6, Struct([id | (count << 32)]))


def resolve(promise, descriptor):
    return rpc(5, Struct([promise], [descriptor]))


def disembargo(target, context, number):
    return rpc(13, Struct([number | (context << 32)], [target]))


def returned(question):
    return rpc(3, Struct([question | (2 << 48), 0], [None]))


def hosted(id):
    return Struct([1 | (0 << 16) | (id << 32)], [None])


def promise(id):
    return Struct([2 | (id << 32)], [None])
