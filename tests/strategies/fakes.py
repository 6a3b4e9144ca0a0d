"""A generator that answers by a function of the question, for tests of what the stages do with responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ot_resources.interfaces import FinishReason, Generator, Request, Response


def reply(text: str, reasoning: str | None = None, finish: FinishReason = FinishReason.STOP) -> Response:
    """A response of `text` and, if given, reasoning."""
    whole = text if reasoning is None else f"<think>{reasoning}</think>{text}"
    return Response("", "fake@1", whole, reasoning, text, finish, 3, len(whole))


def says(**form: Any) -> Response:
    """A reply of a form, as a model that is held to its schema writes it."""
    return reply(json.dumps(form))


def failure(why: str) -> Response:
    """What comes back for a request that could not be answered."""
    return Response("", "fake@1", "", None, "", FinishReason.ERROR, 0, 0, error=why)


@dataclass
class FakeGenerator:
    """Keeps `window` requests in flight, as a batching engine does, and remembers what it was asked.

    Where the requests wait for responses, it gives `patience` of those that it has before it reads on.
    """

    answer: Callable[[Request], Response]
    window: int = 8
    patience: int = 1
    model: str = "fake@1"
    asked: list[Request] = field(default_factory=list)

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        flight: list[Request] = []
        for request in requests:
            if request is None:
                assert flight, "the requests wait for responses, and all responses were given"
                yield from self._finish(flight, self.patience)
                continue
            self.asked.append(request)
            flight.append(request)
            if len(flight) == self.window:
                yield from self._finish(flight, self.window)
        yield from self._finish(flight, len(flight))

    def _finish(self, flight: list[Request], responses: int) -> Iterator[Response]:
        for _ in range(min(responses, len(flight))):
            request = flight.pop(0)
            made = self.answer(request)
            number = f"{request.messages[-1].content}#{request.sample}"
            yield Response(
                number,
                made.model,
                made.text,
                made.reasoning,
                made.answer,
                made.finish_reason,
                made.prompt_tokens,
                made.completion_tokens,
                made.error,
            )


@dataclass
class FirstLines:
    """A real generator that sees only the first line of a system message: for a model whose window is small."""

    generator: Generator

    @property
    def model(self) -> str:
        return self.generator.model

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        return self.generator.generate(map(self._short, requests))

    def _short(self, request: Request | None) -> Request | None:
        if request is None:
            return None
        messages = tuple(
            replace(message, content=message.content.partition("\n")[0]) if message.role == "system" else message
            for message in request.messages
        )
        return replace(request, messages=messages)
