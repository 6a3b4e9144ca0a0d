"""Small dumps as StackExchange publishes them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'


def post(number: int, kind: int = 1, **attributes: object) -> str:
    """One row; a question unless `kind` says otherwise."""
    given = {"Id": number, "PostTypeId": kind, "Body": f"<p>post {number}</p>"} | attributes
    return "  <row " + " ".join(f"{name}={quoteattr(str(value))}" for name, value in given.items()) + " />\n"


def dump(path: Path, posts: Iterable[str]) -> Path:
    path.write_text(HEAD + "".join(posts) + "</posts>\n", encoding="utf-8")
    return path


def shuffled(questions: int, answers: int) -> list[int]:
    """Post types in a random but fixed order: the layout on which the published code was run."""
    kinds = [1] * questions + [2] * answers
    random.Random(1).shuffle(kinds)
    return kinds


def packed(path: Path, *files: Path) -> Path:
    """A 7z of the files, each under its own name."""
    import py7zr

    with py7zr.SevenZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return path
