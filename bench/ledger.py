"""The ledger alone: responses of 4 kB made durable, key look-ups, and opening it with a million, beside plain SQLite.

Wanted: at least 5,000 responses a second written in groups and 100,000 keys looked up; open with a million (4 GB) in at
most 5 s and 500 MB. The peer is one SQLite table (WAL, synchronous = full) with the same columns and the same groups.
`OT_BENCH_RESPONSES` sets another size than a million. Files are in a temporary folder: TMPDIR must be on a disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

RESPONSES = int(os.environ.get("OT_BENCH_RESPONSES", "1000000"))
# As the ledger's writer does it at 5,000 answers a second, twenty times a second.
GROUP = 256
_WRITTEN = 20_000
_SOUGHT = 200_000
_BYTES = 4_000
# Groups of the million, which is only there to be opened.
_LARGE_GROUP = 5_000
_COLUMNS = "key, model, messages, sampling, sample, text, finish_reason, prompt_tokens, completion_tokens, engine, at"


def key(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:32]


def groups(responses: int, size: int) -> Iterator[list[tuple[str, Any, Any]]]:
    """(key, Request, Completion) of 4 kB each, all texts different."""
    from ot_resources.generators.engine import Completion
    from ot_resources.interfaces import FinishReason, Message, Request, Sampling

    words = Random(0).randbytes(1 << 20).hex()
    sampling = Sampling(max_tokens=4096)
    for start in range(0, responses, size):
        group = []
        for number in range(start, min(start + size, responses)):
            request = Request((Message("user", f"Question {number}: how much is it?"),), sampling)
            offset = number * 997 % (len(words) - _BYTES)
            text = f"{number} " + words[offset : offset + _BYTES - 400]
            group.append((key(number), request, Completion(text, FinishReason.STOP, 20, 1000)))
        yield group


class Ours:
    """The ledger."""

    def __init__(self, folder: Path) -> None:
        from ot_resources.generators.ledger import Ledger

        self._ledger = Ledger(folder / "ledger")
        self.have = self._ledger.have
        self.close = self._ledger.close

    def add(self, group: list[tuple[str, Any, Any]]) -> None:
        self._ledger.add("bench", "bench", group)


class Peer:
    """One table of SQLite."""

    def __init__(self, folder: Path) -> None:
        import sqlite3

        self._connection = sqlite3.connect(folder / "peer.sqlite")
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.execute(f"create table if not exists responses ({_COLUMNS}, primary key (key))")
        self.close = self._connection.close

    def add(self, group: list[tuple[str, Any, Any]]) -> None:
        at, rows = "2026-11-26T00:00:00+00:00", []
        for name, r, c in group:
            asked = json.dumps([vars(m) for m in r.messages]), json.dumps(vars(r.sampling)), r.sample
            answered = c.text, c.finish_reason.value, c.prompt_tokens, c.completion_tokens
            rows.append((name, "bench", *asked, *answered, "bench", at))
        with self._connection:
            self._connection.executemany(f"insert into responses values ({', '.join('?' * 11)})", rows)

    def have(self, keys: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(keys), 500):
            chunk = keys[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            rows = self._connection.execute(f"select key from responses where key in ({marks})", chunk)
            found.update(name for (name,) in rows)
        return found


STORES: dict[str, Callable[[Path], Any]] = {"ours": Ours, "SQLite alone": Peer}


def written(store: Any, responses: int, size: int) -> float:
    """Responses a second, each group on disk before the next; making them up is not counted."""
    spent = 0.0
    for group in groups(responses, size):
        began = time.perf_counter()
        store.add(group)
        spent += time.perf_counter() - began
    return responses / spent


def looked_up(store: Any, responses: int) -> float:
    """Keys a second, half of them there, in blocks of 512 as a stage asks."""
    draw = Random(1)
    keys = [key(draw.randrange(2 * responses)) for _ in range(_SOUGHT)]
    began = time.perf_counter()
    for start in range(0, len(keys), 512):
        store.have(keys[start : start + 512])
    return len(keys) / (time.perf_counter() - began)


def build(folder: Path) -> None:
    """The large ledger; what is in memory of its files is let go, so that it is opened from disk."""
    with closing(Ours(folder)) as store:
        written(store, RESPONSES, _LARGE_GROUP)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def opened(folder: Path) -> tuple[float, float, float]:
    """(seconds to open and find one key, keys a second, MB of resident memory at the peak)."""
    import resource

    import ot_resources.generators.ledger  # noqa: F401 (its time is not the opening's)

    began = time.perf_counter()
    with closing(Ours(folder)) as store:
        assert store.have([key(RESPONSES - 1)])
        seconds = time.perf_counter() - began
        return seconds, looked_up(store, RESPONSES), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _apart(call: str, folder: Path) -> list[float]:
    """The numbers of a call in a process of its own."""
    code = f"import sys, json; from pathlib import Path; from bench import ledger; print(json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    rates: dict[str, tuple[float, float]] = {}
    for name, make in STORES.items():
        with tempfile.TemporaryDirectory() as scratch, closing(make(Path(scratch))) as store:
            rates[name] = written(store, _WRITTEN, GROUP), looked_up(store, _WRITTEN)
            print(
                f"{name}: {rates[name][0]:,.0f} responses of 4 kB a second made durable, {GROUP} a group;"
                f" {rates[name][1]:,.0f} keys looked up a second among {_WRITTEN:,}",
                flush=True,
            )
    writing, looking = (rates["ours"][at] / rates["SQLite alone"][at] for at in (0, 1))
    print(f"ours {writing:.2f} x SQLite's writing (wanted 5,000/s), {looking:.2f} x its look-ups (wanted 100,000/s)")
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        _apart("ledger.build(Path(sys.argv[1]))", Path(scratch))
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file()) / 1e9
        took = time.perf_counter() - began
        seconds, keys, peak = _apart("ledger.opened(Path(sys.argv[1]))", Path(scratch))
    print(
        f"{RESPONSES:,} responses, {size:.1f} GB, written in {took:.0f} s: opened in {seconds:.2f} s (wanted 5),"
        f" {keys:,.0f} keys looked up a second, peak {peak:.0f} MB (wanted 500)"
    )


if __name__ == "__main__":
    main()
