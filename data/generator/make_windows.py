"""Write the stand-ins of LiveCodeBench's windows: `python -m data.generator.make_windows`.

Deterministic. The Hub set is a file a release: those up to May 2024 may choose between students, those from June 2024 to
January 2025 are held out. Here they hold programming tasks of our families that a small model can solve, of those that
the teacher was not trained on (`problem.is_held_out`) and no stand-in of a source has, with their tests in `ot_tests`:
the stand-in that datasets are cleaned against (`make_samples`) has harder ones, and no tests.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import polars as pl

from data.generator.families import FAMILIES, draw
from data.generator.problem import Problem, is_held_out

SAMPLES = Path("data/samples")
FOLDER = SAMPLES / "livecodebench__code_generation_lite"
SEED = "windows 2026"
# Rows a file, and a date in its window.
FILES = {"test2": (24, "2024-05-04T00:00:00"), "test3": (24, "2024-07-06T00:00:00")}


def plain(text: str) -> str:
    """A text without case and spacing."""
    return " ".join(text.casefold().split())


def texts(samples: Path = SAMPLES) -> set[str]:
    """Whatever a stand-in of a table says, questions among it."""
    frames = [pl.read_parquet(path).select(pl.col(pl.String)) for path in sorted(samples.rglob("*.parquet"))]
    return {plain(text) for frame in frames for column in frame for text in column if text}


def problems(rng: Random, n: int, seen: set[str]) -> Iterator[Problem]:
    """`n` held-out programming tasks, families in turn, none of them in `seen`, which takes them up."""
    names, end = list(FAMILIES["code"]), len(seen) + n
    while len(seen) < end:
        problem = draw(rng, "code", names[(end - len(seen)) % len(names)])
        if is_held_out(problem.question) and plain(problem.question) not in seen:
            seen.add(plain(problem.question))
            yield problem


def rows() -> dict[str, list[dict]]:
    """The rows by file, in the Hub's columns as far as they were read, and `ot_tests`."""
    seen = texts()
    made = {}
    for name, (n, date) in FILES.items():
        made[name] = [
            {
                "question_title": f"stand-in-{name}-{i}",
                "question_content": problem.question,
                "question_id": f"stand-in-{name}-{i}",
                "contest_date": date,
                "ot_tests": json.dumps(problem.tests),
            }
            for i, problem in enumerate(problems(Random(f"{SEED} {name}"), n, seen))
        ]
    return made


def write(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, table in rows().items():
        (out / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
        print(f"{name}: {len(table)} questions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
