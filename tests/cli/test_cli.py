from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from ot_assets.cli.main import main
from tests.cli.running import ot
from tests.recipes.small import KEPT, LEAK, RIGHT, TWICE, math, recipe, write_recipe

COMMANDS = ("recipes", "studies", "plan", "materialize", "explain", "sql", "ledger")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str, str]:
    """(data root, recipe file, standard output, standard error) of the small recipe, materialised once."""
    folder = tmp_path_factory.mktemp("small")
    file = write_recipe(folder)
    run = ot(folder / "data", "materialize", str(file))
    assert run.returncode == 0, run.stderr
    return folder / "data", file, run.stdout, run.stderr


@pytest.fixture
def call(small: tuple[Path, Path, str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on the small recipe's tables, in this process."""
    monkeypatch.setenv("OT_DATA", str(small[0]))

    def called(*arguments: str, **more: Any) -> Result:
        return CliRunner().invoke(main, arguments, **more)

    return called


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_tells_what_each_command_does(call, arguments):
    result = call(*arguments)
    assert result.exit_code == 0
    assert len(result.stdout.split()) > 15
    if arguments == ["--help"]:
        assert set(COMMANDS) <= set(result.stdout.split())


def test_a_run_shows_its_stages_and_ends_with_the_funnel(small):
    _, _, out, err = small
    for line in (
        "sources/made: 20 -> 19 rows (dropped: empty_question 1)",
        "small/math/decontaminated: 19 -> 18 rows (dropped: contaminated 1)",
        f"small/dataset: {KEPT} -> {KEPT} rows",
    ):
        assert line in err
    assert "The funnel (rows)" in out
    assert "Five rows" in out
    assert "The choices that made it" in out
    assert "DEBUG" not in err


def test_a_second_run_reuses_all(small):
    data, file, *_ = small
    run = ot(data, "materialize", str(file))
    assert run.returncode == 0
    lines = [line for line in run.stderr.splitlines() if " rows" in line]
    assert len(lines) == 11
    assert all(line.endswith(", reused") for line in lines)


def rows_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_sql_gives_a_list_of_row_objects(call):
    query = "select verdict, count(*) n from small.metadata group by 1 order by 1"
    assert rows_of(call("sql", query, "--json")) == [{"verdict": "right", "n": RIGHT}, {"verdict": "wrong", "n": 1}]
    assert rows_of(call("sql", "-", "--json", input=query)) == rows_of(call("sql", query, "--json"))
    assert rows_of(call("sql", "from small.dataset where false", "--json")) == []
    assert "right" in call("sql", query).stdout


def test_sql_gives_json_of_every_kind_of_value(call):
    query = "select date '2026-01-02' d, 1.5::decimal(3, 1) n, [1, null] l, {'a': 1} s, null x, 'nan'::double f, 'ü' t"
    (row,) = rows_of(call("sql", query, "--json"))
    assert row == {"d": "2026-01-02", "n": "1.5", "l": [1, None], "s": {"a": 1}, "x": None, "f": None, "t": "ü"}


@pytest.mark.parametrize("query", ["selec 1", "from small.nothing", "select nope from small.dataset", "select 1/'a'"])
def test_a_wrong_query_is_one_line(call, query):
    result = call("sql", query)
    assert result.exit_code == 2
    assert result.stderr.startswith("ot: sql: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_sql_sees_the_choices_of_the_recipe(small, call):
    written = yaml.safe_load(small[1].read_text())
    expected = {("sources", "files"), ("format", written["format"])}
    for item in written["tracks"]["math"][1:]:
        ((stage, body),) = item.items()
        expected.add((stage, body if isinstance(body, str) else body["use"]))
    query = "select distinct track, stage, strategy from lineage.choices where recipe = 'small'"
    assert {tuple(row.values()) for row in rows_of(call("sql", query, "--json"))} == {("math", *e) for e in expected}


def row_id(call: Any, view: str, question: str) -> str:
    query = f"select question_id from {view} where question = '{question}' limit 1"
    return rows_of(call("sql", query, "--json"))[0]["question_id"]


def test_explain_a_row_that_is_in_the_dataset(call):
    question = row_id(call, "small.math_formatted", "What is 3 times 10, plus 0?")
    told = call("explain", f"{question}-0")
    assert told.exit_code == 0
    for text in ("sources/made", "small/math/verified", "verdict: right", "small/dataset", "\\boxed{30}"):
        assert text in told.stdout
    story = rows_of(call("explain", f"{question}-0", "--json"))
    assert {event["status"] for event in story} == {"kept"}
    assets = [event["asset"] for event in story]
    stages = ("questions", "decontaminated", "deduplicated", "answers", "verified", "selected", "formatted")
    assert assets[:9] == ["sources/made", *(f"small/math/{name}" for name in stages), "small/dataset"]


@pytest.mark.parametrize(
    ("question", "asset", "reason", "twin_in", "twin"),
    [
        (LEAK, "decontaminated", "contaminated", "benchmarks/bench", LEAK),
        (TWICE, "deduplicated", "duplicate", None, TWICE),
    ],
)
def test_explain_a_dropped_row_and_its_twin(call, question, asset, reason, twin_in, twin):
    dropped = row_id(call, f"small.math_{asset}__dropped", question)
    last = rows_of(call("explain", dropped, "--json"))[-1]
    assert (last["asset"], last["status"], last["reason"]) == (f"small/math/{asset}", "dropped", reason)
    assert last["evidence"]["twin"] != dropped
    assert last["twin"]["question"] == twin
    assert twin_in in (None, last["twin"]["asset"])
    told = call("explain", dropped).stdout
    assert f"dropped: {reason}" in told
    assert "twin in " in told


def test_explain_a_row_that_nobody_knows(call):
    result = call("explain", "0000-1")
    assert result.exit_code == 2
    assert (
        result.stderr
        == "ot: no row '0000-1' in any table; ids are in the column question_id, and row_id of a dataset\n"
    )


def test_recipes_lists_the_projects_and_the_users(small, call, monkeypatch):
    assert "openthoughts3_1_2m" in {row["name"] for row in rows_of(call("recipes", "--json"))}
    monkeypatch.setenv("OT_RECIPES", str(small[1].parent))
    rows = {row["name"]: row for row in rows_of(call("recipes", "--json"))}
    assert (list(rows["small"]["tracks"]), rows["small"]["rows"], rows["small"]["teacher"]) == (["math"], "all", None)
    assert rows["small"]["current_rows"] > 0
    flagship = rows["openthoughts3_1_2m"]
    assert flagship["rows"]["math"] == 850_000
    assert (flagship["published_rows"], flagship["teacher"]) == (1_200_000, "Qwen/QwQ-32B")
    assert flagship["domains"] == ["math", "code", "science"]
    assert "filter.difficulty" in flagship["tracks"]["code"]["stages"]
    assert rows["openthoughts2_1m"]["domains"] == ["math", "code", "science", "puzzle"]
    told = call("recipes").stdout
    assert "domains: math, code, science; teacher: Qwen/QwQ-32B; rows: 1,200,000 published, not made yet" in told


def test_nothing_was_asked_of_a_model_yet(call):
    assert call("ledger").stdout == "nothing was asked yet\n"
    assert rows_of(call("ledger", "--json")) == []


def test_an_empty_data_root_is_no_error(tmp_path):
    for arguments in (["ledger"], ["sql", "from lineage.drops", "--json"], ["recipes"]):
        run = ot(tmp_path / "none", *arguments)
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "more", "told"),
    [
        (["recipes"], {"OT_RECIPES": "/no/such/folder"}, "OT_RECIPES=/no/such/folder: no such folder"),
        (["materialize", "gone.yaml"], {}, "no recipe file at gone.yaml"),
        (["materialize", "openthoughts"], {}, "no recipe 'openthoughts'; there is: "),
        (
            ["materialize", "SMALL"],
            {"OT_ENV": "lokal"},
            "OT_ENV=lokal: unknown environment; there is: local, gpu, cluster",
        ),
        (["materialize", "SMALL"], {"OT_SCALE": "big"}, "OT_SCALE=big: the scale is a number above 0"),
        (["materialize", "SMALL"], {"OT_SCALE": "nan"}, "OT_SCALE=nan: the scale is a number above 0"),
        (["materialize", "SMALL"], {"OT_SCALE": "inf"}, "OT_SCALE=inf: the scale is a number above 0"),
        (["materialize", "SMALL", "--scale", "inf"], {}, "the scale is a number above 0"),
        (["materialize", "SMALL"], {"OT_TEACHER": "embeded"}, "OT_TEACHER=embeded: unknown engine"),
        (["materialize", "SMALL"], {"OT_SANDBOX": "jail"}, "OT_SANDBOX=jail: "),
        (["materialize", "SMALL", "--track", "code"], {}, "--track code: small has no such track; there is: math"),
        (["materialize", "SMALL", "--upto", "answer"], {}, "--upto answer: no such asset; there is: answers, "),
        (["materialize", "SMALL", "--scale", "-1"], {}, "--scale -1"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(small, tmp_path, arguments, more, told):
    arguments = [str(small[1]) if argument == "SMALL" else argument for argument in arguments]
    run = ot(tmp_path, *arguments, **more)
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("ot: ")
    assert told in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


def test_a_failed_run_is_one_line_and_exit_code_1(small, tmp_path):
    file = write_recipe(tmp_path, recipe() | {"dataset": {"rows": {"math": 99}}})
    run = ot(tmp_path / "data", "materialize", str(file))
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("ot: ")]
    assert line.startswith(f"ot: small/dataset: quota_met failed: math {KEPT} of 99; give more 'spare'")
    query = "select count(*) n from small.math_formatted"
    assert json.loads(ot(tmp_path / "data", "sql", query, "--json").stdout) == [{"n": KEPT}]


def test_bad_rows_found_by_a_run_are_exit_code_2(tmp_path):
    file = write_recipe(tmp_path)
    table = pl.read_parquet(tmp_path / "questions.parquet")
    pl.concat([table, table[:1]]).write_parquet(tmp_path / "questions.parquet")
    run = ot(tmp_path / "data", "materialize", str(file))
    assert run.returncode == 2
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("ot: ")]
    assert "the key 'id-0' of the column 'id' comes twice, in rows 1 and 21" in line


def test_a_part_of_a_recipe(tmp_path):
    file = write_recipe(tmp_path)
    run = ot(tmp_path / "data", "materialize", str(file), "--upto", "deduplicated")
    assert run.returncode == 0
    query = "select asset from lineage.materializations order by asset"
    made = [row["asset"] for row in json.loads(ot(tmp_path / "data", "sql", query, "--json").stdout)]
    assert made == [
        "benchmarks/bench",
        "small/math/decontaminated",
        "small/math/deduplicated",
        "small/math/questions",
        "sources/made",
    ]


@pytest.mark.parametrize("name", ["small", "small_dir"])
def test_a_recipe_by_its_name_in_a_folder(tmp_path, name):
    folder = tmp_path / name
    write_recipe(folder, recipe() | {"name": name})
    run = ot(tmp_path / "data", "materialize", name, "--track", "math", "--upto", "questions", OT_RECIPES=str(folder))
    assert run.returncode == 0, run.stderr
    assert f"{name}/math/questions: 19 -> 19 rows" in run.stderr


def test_the_recipe_of_the_design(tmp_path, shared):
    """Two tracks over files, one of them with tests and imported answers; the reference solutions are right."""
    for name, table in (("questions", "math_gsm8k"), ("leetcode", "code_leetcode")):
        pl.read_parquet(shared / "data" / f"{table}.parquet").head(40).write_parquet(tmp_path / f"{name}.parquet")
    pl.DataFrame({"question": ["How many clips did Natalia sell?"]}).write_parquet(tmp_path / "my_benchmark.parquet")
    gsm8k = {"use": "files", "path": "questions.parquet", "key": "row_id", "question": "question"}
    gsm8k |= {"reference": "answer", "imported": {"answer": "orig_answer"}}
    leetcode = {
        "use": "files",
        "path": "leetcode.parquet",
        "question": "question",
        "tests": {"kind": "check", "setup": "orig_prompt", "code": "orig_test", "entry_point": "orig_entry_point"},
        "imported": {"answer": "orig_response"},
    }
    rule = {"use": "indel_or_ngram", "threshold": 75, "ngram": 13}
    rule["against"] = ["math500", {"path": "my_benchmark.parquet", "question": "question"}]
    practice = {"use": "none", "reason": "practice run"}
    body = {
        "name": "my_mix",
        "format": {"use": "think", "require_reasoning": False},
        "tracks": {
            "math": [
                {"sources": [gsm8k]},
                {"decontaminate": rule},
                {"dedup": {"use": "exact"}},
                {"sample": {"use": "uniform", "n": 30, "seed": 42}},
                {"answers": {"use": "imported"}},
                {"verify": {"use": "math", "boxed_only": False}},
                {"select": {"use": "all"}},
            ],
            "code": [
                {"sources": [leetcode]},
                {"decontaminate": practice},
                {"dedup": practice},
                {"answers": {"use": "imported"}},
                {"verify": {"use": "code"}},
            ],
        },
        "dataset": {"rows": "all"},
    }
    (tmp_path / "my_mix.yaml").write_text(yaml.safe_dump(body, sort_keys=False))
    run = ot(tmp_path / "data", "materialize", str(tmp_path / "my_mix.yaml"), OT_SANDBOX="process")
    assert run.returncode == 0, run.stderr
    query = (
        "select domain, count(*) n, count(*) filter (verdict = 'right') r from my_mix.metadata group by 1 order by 1"
    )
    code, questions = json.loads(ot(tmp_path / "data", "sql", query, "--json").stdout)
    assert (code["domain"], code["n"], questions["domain"], questions["n"]) == ("code", 40, "math", 30)
    assert code["r"] >= 38
    assert questions["r"] >= 28


def test_a_late_choice_reuses_what_is_before_it(tmp_path):
    data = tmp_path / "data"
    assert ot(data, "materialize", str(write_recipe(tmp_path))).returncode == 0
    body = recipe()
    math(body)[5] = {"select": "verified"}
    run = ot(data, "materialize", str(write_recipe(tmp_path, body)))
    told = [line.split("s  ", 1)[1] for line in run.stderr.splitlines() if " rows" in line]
    assert {line.split(":")[0] for line in told if not line.endswith("reused")} == {
        "small/math/selected",
        "small/math/formatted",
        "small/dataset",
        "small/metadata",
    }


def test_gc_tells_what_would_go_and_why(call):
    kept = call("gc", "--dry-run")
    assert kept.exit_code == 0
    assert kept.stdout.startswith("nothing would go\n")
    assert "in use by small (" in kept.stdout
