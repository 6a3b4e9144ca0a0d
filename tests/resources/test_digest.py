from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_resources.digest import ContentDigest, canonical_json

SCHEMA = {
    "text": pl.String,
    "number": pl.Int64,
    "share": pl.Float64,
    "right": pl.Boolean,
    "words": pl.List(pl.String),
    "turn": pl.Struct({"from": pl.String, "value": pl.Int64}),
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.text(max_size=4),
            "number": st.none() | st.integers(-(2**63), 2**63 - 1),
            "share": st.none() | st.floats(allow_nan=False),
            "right": st.none() | st.booleans(),
            "words": st.none() | st.lists(st.none() | st.text(max_size=2), max_size=3),
            "turn": st.fixed_dictionaries(
                {"from": st.none() | st.text(max_size=2), "value": st.none() | st.integers(0, 9)}
            ),
        }
    ),
    min_size=1,
    max_size=12,
)


def digest(*frames: pl.DataFrame, ignore: frozenset[str] = frozenset()) -> str:
    made = ContentDigest(ignore)
    for frame in frames:
        made.update(frame)
    return made.hexdigest()


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(0, 12), max_size=4))
def test_batches_do_not_matter(rows, cuts):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    edges = sorted({0, len(frame), *(cut for cut in cuts if cut < len(frame))})
    pieces = [frame[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert digest(*pieces) == digest(frame)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_other_rows_have_another_digest(rows, others):
    frame, other = pl.DataFrame(rows, schema=SCHEMA), pl.DataFrame(others, schema=SCHEMA)
    assert (digest(frame) == digest(other)) == frame.equals(other)


@pytest.mark.parametrize(
    ("values", "others"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["", "a"], [None, "a"]),
        ([0, 1], [None, 1]),
        ([1, 2], [2, 1]),
        ([1, 2], [1.0, 2.0]),
        ([["a", "b"], ["c"]], [["a"], ["b", "c"]]),
        ([[None]], [[]]),
        ([Decimal("1.5"), Decimal("2.5")], [Decimal("1.5"), Decimal("3.5")]),
        ([b"\xff", b"a"], [b"\xfe", b"a"]),
    ],
)
def test_what_looks_alike_is_told_apart(values, others):
    frame, other = pl.DataFrame({"c": values}), pl.DataFrame({"c": others})
    assert digest(frame) == digest(frame.clone()) == digest(frame[:1], frame[1:])
    assert digest(frame) != digest(other)


def test_equal_decimals_have_equal_digests():
    made = [digest(pl.DataFrame({"c": [Decimal(f"{n}.25") for n in range(50)]})) for _ in range(3)]
    assert len(set(made)) == 1


def test_names_and_order_of_rows_count_and_order_of_columns_does_not():
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert digest(frame.select("b", "a")) == digest(frame)
    assert digest(frame.rename({"a": "c"})) != digest(frame)
    assert digest(frame.reverse()) != digest(frame)


def test_ignored_columns_do_not_count():
    frame = pl.DataFrame({"a": [1, 2], "seconds": [0.1, 0.2]})
    slower = frame.with_columns(pl.col("seconds") * 3)
    assert digest(frame) != digest(slower)
    assert digest(frame, ignore=frozenset({"seconds"})) == digest(slower, ignore=frozenset({"seconds"}))


def test_what_json_does_not_know_is_refused():
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    for value in (float("nan"), {1, 2}, object()):
        with pytest.raises((TypeError, ValueError)):
            canonical_json(value)
