"""What may stand beside the rows in `apply`: frames, and files of questions in good and in bad shape."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ot_assets.graph.checking import StageFailed
from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput
from tests.graph.running import make
from tests.recipes.small import LEAK, math, recipe, write_recipe

ASKED = pl.DataFrame({"question": [LEAK, "How many moons has Mars?", "", None]})
BAD = {
    "bytes.jsonl": (
        b'{"q": "fine"}\n' * 2000 + b'{"q": "not \xff fine"}\n',
        "line 2001: not text in UTF-8 (byte 12 of",
    ),
    "bytes.csv": (b"q,a\nfine,1\nnot \xff fine,2\n", "line 3: not text in UTF-8 (byte 5 of the line)"),
    "cut.jsonl": (b'{"q": "fine"}\n{"q": "fi', "line 2: not JSON"),
    "array.jsonl": (b'[{"q": "fine"}]\n', "line 1: not a JSON object"),
    "ragged.csv": (b"q,a\nIs it 1,2 or 3?,x\n", "found more fields"),
    "nothing.jsonl": (b"", "it is empty"),
    "nothing.csv": (b"", "it is empty"),
    "nothing.parquet": (b"", "it is empty"),
    "head.csv": (b"q,a\n", "no rows"),
    "column.csv": (b"question,a\nfine,1\n", "no column 'q'; "),
    "list.jsonl": (b'{"q": ["fine"]}\n', "the column 'q' holds List(String), not text"),
    "word.txt": (b"fine\n", "cannot read '.txt'; use .parquet, .jsonl"),
}


def hits(against: object) -> list[dict[str, object]]:
    dropped = apply("decontaminate.indel", ASKED, threshold=90, against=against).dropped.collect()
    return [json.loads(evidence) for evidence in dropped["drop_evidence"]]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "ndjson", "csv"])
def test_a_file_of_any_kind_is_compared_with(tmp_path, suffix):
    table = pl.DataFrame({"n": [1, 2, 3], "q": [None, "  ", LEAK]})
    file = tmp_path / f"mine.{suffix}"
    {"parquet": table.write_parquet, "csv": table.write_csv}.get(suffix, table.write_ndjson)(file)
    (found,) = hits([{"path": file, "question": "q"}])
    # the third row, whatever the empty ones before it
    assert (found["twin"], found["against"]) == ("mine-3", "mine")
    assert hits({"path": str(file), "question": "q", "id": "exam"})[0]["twin"] == "exam-3"
    assert hits([{"path": file, "question": "{n}. {q}"}]) != []


def test_files_frames_and_paths_are_compared_with_together(tmp_path):
    pl.DataFrame({"question": [LEAK]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"question": ["How many moons has Mars?"]}).write_ndjson(tmp_path / "b.jsonl")
    frame = pl.DataFrame({"question_id": ["f"], "question": ["Who goes there?"]})
    assert {found["twin"] for found in hits([tmp_path / "a.parquet", str(tmp_path / "b.jsonl"), frame])} == {
        "a-1",
        "b-1",
    }
    assert {found["twin"] for found in hits(str(tmp_path))} == {"a-1", "a-2"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_with_its_name_and_place(tmp_path, name):
    content, told = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        hits([{"path": str(tmp_path / name), "question": "q"}])
    assert name in str(caught.value) and told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_a_recipe_says_the_same_of_it(tmp_path, data_root, name):
    content, told = BAD[name]
    (tmp_path / name).write_bytes(content)
    body = recipe()
    math(body)[1]["decontaminate"]["against"] = [{"path": name, "question": "q", "id": "own"}]
    with pytest.raises(BadInput) as caught:
        make(write_recipe(tmp_path, body), upto="benchmarks/own")
    assert name in str(caught.value) and told in str(caught.value)
    assert str(caught.value).startswith("small.yaml: tracks.math[1].decontaminate.against")
    assert "\n" not in str(caught.value)


def test_items_without_text_are_dropped_with_a_reason_and_none_but_them_is_no_benchmark(tmp_path, data_root):
    body = recipe()
    math(body)[1]["decontaminate"]["against"] = [{"path": "own.jsonl", "question": "q", "id": "own"}]
    file = write_recipe(tmp_path, body)
    pl.DataFrame({"q": [LEAK, None, " "]}).write_ndjson(tmp_path / "own.jsonl")
    version = make(file, upto="benchmarks/own", run_id="one")["benchmarks/own"].version
    assert (version.rows, dict(version.reasons)) == (1, {"empty_question": 2})
    (tmp_path / "own.jsonl").write_text('{"q": " "}\n{"q": null}\n')
    with pytest.raises(StageFailed, match="benchmarks/own: rows_present failed: 0 rows; dropped: empty_question 2"):
        make(file, upto="benchmarks/own", run_id="two")
    with pytest.raises(BadInput, match=r"own\.jsonl: no row has a question in 'q'"):
        hits([{"path": tmp_path / "own.jsonl", "question": "q"}])


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ({"recipe": "small"}, "a table is a frame, a path, or {path: ..., question: ...}"),
        ({"path": "gone.parquet"}, "no file at gone.parquet"),
        ("math500", "no file at math500"),
        ({"path": "data/samples/manifest.json"}, "cannot read '.json'"),
        (
            {"path": str(Path("data/samples/HuggingFaceH4__MATH-500/test.parquet")), "qestion": "problem"},
            "qestion: extra",
        ),
    ],
)
def test_what_is_no_table(against, told):
    with pytest.raises(BadInput) as caught:
        hits(against)
    assert told in str(caught.value)
    assert str(caught.value).startswith("apply('decontaminate.indel'): against: ")


def test_a_frame_without_questions():
    with pytest.raises(BadInput, match="against: a table has no column 'question'; it has: q"):
        hits(pl.DataFrame({"q": ["x"]}))


def test_a_frame_of_a_list_that_cannot_be_compared_with_is_named_by_its_place():
    good = pl.DataFrame({"question": [LEAK]})
    with pytest.raises(BadInput, match=r"against\[1\]: a table has no column 'question'; it has: q"):
        hits([good, pl.DataFrame({"q": [LEAK]})])
    with pytest.raises(BadInput, match=r"against\[0\]: the column 'question' is Int64, not text"):
        hits([pl.DataFrame({"question": [1]}), good])
    with pytest.raises(BadInput, match=r"against: the column 'source' is Binary, not text"):
        hits(good.with_columns(source=pl.lit(b"\xff")))
    with pytest.raises(BadInput, match=r"against: the column 'question_id' is List\(Int64\), not text"):
        hits(good.with_columns(question_id=pl.lit([1])))


@pytest.mark.parametrize(
    ("source", "told"),
    [(date(2024, 1, 2), "2024-01-02"), (Decimal("1.50"), "1.50"), (float("nan"), "NaN"), (7, "7"), (None, None)],
)
def test_a_source_is_told_as_text_whatever_it_is(source, told):
    frame = pl.DataFrame({"question": [LEAK], "source": [source]})
    other = pl.DataFrame({"question": ["Who goes there?"], "source": ["other"]})
    for against in (frame, [frame, other]):
        assert [found["against"] for found in hits(against)] == [told]


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum([LEAK])])
def test_a_category_is_text(kind):
    frame = pl.DataFrame({"question": [LEAK], "source": ["s"]}, schema_overrides={"question": kind})
    for against in (frame, [frame]):
        assert [found["twin_text"] for found in hits(against)] == [LEAK[:200]]


def test_a_lazy_table_that_breaks_as_it_is_read(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"question\nfine\n\xff\n")
    with pytest.raises(BadInput, match=r"^against: a table cannot be read \([^\n]*\)$"):
        hits(pl.scan_csv(tmp_path / "bad.csv"))
