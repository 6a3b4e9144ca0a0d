"""How long what is asked and answered is: as the ledger has measured it, else as far as it can be told beforehand."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from ot_assets.graph.rehearsal.ranges import ZERO, Range, Spread
from ot_assets.graph.rehearsal.standins import CHARACTERS_A_TOKEN
from ot_resources.generators.engine import Completion
from ot_resources.generators.ledger import Ledger, kind_of, question_of
from ot_resources.interfaces import Request

NOT_MEASURED = "lengths not measured"
FEW_MEASURED = "few lengths measured"
_FEW = 30

# Of a completion nobody has seen: from this share of the most that it may have, to all of it.
_SHORTEST = 1 / 50
# A prompt that nobody has counted: characters a token, at the most of a user's words alone (a template may leave
# instructions out), at the least of all, with the template's own marks.
_MOST_CHARACTERS, _LEAST_CHARACTERS, _MARKS = 6, 1.5, 16
# How far tokens a character may be off from those of other prompts of the same kind.
_OTHER_PROMPTS = 0.15


@dataclass
class Way:
    """New requests of one kind (`ledger.kind_of`).

    `known` of them have a question that was answered before, and so prompts of `known_tokens`; of the others there are
    `characters`, `said` of them not in instructions. `most` is how many completion tokens all may have at most.
    """

    requests: int = 0
    questions: set[bytes] = field(default_factory=set)
    known: int = 0
    known_tokens: int = 0
    characters: int = 0
    said: int = 0
    most: int = 0


class Lengths:
    """What the ledger knows of one model's requests. `context`: tokens of prompt and completion, where known."""

    def __init__(self, model: str, context: int | None, ledger: Ledger) -> None:
        self._model = model
        self._context = context
        self._ledger = ledger
        self._prompts: dict[bytes, int] = {}
        self._counted: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
        self._lengths: dict[bytes, list[tuple[int, int, int]]] = {}

    def learn(self, request: Request, completion: Completion) -> None:
        """Take note of an answer that is in the ledger."""
        self._prompts[question_of(self._model, request)] = completion.prompt_tokens
        counted = self._counted[kind_of(self._model, request)]
        counted[0] += _characters(request)
        counted[1] += completion.prompt_tokens

    def count(self, ways: dict[bytes, Way], request: Request) -> None:
        """Count a request that the ledger has no answer to."""
        way = ways.setdefault(kind_of(self._model, request), Way())
        question = question_of(self._model, request)
        way.requests += 1
        way.questions.add(question)
        prompt = self._prompts.get(question)
        if prompt is None:
            way.characters += _characters(request)
            way.said += sum(len(message.content) for message in request.messages if message.role != "system")
        else:
            way.known += 1
            way.known_tokens += prompt
        way.most += self.most(request)

    def most(self, request: Request) -> int:
        """The completion tokens that a request may have at most."""
        limit = request.sampling.max_tokens
        if self._context is None:
            return limit
        prompt = self._prompts.get(question_of(self._model, request), _characters(request) // CHARACTERS_A_TOKEN)
        return max(1, min(limit, self._context - prompt))

    def drawn(self, request: Request, random: Random) -> int:
        """A number of completion tokens as the answer may have it."""
        measured = self._measured(kind_of(self._model, request))
        if not measured:
            return max(1, round(_middle(self.most(request))))
        return random.choices([c for _, c, _ in measured], [often for _, _, often in measured])[0]

    def written(self, ways: dict[bytes, Way]) -> Range:
        """The completion tokens of new requests."""
        total = ZERO
        for kind, way in ways.items():
            spread = self.spread(kind)
            if spread is None:
                total += Range(_middle(way.most), way.most * _SHORTEST, way.most)
            else:
                alike = way.requests / len(way.questions)
                total += spread.sum_of(way.requests, alike, 1 - way.known / way.requests)
        return total

    def read(self, ways: dict[bytes, Way]) -> Range:
        """The prompt tokens of new requests."""
        total = ZERO
        for kind, way in ways.items():
            known, new = way.known_tokens, way.requests - way.known
            total += Range(known, known, known)
            if new:
                total += self._read(kind, way, new)
        return total

    def spread(self, kind: bytes) -> Spread | None:
        """The completion tokens of what was asked in this way."""
        return Spread.of([(completion, often) for _, completion, often in self._measured(kind)])

    def why(self, ways: dict[bytes, Way]) -> list[str]:
        """What makes the tokens unsure."""
        spreads = [self.spread(kind) for kind in ways]
        unmeasured = [NOT_MEASURED] if any(spread is None for spread in spreads) else []
        few = [FEW_MEASURED] if any(spread and spread.count < _FEW for spread in spreads) else []
        return unmeasured or few

    def _read(self, kind: bytes, way: Way, new: int) -> Range:
        characters, tokens = self._counted.get(kind, (0, 0))
        if characters:
            estimate = way.characters * tokens / characters
            return Range(estimate, estimate * (1 - _OTHER_PROMPTS), estimate * (1 + _OTHER_PROMPTS))
        spread = Spread.of([(prompt, often) for prompt, _, often in self._measured(kind)])
        if spread is not None:
            return spread.sum_of(new, new / len(way.questions), 1.0)
        low = way.said / _MOST_CHARACTERS
        high = way.characters / _LEAST_CHARACTERS + _MARKS * new
        return Range(way.characters / CHARACTERS_A_TOKEN, low, high)

    def _measured(self, kind: bytes) -> list[tuple[int, int, int]]:
        if kind not in self._lengths:
            self._lengths[kind] = self._ledger.lengths(kind)
        return self._lengths[kind]


def _middle(most: float) -> float:
    """Where nothing is known the geometric mean of the least and the most."""
    return most * math.sqrt(_SHORTEST)


def _characters(request: Request) -> int:
    return sum(len(message.content) for message in request.messages)
