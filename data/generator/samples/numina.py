"""NuminaMath and its subset with difficulty labels: contest problems with whole solutions, and what the rules drop.

{"source": "olympiads", "problem": "Solve 4x + 7 = 31 for x.",
 "solution": "31 - 7 = 24\\n24 / 4 = 6\\n\\nThe answer is \\\\boxed{6}.", "messages": [...]}
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from data.generator import dirt, violations
from data.generator.dirt import Row
from data.generator.samples.drawing import Draw, StandIn, shuffled, told, worked

# All but running totals, which the teacher cannot do.
MATH = ("boxes", "equation", "share", "change", "ages", "rectangle", "mean")
KEPT_SOURCES = ("amc_aime", "olympiads", "olympiads", "aops_forum", "math")
OTHER_SOURCES = ("cn_k12", "synthetic_math", "orca_math")


def _from(rng: Random, sources: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    return [told(row, source=rng.choice(sources)) for row in rows]


def _numina(draw: Draw) -> list[Row]:
    base, fresh = draw.clean(72), draw.clean
    kept = [
        *base,
        *draw.repeats(base, 8, 6),
        *draw.variants(3),
        *draw.leaks(3, 3, 2),
        *violations.figure_words(fresh(8)),
        *violations.in_parts(fresh(6)),
        *violations.proofs(fresh(4)),
        *violations.unboxed(fresh(4)),
        *violations.unsolved(fresh(2)),
        *dirt.unicode_oddities(draw.rng, fresh(6)),
        *dirt.over_long(draw.rng, fresh(1)),
        *dirt.empty(draw.rng, fresh(2)),
    ]
    left_out = _from(draw.rng, OTHER_SOURCES, fresh(20))
    return shuffled(draw.rng, [*_from(draw.rng, KEPT_SOURCES, kept), *left_out])


def _numina_record(row: Row) -> dict[str, Any]:
    solution = worked(row) if row.solution else ""
    turns = [{"content": row.question, "role": "user"}, {"content": solution, "role": "assistant"}]
    return {"source": row.more["source"], "problem": row.question, "solution": solution, "messages": turns}


def _labeled(draw: Draw) -> list[Row]:
    base, fresh = draw.clean(60), draw.clean
    rows = [
        *base,
        *draw.repeats(base, 4, 3),
        *draw.crossed(["AI-MO/NuminaMath-CoT"], 16, 3),
        *draw.leaks(1, 1, 1),
        *violations.proofs(fresh(6)),
        *violations.unboxed(fresh(3)),
        *dirt.unicode_oddities(draw.rng, fresh(2)),
    ]
    return shuffled(draw.rng, _from(draw.rng, ("amc_aime", "math", "olympiads", "olympiads"), rows))


def _labeled_record(row: Row) -> dict[str, Any]:
    return {"problem": row.question, "solution": worked(row), "source": row.more["source"]}


STAND_INS = {
    "AI-MO/NuminaMath-CoT": StandIn("math", MATH, _numina, _numina_record),
    "NovaSky-AI/labeled_numina_difficulty_162K": StandIn("math", MATH, _labeled, _labeled_record),
}
