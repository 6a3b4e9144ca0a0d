"""An engine that answers by a rule, and keeps a list of what it was asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ot_resources.generators.engine import Completion
from ot_resources.interfaces import FinishReason, Message, Request, Sampling


def ask(text: str, sample: int = 0, **sampling: object) -> Request:
    return Request((Message("user", text),), Sampling(**sampling), sample)  # type: ignore[arg-type]


def echo(request: Request) -> Completion:
    """`<think>` and the question; the question `bad` cannot be answered."""
    text = request.messages[-1].content
    if text == "bad":
        return Completion("", FinishReason.ERROR, 1, 0, "the model refused")
    return Completion(f"<think>about {text}</think>{text}#{request.sample}", FinishReason.STOP, 2, 3)


@dataclass
class RuleEngine:
    """Answers in the order that `order` gives; waits `seconds` for each; notes what it was asked in `log` too."""

    answer: Callable[[Request], Completion] = echo
    order: Callable[[list[int]], list[int]] = list
    seconds: float = 0.0
    log: Path | None = None
    asked: list[Request] = field(default_factory=list)
    name: str = "rule 1"
    model: str = "rule@1"

    def complete(self, requests: Sequence[Request], seeds: Sequence[int]) -> Iterator[tuple[int, Completion]]:
        assert len(requests) == len(seeds)
        for position in self.order(list(range(len(requests)))):
            self.asked.append(requests[position])
            if self.log:
                with self.log.open("a") as file:
                    file.write(f"{requests[position].messages[-1].content}\n")
            time.sleep(self.seconds)
            yield position, self.answer(requests[position])
