"""All question families by domain, and how to draw from them."""

from collections.abc import Callable, Iterator
from random import Random

from data.generator.families import code, math, puzzle, science
from data.generator.problem import Problem, is_held_out

FAMILIES: dict[str, dict[str, Callable[[Random], Problem]]] = {
    "math": math.FAMILIES,
    "code": code.FAMILIES,
    "science": science.FAMILIES,
    "puzzle": puzzle.FAMILIES,
}


def draw(rng: Random, domain: str, family: str | None = None) -> Problem:
    """One problem of `domain`, of a random family unless named. Held-out questions are not excluded."""
    families = FAMILIES[domain]
    return families[family or rng.choice(list(families))](rng)


def unseen(seed: int, domain: str, n: int) -> Iterator[Problem]:
    """`n` distinct held-out problems of `domain`, families in turn: questions that training never sees."""
    rng, seen, names = Random(seed), set(), list(FAMILIES[domain])
    while len(seen) < n:
        problem = draw(rng, domain, names[len(seen) % len(names)])
        if is_held_out(problem.question) and problem.question not in seen:
            seen.add(problem.question)
            yield problem
