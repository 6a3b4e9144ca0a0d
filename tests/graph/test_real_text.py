"""Real questions through every filter, deduplication and selection, and the same versions whatever the machine does.

The embedded models know nothing of such questions and answer nonsense in the right form: what is tested is that every
strategy runs in a recipe on real text, keeps what its rule says, and drops the rest with a reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.graph.running import make
from tests.strategies.frames import shared

ROWS = 150
BENCHMARKS = ("bench_math500", "bench_aime24", "bench_amc23", "bench_minerva_math", "bench_olympiadbench")


def excerpt(folder: Path, name: str) -> str:
    """The first rows of a shared file that are short enough for the miniature, as a file of their own."""
    rows = pl.scan_parquet(shared(name)).filter(pl.col("question").str.len_chars() < 300).head(ROWS)
    rows.sink_parquet(folder / f"{name}.parquet")
    return f"{name}.parquet"


def files(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    return {"use": "files", "id": name, "path": excerpt(folder, name), "key": "row_id", "question": "question"} | more


def write(folder: Path) -> Path:
    """The recipe: four domains, each with other filters and selections, so that all of them are there."""
    boxed = {"reference": "answer"}
    against = [{"path": str(shared(name)), "question": "question", "id": name} for name in BENCHMARKS]
    clean = {"decontaminate": {"use": "indel_or_ngram", "threshold": 75, "ngram": 13, "against": against}}
    likes = [files(folder, "math_hendrycks_train", id="likes", **boxed)]
    dislikes = [files(folder, "math_svamp", id="dislikes", **boxed)]
    teacher = {"answers": {"use": "teacher", "samples": 3, "max_tokens": 96}}
    learn = {"positives": likes, "negatives": dislikes, "dim": 16, "buckets": 20_000}
    body = {
        "name": "real_text",
        "format": {"use": "think", "require_reasoning": False, "keep_truncated": True},
        "tracks": {
            "math": [
                {
                    "sources": [
                        files(folder, "math_hendrycks_train", **boxed),
                        files(folder, "math_simplerl_8k", **boxed),
                        files(folder, "math_aime_1983_2023", **boxed),
                    ]
                },
                clean,
                {"dedup": {"use": "exact", "as": "without_copies"}},
                {"dedup": {"use": "indel", "threshold": 90}},
                {"filter": {"use": "math_text", "as": "readable", "solution": False, "box": False}},
                {"filter": {"use": "no_proofs", "as": "without_proofs"}},
                {"filter": {"use": "language", "as": "english", "keep": ["en"]}},
                {"filter": {"use": "question_length", "as": "short", "max_tokens": 60}},
                {
                    "filter": {
                        "use": "score",
                        "as": "rated",
                        "column": "extra.orig_difficulty",
                        "lowest": True,
                        "keep": 90,
                    }
                },
                {"filter": {"use": "fasttext", "as": "likely", "keep": 80, **learn}},
                {"filter": {"use": "embedding", "as": "near", "keep": 60, "positives": likes, "negatives": dislikes}},
                {"filter": {"use": "random", "as": "drawn", "keep": 16}},
                {"filter": {"use": "response_length", "keep": 8, "max_tokens": 64}},
                teacher,
                {"verify": "math"},
                {"select": {"use": "majority", "as": "agreed"}},
                {"select": {"use": "english", "as": "in_english"}},
                {"select": {"use": "no_long_paragraphs", "as": "paragraphs"}},
                {"select": {"use": "longest", "as": "longer", "k": 2}},
                {"select": {"use": "shortest", "k": 1}},
            ],
            "code": [
                {
                    "sources": [
                        {
                            "use": "files",
                            "id": "leetcode",
                            "path": str(shared("code_leetcode")),
                            "key": "row_id",
                            "question": "question",
                            "reference": "answer",
                            "tests": {
                                "kind": "check",
                                "setup": "orig_prompt",
                                "code": "orig_test",
                                "entry_point": "orig_entry_point",
                            },
                            "imported": {"answer": "orig_response"},
                            "extra": ["orig_task_id"],
                        }
                    ]
                },
                clean,
                {"filter": {"use": "code_text", "as": "readable"}},
                {"dedup": {"use": "none", "reason": "one source without repeats"}},
                {"sample": {"use": "uniform", "n": 24}},
                {"answers": "imported"},
                {"verify": "code"},
                {"select": {"use": "verified", "as": "right"}},
                {"select": {"use": "first", "as": "one_each"}},
                {"select": {"use": "random", "share": 0.5}},
            ],
            "science": [
                {
                    "sources": [
                        files(folder, "science_mmlu", **boxed),
                        files(folder, "science_scibench", **boxed),
                    ]
                },
                clean,
                {"dedup": "exact"},
                {"filter": {"use": "random", "as": "drawn", "keep": 24}},
                {"filter": {"use": "difficulty", "as": "hard", "rubric": "science_olympiad", "keep": 12}},
                {"filter": {"use": "ask_llm", "keep": 8}},
                teacher,
                {"verify": {"use": "judge", "subject": "science"}},
                {"select": {"use": "majority_judge", "as": "agreed", "last_characters": 40}},
                {"select": "judged"},
            ],
            "puzzle": [
                {"sources": [files(folder, "puzzle_bbh", **boxed)]},
                clean,
                {"dedup": "exact"},
                {"filter": {"use": "random", "as": "drawn", "keep": 12}},
                {"filter": {"use": "pass_rate", "verify": "math", "samples": 3, "max_tokens": 96, "keep": 8}},
                teacher,
                {"verify": "math"},
                {"select": {"use": "fasttext", "as": "likely", "share": 0.7, **learn}},
                {"select": "all"},
            ],
        },
    }
    file = folder / "real_text.yaml"
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OT_DATA", str(folder / "data"))
        patch.setenv("OT_SANDBOX", "process")  # the code is LeetCode's own
        yield make(write(folder))


def test_every_filter_dedup_and_selection_runs_on_real_text(made):
    wanted = {
        "filter": "ask_llm code_text difficulty embedding fasttext language math_text no_proofs pass_rate"
        " question_length random response_length score",
        "dedup": "exact indel none",
        "select": "all english fasttext first judged longest majority majority_judge no_long_paragraphs random shortest"
        " verified",
    }
    used = {(m.node.stage, m.node.use) for m in made.values()}
    assert {(stage, use) for stage, uses in wanted.items() for use in uses.split()} <= used
    assert all(m.version.rows for m in made.values())


def test_every_row_that_went_says_why(made):
    for name, m in made.items():
        dropped = m.version.dropped().select("drop_reason", "drop_evidence").collect()
        assert dropped.null_count().sum_horizontal().item() == 0, name
        assert dropped["drop_evidence"].str.json_decode(pl.Struct({})).len() == len(dropped), name


def test_copies_between_real_sources_go(made):
    dropped = made["real_text/math/without_copies"].version.dropped().collect()
    assert "math_simplerl_8k" in dropped["source"].to_list()
    assert set(dropped["drop_reason"]) == {"duplicate"}


def test_the_reference_answers_of_leetcode_are_right(made):
    verdicts = made["real_text/code/verified"].version.scan().collect()["verdict"]
    assert (verdicts == "right").mean() >= 0.95
