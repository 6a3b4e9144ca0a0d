"""A zip of JSON files, one object a file or a list of them, as the camel-ai datasets come.

    physics.zip: 001_001_001.json {"topic;": "Quantum mechanics", "sub_topic": "...", "message_1": "...", ...}

becomes one row with the columns `zip_member`, `topic;`, `sub_topic`, `message_1`, ...
"""

from __future__ import annotations

import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput
from ot_resources.readers import converted, json_types
from ot_resources.readers.converted import Row

MEMBER = "zip_member"  # the file's name in the zip; name[i] for the objects of a list, i from 0
LARGEST_MEMBER = 256 << 20  # bytes unpacked
LARGEST = 64 << 30
# what zipfile and its decompressors raise of bytes that are missing or wrong
_DAMAGED = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, OverflowError,
    struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip


def scan_zip(path: Path, where: str, scratch: Path) -> pl.LazyFrame:
    """One row an object, by the name of its file; the columns are all keys in the order of their first appearance.

    A column has one type: nested values keep theirs where all fit into it (objects gain each other's fields),
    otherwise, and beyond 20 levels, they are JSON text, strings as they are. Nothing is unpacked to disk. BadInput: not
    a whole zip, a member that is damaged, encrypted, without a name, not JSON or no object, more than 256 MB in a
    member or 64 GB in all, keys that can be no columns (see `Columns`). `__MACOSX/` and hidden files are no members.
    """
    at = f"{where}: {path}"
    table = converted.new_folder(scratch) / "objects.parquet"
    with _opened(path, at) as archive:
        members = _members(archive, at)
        types = json_types.Columns(lambda row: f"{at}: {_shown(row[MEMBER])}")
        for row, _ in _objects(archive, members, at):
            types.see(row)
        converted.write(table, _objects(archive, members, at), types.frame)
    return pl.scan_parquet(table)


def _opened(path: Path, at: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{at}: {error.object[:80]!r}: a name that is not the UTF-8 that it says; zip it again"
        ) from None
    except _DAMAGED as error:
        raise BadInput(f"{at}: not a whole zip ({first_line(error)}); fetch it again") from None


def _shown(name: str) -> str:
    """A member's name as a part of one line."""
    name = name if len(name) <= 200 else f"{name[:200]}..."
    return name if name.isprintable() else repr(name)


def _members(archive: zipfile.ZipFile, at: str) -> list[zipfile.ZipInfo]:
    members = sorted((m for m in archive.infolist() if _is_data(m, at)), key=lambda member: member.filename)
    if not members:
        raise BadInput(f"{at}: no files in it; it must hold JSON files")
    for before, member in zip([None, *members], members, strict=False):
        name = f"{at}: {_shown(member.filename)}"
        if before is not None and before.filename == member.filename:
            raise BadInput(f"{name}: comes twice")
        if member.flag_bits & 1:
            raise BadInput(f"{name}: encrypted; it must hold plain JSON")
        if member.file_size > LARGEST_MEMBER:
            raise BadInput(f"{name}: unpacks to {member.file_size >> 20:,} MB; at most {LARGEST_MEMBER >> 20} are read")
    total = sum(member.file_size for member in members)
    if total > LARGEST:
        raise BadInput(f"{at}: unpacks to {total >> 30:,} GB; at most {LARGEST >> 30} GB are read")
    return members


def _is_data(member: zipfile.ZipInfo, at: str) -> bool:
    if member.filename.endswith("/"):
        return False
    parts = PurePosixPath(member.filename).parts
    if not parts:
        raise BadInput(f"{at}: {member.filename!r}: no name of a file; zip it again")
    return "__MACOSX" not in parts and not parts[-1].startswith(".")


def _objects(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], at: str) -> Iterator[tuple[Row, int]]:
    """Each object and the bytes that it took; the objects of a list share theirs."""
    for member in members:
        name = f"{at}: {_shown(member.filename)}"
        content = _unpacked(archive, member, name)
        read = _parse(content, name)
        found = read if isinstance(read, list) else [read]
        for number, value in enumerate(found):
            if not isinstance(value, dict):
                raise BadInput(f"{name}: holds a {type(value).__name__}; it must hold an object or a list of objects")
            if MEMBER in value:
                raise BadInput(f"{name}: has a key '{MEMBER}', the name of the column that tells the file")
            label = f"{member.filename}[{number}]" if isinstance(read, list) else member.filename
            yield {MEMBER: label} | value, len(content) // len(found)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    try:
        return archive.read(member)
    except _DAMAGED as error:
        raise BadInput(f"{name}: damaged ({first_line(error)}); fetch the zip again") from None


def _parse(content: bytes, name: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name}: not JSON ({first_line(error)})") from None
