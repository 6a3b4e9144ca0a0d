from __future__ import annotations

import logging

import polars as pl

from ot_assets.graph import watching


def test_verdicts_are_counted_as_they_come(caplog, monkeypatch):
    clock = iter([0.0, 0.5, 2.0, 20.0])
    monkeypatch.setattr(watching.time, "monotonic", lambda: next(clock))
    pieces = [pl.LazyFrame({"verdict": ["right"] * n + ["wrong"]}) for n in (1, 3, 1)]
    with caplog.at_level(logging.INFO, logger="ot"):
        kept = list(watching.watched("r/math/verified", 10, iter(pieces)))
    assert [piece.collect().height for piece in kept] == [2, 4, 2]
    lines = [(record.name, record.message) for record in caplog.records]
    first = "r/math/verified: 6/10 judged, 3 a second, 1 s to go: right 4, wrong 2"
    last = "r/math/verified: 8/10 judged, 0 a second, 5 s to go: right 5, wrong 3"
    assert lines == [("ot.progress", first), ("ot.progress", last), ("ot.stage", last)]
