"""A zip of JSON files, one object a file or a list of them, as the camel-ai datasets come.

    physics.zip: 001_001_001.json {"topic;": "Quantum mechanics", "sub_topic": "...", "message_1": "...", ...}

becomes one row with the columns `zip_member`, `topic;`, `sub_topic`, `message_1`, ...
"""

from __future__ import annotations

import json
import zipfile
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


def scan_zip(path: Path, where: str, scratch: Path) -> pl.LazyFrame:
    """One row an object, by the name of its file; the columns are all keys in the order of their first appearance.

    A column has one type: nested values keep theirs where all fit into it (objects gain each other's fields),
    otherwise they are JSON text, strings as they are. Nothing is unpacked to disk. BadInput: not a whole zip, an
    encrypted member, one that is not JSON or no object, more than 256 MB in a member or 64 GB in all. `__MACOSX/` and
    hidden files are no members.
    """
    at = f"{where}: {path}"
    table = converted.new_folder(scratch) / "objects.parquet"
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, at)
            types = json_types.Columns()
            for row, _ in _objects(archive, members, at):
                types.see(row)
            converted.write(table, _objects(archive, members, at), types.frame)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise BadInput(f"{at}: not a whole zip ({first_line(error)}); fetch it again") from None
    return pl.scan_parquet(table)


def _members(archive: zipfile.ZipFile, at: str) -> list[zipfile.ZipInfo]:
    members = sorted((m for m in archive.infolist() if _is_data(m)), key=lambda member: member.filename)
    if not members:
        raise BadInput(f"{at}: no files in it; it must hold JSON files")
    for before, member in zip([None, *members], members, strict=False):
        name = f"{at}: {member.filename}"
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


def _is_data(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return not member.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")


def _objects(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], at: str) -> Iterator[tuple[Row, int]]:
    """Each object and the bytes that it took; the objects of a list share theirs."""
    for member in members:
        name = f"{at}: {member.filename}"
        content = archive.read(member)
        read = _parse(content, name)
        found = read if isinstance(read, list) else [read]
        for number, value in enumerate(found):
            if not isinstance(value, dict):
                raise BadInput(f"{name}: holds a {type(value).__name__}; it must hold an object or a list of objects")
            if MEMBER in value:
                raise BadInput(f"{name}: has a key '{MEMBER}', the name of the column that tells the file")
            label = f"{member.filename}[{number}]" if isinstance(read, list) else member.filename
            yield {MEMBER: label} | value, len(content) // len(found)


def _parse(content: bytes, name: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name}: not JSON ({first_line(error)})") from None
