"""Write the questions of the practice study: `python -m data.generator.make_study`.

Deterministic. Math questions of our families, in turn: those that students learn from, and two benchmarks of held-out
questions (`problem.is_held_out`), of which one may choose a winner (dev) and one may not (test). The three are disjoint
by normalised text, so no question is asked that was learned.
"""

import argparse
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import polars as pl

from data.generator.families import FAMILIES, draw
from data.generator.problem import Problem, is_held_out

FOLDER = Path("data/study")
SEED = "study 2026"
DOMAIN = "math"
# Rows by table, and whether its questions are held out.
TABLES = {"questions": (4000, False), "held_out_dev": (400, True), "held_out_test": (200, True)}


def normalised(question: str) -> str:
    """A text without case, marks and spacing: two questions that agree in it are one."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return "".join(mark for mark in folded if mark.isalnum() or mark in "+-*/=")


def distinct(rng: Random, n: int, seen: set[str], wanted: Callable[[str], bool]) -> Iterator[Problem]:
    """`n` wanted problems, families in turn, none of whose questions is in `seen`, which takes them up."""
    names, end = list(FAMILIES[DOMAIN]), len(seen) + n
    while len(seen) < end:
        problem = draw(rng, DOMAIN, names[len(seen) % len(names)])
        if wanted(problem.question) and normalised(problem.question) not in seen:
            seen.add(normalised(problem.question))
            yield problem


def tables(seed: str = SEED, sizes: dict[str, tuple[int, bool]] | None = None) -> dict[str, pl.DataFrame]:
    """The tables by name, with the columns id, question, reference and family; of another seed, other questions."""
    seen: set[str] = set()
    made = {}
    for name, (n, held_out) in (sizes or TABLES).items():
        found = distinct(Random(f"{seed} {name}"), n, seen, lambda text, held=held_out: is_held_out(text) == held)
        made[name] = pl.DataFrame(
            [
                {"id": f"{name}-{i:04}", "question": p.question, "reference": p.reference, "family": p.family}
                for i, p in enumerate(found)
            ]
        )
    return made


def write(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables().items():
        table.write_parquet(out / f"{name}.parquet")
        print(f"{name}: {table.height} questions of {table['family'].n_unique()} families")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
