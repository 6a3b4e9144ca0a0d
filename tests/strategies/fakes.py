"""A generator that answers by a function of the question, for tests of what the stages do with responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ot_resources.interfaces import FinishReason, Request, Response


def reply(text: str, reasoning: str | None = None, finish: FinishReason = FinishReason.STOP) -> Response:
    """A response of `text` and, if given, reasoning."""
    whole = text if reasoning is None else f"<think>{reasoning}</think>{text}"
    return Response("", "fake@1", whole, reasoning, text, finish, 3, len(whole))


def failure(why: str) -> Response:
    """What comes back for a request that could not be answered."""
    return Response("", "fake@1", "", None, "", FinishReason.ERROR, 0, 0, error=why)


@dataclass
class FakeGenerator:
    """Keeps `window` requests in flight, as a batching engine does, and remembers what it was asked."""

    answer: Callable[[Request], Response]
    window: int = 8
    model: str = "fake@1"
    asked: list[Request] = field(default_factory=list)

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        flight: list[Request] = []
        for request in requests:
            self.asked.append(request)
            flight.append(request)
            if len(flight) == self.window:
                yield from self._finish(flight)
        yield from self._finish(flight)

    def _finish(self, flight: list[Request]) -> Iterator[Response]:
        while flight:
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
