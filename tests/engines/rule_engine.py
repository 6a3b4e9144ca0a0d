"""An engine that answers by a rule, and keeps a list of what it was asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ot_resources.generators.engine import Completion, refused
from ot_resources.generators.flight import Runner
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.interfaces import FinishReason, Message, Request, Sampling


def ask(text: str, sample: int = 0, **sampling: object) -> Request:
    return Request((Message("user", text),), Sampling(**sampling), sample)  # type: ignore[arg-type]


def echo(request: Request) -> Completion:
    """`<think>` and the question; the question `bad` cannot be answered now."""
    text = request.messages[-1].content
    if text == "bad":
        return Completion("", FinishReason.ERROR, 1, 0, "the model refused")
    if text == "too long":
        return refused("the prompt is too long")
    return Completion(f"<think>about {text}</think>{text}#{request.sample}", FinishReason.STOP, 2, 3)


@dataclass
class RuleEngine:
    """Answers after `seconds` (of each request); notes what it was asked in `log` too."""

    answer_of: Callable[[Request], Completion] = echo
    seconds: Callable[[Request], float] = lambda request: 0.0
    log: Path | None = None
    asked: list[Request] = field(default_factory=list)
    answered: list[Request] = field(default_factory=list)
    concurrency: int = 64
    most_at_once: int = 0
    starts: int = 0
    stops: int = 0
    name: str = "rule 1"
    model: str = "rule@1"

    async def start(self) -> None:
        self.starts += 1

    async def stop(self) -> None:
        self.stops += 1

    async def answer(self, request: Request, seed: int) -> Completion:
        self.asked.append(request)
        self.most_at_once = max(self.most_at_once, len(self.asked) - len(self.answered))
        self._note("asked", request)
        await asyncio.sleep(self.seconds(request))
        completion = self.answer_of(request)
        self.answered.append(request)
        self._note("answered", request)
        return completion

    def _note(self, what: str, request: Request) -> None:
        if self.log:
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, f"{what} {request.messages[-1].content}\n".encode())
            os.close(descriptor)


def generator(engine: RuleEngine, ledger: Ledger, *where: str, **settings: Any) -> LedgeredGenerator:
    """The engine behind a ledger. Its thread ends with the process."""
    return LedgeredGenerator(engine.model, lambda: Runner(engine), ledger, *where, **settings)
