#!/usr/bin/env python3
"""Reads a history of Headwater and nothing but what docs/log-format.md says: for other programs to copy from.

    read_log.py DIRECTORY                  every update as `headwater history export` writes it
    read_log.py DIRECTORY --topic TOPIC    those that bear the topic, found through the indexes

Python 3.8 or newer, standard library only. A test compares it with the real one.
"""

import json
import os
import re
import struct
import sys
import zlib

PRIVATE, CHOSEN_ID, CONTINUED, KEYED, PURGED = 1, 2, 4, 8, 16
SEGMENT_HEAD, RECORD_HEAD, INDEX_HEAD = 64, 36, 96


class NotWhole(Exception):
    """Something is not as a hub writes it."""


# --- The manifest ----------------------------------------------------------------------------------------------------


class Manifest:
    def __init__(self, directory):
        with open(os.path.join(directory, "manifest"), "rb") as file:
            content = file.read()
        body, last = content[:-15], content[-15:]
        if last != b"crc32 %08x\n" % zlib.crc32(body):
            raise NotWhole("manifest: its checksum is not that of its lines")
        lines = body.decode().splitlines()
        if lines[0] != "headwater-history 1":
            raise NotWhole("manifest: this reads version 1, not " + lines[0])
        self.lost, self.purges, self.clean = [], [], None
        # All before it was durable once.
        self.proven = 0
        for line in lines[1:]:
            word, rest = line.split(" ", 1)
            if word == "id":
                self.id = bytes.fromhex(rest)
            elif word == "hash":
                self.hash = bytes.fromhex(rest)
            elif word == "clean":
                self.clean = int(rest)
                self.proven = max(self.proven, self.clean)
            elif word == "epoch":
                self.proven = max(self.proven, int(rest.split(" ")[1]))
            elif word in ("lost", "damaged"):
                self.lost.append(tuple(map(int, rest.split(" "))))
                self.proven = max(self.proven, self.lost[-1][1])
            elif word == "purge":
                before, topic = rest.split(" ")
                self.purges.append((int(before), bytes.fromhex(topic).decode()))

    def is_lost(self, offset):
        return any(start <= offset < end for start, end in self.lost)

    def is_purged(self, record):
        return any(record.offset < before and topic in record.topics for before, topic in self.purges)


# --- Records ---------------------------------------------------------------------------------------------------------


class Record:
    """A record at a place of a segment; NotWhole if none is whole there."""

    def __init__(self, segment, at):
        segment, checksum = segment.bytes, segment.checksum
        if len(segment) - at < RECORD_HEAD:
            raise NotWhole("the segment ends")
        length, sum, self.offset, self.time, self.flags, ahead, event = struct.unpack_from("<IIQQIII", segment, at)
        self.end = at + 8 + length
        if length < RECORD_HEAD - 8 or self.end > len(segment):
            raise NotWhole("a length that cannot be")
        # The checksum is of all but itself.
        if sum != checksum(zlib.crc32(segment[at + 8 : self.end], zlib.crc32(segment[at : at + 4]))):
            raise NotWhole("a checksum that is wrong")
        self.durable = self.offset - ahead
        self.topics, self.fields, self.key = [], {}, None
        if self.flags & PURGED:
            return
        place = at + RECORD_HEAD
        self._event(segment[place : place + event].decode())
        place += event
        (count,) = struct.unpack_from("<I", segment, place)
        place += 4
        for _ in range(count):
            name, place = text(segment, place)
            self.topics.append(name.decode())
        if self.flags & KEYED:
            name, place = text(segment, place)
            self.key = name, segment[place : place + 16]

    def _event(self, event):
        data = []
        # Lines end with LF alone: a value may hold what splitlines() would cut at.
        for line in event.split("\n"):
            name, _, value = line.partition(": ")
            if name == "data":
                data.append(value)
            elif name:
                self.fields[name] = value
        self.fields["data"] = "\n".join(data)

    def line(self):
        """As it is published and exported."""
        line = {"topic": self.topics[0] if len(self.topics) == 1 else self.topics, "data": self.fields["data"]}
        if self.flags & PRIVATE:
            line["private"] = True
        if self.flags & CHOSEN_ID:
            line["id"] = self.fields["id"]
        if "event" in self.fields:
            line["type"] = self.fields["event"]
        if "retry" in self.fields:
            line["retry"] = int(self.fields["retry"])
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def text(segment, place):
    (length,) = struct.unpack_from("<I", segment, place)
    return segment[place + 4 : place + 4 + length], place + 4 + length


# --- Segments --------------------------------------------------------------------------------------------------------


class Segment:
    def __init__(self, name, content, manifest):
        head = content[:SEGMENT_HEAD]
        if head[:8] != b"headwtr\n" or head[60:] != struct.pack("<I", zlib.crc32(head[:60])):
            raise NotWhole(name + ": it does not begin as a segment does")
        version, _, log_id, self.first = struct.unpack_from("<II16sQ", head, 8)
        if version not in (1, 2) or (log_id, self.first) != (manifest.id, int(name[:20])):
            raise NotWhole(name + ": it is of another version, of another history, or was renamed")
        self.bytes = content
        self.version, self.log_id = version, log_id

    def checksum(self, crc):
        """Of a record with this CRC-32."""
        return crc if self.version == 1 else siphash13(self.log_id, struct.pack("<I", crc)) & 0xFFFFFFFF


def segments(directory, manifest):
    """Each segment, and whether it is the last."""
    names = sorted(name for name in os.listdir(directory) if re.fullmatch(r"\d{20}\.log", name))
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            yield Segment(name, file.read(), manifest), name == names[-1]


def records(segment, proven):
    """The whole records of a segment of which all before the offset `proven` was durable once."""
    at, expected, submission = SEGMENT_HEAD, segment.first, []
    while at < len(segment.bytes):
        try:
            record = Record(segment, at)
            if record.offset != expected:
                raise NotWhole("another offset")
        except NotWhole:
            record, proven = behind(segment, at, expected, proven)
            if record is None:
                break
            # Damage must not hide what stands before it.
            yield from submission
            submission = []
        submission.append(record)
        at, expected = record.end, record.offset + 1
        if not record.flags & CONTINUED:
            yield from submission
            submission = []
    yield from (record for record in submission if record.offset < proven)


def behind(segment, bad, expected, proven):
    """The first whole record behind a bad place, if all that is missing before it was durable once; and what was."""
    first, end = None, len(segment.bytes)
    for at in range(bad + 1, end - RECORD_HEAD + 1):
        length, _, offset = struct.unpack_from("<IIQ", segment.bytes, at)
        if at + 8 + length > end or not expected < offset <= expected + (at - bad):
            continue
        try:
            record = Record(segment, at)
        except NotWhole:
            continue
        if record.durable > record.offset:
            continue
        first = first or record
        proven = max(proven, record.durable)
        if first.offset <= proven:
            return first, proven
    return None, proven


# --- Indexes ---------------------------------------------------------------------------------------------------------


def siphash13(key, message):
    """SipHash with one round a word and three at the end, as an unsigned number of 64 bits."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(x, bits):
        return (x << bits | x >> (64 - bits)) & mask

    def round():
        v[0] = (v[0] + v[1]) & mask
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & mask
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & mask
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & mask
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        round()
        v[0] ^= word
    v[2] ^= 255
    for _ in range(3):
        round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def places(directory, first, manifest, hash):
    """Where in the segment the records with this hash begin; None without a whole index."""
    try:
        with open(os.path.join(directory, "%020d.idx" % first), "rb") as file:
            index = file.read()
    except FileNotFoundError:
        return None
    if len(index) < INDEX_HEAD or struct.unpack_from("<I", index, 92)[0] != zlib.crc32(index[:92]):
        return None
    magic, version, n, log_id, own_first = struct.unpack_from("<8sII16sQ", index)
    h, p, b, _, _, _, body = struct.unpack_from("<7I", index, 64)
    if (magic, version, log_id, own_first) != (b"headwidx", 1, manifest.id, first) or body != zlib.crc32(index[96:]):
        return None
    fan_out = INDEX_HEAD + 4 * n
    hashes = fan_out + 4 * (2**b + 1)
    postings = hashes + 12 * h
    bucket = hash >> (64 - b)
    start, end = struct.unpack_from("<II", index, fan_out + 4 * bucket)
    for i in range(start, end):
        other, begin = struct.unpack_from("<QI", index, hashes + 12 * i)
        if other == hash:
            finish = struct.unpack_from("<I", index, hashes + 12 * i + 20)[0] if i + 1 < h else p
            return struct.unpack_from("<%dI" % (finish - begin), index, postings + 4 * begin)
    return ()


# --- What is printed -------------------------------------------------------------------------------------------------


def read(directory, topic=None):
    manifest = Manifest(directory)
    for segment, last in segments(directory, manifest):
        found = None
        if topic is not None and not last:
            found = places(directory, segment.first, manifest, siphash13(manifest.hash, b"t" + topic.encode()))
        proven = manifest.proven if last else float("inf")
        all_of_it = records(segment, proven) if found is None else looked_up(segment, found)
        for record in all_of_it:
            if manifest.is_lost(record.offset) or not record.topics or manifest.is_purged(record):
                continue
            # The index only says where to look: two topics may have one hash.
            if topic is None or topic in record.topics:
                yield record


def looked_up(segment, found):
    for place in found:
        try:
            yield Record(segment, place)
        except NotWhole:
            pass


def main(arguments):
    if len(arguments) not in (1, 3) or arguments[1:2] not in ([], ["--topic"]):
        sys.exit(__doc__)
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n", closefd=False)
    try:
        for record in read(arguments[0], *arguments[2:]):
            print(record.line(), file=out)
    except NotWhole as problem:
        sys.exit("read_log.py: %s" % problem)


if __name__ == "__main__":
    main(sys.argv[1:])
