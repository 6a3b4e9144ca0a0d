"""The five sources of OpenThoughts3-1.2M, each by a plan: so many clean rows, so many of each kind of dirt."""

import hashlib
from dataclasses import dataclass
from random import Random

from data.generator import dirt
from data.generator.benchmarks import Item
from data.generator.dirt import Row
from data.generator.families import science

SEED = 3


@dataclass(frozen=True)
class Source:
    """A source's share of clean and planted rows; their sum is the number of rows."""

    domain: str
    families: tuple[str, ...]
    clean: int
    exact: int
    near: int
    variants: int
    leaks: tuple[int, int, int]
    over_long: int
    empty: int
    unicode: int
    broken: int = 0
    crossed: int = 0


MATH_FAMILIES = ("chain", "boxes", "equation", "share", "change", "ages", "rectangle", "mean")
# Order matters: a later source of a domain repeats questions of the earlier ones.
SOURCES = {
    "ai2-adapt-dev/openmath-2-math": Source("math", MATH_FAMILIES, 275, 262, 14, 14, (8, 8, 8), 6, 4, 12),
    "nvidia/OpenCodeReasoning": Source("code", ("stdin", "call"), 140, 60, 6, 6, (5, 5, 5), 4, 3, 6, broken=16),
    "mlfoundations-dev/stackexchange_codegolf": Source(
        "code", ("asserts", "stdin"), 155, 20, 8, 6, (5, 5, 5), 4, 3, 6, 16, 24
    ),
    "mlfoundations-dev/stackexchange_physics": Source("science", science.PHYSICS, 130, 38, 6, 6, (5, 5, 5), 4, 3, 6),
    "EricLu/SCP-116K": Source("science", science.LIFE, 118, 36, 6, 6, (5, 5, 5), 4, 3, 6, crossed=14),
}


def build_source(
    name: str, plan: Source, earlier: dict[str, list[Row]], benchmarks: dict[str, list[Item]]
) -> list[Row]:
    """The rows of one source, shuffled."""
    rng = Random(f"{SEED} {name}")
    taken = {row.question for rows in earlier.values() for row in rows}
    kin = [row for other, rows in earlier.items() if SOURCES[other].domain == plan.domain for row in rows]

    def fresh(n: int) -> list[Row]:
        return dirt.clean(rng, plan.domain, plan.families, n, taken)

    base = fresh(plan.clean)
    rows = [
        *base,
        *dirt.exact_duplicates(rng, base, plan.exact),
        *dirt.near_duplicates(rng, base, plan.near, taken),
        *dirt.number_variants(rng, plan.domain, plan.families, plan.variants, taken),
        *dirt.leaks(rng, benchmarks, *plan.leaks, hosts=fresh(plan.leaks[2])),
        *dirt.over_long(rng, fresh(plan.over_long)),
        *dirt.empty(rng, fresh(plan.empty)),
        *dirt.unicode_oddities(rng, fresh(plan.unicode)),
        *dirt.broken_tests(rng, fresh(plan.broken)),
        *dirt.cross_source(rng, kin, plan.crossed),
    ]
    rng.shuffle(rows)
    return rows


def _key(*parts: object) -> str:
    return hashlib.md5("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def _told(solution: str) -> str:
    """A worked solution as a textbook would print it: without the think tags."""
    return solution.replace("<think>\n", "").replace("\n</think>", "")


def source_record(name: str, row: Row) -> dict:
    """One row in the Hub dataset's own columns, plus our `ot_` columns."""
    if name == "ai2-adapt-dev/openmath-2-math":
        turns = [{"role": "user", "content": row.question}, {"role": "assistant", "content": _told(row.solution)}]
        return {"messages": turns, "ot_reference": row.reference}
    if name == "nvidia/OpenCodeReasoning":
        return {
            "id": _key(row.question),
            "input": row.question,
            "output": row.solution,
            "source": "generator",
            "license": "unknown",
            "dataset": "ot-assets",
            "split": "train",
            "difficulty": "EASY",
            "solution": row.reference,
            "ot_tests": row.tests,
        }
    if name == "mlfoundations-dev/stackexchange_codegolf":
        return {"instruction_seed": row.question, "ot_tests": row.tests}
    if name == "mlfoundations-dev/stackexchange_physics":
        return {"instruction_seed": row.question, "ot_reference": row.reference}
    if name != "EricLu/SCP-116K":
        raise KeyError(f"{name}: say here how a row looks in its own columns")
    domain = "Biology" if row.family in ("cells", "bonds") else "Chemistry"
    return {
        "domain": domain,
        "problem": row.question,
        "matched_solution": _told(row.solution),
        "ot_reference": row.reference,
    }
