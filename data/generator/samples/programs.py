"""Sets of programming problems with tests: APPS, TACO, CodeContests and Codeforces submissions.

    {"problem_id": 17, "question": "Ada works at the harbour. ... Read one whole number n from standard input and print n times 3 plus 4.",
     "solutions": "[\\"n = int(input())\\\\nprint(n * 3 + 4)\\"]", "input_output": "{\\"inputs\\": [\\"5\\\\n\\", ...], \\"outputs\\": [\\"19\\\\n\\", ...]}",
     "difficulty": "introductory", "url": "", "starter_code": ""}

Problems have 200 characters, which OpenThoughts-114k asks for, by a story in front.
"""

import json
from dataclasses import replace
from random import Random
from typing import Any

from data.generator import dirt, violations
from data.generator.dirt import Row
from data.generator.samples.drawing import Draw, StandIn, bare_tests, shuffled, story, tests_of, told

ECHO = {"kind": "stdin", "inputs": ["1\n", "2\n"], "outputs": ["1\n", "2\n"]}
LEVELS = ("introductory", "interview", "competition")
DIFFICULTIES = ("EASY", "MEDIUM", "MEDIUM", "MEDIUM_HARD", "HARD", "VERY_HARD")
PYTHON3 = 3  # the class of the language in CodeContests
VERDICTS = ("WRONG_ANSWER", "TIME_LIMIT_EXCEEDED", "RUNTIME_ERROR", "COMPILATION_ERROR")


def _leaked(draw: Draw, exact: int, near: int, edited: int) -> list[Row]:
    """Leaks that every rule but decontamination keeps: they come with tests and a program."""
    program = "print(input())"
    return [
        replace(row, reference=program, solution=f"```python\n{program}\n```", tests=json.dumps(ECHO))
        for row in draw.leaks(exact, near, edited)
    ]


def _plain(draw: Draw, n: int) -> list[Row]:
    """Problems without a story."""
    return dirt.clean(draw.rng, draw.domain, draw.families, n, draw.taken)


def _against_the_rules(draw: Draw, n: int) -> list[Row]:
    """`n` rows for each rule of OpenThoughts-114k, and four with broken tests."""
    return [
        *violations.short(_plain(draw, n)),
        *violations.linked(draw.rng, draw.clean(n)),
        *violations.pictured(draw.clean(n)),
        *violations.untested(draw.clean(n)),
        *violations.unsolved(draw.clean(n)),
        *dirt.broken_tests(draw.rng, draw.clean(4)),
    ]


def _programs(row: Row) -> list[str]:
    """The accepted programs: none, or the gold one and the same with a comment."""
    return [row.reference, f"# another way\n{row.reference}"] if row.solution else []


def _starter(row: Row) -> str:
    """What a function begins with; programs over standard input begin with nothing."""
    head = row.reference.partition("\n")[0]
    return f"{head}\n\t" if head.startswith("def ") else ""


def _apps(draw: Draw) -> list[Row]:
    base = draw.clean(58)
    rows = [
        *base,
        *draw.repeats(base, 5, 4),
        *_leaked(draw, 2, 2, 1),
        *_against_the_rules(draw, 3),
        *dirt.unicode_oddities(draw.rng, draw.clean(3)),
    ]
    rows = [told(row, difficulty=LEVELS[i % 3]) for i, row in enumerate(rows)]
    return [told(row, place=i) for i, row in enumerate(shuffled(draw.rng, rows))]


def _apps_record(row: Row) -> dict[str, Any]:
    # A set of problems without any solution has "" there, or an empty list.
    solutions = json.dumps(_programs(row)) if row.solution else ("", "[]")[row.more["place"] % 2]
    return {
        "problem_id": row.more["place"],
        "question": row.question,
        "solutions": solutions,
        "input_output": bare_tests(row),
        "difficulty": row.more["difficulty"],
        "url": "",
        "starter_code": _starter(row),
    }


def _taco(draw: Draw) -> list[Row]:
    base = draw.clean(54)
    rows = [
        *base,
        *draw.repeats(base, 4, 3),
        *draw.crossed(["codeparrot/apps"], 10, 4),
        *_leaked(draw, 1, 2, 1),
        *_against_the_rules(draw, 2),
    ]
    return shuffled(draw.rng, [told(row, difficulty=draw.rng.choice(DIFFICULTIES)) for row in rows])


def _taco_record(row: Row) -> dict[str, Any]:
    return {
        "question": row.question,
        "solutions": json.dumps(_programs(row)),
        "starter_code": _starter(row),
        "input_output": bare_tests(row),
        "difficulty": row.more["difficulty"],
        "name": None,
        "source": "generator",
        "url": "",
    }


def _contests(draw: Draw) -> list[Row]:
    base = draw.clean(40)
    rows = [
        *base,
        *draw.repeats(base, 3, 2),
        *draw.crossed(["BAAI/TACO"], 6, 2),
        *_leaked(draw, 1, 1, 0),
        *violations.short(_plain(draw, 2)),
        *violations.pictured(draw.clean(2)),
        *violations.untested(draw.clean(2)),
        *violations.unsolved(draw.clean(2)),
    ]
    return shuffled(draw.rng, rows)


def _contests_record(row: Row) -> dict[str, Any]:
    tests, programs = tests_of(row), _programs(row)
    cases = list(zip(tests.get("inputs", ()), tests.get("outputs", ()), strict=True))

    def part(chosen: list[tuple[str, str]]) -> dict[str, list[str]]:
        return {"input": [given for given, _ in chosen], "output": [wanted for _, wanted in chosen]}

    return {
        "name": f"stand-in {row.family}",
        "description": row.question,
        "public_tests": part(cases[:1]),
        "private_tests": part(cases[1:3]),
        "generated_tests": part(cases[3:]),
        "source": 2,
        "difficulty": 7,
        "solutions": {"language": [PYTHON3] * len(programs), "solution": programs},
        "incorrect_solutions": {"language": [PYTHON3], "solution": ["print(0)"]},
        "cf_rating": 800,
        "cf_tags": [],
    }


def _in_parts(rng: Random, row: Row) -> Row:
    """The statement as the catalogue puts its parts together: a story, the input, the task, the first test as a sample."""
    tests = tests_of(row)
    parts = (dirt.sentences(rng, 120).strip(), "There is one line of input.", row.question)
    sample = f"Sample Input\n{tests['inputs'][0]}\nSample Output\n{tests['outputs'][0]}"
    return replace(row, question="\n".join((*parts, sample)))


def _rejected(rng: Random, problem: Row) -> Row:
    return replace(told(problem, verdict=rng.choice(VERDICTS)), reference="print(0)", kind="rejected_submission")


def _submissions(draw: Draw) -> list[Row]:
    """Problems with one submission or several, some with a link, some that nobody solved."""
    base = draw.clean(28)
    linked = [
        replace(row, question="See http://example.org/rules first. " + row.question, kind="link")
        for row in draw.clean(2)
    ]
    solved = [*base, *draw.repeats(base, 0, 2), *linked]
    accepted = [told(row, verdict="OK") for row in (*solved, *draw.repeats(base, 14, 0))]
    tried = [*draw.rng.choices(solved, k=40), *draw.clean(4)]
    return shuffled(draw.rng, [*accepted, *(_rejected(draw.rng, row) for row in tried)])


def _submission_record(row: Row) -> dict[str, Any]:
    description, given, wanted, *_ = row.question.split("\n")
    tests = tests_of(row)
    cases = zip(tests["inputs"], tests["outputs"], strict=True)
    return {
        "contestId": 1,
        "index": "A",
        "name": f"stand-in {row.family}",
        "rating": 800,
        "tags": [],
        "problem-description": description,
        "input-specification": given,
        "output-specification": wanted,
        "demo-input": tests["inputs"][:2],
        "demo-output": tests["outputs"][:2],
        "test_cases": [{"input": given, "output": wanted} for given, wanted in cases],
        "programmingLanguage": "Python 3",
        "verdict": row.more["verdict"],
        "code": row.reference,
    }


TOLD = story(violations.MIN_CHARACTERS)
STAND_INS = {
    "codeparrot/apps": StandIn("code", ("stdin", "call"), _apps, _apps_record, (40,), TOLD),
    "BAAI/TACO": StandIn("code", ("stdin", "call"), _taco, _taco_record, (60,), TOLD),
    "deepmind/code_contests": StandIn("code", ("stdin",), _contests, _contests_record, (44, 8), TOLD),
    "MatrixStudio/Codeforces-Python-Submissions": StandIn(
        "code", ("stdin",), _submissions, _submission_record, (70,), _in_parts
    ),
}
