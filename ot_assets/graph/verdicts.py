"""A verifier, asked only for verdicts that nobody has given yet."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from ot_assets.contracts import VERDICT
from ot_assets.recipes.plan import Node
from ot_assets.strategies.verify import grading
from ot_assets.strategies.verify.verdict import Verdict
from ot_resources.digest import canonical_json
from ot_resources.verdicts import Given, Verdicts

# What says something about the answer whatever the machine was doing; a timeout does not.
KEPT = (Verdict.RIGHT, Verdict.WRONG, Verdict.UNPARSED, Verdict.ERROR)
# Those whose verdict hangs on the answer and one column alone. What a judge says is in the ledger.
KINDS = frozenset(grading.MAKERS)
# Tests can be megabytes a row.
BATCH_ROWS = 256
# The columns of a verdict in the order of `Given`.
_GIVEN = ("verdict", "verdict_by", "verdict_reason", "verdict_seconds")


def judged_once(
    node: Node, params: dict[str, Any], answers: pl.LazyFrame, verify: Callable[[pl.LazyFrame], Any], stored: Verdicts
) -> Iterator[pl.LazyFrame]:
    """What `verify` yields for `answers`, in order, having been given those alone whose verdict is not `stored`.

    New verdicts are stored as they come. A verdict's key is the verifier with its version, parameters and packages, the
    answer, and what that is held against.
    """
    told = canonical_json(
        {
            "verifier": f"{node.strategy.title}@{node.strategy.version}",
            "params": params,
            "packages": {name: metadata.version(name) for name in node.strategy.packages},
        }
    )
    verifier = hashlib.blake2b(told.encode(), digest_size=16)
    columns = list(node.strategy.needs)
    # What has been read and not been written: a batch, the keys of its rows, and the verdicts that there were.
    waiting: deque[tuple[pl.DataFrame, list[bytes], dict[bytes, Given]]] = deque()

    def unknown(only: list[str] | None, where: pl.Expr | None, *_: Any) -> Iterator[pl.DataFrame]:
        assert where is None, "a verifier judges every row"
        for batch in answers.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True, lazy=True):
            keys = [_key(verifier, row) for row in batch.select(columns).iter_rows()]
            known = stored.have(keys)
            waiting.append((batch, keys, known))
            rest = batch.filter(pl.Series([key not in known for key in keys], dtype=pl.Boolean))
            yield rest.select(only) if only else rest

    judged: deque[Given] = deque()

    def whole() -> Iterator[pl.LazyFrame]:
        """The next batches, as far as all of their verdicts are there."""
        while waiting:
            batch, keys, known = waiting[0]
            missing = [key for key in keys if key not in known]
            if len(judged) < len(missing):
                return
            waiting.popleft()
            new = [(key, judged.popleft()) for key in missing]
            stored.add((key, given) for key, given in new if given.verdict in KEPT)
            yield _beside(batch, keys, known | dict(new)).lazy()

    yield _beside(pl.DataFrame(schema=answers.collect_schema()), [], {}).lazy()
    for piece in verify(register_io_source(unknown, schema=answers.collect_schema())):
        judged.extend(Given(*row) for row in piece.select(_GIVEN).collect().iter_rows())
        yield from whole()
    yield from whole()


def _key(verifier: hashlib.blake2b, row: tuple[str | None, ...]) -> bytes:
    digest = verifier.copy()
    for text in row:
        data = b"" if text is None else text.encode("utf-8", "surrogatepass")
        digest.update(b"%d %d\n" % (text is None, len(data)) + data)
    return digest.digest()


def _beside(batch: pl.DataFrame, keys: list[bytes], given: dict[bytes, Given]) -> pl.DataFrame:
    columns = zip(*(given[key] for key in keys), strict=True) if keys else [()] * len(_GIVEN)
    values = dict(zip(_GIVEN, columns, strict=True))
    return batch.with_columns(pl.Series(name, values[name], dtype) for name, dtype in VERDICT.items())
