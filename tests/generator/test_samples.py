"""The committed samples are what the script makes, and every row of the manifest is what it claims to be."""

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rapidfuzz import fuzz

from data.generator.check import passes
from data.generator.decontaminate import ngram_hits, ratio_hits
from data.generator.dirt import OVER_LONG
from data.generator.make_samples import BENCHMARKS, FOLDER, SCHEMAS, SOURCES, question_texts, write

schemas = json.loads(SCHEMAS.read_text())
manifest = json.loads((FOLDER / "manifest.json").read_text())


def path_of(name: str, folder: Path = FOLDER) -> Path:
    return folder / name.replace("/", "__") / f"{schemas[name]['split']}.parquet"


@pytest.fixture(scope="module")
def questions() -> dict[str, list[str]]:
    return {name: question_texts(schemas[name], pl.read_parquet(path_of(name))) for name in schemas}


@pytest.fixture(scope="module")
def hits(questions) -> dict[str, list[tuple[bool, bool]]]:
    """Per source, (ratio, 13 words) against every benchmark question."""
    benchmark = [text for name in BENCHMARKS for text in questions[name]]
    found = {}
    for name in SOURCES:
        found[name] = list(
            zip(ratio_hits(questions[name], benchmark), ngram_hits(questions[name], benchmark), strict=True)
        )
    return found


def planted(kind: str) -> list[dict]:
    entries = [entry for entry in manifest if entry["kind"] == kind]
    assert entries, kind
    return entries


def test_the_script_makes_the_committed_samples(tmp_path):
    write(tmp_path)
    for name in schemas:
        assert_frame_equal(pl.read_parquet(path_of(name, tmp_path)), pl.read_parquet(path_of(name)))
    assert (tmp_path / "manifest.json").read_text() == (FOLDER / "manifest.json").read_text()


def test_every_dataset_has_its_schema():
    assert set(schemas) == set(SOURCES) | set(BENCHMARKS)
    for name, schema in schemas.items():
        assert pl.read_parquet_schema(path_of(name)).keys() == (schema["columns"] | schema.get("ours", {})).keys()


def test_the_samples_are_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 3_000_000


def test_manifest_rows_exist_once(questions):
    places = [(entry["dataset"], entry["row"]) for entry in manifest]
    assert len(set(places)) == len(places)
    for entry in manifest:
        assert entry["row"] < len(questions[entry["dataset"]])
        assert entry["twin"] is None or entry["twin"]["row"] < len(questions[entry["twin"]["dataset"]])


def pairs(kind: str, questions: dict[str, list[str]]) -> list[tuple[dict, str, str]]:
    return [
        (entry, questions[entry["dataset"]][entry["row"]], questions[entry["twin"]["dataset"]][entry["twin"]["row"]])
        for entry in planted(kind)
    ]


def test_exact_duplicates_equal_an_earlier_row_and_are_all_listed(questions):
    for entry, text, twin in pairs("exact_duplicate", questions):
        assert text == twin and entry["twin"]["row"] < entry["row"] and entry["twin"]["dataset"] == entry["dataset"]
    for name in SOURCES:
        counts = Counter(text for text in questions[name] if text.strip())
        listed = sum(entry["dataset"] == name for entry in planted("exact_duplicate"))
        assert sum(counts.values()) - len(counts) == listed


def test_duplicate_shares_bite_where_the_recipe_dedups(questions):
    def share(*names: str) -> float:
        return sum(e["dataset"] in names for e in planted("exact_duplicate")) / sum(len(questions[n]) for n in names)

    assert 0.30 <= share("ai2-adapt-dev/openmath-2-math") <= 0.45
    assert 0.15 <= share("mlfoundations-dev/stackexchange_physics", "EricLu/SCP-116K") <= 0.20


def test_near_duplicates_differ_in_a_word(questions):
    for _, text, twin in pairs("near_duplicate", questions):
        assert text != twin and fuzz.ratio(text, twin) >= 75


def test_number_variants_differ_in_digits_only(questions):
    for _, text, twin in pairs("number_variant", questions):
        assert text != twin and re.sub(r"\d+", "#", text) == re.sub(r"\d+", "#", twin)


def test_cross_source_duplicates_come_from_the_other_source(questions):
    for entry, text, twin in pairs("cross_source_duplicate", questions):
        assert text == twin and entry["twin"]["dataset"] != entry["dataset"]


def test_leaks_are_hit_and_quote_their_twin(questions, hits):
    for entry, text, twin in pairs("leak_exact", questions):
        assert text == twin and hits[entry["dataset"]][entry["row"]][0]
    for entry, text, twin in pairs("leak_edited", questions):
        assert text != twin and fuzz.ratio(text, twin) >= 75 and hits[entry["dataset"]][entry["row"]][0]
    for entry, text, twin in pairs("leak_ngram", questions):
        assert ngram_hits([text], [twin]) == [True] and hits[entry["dataset"]][entry["row"]] == (False, True)


def test_nothing_but_leaks_is_hit(hits):
    leaked = {(e["dataset"], e["row"]) for e in manifest if e["kind"].startswith("leak")}
    for name in SOURCES:
        assert {(name, i) for i, hit in enumerate(hits[name]) if any(hit)} == {
            place for place in leaked if place[0] == name
        }


def test_over_long_empty_and_unicode_rows(questions):
    for entry in planted("over_long"):
        assert len(questions[entry["dataset"]][entry["row"]]) > OVER_LONG
    for entry in planted("empty_question"):
        assert not questions[entry["dataset"]][entry["row"]].strip()
    for entry in planted("unicode"):
        text = questions[entry["dataset"]][entry["row"]]
        assert not text.isascii() or "$" in text or "\r\n" in text


def test_broken_tests_fail_for_the_gold_program():
    table = pl.read_parquet(path_of("nvidia/OpenCodeReasoning"))
    broken = {e["row"] for e in planted("broken_tests") if e["dataset"] == "nvidia/OpenCodeReasoning"}
    for i in sorted(broken) + [i for i in range(12) if i not in broken]:
        row = table.row(i, named=True)
        if row["ot_tests"] is None:
            continue
        try:
            tests = json.loads(row["ot_tests"])
            right = (
                bool(tests.get("asserts") or tests.get("outputs"))
                and tests["kind"] != "riddle"
                and passes(row["solution"], tests)
            )
        except json.JSONDecodeError:
            right = False
        assert right == (i not in broken), i
