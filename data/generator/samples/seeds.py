"""The ten seeds of OpenThoughts2: six sets of programming questions, four of mathematics, one of which are plain texts.

    {"query": "Write a function take_star(nums) that returns the sum of the squares of nums.", "answer": "...", "resource": ..., "lang": "python"}
    {"text": "Kira packs 6 boxes with 9 plums each. At the bakery lie 14 more plums. ..."}

Only questions are taken from them. Prompts that ask to show or to prove are to be dropped, and so, by the published
rule, is every question that ends in "Show your work."
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from data.generator import dirt, violations
from data.generator.dirt import Row
from data.generator.samples.drawing import Draw, StandIn, shuffled, worked
from data.generator.samples.numina import MATH
from data.generator.wording import ITEMS, NAMES, OPENERS, PLACES, WEATHER

CODE = {
    "m-a-p/CodeFeedback-Filtered-Instruction": lambda row: {
        "query": row.question,
        "answer": row.solution,
        "resource": "generator",
        "lang": "python",
    },
    "cognitivecomputations/dolphin-coder": lambda row: {
        "system_prompt": "You are a helpful assistant.",
        "question": row.question,
        "response": row.solution,
    },
    "mlfoundations-dev/evolinstruct_seeding_stackexchange_codegolf": lambda row: {
        "evolved_instruction": row.question,
        "completion": row.solution,
    },
    "glaiveai/glaive-code-assistant-v3": lambda row: {"question": row.question, "answer": row.solution},
    "ise-uiuc/Magicoder-OSS-Instruct-75K": lambda row: {
        "lang": "python",
        "raw_index": 0,
        "index": 0,
        "seed": row.reference.partition("\n")[0],
        "openai_fingerprint": "fp_generator",
        "problem": row.question,
        "solution": row.solution,
    },
    "ajibawa-2023/Code-290k-ShareGPT": lambda row: {
        "conversations": [{"from": "human", "value": row.question}, {"from": "gpt", "value": row.solution}]
    },
}
MATHS = {
    "nvidia/OpenMathInstruct-2": lambda row: {
        "problem": row.question,
        "generated_solution": worked(row),
        "expected_answer": row.reference,
        "problem_source": "augmented_math",
    },
    "TIGER-Lab/MathInstruct": lambda row: {"source": "generator", "output": worked(row), "instruction": row.question},
    "TIGER-Lab/MATH-plus": lambda row: {"instruction": row.question, "output": worked(row)},
}
FACTS = (
    "{name} packs {a} boxes with {b} {items} each. At the {place} lie {c} more {items}.",
    "A garden near the {place} is {a} metres long and {b} metres wide. A pond covers {c} square metres of it.",
    "{name} is {c} years old and {other} is {b} years older. Both were born near the {place}.",
    "One of the {items} at the {place} costs {a} euros. {name} buys {b} of them and pays with {paid} euros.",
    "{name} shares {product} {items} equally among {a} friends. One of the friends finds {c} more at the {place}.",
    "The scores of {name} and {other} at the {place} were {a}, {b} and {c}.",
)


def _code(names: list[str], draw: Draw) -> list[Row]:
    base = draw.clean(36)
    rows = [
        *base,
        *draw.repeats(base, 4, 3),
        *(draw.crossed(names, 5, 2) if names else ()),
        *draw.leaks(1, 1, 1),
        *dirt.unicode_oddities(draw.rng, draw.clean(2)),
    ]
    return shuffled(draw.rng, rows)


def _math(names: list[str], draw: Draw) -> list[Row]:
    base = draw.clean(36)
    rows = [
        *base,
        *draw.repeats(base, 4, 3),
        *draw.variants(2),
        *(draw.crossed(names, 4, 2) if names else ()),
        *draw.leaks(1, 1, 1),
        *violations.proofs(draw.clean(6)),
        *dirt.unicode_oddities(draw.rng, draw.clean(1)),
    ]
    return shuffled(draw.rng, rows)


def _text(rng: Random, fact: str) -> str:
    """A fact between sentences that say nothing about it."""
    name, other = rng.sample(NAMES, 2)
    a, b, c = rng.randint(3, 12), rng.randint(3, 12), rng.randint(2, 20)
    words = {"name": name, "other": other, "place": rng.choice(PLACES), "items": rng.choice(ITEMS)}
    numbers = {"a": a, "b": b, "c": c, "paid": a * b + c, "product": a * b}
    opener = rng.choice(OPENERS).format(**words, weather=rng.choice(WEATHER))
    return f"{opener} {fact.format(**words, **numbers)}"


def _texts(draw: Draw) -> list[Row]:
    texts = dict.fromkeys(_text(draw.rng, FACTS[i % len(FACTS)]) for i in range(36))
    base = [Row(text, "", "", None, "facts") for text in texts]
    rows = [
        *base,
        *draw.repeats(base, 3, 2),
        *dirt.empty(draw.rng, [Row("", "", "", None, "facts")]),
        *dirt.over_long(draw.rng, base[:1]),
    ]
    return shuffled(draw.rng, rows)


def _with_tests(record: Callable[[Row], dict[str, Any]], row: Row) -> dict[str, Any]:
    return record(row) | {"ot_tests": row.tests}


STAND_INS = {
    name: StandIn("code", ("call", "asserts", "stdin"), partial(_code, list(CODE)[:i]), partial(_with_tests, record))
    for i, (name, record) in enumerate(CODE.items())
}
STAND_INS["math-ai/AutoMathText"] = StandIn("math", MATH, _texts, lambda row: {"text": row.question})
STAND_INS |= {
    name: StandIn("math", MATH, partial(_math, list(MATHS)[:i]), record)
    for i, (name, record) in enumerate(MATHS.items())
}
