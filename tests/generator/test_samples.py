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
from data.generator.make_samples import BENCHMARKS, FOLDER, SCHEMAS, SOURCES, write
from data.generator.samples.tables import files, folder, question_texts, read_tables
from ot_assets.recipes.sources import catalogue, read_source
from ot_assets.strategies.sources.mapped import to_questions

schemas = json.loads(SCHEMAS.read_text())
manifest = json.loads((FOLDER / "manifest.json").read_text())
# Questions of NuminaMath that 114k reads, and those that its rules keep.
NUMINA = (127, 106)


def stand_in(name: str, out: Path = FOLDER) -> pl.DataFrame:
    return read_tables(out, name, schemas[name])


@pytest.fixture(scope="module")
def questions() -> dict[str, list[str]]:
    return {name: question_texts(schemas[name], stand_in(name)) for name in schemas}


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
        for file in files(schemas[name]):
            assert (folder(tmp_path, name) / file).exists() and (folder(FOLDER, name) / file).exists()
        assert_frame_equal(stand_in(name, tmp_path), stand_in(name))
    assert (tmp_path / "manifest.json").read_text() == (FOLDER / "manifest.json").read_text()


def test_every_dataset_has_its_schema():
    assert set(schemas) == set(SOURCES) | set(BENCHMARKS)
    for name, schema in schemas.items():
        assert stand_in(name).schema.keys() == (schema["columns"] | schema.get("ours", {})).keys()


@pytest.mark.parametrize(
    "source",
    [source for source, entry in catalogue("sources").items() if entry["dataset"] in SOURCES],
)
def test_the_catalogue_reads_the_stand_in_as_the_generator_meant_it(source, questions):
    spec = read_source(source, FOLDER, source, "science")
    mapping = spec.read_as(stand_in=True)
    table = stand_in(spec.dataset)
    mapped = to_questions(table.lazy(), source=source, mapping=mapping, where=source, domain=spec.domain)
    kept = mapped.kept.collect()
    texts = questions[spec.dataset]
    if mapping.only:
        texts = [text for text, verdict in zip(texts, table["verdict"], strict=True) if verdict == "OK"]
    assert kept["question"].to_list() == [text for text in texts if text.strip()]
    assert kept["reference"].null_count() in ((0,) if mapping.reference else (kept.height,))
    assert (kept["tests"].null_count() < kept.height / 10) == (mapping.tests is not None)


def test_every_source_of_the_recipes_has_a_stand_in():
    text = (Path("ot_assets/recipes/catalogue") / "sources.yaml").read_text()
    datasets = set(re.findall(r"^  dataset: (\S+)$", text, re.MULTILINE))
    assert datasets == set(SOURCES)


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
    rejected = {(entry["dataset"], entry["row"]) for entry in planted("rejected_submission")}
    for name in SOURCES:
        counts = Counter(t for i, t in enumerate(questions[name]) if t.strip() and (name, i) not in rejected)
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


def test_near_cross_source_duplicates_are_another_name(questions):
    for entry, text, twin in pairs("cross_source_near_duplicate", questions):
        assert text != twin and fuzz.ratio(text, twin) >= 75 and entry["twin"]["dataset"] != entry["dataset"]


def test_leaks_are_hit_and_quote_their_twin(questions, hits):
    for entry, text, twin in pairs("leak_exact", questions):
        assert text == twin and hits[entry["dataset"]][entry["row"]][0]
    for entry, text, twin in pairs("leak_edited", questions):
        assert text != twin and fuzz.ratio(text, twin) >= 75 and hits[entry["dataset"]][entry["row"]][0]
    for entry, text, twin in pairs("leak_near", questions):
        assert text != twin and fuzz.ratio(text, twin) >= 95 and hits[entry["dataset"]][entry["row"]][0]
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


def rows_of(name: str, *kinds: str) -> set[int]:
    found = {entry["row"] for entry in manifest if entry["dataset"] == name and entry["kind"] in kinds}
    assert found, (name, kinds)
    return found


@pytest.mark.parametrize(
    ("name", "tests", "program"),
    [
        ("nvidia/OpenCodeReasoning", "ot_tests", lambda row: row["solution"]),
        ("codeparrot/apps", "input_output", lambda row: json.loads(row["solutions"])[0]),
        ("BAAI/TACO", "input_output", lambda row: json.loads(row["solutions"])[0]),
    ],
)
def test_broken_tests_fail_for_the_gold_program(name, tests, program):
    table, broken = stand_in(name), rows_of(name, "broken_tests")
    for i in sorted(broken | set(range(12))):
        row = table.row(i, named=True)
        if not row[tests] or row.get("solutions") in ("", "[]"):
            continue
        try:
            told = json.loads(row[tests])
            kind = told.setdefault("kind", "call" if "fn_name" in told else "stdin")
            right = bool(told.get("asserts") or told.get("outputs")) and kind != "riddle" and passes(program(row), told)
        except json.JSONDecodeError:
            right = False
        assert right == (i not in broken), i


def kept_by_math_rule(problem: str, solution: str | None) -> bool:
    """`filter_problems` of OpenThoughts-114k, in one expression."""
    text = problem.lower()
    return not (
        any(word in text for word in ("figure", "diagram", "jpeg", "png", "jpg", "svg", "answer:"))
        or (text.startswith("a)") and "b)" in text)
        or not solution
        or "\\boxed{}" in solution
        or "\\boxed{" not in solution
    )


def test_the_math_rule_drops_what_was_planted_against_it():
    name = "AI-MO/NuminaMath-CoT"
    table = stand_in(name)
    against = rows_of(name, "figure_word", "multi_part", "proof", "no_box", "no_solution")
    kept = [kept_by_math_rule(row["problem"], row["solution"]) for row in table.to_dicts()]
    assert {i for i, keep in enumerate(kept) if not keep} == against
    chosen = table["source"].is_in(["amc_aime", "olympiads", "aops_forum", "math"]) & (
        table["problem"].str.strip_chars() != ""
    )
    assert (chosen.sum(), (chosen & pl.Series(kept)).sum()) == NUMINA


def kept_by_code_rules(text: str, cases: int, solutions: int) -> bool:
    return "http://" not in text and "[image]" not in text and len(text) >= 200 and cases > 0 and solutions > 0


def cases_of(text: str) -> int:
    try:
        tests = json.loads(text or "{}")
    except json.JSONDecodeError:
        return 0
    return min(len(tests.get("inputs", ())), len(tests.get("outputs", ())))


def apps_kept(row: dict) -> bool:
    return kept_by_code_rules(row["question"], cases_of(row["input_output"]), len(json.loads(row["solutions"] or "[]")))


def contests_kept(row: dict) -> bool:
    cases = sum(len(row[part]["input"]) for part in ("public_tests", "private_tests", "generated_tests"))
    return kept_by_code_rules(row["description"], cases, len(row["solutions"]["solution"]))


@pytest.mark.parametrize(
    ("name", "kept", "number"),
    [("codeparrot/apps", apps_kept, 77), ("BAAI/TACO", apps_kept, 81), ("deepmind/code_contests", contests_kept, 55)],
)
def test_the_code_rules_drop_what_was_planted_against_them(name, kept, number):
    dropped = {i for i, row in enumerate(stand_in(name).to_dicts()) if not kept(row)}
    against = rows_of(name, "short", "link", "image", "no_tests", "no_solution")
    broken = {entry["row"] for entry in manifest if entry["dataset"] == name and entry["kind"] == "broken_tests"}
    assert against <= dropped <= against | broken
    assert stand_in(name).height - len(dropped) == number


def test_submissions_of_a_problem_agree_but_for_the_verdict(questions):
    name = "MatrixStudio/Codeforces-Python-Submissions"
    table, rejected = stand_in(name), rows_of(name, "rejected_submission")
    assert {i for i, verdict in enumerate(table["verdict"]) if verdict != "OK"} == rejected
    solved = {questions[name][i] for i in range(table.height) if i not in rejected}
    assert len(solved) == 32 and len(set(questions[name]) - solved) == 4
    for i in set(range(12)) - rejected:
        row = table.row(i, named=True)
        cases = {"inputs": [c["input"] for c in row["test_cases"]], "outputs": [c["output"] for c in row["test_cases"]]}
        assert passes(row["code"], {"kind": "stdin", **cases})


def test_traces_are_cut_untagged_and_wrong_where_the_manifest_says_so():
    name = "RUC-AIBOX/long_form_thought_data_5k"
    texts = stand_in(name)["combined_text"]
    assert {i for i, text in enumerate(texts) if "<|end_of_thought|>" not in text} == rows_of(
        name, "cut_thought", "no_tags"
    )
    assert {i for i, text in enumerate(texts) if "<|end_of_solution|>" not in text} == rows_of(
        name, "cut_thought", "cut_solution", "no_tags"
    )
    assert len(rows_of(name, "wrong_answer")) == 4


def test_openr1_says_which_of_its_traces_are_right():
    name = "open-r1/OpenR1-Math-Raw"
    none_right = rows_of(name, "no_right_trace")
    cut = 0
    for i, row in enumerate(stand_in(name).to_dicts()):
        assert len(row["generations"]) == len(row["correctness_math_verify"]) == row["generations_count"]
        assert row["correct_count"] == sum(row["correctness_math_verify"])
        assert row["correct_count"] == 0 or i not in none_right
        for text, right in zip(row["generations"], row["correctness_math_verify"], strict=True):
            cut += "</think>" not in text
            if "proof" not in {e["kind"] for e in manifest if (e["dataset"], e["row"]) == (name, i)}:
                assert right == text.endswith(f"\\boxed{{{row['answer']}}}."), (i, text)
    assert cut >= 5


def test_camel_has_two_problems_of_all_sub_topics_but_one():
    for name in ("camel-ai/physics", "camel-ai/chemistry", "camel-ai/biology"):
        sizes = stand_in(name)["sub_topic"].value_counts()
        assert sizes.height == 13 and sizes.filter(pl.col("count") < 4)["sub_topic"].to_list() == ["Odds and ends"]


def test_riddles_have_five_options_and_mostly_an_answer():
    name = "INK-USC/riddle_sense"
    table = stand_in(name)
    assert all(len(choices["text"]) == len(choices["label"]) == 5 for choices in table["choices"])
    assert {i for i, key in enumerate(table["answerKey"]) if key not in "ABCDE" or not key} == rows_of(
        name, "no_answer"
    )
