#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes ZIP files that readers disagree about, each made from a good bundle by one change.

usage: make.py GOOD.zip FOLDER
Each file is named CODE.what.zip: CODE is the reason that `postproof bundle verify` must give.
"""
import copy
import hashlib
import os
import struct
import sys
import zlib

LOCAL, DIRECTORY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


class Entry:
    """One entry: the fields of both headers, which a change may make differ."""

    def __init__(self, record, name, data):
        keys = ("made", "needed", "flags", "method", "time", "date", "crc", "packed", "size")
        self.__dict__.update(zip(keys, struct.unpack("<6H3L", record[4:28])))
        self.internal, self.external = struct.unpack("<HL", record[36:42])
        self.name, self.data = name, data
        self.disk, self.extra, self.comment = 0, b"", b""
        self.local = {}  # fields of the local header that differ
        self.offset = None  # set when the directory lies
        self.descriptor = b""
        self.listed = True

    def fields(self, changes):
        get = lambda key: changes.get(key, getattr(self, key))
        return struct.pack("<5H3L2H", get("needed"), get("flags"), get("method"), get("time"),
                           get("date"), get("crc"), get("packed"), get("size"), len(get("name")),
                           len(get("extra")))

    def local_bytes(self):
        name, extra = (self.local.get(key, getattr(self, key)) for key in ("name", "extra"))
        return LOCAL + self.fields(self.local) + name + extra + self.data + self.descriptor

    def directory_bytes(self, offset):
        return (DIRECTORY + struct.pack("<H", self.made) + self.fields({}) +
                struct.pack("<3H2L", len(self.comment), self.disk, self.internal, self.external,
                            offset if self.offset is None else self.offset) +
                self.name + self.extra + self.comment)

    def set_content(self, content):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.data = packer.compress(content) + packer.flush()
        self.method, self.crc = 8, zlib.crc32(content)
        self.packed, self.size = len(self.data), len(content)


def read(data):
    """The entries of a good bundle."""
    count, size, start = struct.unpack("<HLL", data[-12:-2])
    entries, at = [], start
    for _ in range(count):
        record = data[at:at + 46]
        name_len = struct.unpack("<H", record[28:30])[0]
        offset, packed = (struct.unpack("<L", record[i:i + 4])[0] for i in (42, 20))
        name = data[at + 46:at + 46 + name_len]
        begin = offset + 30 + name_len
        entries.append(Entry(record, name, data[begin:begin + packed]))
        at += 46 + name_len
    return entries


def write(entries, prefix=b"", gap=b"", before_end=b"", comment=b"", count=None, trust_hash=True):
    """A ZIP file; zip-sha256.txt is right, so that only the change is wrong."""
    out, offsets = bytearray(prefix), []
    for entry in entries:
        if entry.name.endswith(b"zip-sha256.txt") and trust_hash and entry.method == 0:
            digest = hashlib.sha256(out).hexdigest()
            entry.data = b"%s  bytes 0 to %d\n" % (digest.encode(), len(out))
            entry.crc, entry.packed = zlib.crc32(entry.data), len(entry.data)
            entry.size = len(entry.data)
        offsets.append(len(out))
        out += entry.local_bytes()
    out += gap
    start = len(out)
    listed = [(e, o) for e, o in zip(entries, offsets) if e.listed]
    for entry, offset in listed:
        out += entry.directory_bytes(offset)
    size = len(out) - start
    number = len(listed) if count is None else count
    out += before_end
    out += END + struct.pack("<4H2LH", 0, 0, number, number, size, start, len(comment)) + comment
    return bytes(out)


def twin(entries, index, name):
    """Adds a copy of an entry under another name, behind it."""
    copied = copy.deepcopy(entries[index])
    copied.name = name
    entries.insert(index + 1, copied)
    return entries


def named(entries, name):
    return next(i for i, e in enumerate(entries) if e.name == b"evidence/" + name)


def changed(good, **changes):
    """The first entry with fields changed in both headers."""
    entries = copy.deepcopy(good)
    entries[0].__dict__.update(changes)
    return write(entries)


def cases(data):
    good = read(data)
    fresh = lambda: copy.deepcopy(good)
    assert write(fresh()) == data, "a good bundle is written again as it was"

    def local(**changes):
        entries = fresh()
        entries[0].local = changes
        return write(entries)

    def rename(name, index=0):
        entries = fresh()
        entries[index].name = name
        return write(entries)

    bag = good[0].name
    # Names
    yield "DUPLICATE_NAME", "name", write(twin(fresh(), 0, bag))
    yield "CASE_TWINS", "name", write(twin(fresh(), 0, bag.upper().replace(b"EVIDENCE", b"evidence")))
    yield "NAME_NOT_ASCII", "nfc", rename("evidence/\u00e9.txt".encode())
    yield "NAME_NOT_ASCII", "nfd", rename("evidence/e\u0301.txt".encode())
    yield "NAME_NOT_ASCII", "latin1", rename(b"evidence/\xe9.txt")
    yield "NAME_NOT_ASCII", "overlong", rename(b"evidence/\xc0\xaf.txt")
    yield "NAME_DOTS", "parent", rename(b"evidence/../bag-info.txt")
    yield "NAME_DOTS", "leading", rename(b"../bag-info.txt")
    yield "NAME_DOTS", "hidden", rename(b"evidence/.ssh")
    yield "NAME_ABSOLUTE", "root", rename(b"/etc/passwd")
    yield "NAME_BACKSLASH", "windows", rename(b"evidence\\..\\x")
    yield "NAME_BACKSLASH", "drive", rename(b"C:/x")
    yield "NAME_FOLDER", "folder", rename(b"evidence/data/")
    yield "NAME_FOLDER", "empty-part", rename(b"evidence//x")
    yield "NAME_EMPTY", "empty", rename(b"")
    yield "NAME_EMPTY", "long", rename(b"evidence/" + b"a" * 300)
    yield "NAME_DEVICE", "con", rename(b"evidence/CON")
    yield "NAME_DEVICE", "lpt1", rename(b"evidence/lpt1.txt")
    yield "NAME_NOT_PORTABLE", "newline", rename(b"evidence/a\nb")
    yield "NAME_NOT_PORTABLE", "nul", rename(b"evidence/bag-info.txt\0.exe")
    yield "NAME_NOT_PORTABLE", "end-dot", rename(b"evidence/a.")
    yield "NAME_NOT_PORTABLE", "dash", rename(b"evidence/-rf")
    yield "UNKNOWN_NAME", "other", rename(b"evidence/bag-infp.txt")
    yield "UNKNOWN_NAME", "elsewhere", rename(b"bag-info.txt")
    swapped = fresh()
    swapped[0], swapped[1] = swapped[1], swapped[0]
    yield "ORDER", "swapped", write(swapped)
    # Headers that differ
    yield "LOCAL_MISMATCH", "name", local(name=bag[:-1] + b"u")
    yield "LOCAL_MISMATCH", "crc", local(crc=0)
    yield "LOCAL_MISMATCH", "size", local(size=good[0].size + 1)
    yield "LOCAL_MISMATCH", "method", local(method=0)
    yield "LOCAL_MISMATCH", "flags", local(flags=0)
    yield "LOCAL_MISMATCH", "extra", local(extra=b"up\x05\x00abcde")
    # Entries and bytes that not everybody sees
    hidden = fresh()
    hidden[1].listed = False
    yield "HIDDEN_ENTRY", "middle", write(hidden)
    last = fresh()
    last.append(copy.deepcopy(last[0]))
    last[-1].listed = False
    yield "HIDDEN_ENTRY", "last", write(last)
    yield "PREFIXED_DATA", "shifted", write(fresh(), prefix=b"#!/bin/sh\n")
    yield "PREFIXED_DATA", "not-shifted", b"#!/bin/sh\n" + data
    yield "TRAILING_DATA", "bytes", data + b"x"
    yield "TRAILING_DATA", "comment", write(fresh(), comment=b"hello")
    yield "GAP", "before-directory", write(fresh(), gap=b"\0" * 64)
    slack = fresh()
    slack[0].descriptor = b"\0" * 16
    yield "GAP", "between", write(slack)
    yield "TWO_END_RECORDS", "before-end", write(
        fresh(), before_end=END + struct.pack("<4H2LH", 0, 0, 0, 0, 0, 0, 0))
    yield "TWO_END_RECORDS", "in-gap", write(
        fresh(), gap=END + struct.pack("<4H2LH", 0, 0, 0, 0, 0, 0, 0))
    yield "TWO_END_RECORDS", "two-archives", data + data
    overlap = fresh()
    overlap[1].offset = 0
    yield "OVERLAP", "same-place", write(overlap)
    far = fresh()
    far[0].offset = 0xFFFFFFF0
    yield "LOCAL_HEADER", "far", write(far)
    yield "COUNT", "fewer", write(fresh(), count=len(good) - 1)
    yield "DIRECTORY_RECORD", "more", write(fresh(), count=len(good) + 1)
    yield "COUNT", "too-many", write(fresh(), count=5000)
    # Fields
    yield "ENCRYPTED", "bit-0", changed(good, flags=0x801)
    yield "ENCRYPTED", "strong", changed(good, flags=0x840)
    yield "DATA_DESCRIPTOR", "bit-3", changed(good, flags=0x808)
    yield "FLAGS", "no-utf8", changed(good, flags=0)
    yield "FLAGS", "level", changed(good, flags=0x802)
    yield "METHOD", "bzip2", changed(good, method=12)
    yield "METHOD", "zstd", changed(good, method=93)
    yield "METHOD", "lzma", changed(good, method=14)
    yield "VERSION", "needed", changed(good, needed=45)
    yield "VERSION", "dos", changed(good, made=20)
    yield "TIME", "other", changed(good, time=good[0].time ^ 0x20)
    yield "EXTRA_FIELD", "unicode-path", changed(good, extra=b"up\x05\x00abcde")
    yield "EXTRA_FIELD", "zip64", changed(good, extra=b"\1\0\x08\0" + b"\0" * 8)
    yield "EXTRA_FIELD", "comment", changed(good, comment=b"hi")
    yield "SYMLINK", "link", changed(good, external=0o120777 << 16)
    yield "ATTRIBUTES", "setuid", changed(good, external=0o104755 << 16)
    yield "ATTRIBUTES", "folder", changed(good, external=0o040755 << 16 | 16)
    yield "ATTRIBUTES", "text", changed(good, internal=1)
    yield "DISKS", "second", changed(good, disk=1)
    yield "ZIP64", "size", changed(good, size=0xFFFFFFFF)
    locator = b"PK\6\7" + struct.pack("<LQL", 0, 0, 1)
    yield "ZIP64", "locator", write(fresh(), before_end=locator)
    # Data
    bomb = fresh()
    bomb[0].set_content(b"\0" * (64 << 20))
    bomb[0].size = 0xFFFFFFF0
    yield "BOMB", "ratio", write(bomb)
    larger = fresh()
    larger[0].size -= 1
    yield "BOMB", "longer-than-said", write(larger)
    shorter = fresh()
    shorter[0].size += 1
    yield "CRC", "shorter-than-said", write(shorter)
    yield "CRC", "crc", changed(good, crc=good[0].crc ^ 1)
    stored = fresh()
    stored[named(stored, b"zip-sha256.txt")].size += 1
    yield "SIZE", "stored", write(stored, trust_hash=False)
    cut = fresh()
    cut[0].data = cut[0].data[:-2]
    cut[0].packed -= 2
    yield "DATA", "cut", write(cut)
    slack_data = fresh()
    slack_data[0].data += b"\0\0"
    slack_data[0].packed += 2
    yield "DATA", "behind-the-stream", write(slack_data)
    garbage = fresh()
    garbage[0].data = b"\xff" * len(garbage[0].data)
    yield "DATA", "garbage", write(garbage)
    wrong = fresh()
    wrong[named(wrong, b"zip-sha256.txt")].data = b"0" * good[-1].size
    wrong[named(wrong, b"zip-sha256.txt")].crc = zlib.crc32(b"0" * good[-1].size)
    yield "HASH", "wrong", write(wrong, trust_hash=False)
    missing = fresh()
    del missing[named(missing, b"data/window.json")]
    yield "MISSING", "window", write(missing)
    yield "MISSING", "hash", write(fresh()[:-1])
    yield "NO_END_RECORD", "cut", data[:-1]
    yield "NO_END_RECORD", "empty", b""
    yield "NO_END_RECORD", "text", b"no zip at all" * 10
    yield "DIRECTORY", "beyond", data[:-6] + struct.pack("<L", len(data)) + data[-2:]
    # The container is good, what is in it is not: the code is that of the first bad check.
    edited = fresh()
    edited[named(edited, b"data/README.txt")].set_content(b"nothing to see")
    yield "MANIFEST", "content", write(edited)
    renamed = fresh()
    proof = next(e for e in renamed if e.name.endswith(b".entry"))
    proof.set_content(b"another entry")
    yield "MANIFEST", "entry", write(renamed)


def main():
    good, folder = sys.argv[1:]
    with open(good, "rb") as file:
        data = file.read()
    os.makedirs(folder, exist_ok=True)
    for code, what, content in cases(data):
        with open(os.path.join(folder, f"{code}.{what}.zip"), "wb") as file:
            file.write(content)


main()
