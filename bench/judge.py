"""How good the embedded judge is on cases about questions that it never saw.

    python -m bench.judge --n 400

Asked as the strategies ask: a system message of which it reads the first line, a schema that the reply is held to,
temperature 0 for verdicts and 1 for ratings. Prints one Markdown row per task and measure: cases, share with Wilson's
95% interval, and the share that the best constant reply would reach. Cases are drawn by `data.generator.judge_tasks`
from the held-out 5% of the question space; a reply that is cut off counts as wrong.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel

from bench.teacher import wilson
from data.generator.judge_tasks import ASK_LLM_MARGIN, Case, undressed, unseen_cases
from ot_assets.strategies import tasks
from ot_assets.strategies.asking import ask_each
from ot_assets.strategies.filter import rating
from ot_assets.strategies.filter.ask_llm import BEST
from ot_assets.strategies.filter.difficulty import HARDEST
from ot_assets.strategies.select import judged, majority_judge
from ot_assets.strategies.sources import evolve, extract, from_text, rewrite
from ot_assets.strategies.verify import judge
from ot_resources.generators import open_generator
from ot_resources.interfaces import Message

MAX_TOKENS = 256
TEMPERATURES = {tasks.DIFFICULTY: 1.0, tasks.ASK_LLM: 1.0}
Reply = dict[str, Any]


def form(case: Case) -> type[BaseModel]:
    """What the reply must be: the form of the strategy that asks."""
    if case.task == tasks.MAJORITY:
        return majority_judge._form(case.data.count("Answer "))
    return {
        tasks.SAME_ANSWER: judge.Comparison,
        tasks.IS_CORRECT: judged.Opinion,
        tasks.DIFFICULTY: rating._form(HARDEST),
        tasks.ASK_LLM: rating._form(BEST),
        tasks.FROM_TEXT: from_text._Problem,
        tasks.EVOLVE: evolve._Evolved,
        tasks.REWRITE: rewrite._Rewritten,
        tasks.EXTRACT: extract._Found,
        tasks.SELF_CONTAINED: extract._Complete,
        tasks.ANSWERABLE: extract._YesNo,
        tasks.TOPIC: extract._YesNo,
    }[case.task]


def same(*fields: str) -> Callable[[Case, Reply], bool]:
    return lambda case, reply: all(reply[field] == case.reply[field] for field in fields)


def near(margin: int) -> Callable[[Case, Reply], bool]:
    return lambda case, reply: abs(reply["rating"] - case.reply["rating"]) <= margin


def one_step_more(case: Case, reply: Reply) -> bool:
    return reply["question"].startswith(case.data) and len(reply["question"]) > len(case.data) + 5


def same_core(case: Case, reply: Reply) -> bool:
    return undressed(reply["question"]) == undressed(case.data) and reply["question"] != case.data


def solved(case: Case, reply: Reply) -> bool:
    return reply["question"] == case.reply["question"] and reply["answer"].endswith(
        case.reply["answer"].split("; ")[-1]
    )


def _is(field: str, value: Any) -> Callable[[Case], bool]:
    return lambda case: case.reply.get(field) == value


def anything(_: Case) -> bool:
    return True


# Task, what is measured, of which cases, and when a reply is right.
MEASURES: tuple[tuple[str, str, Callable[[Case], bool], Callable[[Case, Reply], bool]], ...] = (
    (tasks.SAME_ANSWER, "verdict", anything, same("correct")),
    (tasks.SAME_ANSWER, "right answers accepted", _is("correct", True), same("correct")),
    (tasks.SAME_ANSWER, "wrong answers refused", _is("correct", False), same("correct")),
    (tasks.IS_CORRECT, "verdict", anything, same("correct")),
    (tasks.IS_CORRECT, "right answers accepted", _is("correct", True), same("correct")),
    (tasks.IS_CORRECT, "wrong answers refused", _is("correct", False), same("correct")),
    (tasks.MAJORITY, "the very answers", anything, same("picked")),
    (tasks.DIFFICULTY, "the level", anything, same("rating")),
    (tasks.DIFFICULTY, "at most 1 off", anything, near(1)),
    (tasks.ASK_LLM, f"at most {ASK_LLM_MARGIN} off", anything, near(ASK_LLM_MARGIN)),
    (tasks.ANSWERABLE, "verdict", anything, same("answer")),
    (tasks.SELF_CONTAINED, "the very question", anything, same("question")),
    (tasks.TOPIC, "verdict", anything, same("answer")),
    (tasks.FROM_TEXT, "the very question", anything, same("question")),
    (tasks.FROM_TEXT, "and its answer right", anything, solved),
    (tasks.EXTRACT, "whether there is one", anything, same("found")),
    (tasks.EXTRACT, "question and answer, word for word", _is("found", True), same("question", "answer")),
    (tasks.EVOLVE, "the question and more", anything, one_step_more),
    (tasks.REWRITE, "the same without its setting, or in one", anything, same_core),
)


def ask(spec: str, cases: Sequence[Case]) -> list[Reply | None]:
    """The replies to the cases of one task, in order; None where there was none of the form."""
    with open_generator(spec) as generator:

        def requests() -> Iterator[tuple[tuple[Message, ...], type[BaseModel]]]:
            for case in cases:
                yield tasks.instruct(case.task, "Further instructions are not read.", case.data), form(case)

        replies = ask_each(
            generator, requests(), temperature=TEMPERATURES.get(cases[0].task, 0.0), max_tokens=MAX_TOKENS
        )
        return [reply.value.model_dump() if reply.value else None for reply in replies]


def guess(cases: Sequence[Case], right: Callable[[Case, Reply], bool]) -> float:
    """The share that the reply fits which fits most: the best that a judge can do who reads nothing."""
    tried = Counter(json.dumps(case.reply) for case in cases)
    fits = (sum(right(case, json.loads(reply)) for case in cases) for reply in tried)
    return max(fits) / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--judge", default="embedded:data/judge", help="engine[:model], as in OT_JUDGE")
    parser.add_argument("--n", type=int, default=400, help="cases per task")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--replies", type=Path, help="write cases and replies here, one JSON object per line")
    options = parser.parse_args()
    print("| task | measure | n | share | 95% interval | by guessing |\n|---|---|---|---|---|---|")
    seconds, lines = 0.0, []
    for task in dict.fromkeys(measure[0] for measure in MEASURES):
        cases = unseen_cases(Random(f"{options.seed} {task}"), task, options.n)
        began = time.perf_counter()
        replies = ask(options.judge, cases)
        seconds += time.perf_counter() - began
        lines += [
            json.dumps({"task": task, "data": case.data, "wanted": case.reply, "reply": reply})
            for case, reply in zip(cases, replies, strict=True)
        ]
        for _, what, which, right in (measure for measure in MEASURES if measure[0] == task):
            chosen = [(case, reply) for case, reply in zip(cases, replies, strict=True) if which(case)]
            hits = sum(reply is not None and right(case, reply) for case, reply in chosen)
            low, high = wilson(hits, len(chosen))
            share = f"{hits / len(chosen):.1%} | {low:.1%} to {high:.1%} | {guess([c for c, _ in chosen], right):.1%}"
            print(f"| {task} | {what} | {len(chosen)} | {share} |", flush=True)
    print(f"\nseed {options.seed}, {seconds:,.0f} s for {len(lines):,} cases")
    if options.replies:
        options.replies.write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
