"""One member of a 7z archive, unpacked to a place of our choice, a few megabytes at a time."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import IO

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput

LARGEST = 256 << 30  # bytes unpacked; the largest Posts.xml there is, Stack Overflow's, has about 100 GB


def unpack(archive: Path, name: str, to: Path, where: str) -> Path:
    """Write the member whose file name is `name` to `to`, and return `to`. No path in the archive is ever used.

    BadInput: not a whole 7z archive, encrypted, no such member or several, or one of more than 256 GB, or of more than
    the disk has room for, or that turns out larger than the archive says.
    """
    import py7zr
    from py7zr.exceptions import PasswordRequired

    at = f"{where}: {archive}"
    try:
        with py7zr.SevenZipFile(archive) as opened:
            member, size = _find([(m.filename, m.uncompressed) for m in opened.list() if m.is_file], name, at)
            _check_room(size, to.parent, at)
            with to.open("wb") as file:
                opened.extract(targets=[member], factory=_factory(file, size, at))
    except BadInput:
        raise
    except PasswordRequired:
        raise BadInput(f"{at}: encrypted; a dump of archive.org is not") from None
    except OSError:
        raise
    except Exception as error:  # py7zr raises of everything when bytes are missing or wrong
        raise BadInput(f"{at}: not a whole 7z archive ({first_line(error)}); fetch it again") from None
    if to.stat().st_size != size:
        raise BadInput(f"{at}: {member} ends after {to.stat().st_size:,} of {size:,} bytes; fetch the archive again")
    return to


def _find(members: list[tuple[str, int]], name: str, at: str) -> tuple[str, int]:
    found = [(member, size) for member, size in members if PurePosixPath(member).name == name]
    if len(found) != 1:
        listed = ", ".join(member for member, _ in (found or members)[:5]) or "nothing"
        raise BadInput(f"{at}: must hold one {name}; it holds {listed}")
    return found[0]


def _check_room(size: int, folder: Path, at: str) -> None:
    if size > LARGEST:
        raise BadInput(f"{at}: unpacks to {size >> 30:,} GB; more than {LARGEST >> 30} GB are not unpacked")
    free = shutil.disk_usage(folder).free
    if size > free:
        raise BadInput(f"{at}: unpacks to {size >> 20:,} MB, and {folder} has room for {free >> 20:,} MB; make room")


def _factory(file: IO[bytes], size: int, at: str):  # type: ignore[no-untyped-def]
    from py7zr.io import Py7zIO, WriterFactory

    class Writer(Py7zIO):
        def write(self, s: bytes | bytearray) -> int:
            if file.tell() + len(s) > size:
                raise BadInput(f"{at}: unpacks to more than the {size:,} bytes that it says; it is not read")
            return file.write(s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            file.flush()

        def size(self) -> int:
            return file.tell()

    class Factory(WriterFactory):
        def create(self, filename: str) -> Writer:
            return Writer()

    return Factory()
