"""The audits of a dedup and a decontamination: what they tell, and what they stop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.graph.audits import _apart
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.checks import Check, audit_names
from ot_assets.graph.describe import rows_shown
from ot_assets.graph.execute import Made, execute
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import Node, plan
from ot_assets.strategies import Split
from tests.graph.running import make, tools
from tests.recipes.small import LEAK, TWICE, math, recipe, write_recipe

DEDUP, DECONTAMINATE = "small/math/deduplicated", "small/math/decontaminated"


def audits(made: Made | StageFailed) -> dict[str, Check]:
    return {check.name: check for check in made.checks}


def nodes(folder: Path, body: dict[str, Any]) -> dict[str, Node]:
    return {node.name: node for node in plan(load_recipe(write_recipe(folder, body)))}


def with_stages(decontaminate: Any, dedup: Any) -> dict[str, Any]:
    """The small recipe with these two choices; the rest of it, up to the answers, as it is."""
    body = recipe()
    math(body)[1:3] = [{"decontaminate": decontaminate}, {"dedup": dedup}]
    return body


def write_questions(folder: Path, *texts: str, more: tuple[str, ...] = ()) -> None:
    """The small recipe's questions, and those of another source."""
    for name, asked in (("questions", texts), ("more", more)):
        ids = [f"{name}-{n}" for n in range(len(asked))]
        columns = {"id": ids, "problem": list(asked), "gold": ["1"] * len(asked), "reply": ["It is 1."] * len(asked)}
        if asked:
            pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")


AGAINST = [{"path": "benchmark.jsonl", "question": "q", "id": "bench"}]
RUNS = {"use": "ngram", "n": 5, "against": AGAINST}
NONE = {"use": "none", "reason": "tried out"}


def test_what_is_audited_hangs_on_the_stage_and_on_the_strategy(tmp_path, data_root):
    every = {"planted_found", "removals_seen", "largest_cluster", "no_source_wiped"}
    found = nodes(tmp_path, recipe())
    assert set(audit_names(found[DEDUP])) == every | {"number_twins"}
    assert set(audit_names(found[DECONTAMINATE])) == every | {"rule_kept"}
    assert audit_names(found["small/math/verified"]) == []
    found = nodes(tmp_path, with_stages(RUNS, NONE))
    assert set(audit_names(found[DECONTAMINATE])) == every | {"boilerplate"}
    assert audit_names(found[DEDUP]) == []


def test_what_was_removed_is_shown_beside_its_twin(tmp_path, data_root):
    made = make(write_recipe(tmp_path), upto=DEDUP)
    dedup, clean = audits(made[DEDUP]), audits(made[DECONTAMINATE])
    assert all(check.passed for check in (*dedup.values(), *clean.values()))
    assert dedup["removals_seen"].message == "1 removal: same text 1"
    (row,) = dedup["removals_seen"].shown
    assert (row["question"], row["twin"], row["difference"], row["rule"]) == (TWICE, TWICE, "same text", "exact")
    (row,) = clean["removals_seen"].shown
    assert (row["question"], row["twin"], row["rule"], row["against"]) == (LEAK, LEAK, "indel", "bench")
    assert float(row["score"]) == 100
    assert clean["planted_found"].message.startswith("found: verbatim 2 of 2 (all must), ")
    assert clean["largest_cluster"].message.startswith("1 row of 19 (5.3%) went for the item 'A train leaves")
    assert dedup["largest_cluster"].message.startswith("2 rows of 18 (11.1%) hang together and leave 'How many")
    assert dedup["no_source_wiped"].shown == [{"source": "made", "rows": 18, "removed": 1, "share": "5.6%"}]
    assert "5.6% of 18 rows" in dedup["no_source_wiped"].message


def test_a_reused_table_still_shows_them(tmp_path, data_root):
    first = make(write_recipe(tmp_path), upto=DEDUP, run_id="one")[DEDUP]
    second = make(write_recipe(tmp_path), upto=DEDUP, run_id="two")[DEDUP]
    assert second.reused
    assert audits(second) == audits(first)


def test_a_rule_that_misses_what_it_promises_stops_the_run(tmp_path, data_root):
    def blind(questions: pl.LazyFrame, **_: Any) -> Split:
        dropped = questions.clear().with_columns(drop_reason=pl.lit(""), drop_evidence=pl.lit("{}"))
        return Split(questions, dropped)

    made = make(write_recipe(tmp_path), upto=DECONTAMINATE)
    node = nodes(tmp_path, recipe())[DEDUP]
    broken = replace(node, strategy=replace(node.strategy, function=blind, version=99))
    with pytest.raises(StageFailed, match=rf"{DEDUP}: planted_found failed: a plant \(verbatim\) stayed: '") as raised:
        execute(broken, tools())
    assert not audits(raised.value)["planted_found"].passed
    assert made[DECONTAMINATE].version.rows == 18


def test_a_source_that_is_gone_stops_the_run(tmp_path, data_root):
    texts = [f"What is {n} times {n + 7}?" for n in range(30)]
    body = recipe()
    source = math(body)[0]["sources"][0]
    math(body)[0]["sources"].append(source | {"id": "copied", "path": "more.parquet"})
    write_recipe(tmp_path, body)
    write_questions(tmp_path, *texts, more=tuple(texts[:20]))
    with pytest.raises(StageFailed) as raised:
        make(write_recipe(tmp_path, body))
    assert str(raised.value) == (
        f"{DEDUP}: no_source_wiped failed: all 20 rows of the source 'copied' went: take it out of the recipe"
        " if other sources have all of it, or loosen the rule"
    )
    # Of nineteen nobody can tell.
    write_questions(tmp_path, *texts, more=tuple(texts[:19]))
    made = make(write_recipe(tmp_path, body), upto=DEDUP)[DEDUP]
    assert made.version.rows_dropped == 19
    assert audits(made)["no_source_wiped"].message == "removed most of: copied 100.0% of 19 rows"


def test_a_source_that_comes_to_nearly_nothing_stops_the_run(tmp_path, data_root):
    """Within one source one row of a template always stays."""
    write_recipe(tmp_path)
    template = (
        "The old man from the village puts stones of {} grams each into his bag: how many fit into five kilograms?"
    )
    body = with_stages(NONE, {"use": "indel", "threshold": 95})
    write_questions(tmp_path, *(template.format(n) for n in range(100, 400)))
    with pytest.raises(StageFailed) as raised:
        make(write_recipe(tmp_path, body))
    assert str(raised.value).startswith(
        f"{DEDUP}: no_source_wiped failed: 299 of 300 rows of the source 'made' went (99.7%; 99% of 100 rows or more is"
        " too much): take it out"
    )
    write_questions(tmp_path, *(template.format(n) for n in range(100, 198)), "Who wrote this?")
    assert audits(make(write_recipe(tmp_path, body), upto=DEDUP)[DEDUP])["no_source_wiped"].passed


def test_what_a_rule_left_and_took_is_looked_at(tmp_path, data_root):
    texts = [f"How many stones of {n} grams does the old man put into his bag?" for n in (12, 13, 50)]
    body = with_stages(NONE, {"use": "indel", "threshold": 95})
    write_recipe(tmp_path)
    write_questions(tmp_path, *texts, "Who wrote this?", "Where does the river end?")
    write_recipe(tmp_path, body)
    told = audits(make(write_recipe(tmp_path, body), upto=DEDUP)[DEDUP])["rule_kept"]
    assert (told.passed, told.blocking) == (True, True)
    assert told.message == (
        "2 removals looked at: each reaches 95 with its twin; 3 rows that stayed, in 0 pairs: none does"
    )
    node = nodes(tmp_path, body)[DEDUP]

    def wrong(which: pl.Expr, twin: str) -> Check:
        def rule(questions: pl.LazyFrame, **_: Any) -> Split:
            evidence = pl.lit(json.dumps({"rule": "indel", "twin": twin}))
            gone = questions.filter(which).with_columns(drop_reason=pl.lit("wrong"), drop_evidence=evidence)
            return Split(questions.filter(~which), gone)

        with pytest.raises(StageFailed) as raised:
            execute(replace(node, strategy=replace(node.strategy, function=rule, version=98)), tools(twin))
        return audits(raised.value)["rule_kept"]

    questions = make(write_recipe(tmp_path, body), upto=DEDUP)[DEDUP].version.scan().collect()
    river = questions.filter(question="Where does the river end?")["question_id"].item()
    left = wrong(pl.col("question") == "", "nobody")
    assert not left.passed
    assert "stayed, and should have gone for 'How many stones of" in left.message
    took = wrong(pl.col("question") == "Who wrote this?", river)
    assert took.message == "'Who wrote this?' went for 'Where does the river end?', and does not reach 95 with it"


def test_checks_that_were_made_otherwise_are_made_anew(tmp_path, data_root):
    def message(made: Made) -> str:
        return audits(made)["largest_cluster"].message

    file = write_recipe(tmp_path)
    first = make(file, upto=DEDUP, run_id="one")[DEDUP]
    path = first.version.path / "record.json"
    record = json.loads(path.read_text())
    for check in record["checks"]:
        check["message"] = "as it was told once"
    path.write_text(json.dumps(record))
    assert message(make(file, upto=DEDUP, run_id="two")[DEDUP]) == "as it was told once"
    path.write_text(json.dumps(record | {"checked_by": "other rules"}))
    third = make(file, upto=DEDUP, run_id="three")[DEDUP]
    assert third.reused
    assert message(third) == message(first)
    assert json.loads(path.read_text())["checks"] == first.version.record["checks"]


def test_large_clusters_and_twins_with_other_numbers_are_told(tmp_path, data_root):
    texts = [f"How many stones of {n} grams does the old man from the village put into his bag?" for n in range(10, 40)]
    write_recipe(tmp_path)
    write_questions(tmp_path, *texts, "Who wrote this?")
    body = with_stages(recipe()["tracks"]["math"][1]["decontaminate"], {"use": "indel", "threshold": 95})
    told = audits(make(write_recipe(tmp_path, body), upto=DEDUP)[DEDUP])
    assert {name for name, check in told.items() if not check.passed} == {"largest_cluster", "number_twins"}
    assert not any(told[name].blocking for name in ("largest_cluster", "number_twins"))
    assert told["removals_seen"].message == "29 removals: only numbers differ 29"
    assert len(told["removals_seen"].shown) == 20
    cluster = told["largest_cluster"].message
    assert cluster.startswith("30 rows of 30 (100.0%) hang together and leave 'How many stones of 10 grams")
    assert told["number_twins"].message.startswith("29 of 29 removals of another text have other numbers")


def test_an_earlier_dataset_of_the_same_questions_is_no_cluster(tmp_path, data_root):
    """Its items have the ids of the rows that go for them: all go for themselves, but one for another row."""
    write_recipe(tmp_path)
    body = with_stages({"use": "indel", "threshold": 90, "against": [{"recipe": "small"}]}, NONE) | {"name": "later"}
    made = make(write_recipe(tmp_path, body, "later.yaml"), upto="later/math/decontaminated")
    told = audits(made["later/math/decontaminated"])["largest_cluster"]
    assert told.message == f"2 rows of 19 (10.5%) went for the item {TWICE!r}"


def test_boilerplate_is_named(tmp_path, data_root):
    write_recipe(tmp_path)
    head = "Show all of your work in full, please."
    texts = [f"{head} What is {n} more than {n * n}?" for n in range(25)]
    write_questions(tmp_path, *texts, "What is two and two?")
    pl.DataFrame({"q": [f"{head} Where is the end of it?", LEAK]}).write_ndjson(tmp_path / "benchmark.jsonl")
    made = make(write_recipe(tmp_path, with_stages(RUNS, "exact")), upto=DECONTAMINATE)[DECONTAMINATE]
    told = audits(made)
    assert not told["boilerplate"].passed
    assert not told["boilerplate"].blocking
    assert told["boilerplate"].message == "'show all of your work' took 25 questions"
    assert told["boilerplate"].shown == [{"run": "show all of your work", "questions": 25}]
    assert told["removals_seen"].message == "25 removals: shares a run only 25"


def test_removals_by_different_rules_are_one_table(tmp_path, data_root):
    write_recipe(tmp_path)
    rule = {"use": "indel_or_ngram", "threshold": 90, "ngram": 5, "against": AGAINST}
    write_questions(tmp_path, LEAK, f"It was {LEAK} Or was it not, and who was there to see all of it?", "What is one?")
    made = make(write_recipe(tmp_path, with_stages(rule, "exact")), upto=DECONTAMINATE)[DECONTAMINATE]
    shown = audits(made)["removals_seen"].shown
    assert [row["rule"] for row in shown] == ["ngram", "indel"]
    assert [row["score"] for row in shown] == [None, 100]
    assert rows_shown(shown).records[0].data["score"] == ""


def test_what_is_shown_steers_nothing(tmp_path, data_root):
    write_recipe(tmp_path)
    nasty = "| a \x1b]0;x\x07 <script>\n\n# **b** |" + "c" * 500
    write_questions(tmp_path, nasty, nasty, "What is one?")
    told = audits(make(write_recipe(tmp_path), upto=DEDUP)[DEDUP])
    (row,) = told["removals_seen"].shown
    assert all(c.isprintable() for value in row.values() for c in str(value))
    assert len(row["question"]) <= 200
    assert all(c.isprintable() for check in told.values() for c in check.message)


def test_long_texts_that_begin_alike_are_shown_where_they_differ():
    one, other = "a" * 300 + " six eggs", "a" * 300 + " ten eggs"
    assert _apart(one, other, 80) == ("…" + "a" * 19 + " six eggs", "…" + "a" * 19 + " ten eggs")
    assert _apart("six eggs", "ten eggs", 80) == ("six eggs", "ten eggs")
    assert _apart("a" * 50, "a" * 50 + "b" * 50, 80) == ("…" + "a" * 20, "…" + "a" * 20 + "b" * 50)
    assert _apart("一个" * 90, "二" * 90, 80) == ("一个" * 39 + "一…", "二" * 79 + "…")
    assert _apart("", "", 80) == ("", "")


def test_removals_by_two_rules_are_shown_in_one_table():
    """A shared run of tokens has no score."""
    shown = rows_shown([{"question": "a", "score": 88.5}, {"question": "b", "n": 13}])
    assert [record.data for record in shown.records] == [
        {"question": "a", "score": 88.5, "n": ""},
        {"question": "b", "score": "", "n": 13},
    ]
