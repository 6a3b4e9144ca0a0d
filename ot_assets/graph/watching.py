"""How a stage that judges answers is getting on: rows a second and verdicts, in one line now and then."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import polars as pl

from ot_assets.strategies.running import as_split

log = logging.getLogger("ot.stage")
# The line that is overtaken by the next: a terminal shows the last one only.
live = logging.getLogger("ot.progress")

_LIVE_SECONDS = 1.0
_SECONDS = 15.0


def watched(asset: str, rows: int, pieces: Iterable[pl.LazyFrame]) -> Iterator[pl.LazyFrame]:
    """The pieces as they come; of their `verdict` column it is told how many there are of each, and how fast.

    `rows` is how many there will be. The first line comes after a second, in the log after fifteen.
    """
    started = shown = told = time.monotonic()
    counts: Counter[str] = Counter()
    for piece in pieces:
        yield piece
        counts.update(as_split(piece)[0].select("verdict").collect()["verdict"].to_list())
        now = time.monotonic()
        if now - shown < _LIVE_SECONDS:
            continue
        done, shown = counts.total(), now
        rate = done / (now - started)
        verdicts = ", ".join(f"{verdict} {count:,}" for verdict, count in counts.most_common())
        left = f", {(rows - done) / rate:,.0f} s to go" if done < rows else ""
        line = f"{asset}: {done:,}/{rows:,} judged, {rate:,.0f} a second{left}: {verdicts}"
        live.info("%s", line)
        if now - told >= _SECONDS:
            told = now
            log.info("%s", line)
