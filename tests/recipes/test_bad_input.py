"""Every mistake that a recipe can show when it is read: one line with the file, the key and what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from ot_assets.contracts import STAGES
from ot_assets.recipes.library import find_recipe, recipes
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.model import Choice
from ot_assets.recipes.rules import check_order
from ot_assets.strategies import registry
from ot_resources.interfaces import BadInput
from tests.recipes.small import math, recipe, write_recipe

Body = dict[str, Any]
TEACHER = {"answers": {"use": "teacher", "samples": 2}}
JUDGE = {"filter": {"use": "response_length", "keep": 5}}


def _insert(at: int, *stages: Any) -> Callable[[Body], None]:
    return lambda body: math(body).__setitem__(slice(at, at), stages)


def _set(at: int, stage: Any) -> Callable[[Body], None]:
    return lambda body: math(body).__setitem__(at, stage)


def _source(**changes: Any) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        source = math(body)[0]["sources"][0]
        for key, value in changes.items():
            source[key] = value
            if value is None:
                del source[key]

    return change


def _top(**changes: Any) -> Callable[[Body], None]:
    return lambda body: body.update(changes)


def _without(key: str) -> Callable[[Body], None]:
    return lambda body: body.pop(key)


CASES = {
    "unknown stage": (_set(2, {"dedupe": "exact"}), "tracks.math[2]", "unknown stage 'dedupe'; did you mean 'dedup'?"),
    "unknown strategy": (
        _set(2, {"dedup": "exakt"}),
        "tracks.math[2].dedup",
        "no strategy 'exakt'; did you mean 'exact'?",
    ),
    "unknown parameter": (
        _set(2, {"sample": {"use": "uniform", "n": 3, "sede": 1}}),
        "tracks.math[2].sample",
        "no parameter 'sede'; did you mean 'seed'?",
    ),
    "wrong type": (
        _set(2, {"sample": {"use": "uniform", "n": "many"}}),
        "tracks.math[2].sample",
        "'n': input should be",
    ),
    "missing parameter": (_set(2, {"sample": "uniform"}), "tracks.math[2].sample", "'n': field required"),
    "none without a reason": (_set(2, {"dedup": "none"}), "tracks.math[2].dedup", "'reason': field required"),
    "no benchmark to clean against": (_set(1, {"decontaminate": "indel"}), "[1].decontaminate", "needs 'against'"),
    "missing file": (_source(path="gone.parquet"), "tracks.math[0].sources[0]", "no file at"),
    "unreadable kind of file": (_source(path="small.yaml"), "sources[0]", "use .parquet, .jsonl, .ndjson, .csv"),
    "missing column": (_source(question="prompt"), "sources[0].question", "no column 'prompt'; it has: id, problem"),
    "missing imported column": (
        _source(imported={"answer": "response"}),
        "sources[0].imported.answer",
        "no column 'response'",
    ),
    "missing column of a benchmark": (
        _set(
            1,
            {
                "decontaminate": {
                    "use": "indel",
                    "threshold": 90,
                    "against": [{"path": "benchmark.jsonl", "question": "question"}],
                }
            },
        ),
        "[1].decontaminate.against",
        "no column 'question'; it has: q",
    ),
    "unknown key of a source": (
        _source(refrence="gold"),
        "sources[0]",
        "unknown key 'refrence'; did you mean 'reference'?",
    ),
    "source without a question": (_source(question=None), "sources[0]", "'question' is missing"),
    "unknown domain": (_source(domain="maths"), "sources[0].domain", "'maths' is neither a domain"),
    "unknown source": (
        _set(0, {"sources": ["openmath_2_mat"]}),
        "sources[0]",
        "unknown source 'openmath_2_mat'; did you mean 'openmath_2_math'?",
    ),
    "unknown benchmark": (
        _set(1, {"decontaminate": {"use": "indel", "threshold": 90, "against": ["math50"]}}),
        "[1].decontaminate.against",
        "unknown benchmark 'math50'; did you mean 'math500'?",
    ),
    "the same source twice": (
        _set(0, {"sources": ["openmath_2_math"] * 2}),
        "sources",
        "'openmath_2_math' is named twice",
    ),
    "no source": (_set(0, {"sources": []}), "sources", "a list of sources"),
    "first stage is not the sources": (
        lambda body: math(body).pop(0),
        "tracks.math",
        "the first stage must be 'sources'",
    ),
    "sources in the middle": (_insert(2, {"sources": ["openmath_2_math"]}), "tracks.math", "only be the first stage"),
    "no answers": (lambda body: math(body).__delitem__(slice(3, 5)), "tracks.math", "no 'answers' stage"),
    "teacher before decontamination": (
        lambda body: math(body).__setitem__(slice(1, 4), [{"dedup": "exact"}, TEACHER]),
        "tracks.math[2].answers",
        "'- decontaminate: {use: none, reason: ...}'",
    ),
    "teacher before dedup": (
        lambda body: math(body).__setitem__(slice(2, 4), [TEACHER]),
        "tracks.math[2].answers",
        "'- dedup: {use: none, reason: ...}'",
    ),
    "judge before decontamination": (
        _insert(1, JUDGE),
        "tracks.math[1].filter",
        "a judge is paid here, before 'decontaminate'",
    ),
    "an order by a column that no question has": (
        _set(2, {"dedup": {"use": "exact", "order": ["-length", "question_id"]}}),
        "tracks.math[2].dedup.order",
        "no column 'length' here; there is: question_id, source",
    ),
    "an order by a score that is not there yet": (
        _set(2, {"dedup": {"use": "exact", "order": ["-difficulty"]}}),
        "tracks.math[2].dedup.order",
        "no column 'difficulty' here; a 'filter' stage before it makes that",
    ),
    "an order that is no list": (
        _set(2, {"dedup": {"use": "exact", "order": "question_id"}}),
        "tracks.math[2].dedup",
        "'order': input should be a valid tuple",
    ),
    "the same asset twice": (
        _insert(3, {"dedup": "exact"}),
        "tracks.math",
        "two stages make 'deduplicated'; add 'as: another_name'",
    ),
    "`as` repeats a name": (
        _insert(3, {"dedup": {"use": "exact", "as": "decontaminated"}}),
        "tracks.math",
        "two stages make 'decontaminated'",
    ),
    "a bad name in `as`": (
        _insert(3, {"dedup": {"use": "exact", "as": "Twice!"}}),
        "[3].dedup",
        "'as': 'Twice!' must be up to 80 lower case",
    ),
    "verify before answers": (
        lambda body: math(body).insert(1, math(body).pop(4)),
        "tracks.math",
        "'verify' needs answers",
    ),
    "sample after answers": (
        _insert(4, {"sample": {"use": "uniform", "n": 5}}),
        "[4].sample",
        "put it before 'answers'",
    ),
    "format within a track": (
        _insert(6, {"format": "think"}),
        "tracks.math[6]",
        "set once for the recipe, beside 'tracks'",
    ),
    "an item with two stages": (_set(2, {"dedup": "exact", "select": "all"}), "tracks.math[2]", "names one stage"),
    "a stage without a strategy": (
        _set(2, {"dedup": {"threshold": 3}}),
        "tracks.math[2].dedup",
        "'use' must name a strategy",
    ),
    "unknown format": (_top(format="thinking"), "format", "no strategy 'thinking'; did you mean 'think'"),
    "quota for an unknown domain": (_top(dataset={"rows": {"code": 3}}), "dataset.rows.code", "there is: math"),
    "quota of nothing": (_top(dataset={"rows": {"math": 0}}), "dataset.rows.math", "a quota is at least 1"),
    "quota that is no number": (
        _top(dataset={"rows": {"math": "many"}}),
        "dataset.rows",
        "for each domain a whole number",
    ),
    "bad spare": (_top(dataset={"rows": {"math": 3}, "spare": "some%"}), "dataset.spare", "such as 5%"),
    "unknown key": (_top(trakcs={}), "trakcs", "unknown key; there is: name"),
    "unknown key of the dataset": (_top(dataset={"row": "all"}), "dataset.row", "unknown key; there is: rows, spare"),
    "missing tracks": (_without("tracks"), "tracks", "this key is missing"),
    "missing name": (_without("name"), "name", "this key is missing"),
    "no track": (_top(tracks={}), "tracks", "at least one track"),
    "a track that is no list": (_top(tracks={"math": "exact"}), "tracks.math", "valid list"),
    "an item that is no mapping": (_set(2, "dedup"), "tracks.math.2", "valid dictionary"),
    "bad name": (_top(name="My Mix"), "name", "'My Mix' must be up to 80 lower case letters"),
    "name of the catalogue's own": (_top(name="lineage"), "name", "choose another"),
    "bad track": (
        lambda body: body["tracks"].__setitem__("Math 2", math(body)),
        "tracks",
        "'Math 2' must be up to 80 lower case",
    ),
    "scale of an unknown environment": (_top(scale={"laptop": 0.1}), "scale.laptop", "local"),
    "a name of DuckDB's own": (_top(name="temp"), "name", "'temp' is taken by the catalogue"),
    "a track named like a table of every recipe": (
        lambda body: body["tracks"].__setitem__("dataset", math(body)),
        "tracks",
        "'dataset' is the name of a table of every recipe",
    ),
    "an id that is no name": (_source(id="a b"), "sources[0].id", "lower case letters, digits and '_'"),
    "an id that is no text": (_source(id=7), "sources[0].id", "lower case letters, digits and '_'"),
    "no rows asked for": (_insert(2, {"sample": {"use": "uniform", "n": 0}}), "'n'", "greater than or equal to 1"),
    "quota of a source that is not there": (
        _insert(1, {"mix": {"use": "quotas", "quotas": {"nosuch": 3}}}),
        "mix.quotas",
        "no source 'nosuch' in this track; there is: made",
    ),
    "questions after answers": (
        _insert(4, {"dedup": {"use": "exact", "as": "again"}}),
        "tracks.math[4].dedup",
        "works on questions; put it before 'answers'",
    ),
    "owner that is nobody": (_top(owners=["bob"]), "owners", "neither 'team:name' nor an e-mail address"),
    "spare without a sample": (
        _top(dataset={"rows": {"math": 3}, "spare": "5%"}),
        "dataset.spare",
        "no 'sample' stage",
    ),
    "scale of nothing": (_top(scale={"local": 0}), "scale.local", "greater than 0"),
}


@pytest.mark.parametrize(("change", "key", "right"), CASES.values(), ids=CASES)
def test_a_mistake_is_one_line_with_file_key_and_what_would_be_right(tmp_path, change, key, right):
    body = recipe()
    change(body)
    with pytest.raises(BadInput) as raised:
        load_recipe(write_recipe(tmp_path, body))
    told = str(raised.value)
    assert told.startswith("small.yaml: ")
    assert "\n" not in told
    assert key in told
    assert right in told


def test_a_selection_by_verdict_needs_verdicts(tmp_path):
    body = recipe()
    track = [stage for stage in math(body) if not {"verify", "select"} & set(stage)]
    body["tracks"]["math"] = [*track, {"select": {"use": "verified"}}]
    with pytest.raises(BadInput, match=r"select\.verified needs the column 'verdict'; a 'verify' stage before it"):
        load_recipe(write_recipe(tmp_path, body))


@pytest.mark.parametrize(
    ("filters", "order"),
    [
        ([], ["-question_id"]),
        ([{"filter": {"use": "difficulty", "rubric": "icpc", "keep": 5}}], ["-difficulty", "source"]),
        ([{"filter": {"use": "no_proofs"}}], ["a_column_of_somebodys_own_filter"]),
    ],
)
def test_an_order_by_a_column_that_may_be_there(tmp_path, filters, order):
    body = recipe()
    math(body)[2:3] = [*filters, {"dedup": {"use": "exact", "order": order}}]
    assert load_recipe(write_recipe(tmp_path, body)).tracks[0].choices[-5].params["order"] == tuple(order)


# Questions that a model writes are paid before there is anything to clean: a source, and no stage of a track.
PAID = [
    entry
    for entry in registry.every()
    if "generator" in entry.capabilities.values() and entry.stage not in ("sources", "decontaminate")
]


@pytest.mark.parametrize("entry", PAID, ids=[entry.title for entry in PAID])
def test_nothing_is_paid_before_decontamination(entry):
    """Whatever asks a model; a teacher comes after dedup too."""
    stage, kinds = entry.stage, set(entry.capabilities)
    paid = Choice(stage, entry.name, STAGES[stage].asset, {}, "here")
    free = {
        use: Choice(s, use, STAGES[s].asset, {}, use) for s, use in (("dedup", "exact"), ("decontaminate", "indel"))
    }
    imported = Choice("answers", "imported", "answers", {}, "there")
    answers = [] if stage == "answers" else [imported]
    late = stage in ("answers", "verify", "select")

    def checked(*before: Choice) -> None:
        check_order([*before, *answers, paid] if late else [*before, paid, *answers], "here")

    with pytest.raises(BadInput, match="here: a .* is paid here, before 'decontaminate'"):
        checked()
    with pytest.raises(BadInput, match="here: a .* is paid here, before 'decontaminate'"):
        checked(free["exact"])
    if "teacher" in kinds:
        with pytest.raises(BadInput, match="here: a teacher is paid here, before 'dedup'"):
            checked(free["indel"])
    checked(free["indel"], free["exact"])


def test_a_broken_recipe_breaks_nobody_elses_run(tmp_path, monkeypatch):
    (tmp_path / "broken.yaml").write_text("name: broken\ntracks: [\n")
    monkeypatch.setenv("OT_RECIPES", str(tmp_path))
    assert find_recipe("openthoughts3_1_2m").name == "openthoughts3_1_2m"
    with pytest.raises(BadInput, match="line 3: not valid YAML"):
        find_recipe("broken")


def test_the_unchanged_recipe_is_right(tmp_path):
    assert load_recipe(write_recipe(tmp_path)).name == "small"


def test_a_track_needs_a_domain(tmp_path):
    body = recipe()
    body["tracks"] = {"reused": math(body)}
    with pytest.raises(BadInput, match=r"tracks\.reused\[0\]\.sources\[0\]: say which domain: add 'domain: math'"):
        load_recipe(write_recipe(tmp_path, body))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\ntracks: [\n", r"bad\.yaml, line 3: not valid YAML"),
        ("name: x\n\ttracks: 1\n", r"bad\.yaml, line 2: not valid YAML"),
        ("- a\n- b\n", r"bad\.yaml: a recipe is a mapping with name, tracks and dataset"),
        ("", r"bad\.yaml: a recipe is a mapping"),
    ],
)
def test_what_is_no_recipe_names_the_line(tmp_path, text, told):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BadInput, match=told) as raised:
        load_recipe(tmp_path / "bad.yaml")
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "bad.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(BadInput, match=r"bad\.yaml: not .*UTF-8"):
        load_recipe(tmp_path / "bad.yaml")


def test_an_unreadable_table_is_named(tmp_path):
    file = write_recipe(tmp_path)
    (tmp_path / "questions.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match=r"questions\.parquet: not a readable parquet file") as raised:
        load_recipe(file)
    assert "\n" not in str(raised.value)


def test_a_recipe_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match=r"no recipe file at .*gone\.yaml"):
        find_recipe(str(tmp_path / "gone.yaml"))
    with pytest.raises(BadInput, match="no recipe 'openthoughts'; there is: .*openthoughts3_1_2m.*or a path"):
        find_recipe("openthoughts")
    monkeypatch.setenv("OT_RECIPES", str(tmp_path / "gone"))
    with pytest.raises(BadInput, match="OT_RECIPES=.*gone: no such folder"):
        recipes()


def test_two_recipes_of_one_name(tmp_path, monkeypatch):
    for name in ("a.yaml", "b.yaml"):
        write_recipe(tmp_path, name=name)
    monkeypatch.setenv("OT_RECIPES", str(tmp_path))
    with pytest.raises(BadInput, match=r"b\.yaml: name: 'small' is also the name of .*a\.yaml; rename one"):
        recipes()


def test_two_recipes_may_not_mean_different_tables_by_one_id(tmp_path, monkeypatch):
    """Sources are shared between recipes by their id: the same id must be the same table."""
    from ot_assets.recipes.plan import plan_all

    first = load_recipe(write_recipe(tmp_path / "a"))
    body = recipe() | {"name": "other"}
    second_file = write_recipe(tmp_path / "b", body)
    pl.DataFrame({"id": ["1"], "problem": ["?"], "gold": ["1"], "reply": ["1"]}).write_parquet(
        tmp_path / "b" / "questions.parquet"
    )
    with pytest.raises(BadInput, match="'made'"):
        plan_all([first, load_recipe(second_file)])


def test_a_decontamination_may_ask_a_model_itself():
    entry = registry.find("decontaminate", "semantic")
    asks = Choice(entry.stage, entry.name, STAGES[entry.stage].asset, {}, "here")
    judged = Choice("dedup", "semantic_judge", STAGES["dedup"].asset, {}, "there")
    imported = Choice("answers", "imported", "answers", {}, "last")
    check_order([asks, judged, imported], "here")
    with pytest.raises(BadInput, match="there: a judge is paid here, before 'decontaminate'"):
        check_order([judged, asks, imported], "here")
