"""The log under the ledger: checksummed records, appended to files of some size, each on a line of its own.

    crc32 length json\\n

The checksum is of the JSON. A record is found by its offset; where one does not hold, reading goes on at the next line
that is a whole record, so a torn tail or a flipped byte costs that record and no other. One process at a time appends
to a file (`flock`); whoever finds a file's end torn leaves it as it is and begins another.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEGMENT_BYTES = 256 * 2**20
_LONGEST = 256 * 2**20
_READ_BYTES = 8 * 2**20
# crc32 and length as they are written, with the spaces after them.
_HEAD = 8 + 1 + 10 + 1

Record = dict[str, Any]
_NAME = re.compile(r"\d{6,9}\.log")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Place:
    """Where a record lies: a file by its number, the offset of its first byte, and its length with head and newline."""

    segment: int
    offset: int
    length: int


def encode(record: Record) -> bytes:
    """The bytes of a record."""
    text = _JSON.encode(record).encode()
    return b"%08x %010d %b\n" % (zlib.crc32(text), len(text), text)


def decode(line: bytes) -> Record | None:
    """The record whose bytes these are; None where the checksum does not hold."""
    text = line[_HEAD:-1]
    if len(line) <= _HEAD or line[:8] != b"%08x" % zlib.crc32(text):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class Segments:
    """The files of one folder: `000001.log`, `000002.log`, ..."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._writer: _Writer | None = None
        self._readers: dict[int, int] = {}

    def numbers(self) -> list[int]:
        """The files there are, oldest first."""
        found = (path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file())
        return sorted(int(path.stem) for path in found)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06}.log"

    def write(self, records: Sequence[bytes], ends: Callable[[], dict[int, int]]) -> list[Place]:
        """Write encoded records, which then outlive this process; not yet a power cut (`flush`).

        `ends` tells where the known records of each file end.
        """
        if self._writer is None or self._writer.size >= SEGMENT_BYTES:
            self.release()
            self._writer = self._open(ends())
        return self._writer.write(records)

    def flush(self) -> None:
        """On return all that was written is on disk."""
        if self._writer is not None:
            self._writer.flush()

    def read(self, places: Sequence[Place]) -> list[Record | None]:
        """The records in these places; None for those that do not hold."""
        found: list[Record | None] = []
        for place in places:
            reader = self._readers.get(place.segment)
            if reader is None:
                try:
                    reader = os.open(self.path(place.segment), os.O_RDONLY)
                except FileNotFoundError:
                    found.append(None)
                    continue
                self._readers[place.segment] = reader
            found.append(decode(os.pread(reader, place.length, place.offset)))
        return found

    def is_written_by_another(self, number: int) -> bool:
        """Whether somebody else is appending to the file now."""
        if self._writer is not None and self._writer.number == number:
            return False
        try:
            descriptor = os.open(self.path(number), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def scan(self, number: int, start: int = 0, end: int | None = None) -> Iterator[tuple[Place, Record | None]]:
        """All records from an offset on, in order; None stands for a stretch that is no record."""
        path = self.path(number)
        size = path.stat().st_size
        end = size if end is None else min(end, size)
        with path.open("rb") as file:
            offset = start
            while offset < end:
                length, record = _at(file, offset, end)
                yield Place(number, offset, length), record
                offset += length

    def release(self) -> None:
        """Let others append to the file that this process was appending to."""
        if self._writer is not None:
            self._writer.flush()
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        self.release()
        for reader in self._readers.values():
            os.close(reader)
        self._readers.clear()

    def _open(self, ends: dict[int, int]) -> _Writer:
        """The newest file that nobody writes to, not full, and whose end is that of a known record; else a new one."""
        numbers = self.numbers()
        for number in reversed(numbers):
            if ends.get(number, 0) < SEGMENT_BYTES and (writer := _Writer.of(self.path(number), number)):
                if writer.size == ends.get(number, 0):
                    return writer
                writer.close()
        number = numbers[-1] if numbers else 0
        while True:  # another process may take the same number first
            number += 1
            writer = _Writer.of(self.path(number), number, create=True)
            if writer and writer.size == 0:
                _fsync(self.folder)
                return writer
            if writer:
                writer.close()


class _Writer:
    """One file, locked, being appended to."""

    def __init__(self, descriptor: int, number: int) -> None:
        self._descriptor = descriptor
        self.number = number
        self.size = os.fstat(descriptor).st_size

    @classmethod
    def of(cls, path: Path, number: int, create: bool = False) -> _Writer | None:
        """The file to append to; None where another process holds it."""
        flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT if create else 0)
        try:
            descriptor = os.open(path, flags, 0o644)
        except (FileNotFoundError, PermissionError):
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor, number)

    def write(self, records: Sequence[bytes]) -> list[Place]:
        start = self.size
        try:
            _write_all(self._descriptor, b"".join(records))
        except BaseException:
            # What is half written must not stand before the next record.
            os.ftruncate(self._descriptor, start)
            raise
        places = []
        for record in records:
            places.append(Place(self.number, self.size, len(record)))
            self.size += len(record)
        return places

    def flush(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _at(file: Any, offset: int, end: int) -> tuple[int, Record | None]:
    """(length, record) at an offset; without one there, the length up to where the next begins."""
    file.seek(offset)
    if (record := _whole(file, end)) is not None:
        return file.tell() - offset, record
    position = offset
    while True:  # the next line that is a whole record
        file.seek(position)
        line_end = _next_line(file, end)
        if line_end >= end:
            return end - offset, None
        file.seek(line_end)
        if _whole(file, end) is not None:
            return line_end - offset, None
        position = line_end


def _whole(file: Any, end: int) -> Record | None:
    """The record that begins here, the file then being after it; None where there is none."""
    start = file.tell()
    head = file.read(_HEAD)
    if len(head) < _HEAD or not head[9:19].isdigit():
        return None
    length = int(head[9:19])
    if start + _HEAD + length + 1 > end or length > _LONGEST:
        return None
    # No JSON has a newline in it. The one at its end belongs to no checksum: what it has become does not matter.
    text = file.readline(length + 1)
    return decode(head + text) if len(text) == length + 1 else None


def _next_line(file: Any, end: int) -> int:
    """The offset after the next newline; `end` where there is none."""
    position = file.tell()
    while position < end:
        block = file.read(min(_READ_BYTES, end - position))
        if not block:
            return end
        if (found := block.find(b"\n")) >= 0:
            return int(position + found + 1)
        position += len(block)
    return end


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
