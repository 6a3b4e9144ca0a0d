from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ot_assets.contracts import QUESTION
from ot_assets.strategies.sources.mapped import Mapping, check_keys, to_questions
from ot_resources.interfaces import BadInput

from ..frames import collected, shared

RAW = pl.DataFrame(
    {
        "id": [7, 8, 9],
        "problem": ["2+2?", " ", None],
        "answer": [4, 5, 6],
        "level": ["easy", None, "hard"],
        "tags": [["a"], [], None],
    }
)


def mapped(raw: pl.DataFrame, *, source: str = "s", fixed_domain: str | None = "math", **mapping) -> pl.DataFrame:
    """The questions of `raw`, after checking that they have exactly the columns of a question and none got lost."""
    told = Mapping(**mapping)
    split = to_questions(raw.lazy(), source=source, mapping=told, where="my.yaml", domain=fixed_domain)
    kept, dropped = collected(split)
    assert dict(kept.schema) == dict(QUESTION)
    assert len(kept) + len(dropped) == len(raw)
    return kept


def test_a_table_becomes_questions():
    kept = mapped(RAW, question="problem", key="id", reference="answer")
    row = kept.row(0, named=True)
    assert len(row["question_id"]) == 16
    assert json.loads(row["extra"]) == {"id": 7, "level": "easy", "tags": ["a"]}
    assert (row["source"], row["domain"], row["question"], row["reference"]) == ("s", "math", "2+2?", "4")
    assert row["tests"] is None


def test_questions_without_text_are_dropped():
    split = to_questions(RAW.lazy(), source="s", mapping=Mapping(question="problem"), where="w")
    kept, dropped = collected(split)
    assert len(kept) == 1
    assert dropped["drop_reason"].to_list() == ["empty_question"] * 2
    assert json.loads(dropped["extra"][0])["id"] == 8


def test_the_domain_column_goes_before_the_fixed_one():
    raw = pl.DataFrame({"q": ["a", "b"], "d": ["code", None]})
    assert mapped(raw, question="q", domain="d")["domain"].to_list() == ["code", "math"]
    assert mapped(raw, question="q", domain="d", fixed_domain=None)["domain"].to_list() == ["code", None]


def test_only_the_extra_that_was_asked_for():
    assert mapped(RAW, question="problem", extra=["level"])["extra"].to_list() == ['{"level":"easy"}']
    assert mapped(RAW, question="problem", extra=[])["extra"].to_list() == ["{}"]


def test_imported_answers_go_under_extra():
    raw = pl.DataFrame({"q": ["a", "b"], "out": ['x\n"y"', None], "m": ["r1", "r1"], "left": [1.5, None]})
    kept = mapped(raw, question="q", imported={"answer": "out", "model": "m"})
    assert json.loads(kept["extra"][0]) == {"left": 1.5, "imported": {"answer": 'x\n"y"', "model": "r1"}}
    assert json.loads(kept["extra"][1])["imported"]["answer"] is None


def test_columns_of_any_type_become_text():
    raw = pl.DataFrame(
        {
            "q": ["a", "b"],
            "nested": [[{"x": 1, "y": "é"}], None],
            "picture": [{"bytes": b"\x00\xff", "path": None}, None],
            "bytes": [b"\x00", None],
            "day": [date(2025, 6, 5), None],
            "yes": [True, None],
            "nothing": [None, None],
        }
    )
    kept = mapped(raw, question="q")
    assert json.loads(kept["extra"][0]) == {
        "nested": [{"x": 1, "y": "é"}],
        "picture": '{"bytes": "AP8=", "path": null}',
        "bytes": "AA==",
        "day": "2025-06-05",
        "yes": True,
        "nothing": None,
    }
    for column, text in {"nested": '[{"x":1,"y":"é"}]', "day": "2025-06-05", "yes": "true", "bytes": "AA=="}.items():
        assert mapped(raw, question="q", reference=column)["reference"].to_list() == [text, None]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ('{"inputs": ["1\\n"], "outputs": ["2\\n"]}', "stdin"),
        ('{"fn_name": null, "inputs": [], "outputs": []}', "stdin"),
        ('{"fn_name": "f", "inputs": [[1]], "outputs": [2]}', "call"),
        (f'{{"inputs": [{"9" * 5000}], "outputs": [1]}}', "stdin"),
    ],
)
def test_raw_inputs_and_outputs_get_a_kind(raw, kind):
    """Nothing else of the text changes, also where Python cannot read a number."""
    kept = mapped(pl.DataFrame({"q": ["a"], "t": [raw]}), question="q", tests="t")
    assert kept["tests"][0] == f'{{"kind": "{kind}", {raw[1:]}'


@pytest.mark.parametrize(
    "raw", ['{"kind": "asserts", "asserts": ["assert f(1) == 2"]}', '["assert f(1) == 2"]', "not json", "7"]
)
def test_other_tests_pass_as_they_are(raw):
    assert mapped(pl.DataFrame({"q": ["a"], "t": [raw]}), question="q", tests="t")["tests"].to_list() == [raw]


@pytest.mark.parametrize("raw", ["  ", None])
def test_no_tests_are_null(raw):
    frame = pl.DataFrame({"q": ["a"], "t": [raw]}, schema={"q": pl.String, "t": pl.String})
    assert mapped(frame, question="q", tests="t")["tests"].to_list() == [None]


def test_tests_of_several_columns():
    raw = shared("code_leetcode")
    fields = {"kind": "check", "setup": "orig_prompt", "code": "orig_test", "entry_point": "orig_entry_point"}
    frame = pl.read_parquet(raw).head(5)
    kept = mapped(frame, question="question", tests=fields, imported={"answer": "orig_response"})
    built = json.loads(kept["tests"][0])
    assert built == {"kind": "check"} | {f: frame[c][0] for f, c in fields.items() if f != "kind"}
    extra = json.loads(kept["extra"][0])
    assert extra["imported"]["answer"] == frame["orig_response"][0]
    assert "orig_test" not in extra
    assert "row_id" in extra


def test_ids_of_the_key_do_not_move():
    frame = RAW.head(1)
    by_key = mapped(frame, question="problem", key="id")["question_id"][0]
    changed = frame.with_columns(pl.lit("other text").alias("problem"))
    assert mapped(changed, question="problem", key="id")["question_id"][0] == by_key
    assert mapped(frame.cast({"id": pl.String}), question="problem", key="id")["question_id"][0] == by_key
    assert mapped(frame, question="problem", key="id", source="other")["question_id"][0] != by_key
    # released datasets carry these ids: they may never change
    assert by_key == "d4c09b6051c6fd2e"
    assert mapped(frame, question="problem")["question_id"][0] == "25951850835d6e32"


def test_content_is_compared_without_white_space_and_accents_composed():
    raw = pl.DataFrame({"q": ["caf\u00e9  is\nnice ", "cafe\u0301 is nice"]})
    ids = mapped(raw, question="q")["question_id"]
    assert ids[0] != ids[1]
    alone = mapped(raw.tail(1), question="q")["question_id"][0]
    assert alone == ids[0]


@given(
    st.lists(st.sampled_from(["a", "b", "b ", "c"]), min_size=1, max_size=12),
    st.sampled_from(["a", "new"]),
    st.integers(0, 12),
)
def test_an_added_row_moves_no_other_id(texts, added, place):
    before = mapped(pl.DataFrame({"q": texts}), question="q")["question_id"]
    longer = [*texts[:place], added, *texts[place:]]
    after = mapped(pl.DataFrame({"q": longer}), question="q")["question_id"]
    assert before.n_unique() == len(texts)
    assert set(before) < set(after)


def test_a_missing_column_is_named_with_those_that_there_are():
    with pytest.raises(BadInput, match=r"my\.yaml: 'reference': no column 'anwser'; there is: id, problem, answer"):
        mapped(RAW, question="problem", reference="anwser")


def test_unknown_fields_are_refused():
    with pytest.raises(BadInput, match="'imported' has no field 'answr'"):
        mapped(RAW, question="problem", imported={"answr": "answer"})
    with pytest.raises(BadInput, match="'tests' needs a 'kind'"):
        mapped(RAW, question="problem", tests={"code": "answer"})
    with pytest.raises(ValidationError):
        Mapping(question="problem", referense="answer")  # type: ignore[call-arg]


def test_check_keys_names_the_value_and_both_rows():
    raw = pl.LazyFrame({"id": ["a", "b", "a", "b"], "q": list("wxyz")})
    with pytest.raises(BadInput, match=r"^f: the key 'a' of the column 'id' comes twice, in rows 1 and 3$"):
        check_keys(raw, Mapping(question="q", key="id"), "f")
    check_keys(raw, Mapping(question="q"), "f")
    check_keys(raw.head(2), Mapping(question="q", key="id"), "f")


def test_check_keys_finds_missing_keys_and_empty_sources():
    raw = pl.LazyFrame({"id": ["a", None], "q": ["x", "y"]})
    with pytest.raises(BadInput, match=r"^f: row 2 has no key in the column 'id'$"):
        check_keys(raw, Mapping(question="q", key="id"), "f")
    for key in ("id", None):
        with pytest.raises(BadInput, match="^f: no rows$"):
            check_keys(raw.head(0), Mapping(question="q", key=key), "f")


def test_mapping_reads_no_rows_before_they_are_asked_for():
    read = []
    raw = RAW.lazy().map_batches(lambda rows: read.append(1) or rows)
    for key in ("id", None):
        split = to_questions(raw, source="s", mapping=Mapping(question="problem", key=key), where="w")
        assert read == []
    assert len(split.kept.collect()) == 1
    assert read


PARTS = pl.DataFrame(
    {
        "title": ["Sum", None, "Sort"],
        "body": ["Add them.", None, None],
        "level": ["EASY", "EASY", "HARD"],
        "year": [2023, 2024, 2024],
    }
)


def test_a_template_joins_columns_and_is_no_question_without_any():
    split = to_questions(PARTS.lazy(), source="s", mapping=Mapping(question="{title}: {body}"), where="w")
    kept, dropped = collected(split)
    assert kept["question"].to_list() == ["Sum: Add them.", "Sort: "]
    assert dropped["drop_reason"].to_list() == ["empty_question"]
    assert json.loads(kept["extra"][0]) == {"level": "EASY", "year": 2023}


@pytest.mark.parametrize(
    ("only", "left"),
    [({"level": "HARD"}, ["Sort"]), ({"level": ("EASY", "HARD"), "year": 2024}, ["Sort"]), ({"year": 2023}, ["Sum"])],
)
def test_only_some_rows_are_read(only, left):
    mapping = Mapping(question="title", only=only)
    kept = to_questions(PARTS.lazy(), source="s", mapping=mapping, where="w").kept.collect()
    assert kept["question"].to_list() == left
    assert "level" in json.loads(kept["extra"][0])


def test_rows_that_are_not_there_are_told():
    with pytest.raises(BadInput, match=r"w: no rows with level: MEDIUM \('only'\)"):
        check_keys(PARTS.lazy(), Mapping(question="title", only={"level": "MEDIUM"}), "w")


def test_a_key_may_come_twice_among_rows_that_are_not_read():
    check_keys(PARTS.lazy(), Mapping(question="title", key="year", only={"level": "HARD"}), "w")


@pytest.mark.parametrize(
    "options",
    [
        [["red", "blue"], []],
        [{"label": ["A", "B"], "text": ["red", "blue"]}, None],
        [[{"label": "A", "text": "red"}, {"label": "B", "text": "blue"}], None],
    ],
    ids=["texts", "labels beside texts", "labelled texts"],
)
def test_options_follow_the_question_as_lines(options):
    raw = pl.DataFrame({"q": ["Which?", "What?"], "choices": options}, strict=False)
    kept = mapped(raw, question="q", options="choices")
    assert kept["question"].to_list() == ["Which?\n\nA: red\nB: blue", "What?"]


def test_lists_of_several_columns_are_joined_into_tests():
    raw = pl.DataFrame(
        {
            "q": ["a", "b"],
            "public": [{"input": ["1"], "output": ["2"]}, None],
            "private": [{"input": ["3", "4"], "output": ["6", "8"]}, None],
        }
    )
    tests = {
        "kind": "stdin",
        "inputs": ("public.input", "private.input"),
        "outputs": ("public.output", "private.output"),
    }
    kept = mapped(raw, question="q", tests=tests, extra=())
    assert json.loads(kept["tests"][0]) == {"kind": "stdin", "inputs": ["1", "3", "4"], "outputs": ["2", "6", "8"]}
    assert kept["tests"][1] is None
    assert kept["extra"].to_list() == ["{}", "{}"]


def test_several_imported_answers_stay_a_list():
    raw = pl.DataFrame({"q": ["a"], "generations": [["x", "y"]], "model": ["m"]})
    kept = mapped(raw, question="q", imported={"answer": "generations", "model": "model"})
    assert json.loads(kept["extra"][0])["imported"] == {"answer": ["x", "y"], "model": "m"}


def test_a_column_that_changed_its_type_is_not_read_as_something_else():
    raw = pl.DataFrame({"q": [["now", "a", "list"]], "choices": ["text"]})
    with pytest.raises(BadInput, match="w: 'question': the column 'q' holds List\\(String\\), not text"):
        to_questions(raw.lazy(), source="s", mapping=Mapping(question="q"), where="w")
    with pytest.raises(BadInput, match="w: 'options': the column 'choices' holds String, not a list of options"):
        to_questions(raw.lazy(), source="s", mapping=Mapping(question="choices", options="choices"), where="w")


def test_a_row_that_could_not_be_read_says_why():
    raw = pl.DataFrame({"text": ["page", None], "error": [None, "a.pdf is encrypted"]})
    split = to_questions(raw.lazy(), source="s", mapping=Mapping(question="text", error="error"), where="w")
    kept, dropped = collected(split)
    assert kept["question"].to_list() == ["page"]
    assert dict(kept.schema) == dict(QUESTION)
    assert dropped["drop_reason"].to_list() == ["unreadable"]
    assert json.loads(dropped["drop_evidence"][0])["error"] == "a.pdf is encrypted"


@pytest.mark.parametrize(
    ("column", "mapping", "told"),
    [
        ([{"x": 4}], {"reference": "c"}, "'reference': the column 'c' holds Struct"),
        ([{"x": 4}], {"imported": {"answer": "c"}}, "'imported.answer': .*not text or a list of texts"),
        (["abc"], {"tests": {"kind": "stdin", "inputs": "c", "outputs": "c"}}, "'tests.inputs': .*not a list"),
        ([["a"]], {"domain": "c"}, "'domain': the column 'c' holds List"),
    ],
)
def test_other_columns_of_another_type_are_told(column, mapping, told):
    raw = pl.DataFrame({"q": ["a"], "c": column})
    with pytest.raises(BadInput, match=told):
        to_questions(raw.lazy(), source="s", mapping=Mapping(question="q", **mapping), where="w")
