"""Sets that bring their answers along: STILL-2's long-form thoughts and the raw traces of OpenR1-Math.

    {"question": "Which letter stands 4 places after C in the alphabet?", "domain": "puzzle",
     "combined_text": "<|begin_of_thought|>\\n\\nC 4, D 3, E 2, F 1, G 0\\n\\n<|end_of_thought|>\\n\\n<|begin_of_solution|>\\n\\n..."}
    {"problem": "Find the mean of 8, 30, 22.", "answer": "20", "generations": ["<think>\\n...\\n</think>\\n\\n...", ...],
     "correctness_math_verify": [true, false], "correct_count": 1, ...}

Some are cut off, some wrong, some have no tags.
"""

from dataclasses import replace
from random import Random
from typing import Any

from data.generator import dirt, violations
from data.generator.dirt import Row
from data.generator.families import science
from data.generator.samples.drawing import Draw, StandIn, shuffled, told, worked
from data.generator.samples.numina import MATH

# domain as the dataset spells it -> domain and families here, clean rows
THOUGHTS = {
    "math": ("math", MATH, 20),
    "physics": ("science", science.PHYSICS, 14),
    "chemistry": ("science", ("moles", "atoms"), 10),
    "biology": ("science", ("cells", "bonds"), 8),
    "puzzle": ("puzzle", ("race", "queue", "sequence", "clock", "calendar", "legs", "letters"), 14),
    "code": ("code", ("call", "stdin"), 6),
}


def _tagged(row: Row) -> str:
    thought, _, answer = row.solution.removeprefix("<think>\n").partition("\n</think>\n\n")
    return (
        f"<|begin_of_thought|>\n\n{thought}\n\n<|end_of_thought|>\n\n"
        f"<|begin_of_solution|>\n\n{answer}\n\n<|end_of_solution|>"
    )


def _mistaken(rng: Random, row: Row) -> str:
    """The solution with another answer in the box."""
    wrong = str(int(row.reference) + rng.randint(1, 9)) if row.reference.isdigit() else "none of them"
    return row.solution.replace(f"\\boxed{{{row.reference}}}", f"\\boxed{{{wrong}}}")


def _thoughts(draw: Draw) -> list[Row]:
    rows: list[Row] = []
    for named, (domain, families, n) in THOUGHTS.items():
        rows += [told(row, domain=named) for row in dirt.clean(draw.rng, domain, families, n, draw.taken)]

    def more(kind: str, n: int, domain: str = "physics") -> list[Row]:
        fresh = dirt.clean(draw.rng, "science", science.PHYSICS, n, draw.taken)
        return [replace(told(row, domain=domain), kind=kind) for row in fresh]

    science_rows = [row for row in rows if row.more["domain"] in ("physics", "chemistry", "biology")]
    return shuffled(
        draw.rng,
        [
            *rows,
            *draw.repeats(science_rows, 3, 2),
            *more("cut_thought", 3),
            *more("cut_solution", 2),
            *more("no_tags", 2),
            *(replace(row, solution=_mistaken(draw.rng, row)) for row in more("wrong_answer", 4)),
        ],
    )


def _thought_record(row: Row) -> dict[str, Any]:
    text = _tagged(row)
    if row.kind == "cut_thought":
        text = text[: text.index("<|end_of_thought|>") - 4]
    if row.kind == "cut_solution":
        text = text.partition("<|end_of_solution|>")[0].rstrip()
    if row.kind == "no_tags":
        text = worked(row)
    return {"question": row.question, "combined_text": text, "domain": row.more["domain"]}


def _generation(rng: Random, row: Row, right: float) -> tuple[str, bool]:
    """A trace and whether its box holds the answer: right with this chance, else wrong or cut off."""
    if rng.random() < right:
        return row.solution, True
    if rng.random() < 0.6:
        return _mistaken(rng, row), False
    return row.solution.partition("</think>")[0].rstrip()[:-2], False


def _generated(rng: Random, row: Row, right: float = 0.65) -> Row:
    made = [_generation(rng, row, right) for _ in range(rng.choice((1, 2, 2, 2, 4)))]
    if row.kind is None and not any(ok for _, ok in made):
        row = replace(row, kind="no_right_trace")
    return told(row, generations=[text for text, _ in made], correct=[ok for _, ok in made])


def _raw(draw: Draw) -> list[Row]:
    base = draw.clean(46)
    leaked = [
        replace(row, solution=f"<think>\nI know this one.\n</think>\n\nThe answer is \\boxed{{{row.reference}}}.")
        for row in draw.leaks(1, 2, 1)
    ]
    rows = [*base, *draw.crossed(["AI-MO/NuminaMath-CoT"], 6, 2), *leaked, *violations.proofs(draw.clean(2))]
    made = [_generated(draw.rng, row) for row in rows]
    made += [_generated(draw.rng, row, right=0) for row in draw.clean(3)]
    # Copies come after the traces, so that they have the same ones.
    return shuffled(draw.rng, [*made, *dirt.exact_duplicates(draw.rng, [r for r in made if r.kind is None], 3)])


def _raw_record(row: Row) -> dict[str, Any]:
    return {
        "problem": row.question,
        "solution": worked(row),
        "answer": row.reference,
        "problem_type": "Algebra",
        "question_type": "math-word-problem",
        "problem_is_valid": "Yes",
        "solution_is_valid": "Yes",
        "source": "olympiads",
        "synthetic": False,
        "generations": row.more["generations"],
        "generations_count": len(row.more["generations"]),
        "correctness_math_verify": row.more["correct"],
        "correct_count": sum(row.more["correct"]),
    }


STAND_INS = {
    "RUC-AIBOX/long_form_thought_data_5k": StandIn("science", science.PHYSICS, _thoughts, _thought_record),
    "open-r1/OpenR1-Math-Raw": StandIn("math", MATH, _raw, _raw_record),
}
