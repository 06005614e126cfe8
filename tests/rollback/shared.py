#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second implementation of shared literals, from docs/format/rollback.md alone.

usage: shared.py OLD NEW PATCH

Makes for each block of the generic patch whose literals share a code the new literals from the
old ones, and the other way round, and compares them with the images.  Prints how many such blocks
there were, and how many parts of literals stood elsewhere.  Exit 0: all are equal; 1: one is not, or the patch holds none; 2: the patch needs what
this program lacks (zstd, moved bytes)."""

import struct
import sys

HEADER_BYTES, BLOCK_BYTES, PAGE_BYTES = 232, 156, 4096
COPY, PAIR, NEW, OLD = range(4)
MASK = 0xFFFFFFFF
SQUASHED = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994,
            3348, 3607, 3785, 3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094)


def squash(x):
    k, f = divmod(x + 2048, 128)
    return (SQUASHED[k] * (128 - f) + SQUASHED[k + 1] * f + 64) // 128


STRETCH = [next((x for x in range(-2047, 2048) if squash(x) >= c), 2047) for c in range(4096)]


def stir(h):
    h = h * 0x9E3779B1 & MASK
    h ^= h >> 15
    return h * 0x85EBCA6B & MASK


def signed(n):
    return (n + 2 ** 31) % 2 ** 32 - 2 ** 31


class Node:
    def __init__(self):
        self.n = 0

    @property
    def chance(self):
        return self.n // 16 + 2048

    @property
    def seen(self):
        return self.n % 16

    def seen_with(self, bit):
        s = self.seen
        n = self.n + ((32767 if bit else -32768) - self.n) * (32768 * 2 // (2 * s + 3)) // 32768
        return n // 16 * 16 + min(s + 1, 11)


class Line:
    def __init__(self, check=0):
        self.check, self.nodes = check, [Node() for _ in range(15)]


class Model:
    def __init__(self, prefix, both):
        self.k = next(k for k in range(10, 17) if k == 16 or 2 ** k >= 4 * (len(prefix) + both))
        self.lines = [None] * 2 ** self.k
        self.places = [0] * 2 ** self.k
        self.order0 = [Node() for _ in range(256)]
        self.classes = [Node() for _ in range(16)]
        self.weights_by = {}
        self.known = bytearray()
        self.length, self.expected_at = 0, 0
        self.begin_byte()
        for byte in prefix:
            for i in range(7, -1, -1):
                self.predict()
                self.see(byte >> i & 1)

    def back(self, n):
        return self.known[-n] if n <= len(self.known) else 0

    def find_match(self):
        if self.length > 0 and self.known[self.expected_at] == self.back(1):
            self.length += 1
            self.expected_at += 1
        else:
            self.length = 0
        if len(self.known) < 4:
            return
        h = 0
        for n in range(4, 0, -1):
            h = (h * 0x2F0B4C47 + self.back(n) + 1) & MASK
        entry = stir(h) >> (32 - self.k)
        if self.length == 0 and self.places[entry] != 0:
            self.expected_at = self.places[entry]
            while (self.length < 32 and self.length < self.expected_at and
                   self.known[self.expected_at - 1 - self.length] == self.back(self.length + 1)):
                self.length += 1
        self.places[entry] = len(self.known)

    def begin_byte(self):
        b1, b2, b3, b4 = (self.back(n) for n in range(1, 5))
        self.hashes = [stir(b1 + 0x10000), stir(b1 + (b2 << 8) + 0x20000),
                       stir(b1 + (b2 << 8) + (b3 << 16) + 0x3000000), stir(b4 + 0x40000)]
        self.v = 1
        self.find_match()
        self.find_lines()

    def find_lines(self):
        self.at_work = []
        for hashed in self.hashes:
            h = stir(hashed + self.v * 0x2545F491 & MASK)
            first = h >> (32 - self.k)
            for place in (first, first ^ 1):
                self.lines[place] = self.lines[place] or Line()
            place = next((p for p in (first, first ^ 1) if self.lines[p].check == h & 0xFFFF), None)
            if place is None:
                place = min((first, first ^ 1), key=lambda p: self.lines[p].nodes[0].seen)
                self.lines[place] = Line(h & 0xFFFF)
            self.at_work.append(place)  # a later context may take the line that stands there

    def match_class(self):
        n = self.length
        return n if n < 8 else 6 + n // 4 if n < 32 else 14 if n < 64 else 15

    def predict(self):
        bits = self.v.bit_length() - 1
        half = bits % 4
        index = 2 ** half - 1 + (self.v & (2 ** half - 1))
        self.nodes = [self.lines[place].nodes[index] for place in self.at_work]
        orders = max([i + 1 for i in range(3) if self.nodes[i].seen > 0], default=0)
        self.nodes.append(self.order0[self.v])
        self.inputs = [STRETCH[node.chance] for node in self.nodes]
        self.expected = None
        if self.length > 0 and (self.known[self.expected_at] | 256) >> (8 - bits) == self.v:
            self.expected = self.known[self.expected_at] >> (7 - bits) & 1
        if self.expected is None:
            self.inputs.append(0)
        else:
            x = STRETCH[self.classes[self.match_class()].chance]
            self.inputs.append(x if self.expected else -x)
        match = 0 if self.expected is None else self.match_class()
        self.weights = self.weights_by.setdefault((match, orders, bits), [2457] * 6)
        mixed = signed(sum(w * i for w, i in zip(self.weights, self.inputs))) // 8192
        self.mixed = max(-2047, min(2047, mixed))
        return squash(self.mixed)

    def see(self, bit):
        error = 4096 * bit - squash(self.mixed)
        for i, value in enumerate(self.inputs):
            self.weights[i] = signed(self.weights[i] + (value * error + 8192) // 16384)
        seen = [node.seen_with(bit) for node in self.nodes]
        for node, n in zip(self.nodes, seen):
            node.n = n
        if self.expected is not None:
            node = self.classes[self.match_class()]
            node.n = node.seen_with(bit == self.expected)
        self.v = self.v << 1 | bit
        if self.v >= 256:
            self.known.append(self.v & 255)
            self.begin_byte()
        elif self.v.bit_length() == 5:
            self.find_lines()


def part(low, high, chance):
    return low + (high - low) * chance // 4096


def encode(model, content):
    low, high, code = 0, MASK, bytearray()
    for byte in content:
        for i in range(7, -1, -1):
            bit = byte >> i & 1
            bound = part(low, high, model.predict())
            low, high = (low, bound) if bit else (bound + 1, high)
            while low >> 24 == high >> 24:
                code.append(low >> 24)
                low, high = low << 8 & MASK, high << 8 & MASK | 255
            model.see(bit)
    if low > 0:
        code.append((low >> 24) + 1)
    return bytes(code)


def decode(model, code, count):
    low, high, at, content = 0, MASK, 4, bytearray()
    code = code + bytes(4)
    window = int.from_bytes(code[:4], "big")
    while len(content) < count:
        for _ in range(8):
            bound = part(low, high, model.predict())
            bit = int(window <= bound)
            low, high = (low, bound) if bit else (bound + 1, high)
            while low >> 24 == high >> 24:
                low, high = low << 8 & MASK, high << 8 & MASK | 255
                window = window << 8 & MASK | (code[at] if at < len(code) else 0)
                at += 1
            model.see(bit)
        content.append(model.known[-1])
    return bytes(content)


def resolve(plain, prefix, one, shared, count):
    own = one if plain else encode(Model(prefix, len(one) + count), one)
    other = bytes(x ^ (own[i] if i < len(own) else 0) for i, x in enumerate(shared))
    return other[:count] if plain else decode(Model(prefix, len(one) + count), other, count)


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def prefix_of(slot, old):
    numbers, page, prefix = list(varints(slot)), 0, b""
    for skipped, taken, _ in zip(*[iter(numbers)] * 3):
        page += skipped
        prefix += old[page * PAGE_BYTES:(page + taken) * PAGE_BYTES]
        page += taken
    return prefix


def elsewhere_of(slot, literals, image):
    """The literals without the parts that the slot names, and these, with their places."""
    numbers, at, place, rest, parts = list(varints(slot)), 0, 0, b"", []
    for skipped, jump, n in zip(*[iter(numbers)] * 3):
        rest += literals[at:at + skipped]
        at += skipped
        place += jump // 2 if jump % 2 == 0 else -(jump + 1) // 2
        parts.append((at, image[place:place + n]))
        at += n
        place += n
    return rest + literals[at:], parts


def put_back(rest, parts):
    for at, part in parts:
        rest = rest[:at] + part + rest[at:]
    return rest


def fail(code, why):
    print(f"shared.py: {why}", file=sys.stderr)
    sys.exit(code)


def main():
    old, new, patch = (open(name, "rb").read() for name in sys.argv[1:4])
    at, old_at, new_at, count, elsewhere = HEADER_BYTES, 0, 0, 0, 0
    while at < len(patch):
        head, at = patch[at:at + BLOCK_BYTES], at + BLOCK_BYTES
        slots = []
        for content_bytes, stored_bytes in struct.iter_unpack(">II", head[60:]):
            slots.append((content_bytes == stored_bytes, patch[at:at + stored_bytes]))
            at += stored_bytes
        if not slots[0][0] or not slots[1][0]:
            fail(2, "a slot is a zstd frame")
        added = removed = b""
        for number in varints(slots[0][1]):
            n, kind = divmod(number, 4)
            if kind == NEW:
                added += new[new_at:new_at + n]
            if kind == OLD:
                removed += old[old_at:old_at + n]
            old_at += n if kind != NEW else 0
            new_at += n if kind != OLD else 0
        if head[5] == 0:
            continue
        if head[24:28] != bytes(4):
            fail(2, "bytes moved")
        if not slots[2][0] or not slots[5][0]:
            fail(2, "a slot is a zstd frame")
        prefix, shared = prefix_of(slots[1][1], old), slots[4][1]
        some_added, stand_in_old = elsewhere_of(slots[2][1], added, old)
        some_removed, stand_in_new = elsewhere_of(slots[5][1], removed, new)
        found = resolve(head[5] == 2, prefix, some_removed, shared, len(some_added))
        if put_back(found, stand_in_old) != added:
            fail(1, f"block {count}: the new literals are others")
        found = resolve(head[5] == 2, prefix, some_added, shared, len(some_removed))
        if put_back(found, stand_in_new) != removed:
            fail(1, f"block {count}: the old literals are others")
        count += 1
        elsewhere += len(stand_in_old) + len(stand_in_new)
    print(f"{count} blocks with shared literals, {elsewhere} parts of them elsewhere")
    sys.exit(0 if count > 0 else 1)


main()
