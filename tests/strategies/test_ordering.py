from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies.ordering import columns, earliest_first
from ot_assets.strategies.ranking import ROW
from ot_resources.interfaces import BadInput

SCORES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, float("nan")]))


def plain(key: float | str | None, descending: bool) -> tuple[bool, float | str]:
    """A sort key of one value: nulls and NaN last."""
    if key is None or key != key:
        return True, 0.0
    return False, -key if descending and not isinstance(key, str) else key


@given(st.lists(st.tuples(SCORES, st.sampled_from(["a", "b", None])), max_size=12), st.booleans())
def test_against_a_plain_sort(rows, descending):
    frame = pl.DataFrame(rows, schema={"score": pl.Float64, "name": pl.String}, orient="row").lazy()
    found = earliest_first(frame, ("-score" if descending else "score", "name"), "dedup.x").collect()
    wanted = sorted(range(len(rows)), key=lambda i: (plain(rows[i][0], descending), plain(rows[i][1], False), i))
    assert found[ROW].to_list() == wanted


def test_without_an_order_the_input_decides():
    frame = pl.LazyFrame({"name": ["b", "a"]})
    assert earliest_first(frame, (), "dedup.x").collect().rows() == [(0, "b"), (1, "a")]
    assert columns(("-score", "name", "score")) == ["score", "name"]


def test_objects_have_no_order():
    frame = pl.DataFrame({"thing": pl.Series([object()], dtype=pl.Object)}).lazy()
    with pytest.raises(BadInput, match="dedup.x: 'order': 'thing' is Object, which has no order"):
        earliest_first(frame, ("thing",), "dedup.x")


@pytest.mark.parametrize(("key", "said"), [("-scor", "no column 'scor'; there is: score, tags"), ("tags", "'tags' is")])
def test_a_column_that_orders_nothing(key, said):
    frame = pl.LazyFrame({"score": [1.0], "tags": [["a"]]})
    with pytest.raises(BadInput, match=f"dedup.x: 'order': {said}"):
        earliest_first(frame, (key,), "dedup.x")
