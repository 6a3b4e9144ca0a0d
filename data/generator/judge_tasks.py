"""What the embedded judge is trained on: tasks of a judge and of a writer, drawn without end from the families.

One row, of the task "Compare an answer with its reference." (`ot_assets.strategies.tasks`; the data is the user message):

    Question: Ada has 3 boxes of 4 keys and 5 loose keys. How many keys in total?\n\nReference: 17\n\nAnswer: The answer is \\boxed{19}.
    {"reason":"The reference gives 17, the answer 19: 1 1 same, 7 9 other.","correct":false}

Replies are compact JSON in the forms of the strategies. Every reason says first what the verdict follows from, side by
side, since a model of this size decides nothing in one step: whether two numbers are equal, digit by digit. What is
right is known, because the questions are our own.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from random import Random

from data.generator.curriculum import drill
from data.generator.families import FAMILIES, draw
from data.generator.families.puzzle import DAYS
from data.generator.families.science import PHYSICS
from data.generator.problem import Problem, is_held_out
from data.generator.samples.seeds import FACTS
from data.generator.wording import CLOSERS, ITEMS, NAMES, OPENERS, PLACES, WEATHER
from ot_assets.strategies import tasks

REASON_CHARS = 200
# Without code: whether a program is right is found out by running it.
ANSWERED = ("math", "science", "puzzle")
# Which share of the tasks each is.
MIX = {
    tasks.SAME_ANSWER: 0.18,
    tasks.IS_CORRECT: 0.15,
    tasks.DIFFICULTY: 0.10,
    tasks.ASK_LLM: 0.10,
    tasks.MAJORITY: 0.03,
    tasks.FROM_TEXT: 0.11,
    tasks.EXTRACT: 0.13,
    tasks.SELF_CONTAINED: 0.06,
    tasks.ANSWERABLE: 0.05,
    tasks.TOPIC: 0.04,
    tasks.EVOLVE: 0.03,
    tasks.REWRITE: 0.02,
}
INCOMPLETE_RATING = 5
BIG = 50
# How far a rating of 1 to 100 may be off and still count, in the bench.
ASK_LLM_MARGIN = 5


@dataclass(frozen=True)
class Case:
    """One request to the judge and the reply it should give. `question` is what decides whether it is held out."""

    task: str
    data: str
    reply: dict
    question: str

    @property
    def text(self) -> str:
        return json.dumps(self.reply, separators=(",", ":"), ensure_ascii=False)


# What the truth is


def steps(problem: Problem) -> list[str]:
    """The lines of the worked solution; of a program, its lines."""
    if problem.tests is not None:
        return problem.reference.splitlines()
    return problem.solution.partition("<think>\n")[2].partition("\n</think>")[0].splitlines()


def largest_number(text: str) -> int:
    """The largest whole number in a text; 0 where there is none."""
    return max(map(int, re.findall(r"\d+", text)), default=0)


def difficulty_of(problem: Problem) -> int:
    """1 to 10: two levels a step of the worked solution (a line of the program), one more where numbers are big."""
    return max(1, min(10, 2 * len(steps(problem)) - 1 + (largest_number(problem.question) >= BIG)))


def worth_of(problem: Problem) -> int:
    """1 to 100: ten a step, and one for every full ten of the largest number, at most 9."""
    return min(100, 10 * len(steps(problem)) + min(9, largest_number(problem.question) // 10))


def effort(problem: Problem) -> str:
    n, largest = len(steps(problem)), largest_number(problem.question)
    return f"The largest number is {largest}, {'big' if largest >= BIG else 'small'}; {n} step{'s' * (n > 1)}."


# Answers, right and wrong


def told(problem: Problem) -> str:
    """A worked solution as a textbook would print it: without the think tags."""
    return problem.solution.replace("<think>\n", "").replace("\n</think>", "")


def wrong_value(rng: Random, problem: Problem) -> str:
    """Another value of the same kind, often a near one."""
    value = problem.reference
    if value in DAYS:
        return rng.choice([day for day in DAYS if day != value])
    if not value.isdigit():
        last = max("E", value) if problem.family == "choice" else "Z"
        return rng.choice([chr(c) for c in range(ord("A"), ord(last) + 1) if chr(c) != value])
    number = int(value)
    near = [number + d for d in (-10, -2, -1, 1, 2, 10)]
    swapped = int(value[::-1]) if len(value) > 1 else 10 * number
    inner = [int(n) for line in steps(problem) for n in re.findall(r"\d+", line)]
    digit = rng.randrange(len(value))
    changed = int(value[:digit] + rng.choice("0123456789") + value[digit + 1 :])
    wrong = rng.choice([rng.choice(near), swapped, rng.choice(inner or near), changed, changed, rng.randint(1, 200)])
    return str(wrong) if wrong >= 0 and wrong != number else wrong_value(rng, problem)


def answer_text(rng: Random, problem: Problem, value: str) -> str:
    """An answer that ends in `value`: mostly the boxed sentence, sometimes with the work before it, or bare."""
    sentence = f"The answer is \\boxed{{{value}}}."
    style = rng.random()
    if style < 0.55:
        return sentence
    if style < 0.85:
        lines = steps(problem)
        lines[-1] = re.sub(rf"\b{re.escape(problem.reference)}$", value, lines[-1])
        return "\n".join(lines) + "\n\n" + sentence
    return rng.choice((value, f"\\boxed{{{value}}}", f"It is {value}.", f"So we get {value}."))


def no_answer(rng: Random, problem: Problem) -> str:
    return rng.choice(("I do not know.", "This cannot be said.", "\n".join(steps(problem)[:-1]) or "Let me see."))


def _answered(rng: Random) -> tuple[Problem, str, str | None]:
    """A problem, an answer to it, and the value that the answer gives (None: no value). Half of them are right."""
    problem = draw(rng, rng.choice(ANSWERED))
    luck = rng.random()
    if luck < 0.08:
        return problem, no_answer(rng, problem), None
    value = problem.reference if luck < 0.54 else wrong_value(rng, problem)
    return problem, answer_text(rng, problem, value), value


def compared(first: str, second: str | None) -> str:
    """Two values digit by digit (words as they are): `3 3 same, 0 1 other`; `-` where one has no more."""
    if second is None:
        return "other"
    whole = not (first.isdigit() and second.isdigit())
    pairs = [(first, second)] if whole else list(zip_longest(first, second, fillvalue="-"))
    return ", ".join(f"{a} {b} {'same' if a == b else 'other'}" for a, b in pairs)


def same_answer(rng: Random) -> Case:
    problem, answer, value = _answered(rng)
    style, right = rng.random(), problem.reference
    reference = right if style < 0.5 else told(problem) if style < 0.8 else f"The answer is \\boxed{{{right}}}."
    data = tasks.labelled(question=problem.question, reference=reference, answer=answer)
    reason = f"The reference gives {right}, the answer {value or 'nothing'}: {compared(right, value)}."
    reply = {"reason": reason, "correct": value == right}
    return Case(tasks.SAME_ANSWER, data, reply, problem.question)


def is_correct(rng: Random) -> Case:
    problem, answer, value = _answered(rng)
    ending = f"; the answer gives {value or 'nothing'}: {compared(problem.reference, value)}."
    lines = steps(problem)
    if problem.family in ("calendar", "letters", "choice"):
        lines = [*lines, problem.reference]
    while len("; ".join(lines) + ending) > REASON_CHARS:
        lines = lines[1:]
    data = tasks.labelled(question=problem.question, answer=answer)
    reply = {"reason": "; ".join(lines) + ending, "correct": value == problem.reference}
    return Case(tasks.IS_CORRECT, data, reply, problem.question)


def majority(rng: Random) -> Case:
    """Two to five answers to one question; the largest group of equal ones, the first of groups of one size."""
    problem = draw(rng, rng.choice(ANSWERED))
    values = [problem.reference, wrong_value(rng, problem), wrong_value(rng, problem)]
    said = rng.choices(values, weights=(5, 2, 1), k=rng.randint(2, 5))
    most = max(said, key=said.count)
    style = rng.random()
    shown = [f"The answer is \\boxed{{{v}}}." if style < 0.7 else answer_text(rng, problem, v) for v in said]
    data = tasks.labelled(**{f"answer {i}": text for i, text in enumerate(shown)})
    if len(data) > 400:  # the window is 256 tokens
        return majority(rng)
    listed = ", ".join(f"{i}: {v}" for i, v in enumerate(said))
    reply = {"reason": f"{listed}; most say {most}.", "picked": [i for i, v in enumerate(said) if v == most]}
    return Case(tasks.MAJORITY, data, reply, problem.question)


# Ratings of questions


def incomplete(rng: Random, problem: Problem) -> str | None:
    """The question without what it asks for, or without its numbers; None where neither can be cut off."""
    split = asked_and_told(problem.question)
    if split is None:
        return None
    facts, asked = split
    return facts if rng.random() < 0.5 or re.search(r"\d", asked) else asked


def _rated(rng: Random) -> Problem:
    return drill(rng) if rng.random() < 0.08 else draw(rng, rng.choice(list(FAMILIES)))


def difficulty(rng: Random) -> Case:
    problem = _rated(rng)
    reply = {"reason": effort(problem), "rating": difficulty_of(problem)}
    return Case(tasks.DIFFICULTY, problem.question, reply, problem.question)


def ask_llm(rng: Random) -> Case:
    problem = _rated(rng)
    if rng.random() < 0.15 and (broken := incomplete(rng, problem)):
        reply = {"reason": "Something is missing.", "rating": INCOMPLETE_RATING}
        return Case(tasks.ASK_LLM, broken, reply, problem.question)
    reply = {"reason": effort(problem), "rating": worth_of(problem)}
    return Case(tasks.ASK_LLM, problem.question, reply, problem.question)


# Texts, pages, and questions made of them

_ASKS = re.compile(r"\?$|^(Find|Count|Compute|Calculate|Determine|Give|Add up|What|How)\b")
_SENTENCE = re.compile(r"(?<=[.?!]) (?=[A-Z])")


def _pattern(template: str) -> str:
    return re.sub(r"\\{\w+\\}", r"\\w+", re.escape(template))


_CONTEXT = re.compile("|".join(map(_pattern, (*OPENERS, *CLOSERS))))


def undressed(question: str) -> str:
    """The question without the sentences of context that `wording.dress` put around it."""
    return " ".join(s for s in _SENTENCE.split(question) if not _CONTEXT.fullmatch(s))


def asked_and_told(question: str) -> tuple[str, str] | None:
    """(what it tells, what it asks), where the last sentence asks and those before it hold the numbers."""
    *told_first, asked = _SENTENCE.split(undressed(question))
    if not told_first or not _ASKS.search(asked) or re.search(r"\d", asked):
        return None
    facts = " ".join(told_first)
    return (facts, asked) if re.search(r"\d", facts) and not re.search(r"\?", facts) else None


def context(rng: Random) -> str:
    name, other = rng.sample(NAMES, 2)
    return rng.choice(OPENERS).format(name=name, other=other, place=rng.choice(PLACES), weather=rng.choice(WEATHER))


def _story(rng: Random) -> tuple[Problem, str, str]:
    """A problem whose facts stand apart from its question: (problem, facts, question)."""
    while True:
        problem = draw(rng, rng.choice(ANSWERED))
        if found := asked_and_told(problem.question):
            return problem, *found


# What can be asked about the facts of the stand-in for a set of texts, how it is worked out, and the result.
_ABOUT = dict(
    zip(
        FACTS,
        (
            "How many {items} are there in total?|{a} * {b} = {ab}; {ab} + {c} = {ab_c}|{ab_c}",
            "What area is left?|{a} * {b} = {ab}; {ab} - {c} = {ab_less_c}|{ab_less_c}",
            "What is the sum of their ages?|{c} + {b} = {cb}; {c} + {cb} = {c_cb}|{c_cb}",
            "How much change comes back?|{a} * {b} = {ab}; {paid} - {ab} = {c}|{c}",
            "How many {items} does that friend have?|{product} / {a} = {b}; {b} + {c} = {cb}|{cb}",
            "What is the sum of the scores?|{a} + {b} = {a_b}; {a_b} + {c} = {a_b_c}|{a_b_c}",
        ),
        strict=True,
    )
)


def _fact(rng: Random) -> tuple[str, str, str]:
    """A text of that set, what it asks, and the worked answer on one line."""
    fact, (name, other) = rng.choice(FACTS), rng.sample(NAMES, 2)
    a, b, c = rng.randint(3, 12), rng.randint(3, 12), rng.randint(2, 20)
    words = {"name": name, "other": other, "place": rng.choice(PLACES), "items": rng.choice(ITEMS)}
    words |= {"a": a, "b": b, "c": c, "paid": a * b + c, "product": a * b, "ab": a * b, "ab_c": a * b + c}
    words |= {"ab_less_c": a * b - c, "cb": c + b, "c_cb": c + c + b, "a_b": a + b, "a_b_c": a + b + c}
    asked, work, result = _ABOUT[fact].format(**words).split("|")
    return fact.format(**words), asked, f"{work}. The answer is \\boxed{{{result}}}."


def from_text(rng: Random) -> Case:
    """The text, with what it does not matter for, becomes a question with a worked answer."""
    if rng.random() < 0.5:
        facts, asked, answer = _fact(rng)
    else:
        problem, facts, asked = _story(rng)
        answer = flat(problem)
    text = f"{context(rng)} {facts}" if rng.random() < 0.7 else facts
    question = f"{text} {asked}"
    return Case(tasks.FROM_TEXT, text, {"question": question, "answer": answer}, question)


def flat(problem: Problem) -> str:
    """The worked solution on one line."""
    return "; ".join(steps(problem)) + f". The answer is \\boxed{{{problem.reference}}}."


_HEADINGS = ("Exercises", "Problems", "Practice", "Examples", "Review questions", "Homework")


def _page(rng: Random, body: str) -> str:
    page, heading = rng.randint(2, 300), rng.choice(_HEADINGS)
    top = rng.choice((f"{heading}\n\n", f"Page {page}\n\n", f"Chapter {rng.randint(1, 12)}. {heading}\n\n", ""))
    return top + body + rng.choice(("", f"\n\nPage {page}", f"\n\n{context(rng)}"))


def _exercise(rng: Random) -> tuple[Problem, str]:
    """A problem, and a page with it and its solution."""
    while True:
        problem = draw(rng, rng.choice(ANSWERED))
        if len(problem.question) + len(flat(problem)) < 260:
            break
    number = rng.randint(1, 30)
    lead = rng.choice((f"{number}. ", f"Problem {number}. ", "Question: ", f"Exercise {number}: "))
    tail = rng.choice(("Solution. ", "Solution: ", "Answer: "))
    return problem, _page(rng, f"{lead}{problem.question}\n\n{tail}{flat(problem)}")


def extract(rng: Random) -> Case:
    """A page with one question and its solution, or with none."""
    if rng.random() < 0.2:
        data = _page(rng, " ".join(context(rng) for _ in range(rng.randint(2, 4))))
        return Case(tasks.EXTRACT, data, {"found": False, "question": "", "answer": ""}, data)
    problem, data = _exercise(rng)
    reply = {"found": True, "question": problem.question, "answer": flat(problem)}
    return Case(tasks.EXTRACT, data, reply, problem.question)


def self_contained(rng: Random) -> Case:
    """A question and the page that it was found in, or the facts that it lacks: the two as one question."""
    if rng.random() < 0.6:
        problem, page = _exercise(rng)
        data = tasks.labelled(question=problem.question, context=page)
        if len(data) < 420:
            return Case(tasks.SELF_CONTAINED, data, {"question": problem.question}, problem.question)
    problem, facts, asked = _story(rng)
    data = tasks.labelled(question=asked, context=facts)
    return Case(tasks.SELF_CONTAINED, data, {"question": f"{facts} {asked}"}, problem.question)


def answerable(rng: Random) -> Case:
    problem = draw(rng, rng.choice(list(FAMILIES)))
    if rng.random() < 0.6 and (broken := incomplete(rng, problem)):
        reply = {"reason": "Something is missing.", "answer": False}
        return Case(tasks.ANSWERABLE, broken, reply, problem.question)
    return Case(tasks.ANSWERABLE, problem.question, {"reason": "Nothing is missing.", "answer": True}, problem.question)


def subject_of(problem: Problem) -> str:
    if problem.domain != "science" or problem.family == "choice":
        return {"math": "mathematics", "code": "programming", "puzzle": "puzzles", "science": "physics"}[problem.domain]
    return (
        "physics" if problem.family in PHYSICS else "chemistry" if problem.family in ("moles", "atoms") else "biology"
    )


SUBJECTS = ("mathematics", "programming", "puzzles", "physics", "chemistry", "biology")


def topic(rng: Random) -> Case:
    problem = draw(rng, rng.choice(list(FAMILIES)))
    subject = subject_of(problem)
    wanted = subject if rng.random() < 0.5 else rng.choice(SUBJECTS)
    reply = {"reason": f"{wanted} {subject} {'same' if wanted == subject else 'other'}.", "answer": wanted == subject}
    return Case(tasks.TOPIC, tasks.labelled(topic=wanted, question=problem.question), reply, problem.question)


def evolve(rng: Random) -> Case:
    """The question with one more step at its end."""
    problem = draw(rng, rng.choice(ANSWERED))
    more = rng.choice(("Then add 7 to it.", "Then multiply it by 3.", "Then double it."))
    return Case(tasks.EVOLVE, problem.question, {"question": f"{problem.question} {more}"}, problem.question)


def rewrite(rng: Random) -> Case:
    """The question without its setting, or with one."""
    problem = draw(rng, rng.choice(ANSWERED))
    core = undressed(problem.question)
    question = f"Here is a small task. {core}" if core == problem.question else core
    return Case(tasks.REWRITE, problem.question, {"question": question}, problem.question)


DRAW: dict[str, Callable[[Random], Case]] = {
    tasks.SAME_ANSWER: same_answer,
    tasks.IS_CORRECT: is_correct,
    tasks.DIFFICULTY: difficulty,
    tasks.ASK_LLM: ask_llm,
    tasks.MAJORITY: majority,
    tasks.FROM_TEXT: from_text,
    tasks.EXTRACT: extract,
    tasks.SELF_CONTAINED: self_contained,
    tasks.ANSWERABLE: answerable,
    tasks.TOPIC: topic,
    tasks.EVOLVE: evolve,
    tasks.REWRITE: rewrite,
}


def training_cases(rng: Random, n: int) -> list[Case]:
    """`n` cases in the mix, none of them of a held-out question."""
    cases: list[Case] = []
    while len(cases) < n:
        case = DRAW[rng.choices(list(MIX), list(MIX.values()))[0]](rng)
        if not is_held_out(case.question):
            cases.append(case)
    return cases


def unseen_cases(rng: Random, task: str, n: int) -> Sequence[Case]:
    """`n` cases of `task` about distinct held-out questions."""
    cases: dict[str, Case] = {}
    while len(cases) < n:
        case = DRAW[task](rng)
        if is_held_out(case.question):
            cases.setdefault(case.question, case)
    return list(cases.values())
