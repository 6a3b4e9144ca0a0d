"""Parquet in, Parquet out: immutable versions, and names that point at them.

    store/<kind>/<version>/{part-*.parquet, dropped.parquet, record.json}
    store/<kind>/.keys/<key>              names the version made earlier from the same strategy, parameters and inputs
    latest/<recipe>/<track>/<asset>       a link to the version in use
    runs/<run_id>.json                    one JSON line a materialisation

A version is written beside the store, flushed to disk and renamed; only then does a name move. A crash leaves the old
version whole, and a reader never sees half a file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field, PrivateAttr

from ot_resources.digest import ContentDigest, canonical_json, short_hash
from ot_resources.interfaces import BadInput
from ot_resources.unfinished import beside, owned, sweep

# Rows of reasoning are tens of kilobytes: small groups keep a writer's and a reader's memory flat.
_ROWS_PER_GROUP = 2_048
_PART_BYTES = 256 * 2**20
# Bytes of free disk that are as good as none.
_NO_ROOM = 1 << 16
_VERSION_LENGTH = 16
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")

AssetName = tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """One immutable version of one kind of table."""

    kind: str
    version: str
    path: Path
    record: dict[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def rows(self) -> int:
        return int(self.record["rows_out"])

    @property
    def rows_dropped(self) -> int:
        return int(self.record["rows_dropped"])

    @property
    def reasons(self) -> Counter[str]:
        return Counter(self.record["dropped"])

    def scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(sorted(self.path.glob("part-*.parquet")), glob=False)

    def dropped(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.path / "dropped.parquet", glob=False)


class Store(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where every table of every stage is kept, as Parquet, with the record of how it was made."""

    root: str = Field(description="Folder that runs write to (OT_DATA). It holds store/, latest/, runs/, ledger/.")

    # What each run has made so far: two runs of one recipe at the same time do not read each other's tables.
    _made: dict[tuple[str, AssetName], Version] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path:
        return Path(self.root)

    def lookup(self, kind: str, key: str) -> Version | None:
        """The version made earlier from the same strategy, parameters and inputs, if it is still there."""
        pointer = self.path / "store" / kind / ".keys" / key
        try:
            version = self.read(kind, pointer.read_text().strip())
        except (FileNotFoundError, NotADirectoryError):
            return None
        self.touch(version)
        return version

    def touch(self, version: Version) -> None:
        """Somebody is about to use the version: it counts as young from now on."""
        # Where several people share a store it may belong to another; then `ot gc` is theirs too.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            os.utime(version.path / "record.json")

    def read(self, kind: str, version: str) -> Version:
        """The version by its name; FileNotFoundError when it is gone."""
        path = self.path / "store" / kind / version
        return Version(kind, version, path, json.loads((path / "record.json").read_text()))

    def note(self, version: Version, told: dict[str, Any]) -> None:
        """Change what a version's record tells of it afterwards, such as checks that were made anew."""
        version.record.update(told)
        # As with `touch`: in a shared store it may be another's.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            _write_durably(version.path / "record.json", json.dumps(version.record, indent=1, ensure_ascii=False))

    def draft(self, kind: str, ignore: frozenset[str] = frozenset(), footer: dict[str, Any] | None = None) -> Draft:
        """A place to write a new version of `kind`; columns in `ignore` do not bear identity.

        `footer` goes into every file's Parquet metadata as `ot.<name>`, beside `ot.kind` and `ot.version`.
        """
        sweep(self.path / "store" / ".drafts")
        return Draft(self.path, _safe(kind), ignore, footer or {})

    def point(self, asset: AssetName, version: Version, run_id: str = "") -> None:
        """Move the name of an asset to a version, in one step; the run's later stages read that version."""
        self._made[run_id, asset] = version
        link = self._link(asset)
        link.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(version.path, link.parent)
        temporary = beside(link)
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(link)

    def made(self, run_id: str, asset: AssetName) -> Version | None:
        """The version of an asset that this run made, else the one that its name points at."""
        return self._made.get((run_id, asset)) or self.latest(asset)

    def latest(self, asset: AssetName) -> Version | None:
        """The version that an asset's name points at, or None when it was never materialised."""
        link = self._link(asset)
        try:
            kind, version = link.readlink().parts[-2:]
            return self.read(kind, version)
        except OSError:
            return None

    def assets(self) -> Iterator[tuple[AssetName, Version]]:
        """Every name in the store with the version it points at, in alphabetical order."""
        base = self.path / "latest"
        for folder, _, _ in sorted(os.walk(base)):
            for entry in sorted(Path(folder).iterdir()):
                asset = entry.relative_to(base).parts
                named = entry.is_symlink() and all(_SAFE.fullmatch(part) for part in asset)
                if named and (version := self.latest(asset)):
                    yield asset, version

    def log(self, run_id: str, line: dict[str, Any]) -> None:
        """Append what belongs to a run (times, host, cost, reused or not) to the run's file, in one write."""
        runs = self.path / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(runs / f"{_safe(run_id)}.json", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, (canonical_json(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def aside(self, name: str) -> Path:
        """Where a folder goes that is about to be removed; what a killed process leaves there is swept up."""
        drafts = self.path / "store" / ".drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts / owned(name)

    def _link(self, asset: AssetName) -> Path:
        return self.path.joinpath("latest", *map(_safe, asset))


class Draft:
    """A version being written. Use as a context manager: what was not committed is removed on the way out."""

    def __init__(self, root: Path, kind: str, ignore: frozenset[str], footer: dict[str, Any]) -> None:
        self._root = root
        self._kind = kind
        self._ignore = ignore
        self.path = root / "store" / ".drafts" / owned(kind)
        self.path.mkdir(parents=True)
        # The version is known only when all rows are written; its place in the footers is held by a word of its length.
        self._placeholder = uuid.uuid4().hex[:_VERSION_LENGTH]
        self._footer = {"ot.kind": kind, "ot.version": self._placeholder}
        self._footer |= {f"ot.{name}": canonical_json(value) for name, value in footer.items()}
        self._schemas: dict[str, pl.Schema] = {}
        self._parts = 0

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that lasts as long as the block, and goes with the draft when its process is killed."""
        folder = self.path / "scratch"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, kept: pl.LazyFrame, dropped: pl.LazyFrame) -> None:
        """Stream both frames into a new part, in one pass over their common input. May be called again."""
        sinks = [
            self._aligned(name, frame).sink_parquet(
                self.path / f"{name}-{self._parts:05}.parquet",
                row_group_size=_ROWS_PER_GROUP,
                compression="zstd",
                compression_level=1,
                metadata=self._footer,
                maintain_order=True,
                lazy=True,
            )
            for name, frame in (("part", kept), ("dropped", dropped))
        ]
        with _told_when_full(self.path):
            pl.collect_all(sinks)
        self._parts += 1

    def write_all(self, pieces: Iterable[tuple[pl.LazyFrame, pl.LazyFrame]]) -> None:
        """Write pieces as they come, gathered into parts of some size. Nothing but one part is held in memory."""
        held: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        for kept, dropped in pieces:
            first, second = pl.collect_all([kept, dropped])
            held.append((first, second))
            if sum(a.estimated_size() + b.estimated_size() for a, b in held) > _PART_BYTES:
                self.write(*_joined(held))
                held = []
        if held or not self._parts:
            self.write(*_joined(held))

    def seal(self, identity: dict[str, Any]) -> str:
        """Finish the files and name the version in their footers; its name is returned.

        The version is a hash of the identity (strategy, parameters, input versions) and of the content.
        """
        self._join_dropped()
        digest = ContentDigest(self._ignore)
        for batch in _batches(self.path):
            digest.update(batch)
        self.content = digest.hexdigest()
        self.version = short_hash({"identity": identity, "content": self.content})
        self._identity = identity
        for file in self.path.glob("*.parquet"):
            _rename_in_footer(file, self._placeholder, self.version)
        self.rows = self.scan().select(pl.len()).collect().item()
        reasons = pl.scan_parquet(self.path / "dropped.parquet").group_by("drop_reason").len()
        self.reasons = Counter({reason or "unnamed": count for reason, count in reasons.collect().iter_rows()})
        self.rows_dropped = self.reasons.total()
        return self.version

    def scan(self) -> pl.LazyFrame:
        """The rows written so far, to be checked before they are committed."""
        return pl.scan_parquet(sorted(self.path.glob("part-*.parquet")), glob=False)

    def dropped(self) -> pl.LazyFrame:
        """The dropped rows of a sealed draft."""
        return pl.scan_parquet(self.path / "dropped.parquet", glob=False)

    def commit(self, record: dict[str, Any], remember: bool = True) -> Version:
        """Make the sealed draft a version of the store; unless told not to, remember which key made it."""
        folder = self._root / "store" / self._kind
        final = folder / self.version
        record = record | {"version": self.version, "kind": self._kind, "content": self.content}
        if not (final / "record.json").exists():
            _write_durably(self.path / "record.json", json.dumps(record, indent=1, ensure_ascii=False))
            _fsync_tree(self.path)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self.path.rename(final)
            except OSError:
                if not final.exists():  # unless another process made the same version first
                    raise
            _fsync(folder)
        else:
            os.utime(final / "record.json")
        if remember:
            keys = folder / ".keys"
            keys.mkdir(exist_ok=True)
            _write_durably(keys / short_hash(self._identity), self.version)
        return Version(self._kind, self.version, final, json.loads((final / "record.json").read_text()))

    def _aligned(self, name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with the columns and types of the first of its name; an untyped column becomes text."""
        schema = frame.collect_schema()
        first = self._schemas.setdefault(
            name, pl.Schema({n: pl.String() if t == pl.Null else t for n, t in schema.items()})
        )
        if schema == first:
            return frame
        missing = [column for column in first if column not in schema]
        if missing:
            raise BadInput(f"a later batch lacks the column '{missing[0]}'; a stage must yield one schema")
        return frame.select(pl.col(column).cast(dtype) for column, dtype in first.items())

    def _join_dropped(self) -> None:
        """One file of all that was dropped."""
        files = sorted(self.path.glob("dropped-*.parquet"))
        if len(files) == 1:
            files[0].rename(self.path / "dropped.parquet")
            return
        with _told_when_full(self.path):
            pl.scan_parquet(files).sink_parquet(
                self.path / "dropped.parquet", row_group_size=_ROWS_PER_GROUP, metadata=self._footer
            )
        for file in files:
            file.unlink()


@contextlib.contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    """Where Polars cannot write a file's last bytes it speaks of thrift, and not of the disk that is full."""
    try:
        yield
    except pl.exceptions.ComputeError as error:
        if shutil.disk_usage(folder).free > _NO_ROOM:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _joined(held: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    if not held:
        raise BadInput("a stage yielded nothing at all, not even an empty frame")
    kept, dropped = ([pair[side].lazy() for pair in held] for side in (0, 1))
    return pl.concat(kept, how="vertical_relaxed"), pl.concat(dropped, how="diagonal_relaxed")


def _batches(folder: Path) -> Iterator[pl.DataFrame]:
    """The rows of all parts, a row group's worth at a time."""
    import pyarrow.parquet as pq

    for file in sorted(folder.glob("part-*.parquet")):
        with pq.ParquetFile(file) as parquet:
            for group in range(parquet.num_row_groups):
                frame = pl.from_arrow(parquet.read_row_group(group, use_threads=False))
                assert isinstance(frame, pl.DataFrame)
                yield frame


def _rename_in_footer(file: Path, placeholder: str, version: str) -> None:
    """Put the version where the placeholder stands. Both have one length, so nothing else in the file moves."""
    with file.open("r+b") as parquet:
        parquet.seek(-8, os.SEEK_END)
        length = int.from_bytes(parquet.read(4), "little")
        parquet.seek(-8 - length, os.SEEK_END)
        start = parquet.tell()
        footer = parquet.read(length)
        if footer.count(placeholder.encode()) != 1:
            raise RuntimeError(f"{file}: the footer does not name its version once")
        parquet.seek(start + footer.index(placeholder.encode()))
        parquet.write(version.encode())


def _safe(name: str) -> str:
    if not _SAFE.fullmatch(name):
        raise BadInput(f"'{name}' cannot name a table: use letters, digits, '_', '-' and '.'")
    return name


def _write_durably(path: Path, text: str) -> None:
    temporary = beside(path)
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync_tree(folder: Path) -> None:
    for path in folder.iterdir():
        _fsync(path)
    _fsync(folder)


def run_lines(root: Path) -> Iterable[dict[str, Any]]:
    """All lines of all runs, oldest run file first; a line torn by a power cut is left out."""
    for file in sorted((root / "runs").glob("*.json"), key=lambda path: path.stat().st_mtime):
        for line in file.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)
