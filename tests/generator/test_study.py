"""The questions of the practice study are what the script makes, and none that is asked was learned."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.generator.families import FAMILIES
from data.generator.make_study import FOLDER, TABLES, normalised, tables, write
from data.generator.problem import is_held_out


@pytest.fixture(scope="module")
def committed() -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(FOLDER / f"{name}.parquet") for name in TABLES}


def test_the_script_makes_the_committed_tables(committed, tmp_path):
    write(tmp_path)
    for name, table in committed.items():
        assert_frame_equal(pl.read_parquet(tmp_path / f"{name}.parquet"), table)


def test_every_table_holds_all_families_evenly_and_ids_that_name_one_row(committed):
    for name, (n, held_out) in TABLES.items():
        table = committed[name]
        assert table.columns == ["id", "question", "reference", "family"]
        assert table.height == n and table["id"].n_unique() == n
        assert table["family"].value_counts()["count"].to_list() == [n // len(FAMILIES["math"])] * len(FAMILIES["math"])
        assert table["question"].map_elements(is_held_out, return_dtype=pl.Boolean).unique().to_list() == [held_out]


def test_no_two_questions_are_the_same_text(committed):
    texts = [normalised(text) for table in committed.values() for text in table["question"]]
    assert len(set(texts)) == sum(n for n, _ in TABLES.values())


def test_another_seed_gives_other_questions(committed):
    other = tables("another", {"questions": (80, False)})["questions"]
    assert not set(other["question"]) & set(committed["questions"]["question"])


def test_normalised_text_leaves_what_makes_another_question():
    assert normalised("What is 3 + 4?") == normalised(" what  is 3 + 4")
    assert normalised("What is 3 + 4?") != normalised("What is 3 - 4?")
