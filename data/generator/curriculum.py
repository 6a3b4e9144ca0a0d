"""What the teacher is trained on: problems of all domains in a fixed mix, and drills, none of them held out."""

from random import Random

from data.generator.families import draw
from data.generator.problem import Problem, boxed, is_held_out

MIX = {"math": 0.32, "science": 0.28, "puzzle": 0.27, "code": 0.13}


def drill(rng: Random) -> Problem:
    """One bare sum, difference, product or quotient in the answer format of the other families."""
    kind = rng.randrange(4)
    if kind == 0:
        a, b = rng.randint(2, 80), rng.randint(2, 60)
        step, answer = f"{a} + {b}", a + b
    elif kind == 1:
        b = rng.randint(2, 40)
        answer = rng.randint(1, 80)
        step = f"{answer + b} - {b}"
    else:
        a, b = rng.randint(2, 19), rng.randint(2, 14)
        step, answer = (f"{a} * {b}", a * b) if kind == 2 else (f"{a * b} / {b}", a)
    return Problem("drill", "drill", f"What is {step}?", str(answer), None, boxed([f"{step} = {answer}"], answer))


def training_problems(rng: Random, n: int, drills: float) -> list[Problem]:
    """`n` problems in the domain mix, a share `drills` of them bare sums, none of them held out."""
    problems: list[Problem] = []
    while len(problems) < n:
        domain = rng.choices(list(MIX), list(MIX.values()))[0]
        problem = drill(rng) if rng.random() < drills else draw(rng, domain)
        if not is_held_out(problem.question):
            problems.append(problem)
    return problems
