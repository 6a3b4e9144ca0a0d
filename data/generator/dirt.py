"""Plant dirt into a list of clean questions, and remember every planted row.

A `Row` carries what it is (`kind`, None for clean) and the row it was made from (`twin`), so that the manifest follows
from the finished list and not from bookkeeping beside it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from data.generator.benchmarks import Item
from data.generator.families import draw
from data.generator.problem import Problem
from data.generator.wording import NAMES, OPENERS, PLACES, WEATHER

OVER_LONG = 2000
FULL_WIDTH = 0xFEE0  # from an ASCII character to its full-width form


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a source. `tests` is the text of our tests column; `twin` is another Row or (benchmark, row).

    `more` is what only this source has columns for.
    """

    question: str
    reference: str
    solution: str
    tests: str | None
    family: str
    kind: str | None = None
    twin: "Row | tuple[str, int] | None" = None
    more: dict[str, Any] = field(default_factory=dict)


def as_row(problem: Problem) -> Row:
    tests = json.dumps(problem.tests) if problem.tests else None
    return Row(problem.question, problem.reference, problem.solution, tests, problem.family)


def clean(rng: Random, domain: str, families: Sequence[str], n: int, taken: set[str]) -> list[Row]:
    """`n` rows with questions that are not in `taken`, which they are added to."""
    rows: list[Row] = []
    while len(rows) < n:
        row = as_row(draw(rng, domain, families[len(rows) % len(families)]))
        if row.question not in taken:
            taken.add(row.question)
            rows.append(row)
    return rows


def exact_duplicates(rng: Random, rows: Sequence[Row], n: int) -> list[Row]:
    """`n` copies; a few questions come back often, most once, as in the large sets."""
    popular = rng.sample(rows, max(1, len(rows) // 2))
    return [replace(first, kind="exact_duplicate", twin=first) for first in rng.choices(popular, k=n)]


def near_duplicates(rng: Random, rows: Sequence[Row], n: int, taken: set[str]) -> list[Row]:
    """One name changed for another throughout, which changes no answer."""
    made: list[Row] = []
    while len(made) < n:
        first = rng.choice(rows)
        used = [name for name in NAMES if re.search(rf"\b{name}\b", first.question)]
        if not used:
            continue
        fresh = rng.choice([name for name in NAMES if name not in used])
        swap = re.compile(rf"\b{rng.choice(used)}\b")
        question = swap.sub(fresh, first.question)
        if question not in taken:
            taken.add(question)
            solution = swap.sub(fresh, first.solution)
            made.append(replace(first, question=question, solution=solution, kind="near_duplicate", twin=first))
    return made


def number_variants(rng: Random, domain: str, families: Sequence[str], n: int, taken: set[str]) -> list[Row]:
    """`n` rows, in pairs at first a clean one, whose questions differ from their twin in digits only, all correctly answered."""
    by_shape: dict[str, Row] = {}
    made: list[Row] = []
    variants = 0
    while variants < n:
        row = as_row(draw(rng, domain, rng.choice(families)))
        if row.question in taken:
            continue
        shape = re.sub(r"\d+", "#", row.question)
        first = by_shape.setdefault(shape, row)
        if first is row or first.question == row.question:
            continue
        if first.question not in taken:
            taken.add(first.question)
            made.append(first)
        taken.add(row.question)
        made.append(replace(row, kind="number_variant", twin=first))
        variants += 1
    return made


def sentences(rng: Random, length: int) -> str:
    """Context sentences without numbers, at least `length` characters."""
    text = ""
    while len(text) < length:
        name, other = rng.sample(NAMES, 2)
        words = {"name": name, "other": other, "place": rng.choice(PLACES), "weather": rng.choice(WEATHER)}
        text += rng.choice(OPENERS).format(**words) + " "
    return text


def over_long(rng: Random, rows: Sequence[Row]) -> list[Row]:
    return [
        replace(r, question=sentences(rng, OVER_LONG + rng.randint(50, 600)) + r.question, kind="over_long")
        for r in rows
    ]


def empty(rng: Random, rows: Sequence[Row]) -> list[Row]:
    blanks = ("", "   ", "\n\t\n", "\r\n")
    return [replace(r, question=blanks[i % len(blanks)], kind="empty_question") for i, r in enumerate(rows)]


def unicode_oddities(rng: Random, rows: Sequence[Row]) -> list[Row]:
    """LaTeX around a word, Chinese, emoji, Windows line ends, no-break spaces, full-width digits and stops, one per row in turn."""
    wide = {ord(c): ord(c) + FULL_WIDTH for c in "0123456789.?"}
    oddities = (
        lambda q: re.sub(r"\w+", lambda m: f"$\\text{{{m[0]}}}$", q, count=1),
        lambda q: "【练习题】" + q + " 请写出步骤。",
        lambda q: "🙂 " + q + " 🚀",
        lambda q: re.sub(r"(?<=[.?]) |$", "\r\n", q, count=1),
        lambda q: q.replace(" ", "\u00a0", 2),
        lambda q: q.translate(wide),
    )
    return [replace(r, question=oddities[i % len(oddities)](r.question), kind="unicode") for i, r in enumerate(rows)]


def broken_tests(rng: Random, rows: Sequence[Row]) -> list[Row]:
    """Tests cut off in the middle, of an unknown kind, without cases, or with a wrong expected output."""
    made = []
    for i, row in enumerate(rows):
        tests = json.loads(row.tests)
        if i % 4 == 0:
            text = row.tests[: len(row.tests) // 2]
        elif i % 4 == 1:
            text = json.dumps({**tests, "kind": "riddle"})
        elif i % 4 == 2:
            text = json.dumps({key: [] if isinstance(value, list) else value for key, value in tests.items()})
        elif tests["kind"] == "asserts":
            text = json.dumps({**tests, "asserts": [line + " + 1 == 0" for line in tests["asserts"]]})
        else:
            text = json.dumps(
                {**tests, "outputs": ["wrong\n" if tests["kind"] == "stdin" else "wrong"] * len(tests["outputs"])}
            )
        made.append(replace(row, tests=text, kind="broken_tests"))
    return made


def cross_source(rng: Random, others: Sequence[Row], n: int) -> list[Row]:
    """Clean questions of another source of the same domain, again."""
    picked = rng.sample([r for r in others if r.kind is None], n)
    return [replace(r, kind="cross_source_duplicate", twin=r) for r in picked]


def leaks(
    rng: Random,
    benchmarks: dict[str, list[Item]],
    exact: int,
    edited: int,
    ngram: int,
    hosts: Sequence[Row],
    near: int = 0,
) -> list[Row]:
    """Benchmark questions copied, with a few words changed, quoted inside longer questions (`hosts`), with a word added."""
    places = [(name, i) for name, items in benchmarks.items() for i in range(len(items))]
    picked = rng.sample(places, exact + edited + ngram + near)
    made = []
    for position, (name, i) in enumerate(picked):
        item = benchmarks[name][i]
        if position < exact:
            made.append(Row(item.question, item.answer, item.answer, None, "leak", "leak_exact", (name, i)))
            continue
        words = item.question.split()
        if position < exact + edited:
            for _ in range(3):
                words[rng.randrange(len(words))] = rng.choice(("some", "given", "exactly", "please", "small"))
            made.append(Row(" ".join(words), item.answer, item.answer, None, "leak", "leak_edited", (name, i)))
            continue
        if position >= exact + edited + ngram:
            words.insert(rng.randrange(1, len(words)), "please")
            made.append(Row(" ".join(words), item.answer, item.answer, None, "leak", "leak_near", (name, i)))
            continue
        host, start = hosts[position - exact - edited], rng.randrange(max(1, len(words) - 22))
        quoted = " ".join(words[start : start + 22])
        question = f"{sentences(rng, 240)}Somebody once asked: {quoted} But here is the task. {host.question}"
        made.append(replace(host, question=question, kind="leak_ngram", twin=(name, i)))
    return made


def manifest(name: str, rows: Sequence[Row], others: dict[str, Sequence[Row]]) -> list[dict]:
    """The planted rows of one file in file order: dataset, row, kind, twin.

    Of equal questions the first in the file counts as the original, whichever was made first, because that is the one
    that a dedup keeps. A submission that was not accepted is none of them: it is not read at all.
    """
    first_place: dict[str, int] = {}
    for i, row in enumerate(rows):
        if row.kind != "rejected_submission":
            first_place.setdefault(row.question, i)
    copied = {r.question for r in rows if r.kind == "exact_duplicate"}
    foreign = {id(r): (other, i) for other, theirs in others.items() for i, r in enumerate(theirs)}
    entries = []
    for i, row in enumerate(rows):
        if row.kind == "rejected_submission":
            place = first_place.get(row.question)
            kind, twin = row.kind, None if place is None else {"dataset": name, "row": place}
        elif row.question in copied:
            kind = None if i == first_place[row.question] else "exact_duplicate"
            twin = {"dataset": name, "row": first_place[row.question]}
        else:
            kind, twin = row.kind, None
            if isinstance(row.twin, tuple):
                twin = {"dataset": row.twin[0], "row": row.twin[1]}
            elif id(row.twin) in foreign:
                other, place = foreign[id(row.twin)]
                twin = {"dataset": other, "row": place}
            elif row.twin is not None:
                twin = {"dataset": name, "row": first_place[row.twin.question]}
        if kind:
            entries.append({"dataset": name, "row": i, "kind": kind, "twin": twin})
    return entries
