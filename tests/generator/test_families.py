"""Every family's gold solution is graded right, wrong ones are not, and training never meets a held-out question."""

from collections import Counter
from random import Random

import pytest

from data.generator.check import is_right, passes, same_answer
from data.generator.curriculum import drill, training_problems
from data.generator.families import FAMILIES, draw, unseen
from data.generator.problem import is_held_out

EVERY = [(domain, family) for domain, families in FAMILIES.items() for family in families]


@pytest.mark.parametrize(("domain", "family"), EVERY)
def test_gold_solutions_are_graded_right(domain, family):
    rng = Random(f"gold {family}")
    for _ in range(8 if domain == "code" else 200):
        problem = draw(rng, domain, family)
        assert (problem.domain, problem.family) == (domain, family)
        assert is_right(problem, problem.solution), problem


@pytest.mark.parametrize(("domain", "family"), EVERY)
def test_the_solution_of_another_problem_is_graded_wrong(domain, family):
    rng = Random(f"swap {family}")
    problems = [draw(rng, domain, family) for _ in range(8)]
    other = {p.reference for p in problems}
    assert len(other) > 1
    for problem, wrong in zip(problems, problems[1:], strict=False):
        if wrong.reference != problem.reference and problem.tests is None:
            assert not is_right(problem, wrong.solution)
    assert not is_right(problems[0], "<think>\n\n</think>\n\nI do not know.")


def test_code_tests_reject_wrong_and_endless_programs():
    tests = {"kind": "call", "fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]}
    assert passes("def f(x):\n    return x + 1", tests)
    assert not passes("def f(x):\n    return x", tests)
    assert not passes("def f(x)", tests)
    assert not passes("def g(x):\n    return x + 1", tests)
    assert not passes("print('RIGHT')\nraise SystemExit(0)", tests)
    assert not passes("while True:\n    pass", tests, seconds=0.5)
    assert not passes(
        "def f(x):\n    return 2", {"kind": "asserts", "asserts": ["assert f(1) == 2", "assert f(2) == 3"]}
    )


def test_answers_compare_as_numbers_where_they_are_numbers():
    assert same_answer("07", "7") and same_answer("1/2", "0.5") and same_answer(" wednesday", "Wednesday")
    assert not same_answer("7", "8") and not same_answer("B", "C")


@pytest.mark.parametrize("domain", ["math", "science", "puzzle"])
def test_no_constant_answer_reaches_a_tenth_of_a_domain(domain):
    shares = []
    for family in FAMILIES[domain]:
        rng = Random(f"guess {family}")
        answers = Counter(draw(rng, domain, family).reference for _ in range(1000))
        assert len(answers) >= 5, family
        shares.append(answers.most_common(1)[0][1] / 1000)
    assert sum(shares) / len(shares) <= 0.10


def test_worked_solutions_vary_in_length():
    rng = Random(5)
    for domain in ("math", "science", "puzzle", "code"):
        steps = Counter(draw(rng, domain).solution.count("\n") for _ in range(500))
        assert len(steps) >= 3


def test_training_never_meets_a_held_out_question():
    trained = {p.question for p in training_problems(Random(0), 4000, drills=0.2)}
    held_out = {p.question for domain in FAMILIES for p in unseen(1, domain, 60)}
    assert len(held_out) == 60 * len(FAMILIES)
    assert all(map(is_held_out, held_out))
    assert not any(map(is_held_out, trained))
    assert trained.isdisjoint(held_out)


def test_the_held_out_share_is_about_a_twentieth():
    rng = Random(7)
    share = sum(is_held_out(draw(rng, "math").question) for _ in range(4000)) / 4000
    assert 0.03 < share < 0.07


def test_drills_are_right():
    rng = Random(2)
    for _ in range(300):
        problem = drill(rng)
        value = eval(problem.question.removeprefix("What is ").removesuffix("?"))  # noqa: S307
        assert value == int(problem.reference)
