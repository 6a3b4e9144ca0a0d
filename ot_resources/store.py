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
import json
import os
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from ot_resources.digest import ContentDigest, canonical_json, short_hash
from ot_resources.interfaces import BadInput

# Rows of reasoning are tens of kilobytes: small groups keep a reader's memory flat.
_ROWS_PER_GROUP = 8_192
_ROWS_PER_PART = 1_000_000
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

    def scan(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.path / "part-*.parquet", glob=True)

    def dropped(self) -> pl.LazyFrame:
        return pl.scan_parquet(self.path / "dropped.parquet")


class Store(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where every table of every stage is kept, as Parquet, with the record of how it was made."""

    root: str = Field(description="Folder that runs write to (OT_DATA). It holds store/, latest/, runs/, ledger/.")

    @property
    def path(self) -> Path:
        return Path(self.root)

    def lookup(self, kind: str, key: str) -> Version | None:
        """The version made earlier from the same strategy, parameters and inputs, if it is still there."""
        pointer = self.path / "store" / kind / ".keys" / key
        try:
            return self.read(kind, pointer.read_text().strip())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, kind: str, version: str) -> Version:
        """The version by its name; FileNotFoundError when it is gone."""
        path = self.path / "store" / kind / version
        return Version(kind, version, path, json.loads((path / "record.json").read_text()))

    def draft(self, kind: str, ignore: frozenset[str] = frozenset()) -> Draft:
        """A place to write a new version of `kind`; columns in `ignore` do not bear identity."""
        _sweep(self.path / "store" / ".drafts")
        return Draft(self.path, _safe(kind), ignore)

    def point(self, asset: AssetName, version: Version) -> None:
        """Move the name of an asset to a version, in one step."""
        link = self._link(asset)
        link.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(version.path, link.parent)
        temporary = link.parent / f".{link.name}.{uuid.uuid4().hex}"
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(link)

    def latest(self, asset: AssetName) -> Version | None:
        """The version that an asset's name points at, or None when it was never materialised."""
        link = self._link(asset)
        try:
            kind, version = Path(os.readlink(link)).parts[-2:]
            return self.read(kind, version)
        except (FileNotFoundError, OSError):
            return None

    def assets(self) -> Iterator[tuple[AssetName, Version]]:
        """Every name in the store with the version it points at, in alphabetical order."""
        base = self.path / "latest"
        for folder, _, _ in sorted(os.walk(base)):
            for entry in sorted(Path(folder).iterdir()):
                if entry.is_symlink() and not entry.name.startswith("."):
                    asset = entry.relative_to(base).parts
                    if version := self.latest(asset):
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

    def _link(self, asset: AssetName) -> Path:
        return self.path.joinpath("latest", *map(_safe, asset))


class Draft:
    """A version being written. Use as a context manager: what was not committed is removed on the way out."""

    def __init__(self, root: Path, kind: str, ignore: frozenset[str]) -> None:
        self._root = root
        self._kind = kind
        self.path = root / "store" / ".drafts" / f"{os.getpid()}-{uuid.uuid4().hex}"
        self.path.mkdir(parents=True)
        self._digest = ContentDigest(ignore)
        self._kept = _PartWriter(lambda i: self.path / f"part-{i:05}.parquet", self._digest.update)
        self._dropped = _PartWriter(lambda _: self.path / "dropped.parquet", self._count_reasons, rows_per_part=None)
        self.reasons: Counter[str] = Counter()

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in (self._kept, self._dropped):
            with contextlib.suppress(OSError):  # a full disk refuses the footers too; the draft goes either way
                writer.close()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def rows(self) -> int:
        return self._kept.rows

    @property
    def rows_dropped(self) -> int:
        return self._dropped.rows

    def write(self, kept: pl.LazyFrame, dropped: pl.LazyFrame) -> None:
        """Stream both frames into the draft in one pass over their common input. May be called again for more rows."""
        kept, dropped = self._kept.aligned(kept), self._dropped.aligned(dropped)
        sinks = [
            frame.sink_batches(writer.write, chunk_size=_ROWS_PER_GROUP, maintain_order=True, lazy=True)
            for frame, writer in ((kept, self._kept), (dropped, self._dropped))
        ]
        pl.collect_all([sink for sink in sinks if sink is not None])

    def seal(self, identity: dict[str, Any], footer: dict[str, Any]) -> str:
        """Close the files, naming version and trail in their footers; the version's name is returned.

        The version is a hash of the identity (strategy, parameters, input versions) and of the content.
        """
        self.content = self._digest.hexdigest()
        self.version = short_hash({"identity": identity, "content": self.content})
        self._identity = identity
        metadata = {"ot.version": self.version, "ot.kind": self._kind}
        metadata |= {f"ot.{name}": canonical_json(value) for name, value in footer.items()}
        self._kept.close(metadata)
        self._dropped.close(metadata)
        return self.version

    def scan(self) -> pl.LazyFrame:
        """The sealed rows, to be checked before they are committed."""
        return pl.scan_parquet(self.path / "part-*.parquet", glob=True)

    def commit(self, record: dict[str, Any]) -> Version:
        """Make the sealed draft a version of the store and remember which key made it."""
        folder = self._root / "store" / self._kind
        final = folder / self.version
        record = record | {"version": self.version, "kind": self._kind, "content": self.content}
        if not (final / "record.json").exists():
            _write_durably(self.path / "record.json", json.dumps(record, indent=1, ensure_ascii=False))
            _fsync_tree(self.path)
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # another process renamed the same version first
                self.path.rename(final)
            _fsync(folder)
        keys = folder / ".keys"
        keys.mkdir(exist_ok=True)
        _write_durably(keys / short_hash(self._identity), self.version)
        return Version(self._kind, self.version, final, json.loads((final / "record.json").read_text()))

    def _count_reasons(self, frame: pl.DataFrame) -> None:
        for reason, count in frame.group_by("drop_reason").len().iter_rows():
            self.reasons[reason or "unnamed"] += count


class _PartWriter:
    """Writes batches of one schema to numbered Parquet files. The first frame fixes the schema."""

    def __init__(
        self,
        path: Callable[[int], Path],
        observe: Callable[[pl.DataFrame], None],
        rows_per_part: int | None = _ROWS_PER_PART,
    ) -> None:
        self._path = path
        self._observe = observe
        self._rows_per_part = rows_per_part
        self._schema: pl.Schema | None = None
        self._open: list[Any] = []
        self._rows_in_part = 0
        self.rows = 0

    def aligned(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with the columns and types of the first one; an untyped column becomes text."""
        schema = frame.collect_schema()
        if self._schema is None:
            self._schema = pl.Schema({n: pl.String() if t == pl.Null else t for n, t in schema.items()})
        if schema == self._schema:
            return frame
        missing = [name for name in self._schema if name not in schema]
        if missing:
            raise BadInput(f"a later batch lacks the column '{missing[0]}'; a stage must yield one schema")
        return frame.select(pl.col(name).cast(dtype) for name, dtype in self._schema.items())

    def write(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self._observe(frame)
        if not self._open or (self._rows_per_part and self._rows_in_part >= self._rows_per_part):
            self._open_part()
        self._open[-1].write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), row_group_size=_ROWS_PER_GROUP)
        self._rows_in_part += frame.height
        self.rows += frame.height

    def close(self, metadata: dict[str, str] | None = None) -> None:
        """Finish all parts; a writer that saw no row still leaves one empty file of its schema."""
        if self._schema is not None and not self._open:
            self._open_part()
        for writer in self._open:
            if writer.is_open:
                if metadata:
                    writer.add_key_value_metadata(metadata)
                writer.close()

    def _open_part(self) -> None:
        # The footer names the version, which is known only after the last row: parts stay open until then.
        import pyarrow.parquet as pq

        assert self._schema is not None
        arrow = pl.DataFrame(schema=self._schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        self._open.append(pq.ParquetWriter(self._path(len(self._open)), arrow, compression="zstd"))
        self._rows_in_part = 0


def _safe(name: str) -> str:
    if not _SAFE.fullmatch(name):
        raise BadInput(f"'{name}' cannot name a table: use letters, digits, '_', '-' and '.'")
    return name


def _sweep(drafts: Path) -> None:
    """Remove what killed processes left behind."""
    for draft in drafts.glob("*-*"):
        pid = int(draft.name.split("-")[0])
        if not Path(f"/proc/{pid}").exists() and not _alive(pid):
            shutil.rmtree(draft, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write_durably(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
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
