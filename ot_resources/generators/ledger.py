"""The ledger: every response is durable before it is used, and nothing is asked twice.

    segments/000001.log ...   the truth: every response and every account, append-only, checksummed (`segments.py`)
    index.sqlite              where each response lies, by its key; who is asking what now. Made anew when it is lost
    responses/*.parquet       copies for queries (`exporting.py`)

A response's key is what was really asked (`engine.request_key`). Failures are counted but not kept as answers: the next
run asks again. Several processes may use one ledger at the same time; what one of them is asking, no other asks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from ot_resources.digest import canonical_json
from ot_resources.generators.engine import Completion, spelled
from ot_resources.generators.segments import Place, Segments, encode
from ot_resources.interfaces import FinishReason, Request, Sampling
from ot_resources.processes import is_gone, this_process

log = logging.getLogger("ot.ledger")

_Item = TypeVar("_Item")
_T = TypeVar("_T")

_KEYS_A_QUERY = 1024
_CATCH_UP_ROWS = 5_000
# A process on another machine that was not seen for so long asks no more.
_GONE_SECONDS = 300.0

_TABLES = """
create table if not exists entries (
    key blob primary key, segment integer not null, offset integer not null, length integer not null,
    question blob not null, kind blob not null, prompt_tokens integer not null, completion_tokens integer not null
) without rowid;
create index if not exists entries_of_question on entries (question, completion_tokens);
create index if not exists entries_of_kind on entries (kind, completion_tokens, prompt_tokens);
create table if not exists segments (number integer primary key, indexed integer not null);
create table if not exists claims (key blob primary key, owner text not null) without rowid;
create table if not exists owners (owner text primary key, seen real not null) without rowid;
create table if not exists damages (segment integer, offset integer, primary key (segment, offset)) without rowid;
create table if not exists accounts (
    run_id text not null, asset text not null, model text not null, account text not null, at text not null,
    primary key (run_id, asset, model)
);
"""


# Records and where they were written; None stands for a stretch that is no record.
Written = list[tuple[Place, dict[str, Any]]]
Scanned = list[tuple[Place, dict[str, Any] | None]]


@dataclass(frozen=True)
class Damage:
    """A stretch of a segment that is no record, or a record that is not what it was."""

    segment: Path
    offset: int
    length: int

    def __str__(self) -> str:
        return f"{self.segment}: {self.length:,} bytes from byte {self.offset:,} on hold no whole record"


class Ledger:
    """The response store in a folder. Use it from any thread; close it to let go of its files."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.segments = Segments(self.folder / "segments")
        # A name of this opening: what a process claims twice, it waits for never.
        self._process = this_process()
        self._lock = threading.RLock()
        self._appending = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = _inode(self.folder / "index.sqlite")
        self._indexed(lambda index: None)
        self._catch_up()

    def have(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that are answered."""

        def find(index: sqlite3.Connection) -> set[str]:
            found: set[str] = set()
            for chunk in batched(map(bytes.fromhex, keys), _KEYS_A_QUERY):
                rows = index.execute(f"select key from entries where key in ({_marks(chunk)})", chunk)
                found.update(key.hex() for (key,) in rows)
            return found

        keys = list(keys)
        return self._indexed(find)

    def read(self, keys: Iterable[str]) -> dict[str, Completion]:
        """The stored completions by key. A record whose checksum does not hold is reported, and then absent."""
        places = self._places(list(keys))
        found: dict[str, Completion] = {}
        damaged: list[str] = []
        for key, record in zip(places, self.segments.read(list(places.values())), strict=True):
            if record is None or record.get("key") != key:
                log.warning("ledger: %s; it is asked again", self._damage(places[key]))
                damaged.append(key)
                continue
            reason = FinishReason(record["finish_reason"])
            found[key] = Completion(record["text"], reason, record["prompt_tokens"], record["completion_tokens"])
        if damaged:
            self._forget(damaged, {places[key].segment for key in damaged})
        return found

    def add(self, model: str, engine: str, answered: Sequence[tuple[str, Request, Completion]]) -> None:
        """Store completions; on return they are on disk, and nobody is asking them any more."""
        self.flush(self.write(model, engine, answered))

    def write(self, model: str, engine: str, answered: Sequence[tuple[str, Request, Completion]]) -> Written:
        """Write completions: they outlive this process from now on, and are found once they are flushed."""
        at = now()
        return self._write([_record(model, engine, at, *response) for response in answered])

    def flush(self, written: Written) -> None:
        """On return what was written is on disk, and nobody is asking it any more."""
        if written:
            with self._appending:
                self.segments.flush()
                self._indexed(lambda index: _index(index, written))

    def _write(self, records: list[dict[str, Any]]) -> Written:
        if not records:
            return []
        with self._appending:
            places = self.segments.write([encode(record) for record in records], self.ends)
        return list(zip(places, records, strict=True))

    def claim(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that this process may ask now: not answered, and no other living process is asking them."""

        def take(index: sqlite3.Connection) -> set[str]:
            index.execute("begin immediate")
            _see(index, self._process)
            mine: set[str] = set()
            for chunk in batched(map(bytes.fromhex, keys), _KEYS_A_QUERY):
                marks = _marks(chunk)
                answered = {k for (k,) in index.execute(f"select key from entries where key in ({marks})", chunk)}
                held = dict(index.execute(f"select key, owner from claims where key in ({marks})", chunk).fetchall())
                others = {owner for owner in set(held.values()) if owner != self._process and _is_here(index, owner)}
                free = [key for key in chunk if key not in answered and held.get(key) not in others]
                rows = [(key, self._process) for key in free]
                index.executemany("insert or replace into claims values (?, ?)", rows)
                mine.update(key.hex() for key in free)
            return mine

        return self._indexed(take)

    def still_here(self) -> None:
        """This process goes on asking what it has claimed; who does not say so for some minutes is thought gone."""
        self._indexed(lambda index: _see(index, self._process))

    def give_up(self, keys: Iterable[str]) -> None:
        """This process does not ask these any more."""
        rows = [(bytes.fromhex(key), self._process) for key in keys]
        if rows:
            self._indexed(lambda index: index.executemany("delete from claims where key = ? and owner = ?", rows))

    def lengths_of(self, questions: Iterable[bytes]) -> dict[bytes, float]:
        """The mean completion tokens of what was answered to each question (`question_of`), where any was."""

        def find(index: sqlite3.Connection) -> dict[bytes, float]:
            found: dict[bytes, float] = {}
            for chunk in batched(questions, _KEYS_A_QUERY):
                query = f"select question, avg(completion_tokens) from entries where question in ({_marks(chunk)})"
                found.update(index.execute(query + " group by question", chunk).fetchall())
            return found

        return self._indexed(find)

    def lengths(self, kind: bytes) -> list[tuple[int, int, int]]:
        """(prompt tokens, completion tokens, how many) of all that was ever asked in this way (`kind_of`)."""
        query = "select prompt_tokens, completion_tokens, count(*) from entries where kind = ? group by 1, 2"
        return self._indexed(lambda index: index.execute(query, [kind]).fetchall())

    def note(self, run_id: str, asset: str, model: str, account: dict[str, Any]) -> None:
        """Keep what a stage has asked so far, replacing its earlier account of the same run."""
        record = {"run_id": run_id, "asset": asset, "model": model, "account": account, "at": now()}
        self.flush(self._write([record]))

    def accounts(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """What was asked, a row a stage and run, oldest first; of one run, or of all."""
        query = "select run_id, asset, model, account, at from accounts where ? is null or run_id = ? order by at"
        rows = self._indexed(lambda index: index.execute(query, [run_id, run_id]).fetchall())
        return [
            {"run_id": run, "asset": asset, "model": model} | json.loads(account) | {"at": at}
            for run, asset, model, account, at in rows
        ]

    def known(self, keys: dict[Place, str]) -> set[Place]:
        """Those of the places where the index finds their key: not those of a second response to one request."""
        found = self._places(list(keys.values()))
        return {place for place, key in keys.items() if found.get(key) == place}

    def ends(self) -> dict[int, int]:
        """Up to which byte each segment is indexed."""
        return self._indexed(_ends)

    def damages(self) -> Iterator[Damage]:
        """Read everything, and tell what does not hold."""
        for number in self.segments.numbers():
            end = self.ends().get(number, 0) if self.segments.is_written_by_another(number) else None
            for place, record in self.segments.scan(number, end=end):
                if record is None:
                    yield self._damage(place)

    def close(self) -> None:
        with self._appending, self._lock:
            self.segments.close()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _places(self, keys: Sequence[str]) -> dict[str, Place]:
        def find(index: sqlite3.Connection) -> dict[str, Place]:
            found: dict[str, Place] = {}
            for chunk in batched(map(bytes.fromhex, keys), _KEYS_A_QUERY):
                query = f"select key, segment, offset, length from entries where key in ({_marks(chunk)})"
                found.update((key.hex(), Place(*place)) for key, *place in index.execute(query, chunk))
            return found

        return self._indexed(find)

    def _forget(self, keys: Sequence[str], numbers: set[int]) -> None:
        rows = [(bytes.fromhex(key),) for key in keys]
        self._indexed(lambda index: index.executemany("delete from entries where key = ?", rows))
        # Their copies go too: what is asked again must not be there twice.
        for number in numbers:
            for path in (self.folder / "responses").glob(f"{number:06}-*.parquet"):
                path.unlink(missing_ok=True)

    def _damage(self, place: Place) -> Damage:
        return Damage(self.segments.path(place.segment), place.offset, place.length)

    def _catch_up(self) -> None:
        """Index what a killed process had written and not indexed. Whoever is writing now indexes its own."""
        ends = self.ends()
        for number in self.segments.numbers():
            start = ends.get(number, 0)
            if self.segments.path(number).stat().st_size <= start or self.segments.is_written_by_another(number):
                continue
            chunk: Scanned = []
            for place, record in self.segments.scan(number, start):
                if record is None:
                    self._tell(place)
                chunk.append((place, record))
                if len(chunk) >= _CATCH_UP_ROWS and record is not None:
                    self._enter(chunk)
                    chunk = []
            self._enter(chunk)

    def _enter(self, scanned: Scanned) -> None:
        self._indexed(lambda index: _index(index, scanned))

    def _tell(self, place: Place) -> None:
        """Say that a stretch is no record, once."""
        new = "insert or ignore into damages values (?, ?)"
        if self._indexed(lambda index: index.execute(new, [place.segment, place.offset]).rowcount):
            log.warning("ledger: %s", self._damage(place))

    def _indexed(self, use: Callable[[sqlite3.Connection], _T]) -> _T:
        """Use the index in one transaction; one that is broken is put aside and made anew from the segments."""
        with self._lock:
            try:
                return self._transaction(use)
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # locked, full, ...: not broken
                    raise
                self._put_aside(error)
                self._catch_up()
                return self._transaction(use)

    def _transaction(self, use: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._connection is None:
            self._connection = self._connect()
        with self._connection:
            return use(self._connection)

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        log.warning("ledger: %s: %s; it is made anew from the segments", self.folder / "index.sqlite", error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with FileLock(self.folder / "index.lock"):
            if self._inode != _inode(self.folder / "index.sqlite"):
                return  # another process did it already
            for path in self.folder.glob("index.sqlite*"):
                path.replace(path.with_name(f"broken-{uuid.uuid4().hex[:8]}-{path.name}"))

    def _connect(self) -> sqlite3.Connection:
        with FileLock(self.folder / "index.lock"):
            index = sqlite3.connect(self.folder / "index.sqlite", timeout=60, check_same_thread=False)
            try:
                index.execute("pragma journal_mode = wal")
                # What a power cut takes from the index is found again in the segments, which are flushed.
                index.execute("pragma synchronous = normal")
                index.executescript(_TABLES)
                self._inode = _inode(self.folder / "index.sqlite")
            except sqlite3.DatabaseError:
                index.close()
                raise
        return index


def question_of(model: str, request: Request) -> bytes:
    """A name of the question alone, whatever the sampling: 8 bytes."""
    return _short([model, spelled(request.messages)])


def kind_of(model: str, request: Request) -> bytes:
    """A name of the way of asking: the model, its instructions and the form of the reply, not the question: 8 bytes."""
    return _kind(model, tuple(m.content for m in request.messages if m.role == "system"), request.sampling)


@lru_cache(1024)
def _kind(model: str, system: tuple[str, ...], sampling: Sampling) -> bytes:
    form = [sampling.schema, sampling.regex, sampling.choice]
    return _short([model, system, sampling.temperature, sampling.max_tokens, form])


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _short(value: Any) -> bytes:
    return hashlib.sha256(canonical_json(value).encode()).digest()[:8]


def _record(model: str, engine: str, at: str, key: str, request: Request, completion: Completion) -> dict[str, Any]:
    sampling = {name: value for name, value in vars(request.sampling).items() if value not in (None, ())}
    return {
        "key": key,
        "model": model,
        "messages": spelled(request.messages),
        "sampling": sampling,
        "sample": request.sample,
        "text": completion.text,
        "finish_reason": completion.finish_reason.value,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "engine": engine,
        "at": at,
        "question": question_of(model, request).hex(),
        "kind": kind_of(model, request).hex(),
    }


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _see(index: sqlite3.Connection, owner: str) -> None:
    index.execute("insert or replace into owners values (?, ?)", (owner, time.time()))


def _is_here(index: sqlite3.Connection, owner: str) -> bool:
    """Whether a process is still asking: it lives, as far as can be told from here, and was seen lately."""
    row = index.execute("select seen from owners where owner = ?", (owner,)).fetchone()
    return row is not None and time.time() - row[0] < _GONE_SECONDS and not is_gone(owner)


def _index(index: sqlite3.Connection, written: Iterable[tuple[Place, dict[str, Any] | None]]) -> None:
    """Enter records in the index; of two responses to one request the first stays."""
    entries, accounts, ends = [], [], _ends(index)
    before: Place | None = None
    for place, record in written:
        if record is None or not _is_ours(record):  # skipped if a record follows: a torn tail stays the end
            before = place
            continue
        start = place.offset
        if before and (before.segment, before.offset + before.length) == (place.segment, start):
            start = before.offset
        # What lies between is not indexed yet by whoever wrote it, or was lost with an index: it is caught up with.
        if start <= ends.get(place.segment, 0):
            ends[place.segment] = max(ends.get(place.segment, 0), place.offset + place.length)
        if "account" in record:
            account = canonical_json(record["account"])
            accounts.append((record["run_id"], record["asset"], record["model"], account, record["at"]))
        else:
            names = bytes.fromhex(record["question"]), bytes.fromhex(record["kind"])
            counts = record["prompt_tokens"], record["completion_tokens"]
            where = place.segment, place.offset, place.length
            entries.append((bytes.fromhex(record["key"]), *where, *names, *counts))
    index.executemany("insert or ignore into entries values (?, ?, ?, ?, ?, ?, ?, ?)", entries)
    index.executemany("delete from claims where key = ?", [entry[:1] for entry in entries])
    index.executemany("insert or replace into accounts values (?, ?, ?, ?, ?)", accounts)
    farther = "on conflict (number) do update set indexed = max(indexed, excluded.indexed)"
    index.executemany(f"insert into segments values (?, ?) {farther}", list(ends.items()))


def _is_ours(record: dict[str, Any]) -> bool:
    """Whether a record has what the index needs; it may have come from anywhere."""
    if "account" in record:
        return isinstance(record["account"], dict) and all(isinstance(record.get(n), str) for n in _ACCOUNT)
    counts = record.get("prompt_tokens"), record.get("completion_tokens")
    names = all(_HEX.fullmatch(str(record.get(name))) for name in ("key", "question", "kind"))
    return names and all(type(count) is int and 0 <= count < 1 << 62 for count in counts)


_ACCOUNT = ("run_id", "asset", "model", "at")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def _ends(index: sqlite3.Connection) -> dict[int, int]:
    return dict(index.execute("select number, indexed from segments").fetchall())


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
