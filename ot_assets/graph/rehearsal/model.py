"""A model that is not asked: it answers from the ledger, and with stand-ins where that has nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from ot_assets.graph.rehearsal.lengths import Lengths, Way
from ot_assets.graph.rehearsal.scenario import Scenario
from ot_assets.graph.rehearsal.standins import stand_in
from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.engine import Completion, request_key
from ot_resources.generators.ledger import Ledger
from ot_resources.generators.reasoning import split_reasoning
from ot_resources.generators.usage import Usage
from ot_resources.interfaces import FinishReason, Request, Response

_BLOCK = 512


@dataclass
class Tally:
    """What a stage asked: `reused` is in the ledger, or asked earlier in the same run. `made_up` got stand-ins."""

    requests: int = 0
    reused: int = 0
    made_up: int = 0
    ways: dict[bytes, Way] = field(default_factory=dict)

    @property
    def new(self) -> int:
        return self.requests - self.reused


@dataclass(frozen=True)
class Habits:
    """What is known of a stage's answers: the share that is right, that fails; after how many right ones it ends."""

    right: float
    failed: float
    accepted: int | None = None


@dataclass
class RehearsedModel:
    """Stands where `LanguageModel` does. `habits` and `tallies` are by the name of the asset that asks.

    `asked` are the new requests of the whole rehearsal: what two stages ask is asked once.
    """

    identity: str
    lengths: Lengths
    ledger: Ledger
    scenario: Scenario
    habits: dict[str, Habits]
    asked: set[str] = field(default_factory=set)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def generator(self, run_id: str, asset: str, budget: Budget = UNLIMITED) -> RehearsedGenerator:
        return RehearsedGenerator(self, self.tallies.setdefault(asset, Tally()), self.habits[asset])


class RehearsedGenerator:
    """The generator of one stage. What it makes up counts as `transient`: the stage's table is never found again."""

    def __init__(self, rehearsed: RehearsedModel, tally: Tally, habits: Habits) -> None:
        self.model = rehearsed.identity
        self.usage = Usage()
        self.expected: int | None = None
        self.ledger = _Open()
        self._rehearsed = rehearsed
        self._tally = tally
        self._habits = habits
        self._right: dict[tuple[object, ...], int] = {}

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        block: list[Request] = []
        for request in requests:
            if request is not None:
                block.append(request)
            elif not block:
                raise RuntimeError("the requests wait for responses, and all responses were given")
            if request is None or len(block) == _BLOCK:
                yield from self._responses(block)
                block = []
        yield from self._responses(block)

    def _responses(self, block: list[Request]) -> Iterator[Response]:
        keys = [request_key(self.model, request) for request in block]
        stored = self._rehearsed.ledger.read(keys)
        for key, request in zip(keys, block, strict=True):
            self._tally.requests += 1
            completion = stored.get(key)
            if completion is not None:
                self._tally.reused += 1
                self._rehearsed.lengths.learn(request, completion)
            else:
                completion = self._made_up(key, request)
            yield Response(
                key,
                self.model,
                completion.text,
                *split_reasoning(completion.text),
                completion.finish_reason,
                completion.prompt_tokens,
                completion.completion_tokens,
                completion.error,
            )

    def _made_up(self, key: str, request: Request) -> Completion:
        self.usage.transient += 1
        self._tally.made_up += 1
        if key in self._rehearsed.asked:
            self._tally.reused += 1
        else:
            self._rehearsed.asked.add(key)
            self._rehearsed.lengths.count(self._tally.ways, request)
        random = Random(f"{key} {self._rehearsed.scenario.name}")
        if random.random() < self._habits.failed:
            return Completion("", FinishReason.ERROR, 0, 0, "a rehearsal's failure")
        if self._is_enough(request, random):
            return Completion("", FinishReason.PENDING, 0, 0, "enough answers are right")
        tokens = self._rehearsed.lengths.drawn(request, random)
        text = stand_in(request, tokens, random, self._habits.right, self._rehearsed.scenario)
        return Completion(text, FinishReason.STOP, 0, tokens)

    def _is_enough(self, request: Request, random: Random) -> bool:
        """Whether a strategy that asks until so many answers are right would stop after this one.

        No stand-in passes its checks; a request that is not answered ends the question as well.
        """
        if self._habits.accepted is None or random.random() >= self._habits.right:
            return False
        right = self._right[request.messages] = self._right.get(request.messages, 0) + 1
        return right >= self._habits.accepted


class _Open:
    """In the place of a ledger that was opened for one stage; the rehearsal's own stays open."""

    def close(self) -> None:
        pass
