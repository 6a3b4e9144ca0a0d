from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply

from ..frames import both, evidence, questions

IDS = st.lists(st.text(alphabet="abcdef0123", min_size=1, max_size=6), min_size=1, max_size=30, unique=True)


def drawn(ids: list[str], n: int, seed: int = 42) -> list[str]:
    frame = pl.DataFrame({"question_id": ids}, schema={"question_id": pl.String})
    return apply("sample.uniform", frame, n=n, seed=seed).kept.collect()["question_id"].to_list()


@given(IDS, st.integers(1, 35), st.text(alphabet="ghij", min_size=1, max_size=6), st.integers(0, 30))
def test_an_added_row_disturbs_only_itself(ids, n, added, place):
    before = drawn(ids, n)
    place = min(place, len(ids))
    after = drawn([*ids[:place], added, *ids[place:]], n)
    assert len(before) == min(n, len(ids))
    assert len(set(before) - set(after)) <= (1 if added in after else 0)
    assert set(after) - set(before) <= {added} if len(ids) >= n else set(after) == {*ids, added}
    assert [i for i in ids if i in before] == before


@given(IDS, st.integers(1, 30), st.randoms())
def test_the_order_of_the_rows_does_not_decide(ids, n, random):
    shuffled = random.sample(ids, len(ids))
    assert set(drawn(ids, n)) == set(drawn(shuffled, n))


def test_those_not_drawn_are_told_their_rank():
    kept, dropped = both("sample.uniform", questions(*"abcde"), n=2)
    assert len(kept) == 2
    assert set(dropped["drop_reason"]) == {"not_sampled"}
    assert sorted(told["rank"] for told in evidence(dropped)) == [3, 4, 5]
    assert {told["keep"] for told in evidence(dropped)} == {2}


def test_the_draw_is_the_published_hash():
    # sha256("42:q<n>") of q0..q4, the two lowest: kept stable, since datasets depend on it
    import hashlib

    ids = [f"q{n}" for n in range(5)]
    lowest = sorted(ids, key=lambda i: hashlib.sha256(f"42:{i}".encode()).hexdigest())[:2]
    assert set(drawn(ids, 2)) == set(lowest)


def test_fewer_rows_than_n_are_all_kept():
    frame = questions(*"abc")
    assert both("sample.uniform", frame, n=10)[0].equals(frame)


def test_a_frame_without_ids_is_numbered():
    kept = apply("sample.uniform", pl.DataFrame({"question": list("abcdef")}), n=3).kept.collect()
    assert len(kept) == 3


def test_no_rows():
    kept, dropped = both("sample.uniform", questions(), n=3)
    assert kept.is_empty()
    assert dropped.is_empty()


def test_none_keeps_all():
    frame = questions(*"abc")
    assert both("sample.none", frame)[0].equals(frame)


def test_the_original_took_the_first_rows():
    kept, dropped = both("sample.uniform", questions(*"abcdefgh"), n=3, compat="first_rows")
    assert kept["question_id"].to_list() == ["q0", "q1", "q2"]
    assert [told["rank"] for told in evidence(dropped)] == [4, 5, 6, 7, 8]
