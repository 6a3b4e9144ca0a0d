"""What the later stand-ins share: drawing clean rows, dirtying them, and telling a dataset by two functions."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from data.generator import dirt
from data.generator.benchmarks import Item
from data.generator.dirt import Row

Change = Callable[[Random, Row], Row]


@dataclass(frozen=True)
class Draw:
    """Where the rows of one dataset come from: its domain's families, earlier datasets, benchmarks.

    `taken` are the questions that are somewhere already. `change` is what the dataset does to every drawn question.
    """

    rng: Random
    domain: str
    families: tuple[str, ...]
    earlier: dict[str, list[Row]]
    benchmarks: dict[str, list[Item]]
    taken: set[str]
    change: Change | None = None

    def clean(self, n: int) -> list[Row]:
        """`n` new questions, the families in turn."""
        rows = dirt.clean(self.rng, self.domain, self.families, n, self.taken)
        if self.change is None:
            return rows
        changed = [self.change(self.rng, row) for row in rows]
        self.taken.update(row.question for row in changed)
        return changed

    def repeats(self, rows: Sequence[Row], exact: int, near: int) -> list[Row]:
        """Exact copies and copies under another name, of these rows."""
        return [
            *dirt.exact_duplicates(self.rng, rows, exact),
            *dirt.near_duplicates(self.rng, rows, near, self.taken),
        ]

    def variants(self, n: int) -> list[Row]:
        return dirt.number_variants(self.rng, self.domain, self.families, n, self.taken)

    def crossed(self, names: Sequence[str], exact: int, near: int) -> list[Row]:
        """Questions of earlier datasets again, of this one's families, word for word or under another name."""
        kin = [r for name in names for r in self.earlier[name] if r.kind is None and r.family in self.families]
        nearly = dirt.near_duplicates(self.rng, kin, near, self.taken)
        return [
            *(replace(row, more={}) for row in dirt.cross_source(self.rng, kin, exact)),
            *(replace(row, kind="cross_source_near_duplicate", more={}) for row in nearly),
        ]

    def leaks(self, exact: int, near: int, edited: int) -> list[Row]:
        """Benchmark questions as they are, with a word more (ratio >= 95), and with three words changed (>= 75)."""
        return dirt.leaks(self.rng, self.benchmarks, exact, edited, 0, (), near)


@dataclass(frozen=True)
class StandIn:
    """One dataset: its rows, in the order of its files, and a row in the columns of the Hub.

    `heights` are the rows of its files, without the last one, which has all that are left.
    """

    domain: str
    families: tuple[str, ...]
    rows: Callable[[Draw], list[Row]]
    record: Callable[[Row], dict[str, Any]]
    heights: tuple[int, ...] = ()
    change: Change | None = None


def told(row: Row, **more: Any) -> Row:
    """The row, and what else its dataset tells of it."""
    return replace(row, more=row.more | more)


def shuffled(rng: Random, rows: Sequence[Row]) -> list[Row]:
    return rng.sample(rows, len(rows))


def worked(row: Row) -> str:
    """The solution as a textbook prints it, without think tags; that of a leaked question is its boxed answer."""
    if row.family == "leak" and row.tests is None:
        return f"The answer is \\boxed{{{row.reference}}}."
    return row.solution.replace("<think>\n", "").replace("\n</think>", "")


def story(characters: int) -> Change:
    """Sentences of context before a question that is shorter than this; they hold no numbers and change no answer."""

    def tell(rng: Random, row: Row) -> Row:
        missing = characters - len(row.question)
        return replace(row, question=dirt.sentences(rng, missing) + row.question) if missing > 0 else row

    return tell


def bare_tests(row: Row) -> str:
    """The tests as APPS and TACO write them: JSON without a kind; nothing where there are none."""
    return (row.tests or "").replace('"kind": "stdin", ', "").replace('"kind": "call", ', "")


def tests_of(row: Row) -> dict[str, Any]:
    """The tests as a dict, empty where they are missing or cannot be read."""
    try:
        return json.loads(row.tests or "{}")
    except json.JSONDecodeError:
        return {}
