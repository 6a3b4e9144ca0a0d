"""Cells: the same rows whatever their order, and budgets in rows, tokens and money."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import plan_study
from ot_assets.graph.checks import cell_check
from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput
from ot_resources.store import Draft
from tests.ablations.small import study, write_study
from tests.strategies.frames import both, evidence


def rows(n: int, tokens: list[int | None] | None = None) -> pl.DataFrame:
    frame = pl.DataFrame({"row_id": [f"q{i}-0" for i in range(n)], "text": [f"t{i}" for i in range(n)]})
    return frame if tokens is None else frame.with_columns(pl.Series("completion_tokens", tokens, pl.Int64))


def by_hash(n: int, seed: int = 42) -> list[str]:
    return sorted(rows(n)["row_id"], key=lambda id_: hashlib.sha256(f"{seed}:{id_}".encode()).hexdigest()[:16])


def test_rows_are_drawn_by_the_hash_of_their_ids():
    kept, dropped = both("cell.rows", rows(50), n=20)
    assert set(kept["row_id"]) == set(by_hash(50)[:20])
    assert kept["row_id"].to_list() == [id_ for id_ in rows(50)["row_id"] if id_ in set(kept["row_id"])]
    assert set(dropped["drop_reason"]) == {"over_budget"}
    assert all(told["rows"] == 20 < told["rank"] for told in evidence(dropped))
    assert set(both("cell.rows", rows(50), n=20, seed=7)[0]["row_id"]) == set(by_hash(50, 7)[:20])


@given(st.permutations(range(30)), st.integers(1, 40))
def test_the_order_of_the_input_makes_no_difference(order, n):
    frame = rows(30)
    kept, _ = both("cell.rows", frame[order], n=n)
    assert set(kept["row_id"]) == set(both("cell.rows", frame, n=n)[0]["row_id"])
    assert len(kept) == min(n, 30)


def test_one_more_row_displaces_one_at_most():
    before, after = (set(both("cell.rows", rows(n), n=20)[0]["row_id"]) for n in (50, 51))
    assert len(before - after) <= 1


def test_without_a_budget_all_rows_stay():
    assert len(both("cell.rows", rows(50))[0]) == 50


def test_tokens_are_counted_in_the_order_of_the_hash():
    lengths: list[int | None] = [10 * (i + 1) for i in range(20)]
    frame = rows(20, lengths)
    kept, dropped = both("cell.tokens", frame, n=500)
    of = dict(zip(frame["row_id"], lengths, strict=True))
    total, wanted = 0, set()
    for id_ in by_hash(20):
        total += of[id_] or 0
        if total > 500:
            break
        wanted.add(id_)
    assert set(kept["row_id"]) == wanted
    assert kept["completion_tokens"].sum() <= 500
    assert all(told["tokens"] > told["budget"] == 500 for told in evidence(dropped))


def test_tokens_that_nobody_counted_are_refused():
    with pytest.raises(BadInput, match=r"cell.tokens: 2 rows do not tell their completion_tokens"):
        apply("cell.tokens", rows(3, [5, None, None]), n=4)


def test_money_buys_its_share_of_the_rows():
    kept, _ = both("cell.money", rows(40), n=2.5, spent=10.0)
    assert set(kept["row_id"]) == set(by_hash(40)[:10])
    assert len(both("cell.money", rows(40), n=12.0, spent=10.0)[0]) == 40
    with pytest.raises(BadInput, match=r"cell.money: no model behind these rows has a price"):
        apply("cell.money", rows(4), n=1.0)


@pytest.mark.parametrize(
    ("cell", "params", "told"),
    [
        ({"rows": 30}, {"n": 30}, "20 of 30 rows; too few"),
        ({"rows": 20}, {"n": 20}, "20 rows, as every variant has"),
        ({}, {"n": None}, "all 20 rows"),
        ({"tokens": 201}, {"n": 201}, "200 of 201 tokens; too few"),
        ({"tokens": 200}, {"n": 200}, "200 tokens, as every variant has"),
        ({"money": 3}, {"n": 3.0, "spent": 2.0}, "2.0 of 3.0 of money; too few"),
        ({"money": 2}, {"n": 2.0, "spent": 2.0}, "2.0 of money, as every variant has"),
    ],
)
def test_a_cell_that_is_not_filled_is_refused(tmp_path: Path, cell, params, told):
    node = plan_study(load_study(write_study(tmp_path, study() | {"cell": cell}))).variants["everything"][-3]
    frame = rows(20, [10] * 20).lazy()
    with Draft(tmp_path, "cell", frozenset(), {}) as draft:
        gone = frame.clear().with_columns(drop_reason=pl.lit("x"), drop_evidence=pl.lit("{}"))
        draft.write(frame, gone)
        draft.seal({})
        check = cell_check(replace(node, params=params), draft, params)
    assert check.message.startswith(told)
    assert check.passed == ("too few" not in told)
    assert check.blocking
