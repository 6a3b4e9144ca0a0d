"""The ledger: every response is durable before it is used, and nothing is asked twice.

An append-only SQLite database in WAL mode, keyed by what was really asked (`engine.request_key`). Failures are counted
but not kept as answers: the next run asks again. `export` copies what is new to Parquet, for queries.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from filelock import FileLock

from ot_resources.generators.engine import Completion, Engine, request_key, request_seed
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.interfaces import FinishReason, Request, Response

log = logging.getLogger("ot.ledger")

_Item = TypeVar("_Item")

# How many requests are looked up, asked and put back in order together; also the most that a crash asks again.
WINDOW = 512
_COMMIT_SECONDS = 0.5
_EXPORT_ROWS = 2_000

_TABLES = """
create table if not exists responses (
    number integer primary key,
    response_id text not null unique,
    model text not null, messages text not null, sampling text not null, sample integer not null,
    text text not null, finish_reason text not null, prompt_tokens integer not null, completion_tokens integer not null,
    engine text not null, at text not null, checksum text not null
);
create table if not exists usage (
    run_id text not null, asset text not null, model text not null,
    requested integer not null, reused integer not null, answered integer not null, failed integer not null,
    transient integer not null,
    prompt_tokens integer not null, completion_tokens integer not null, seconds real not null, at text not null,
    primary key (run_id, asset, model)
);
"""

RESPONSE_COLUMNS = {
    "response_id": pl.String,
    "model": pl.String,
    "messages": pl.String,
    "sampling": pl.String,
    "sample": pl.Int64,
    "text": pl.String,
    "finish_reason": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "engine": pl.String,
    "at": pl.String,
}


@dataclass
class Usage:
    """What one stage of one run asked for. requested = reused + answered + failed once it is done.

    `transient` counts the failures that another try may mend: a stage that met one is run again next time.
    """

    requested: int = 0
    reused: int = 0
    answered: int = 0
    failed: int = 0
    transient: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens newly generated, per second of waiting for the engine."""
        return self.completion_tokens / self.seconds if self.seconds else 0.0


class Ledger:
    """The response store in a folder; several processes may use one at the same time."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as connection, connection:
            connection.executescript(_TABLES)

    def find(self, keys: Sequence[str]) -> dict[str, Completion]:
        """The stored completions by key. A record whose checksum does not hold counts as absent."""
        found: dict[str, Completion] = {}
        with closing(self._connect()) as connection:
            for chunk in _batched(keys, 500):
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    "select response_id, text, finish_reason, prompt_tokens, completion_tokens, checksum"
                    f" from responses where response_id in ({marks})",
                    chunk,
                )
                for key, text, reason, prompt, tokens, checksum in rows:
                    if checksum == _checksum(key, text, reason):
                        found[key] = Completion(text, FinishReason(reason), prompt, tokens)
                    else:
                        log.warning("ledger: record %s is damaged and is asked again", key)
        return found

    def add(self, model: str, engine: str, answered: list[tuple[str, Request, Completion]]) -> None:
        """Store completions; on return they are on disk."""
        at = _now()
        rows = [
            {
                "response_id": key,
                "model": model,
                "messages": json.dumps([asdict(message) for message in request.messages], ensure_ascii=False),
                "sampling": json.dumps(asdict(request.sampling)),
                "sample": request.sample,
                "text": completion.text,
                "finish_reason": completion.finish_reason.value,
                "prompt_tokens": completion.prompt_tokens,
                "completion_tokens": completion.completion_tokens,
                "engine": engine,
                "at": at,
                "checksum": _checksum(key, completion.text, completion.finish_reason.value),
            }
            for key, request, completion in answered
        ]
        if not rows:
            return
        names = list(rows[0])
        replace = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        statement = (
            f"insert into responses ({', '.join(names)}) values ({', '.join(':' + name for name in names)})"
            f" on conflict (response_id) do update set {replace}"
            " where checksum is not excluded.checksum or text is not excluded.text"
            " or finish_reason is not excluded.finish_reason"
        )
        with closing(self._connect()) as connection, connection:
            connection.executemany(statement, rows)

    def note(self, run_id: str, asset: str, model: str, usage: Usage) -> None:
        """Record what a stage has asked so far, replacing its earlier note of the same run."""
        names = [f.name for f in fields(Usage)]
        with closing(self._connect()) as connection, connection:
            connection.execute(
                f"insert or replace into usage (run_id, asset, model, {', '.join(names)}, at)"
                f" values (?, ?, ?, {', '.join('?' * len(names))}, ?)",
                [run_id, asset, model, *(getattr(usage, name) for name in names), _now()],
            )

    def usage(self) -> list[dict[str, Any]]:
        """What was asked, a row a stage and run, oldest first."""
        with closing(self._connect()) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("select * from usage order by at")]

    def export(self) -> None:
        """Copy the responses that are not yet in Parquet to new files of `responses/`, some thousand a file."""
        folder = self.folder / "responses"
        folder.mkdir(exist_ok=True)
        with FileLock(self.folder / "export.lock"):
            while (chunk := self.tail(_EXPORT_ROWS)).height:
                last = int(chunk["number"][-1])
                temporary = folder / f".{last}.partial"
                chunk.drop("number").write_parquet(temporary)
                temporary.replace(folder / f"upto-{last:012}.parquet")

    def tail(self, rows: int = _EXPORT_ROWS) -> pl.DataFrame:
        """The first of the responses that are not yet in Parquet: `number`, and RESPONSE_COLUMNS."""
        names = ", ".join(["number", *RESPONSE_COLUMNS])
        query = f"select {names} from responses where number > ? order by number limit ?"
        with closing(self._connect()) as connection:
            found = connection.execute(query, [self._exported(), rows]).fetchall()
        return pl.DataFrame(found, schema={"number": pl.Int64, **RESPONSE_COLUMNS}, orient="row")

    def _exported(self) -> int:
        names = [path.stem for path in (self.folder / "responses").glob("upto-*.parquet")]
        return max((int(name.removeprefix("upto-")) for name in names), default=0)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.folder / "ledger.sqlite", timeout=60)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        return connection


class LedgeredGenerator:
    """A Generator: looks every request up in the ledger, asks the engine for the rest, yields in order."""

    def __init__(self, engine: Engine, ledger: Ledger, run_id: str = "-", asset: str = "-") -> None:
        self._engine = engine
        self._ledger = ledger
        self._run_id = run_id
        self._asset = asset
        self.usage = Usage()

    @property
    def model(self) -> str:
        return self._engine.model

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        model = self.model
        for window in _batched(requests, WINDOW):
            keys = [request_key(model, request) for request in window]
            unique = dict(zip(keys, window, strict=True))
            stored = self._ledger.find(list(unique))
            missing = {key: request for key, request in unique.items() if key not in stored}
            self.usage.requested += len(keys)
            self.usage.reused += len(keys) - len(missing)
            try:
                completions = stored | self._ask(missing)
            finally:  # also of what was interrupted
                self._ledger.note(self._run_id, self._asset, model, self.usage)
            self._report()
            for key in keys:
                yield _response(key, model, completions[key])

    def _ask(self, missing: dict[str, Request]) -> dict[str, Completion]:
        if not missing:
            return {}
        keys, requests = list(missing), list(missing.values())
        completions: dict[str, Completion] = {}
        unsaved: list[tuple[str, Request, Completion]] = []
        started = saved = time.monotonic()
        try:
            for position, completion in self._engine.complete(requests, [request_seed(key) for key in keys]):
                key = keys[position]
                completions[key] = completion
                if completion.error is None:
                    unsaved.append((key, requests[position], completion))
                self._count(completion)
                if time.monotonic() - saved > _COMMIT_SECONDS:
                    self._ledger.add(self.model, self._engine.name, unsaved)
                    unsaved, saved = [], time.monotonic()
        finally:  # what an engine had finished before it broke, or was interrupted, is paid for
            self._ledger.add(self.model, self._engine.name, unsaved)
            self.usage.seconds += time.monotonic() - started
        return completions

    def _count(self, completion: Completion) -> None:
        if completion.error is None:
            self.usage.answered += 1
            self.usage.prompt_tokens += completion.prompt_tokens
            self.usage.completion_tokens += completion.completion_tokens
        else:
            self.usage.failed += 1
            self.usage.transient += not completion.final

    def _report(self) -> None:
        usage = self.usage
        rate = f", {usage.tokens_per_second:,.0f} tokens/s" if usage.answered else ""
        failed = f", {usage.failed} failed" if usage.failed else ""
        log.info(
            "%s: %s requests: %s reused, %s answered%s%s",
            self._asset,
            f"{usage.requested:,}",
            f"{usage.reused:,}",
            f"{usage.answered:,}",
            failed,
            rate,
        )


def _batched(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch


def _response(key: str, model: str, completion: Completion) -> Response:
    reasoning, answer = split_reasoning(completion.text)
    return Response(
        response_id=key,
        model=model,
        text=completion.text,
        reasoning=reasoning,
        answer=answer,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        error=completion.error,
    )


def _checksum(key: str, text: str, reason: str) -> str:
    return hashlib.sha256(f"{key}\0{reason}\0{text}".encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
