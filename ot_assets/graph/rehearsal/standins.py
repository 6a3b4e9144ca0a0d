"""Texts in the place of answers: of the form that was asked for, or of about the length."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

from ot_assets.graph.rehearsal.scenario import Scenario
from ot_resources.interfaces import Request

CHARACTERS_A_TOKEN = 4
_WORDS = (
    *("amber", "basin", "copper", "delta", "ember", "fable", "garden", "harbour", "island", "juniper", "kettle"),
    *("lantern", "meadow", "nectar", "orchard", "pebble", "quartz", "river", "saddle", "timber", "umbrella"),
    *("velvet", "willow", "yonder", "zephyr"),
)
# So many words differ from text to text, so that no stage takes two of them for duplicates; then they come again.
_BLOCK_WORDS = 48
_MOST_ITEMS = 3


def stand_in(request: Request, tokens: int, random: Random, right: float, scenario: Scenario) -> str:
    """What a model might have written: `tokens` long; yes and high ratings are drawn with the share `right`."""
    sampling = request.sampling
    if sampling.choice:
        return random.choice(sampling.choice)
    if sampling.schema is not None:
        schema = json.loads(sampling.schema)
        return json.dumps(_Form(schema, tokens * CHARACTERS_A_TOKEN, random, right).value(schema))
    characters = tokens * CHARACTERS_A_TOKEN
    answer = max(1, round(characters * scenario.answer))
    if answer >= characters:
        return prose(characters, random)
    return f"<think>{prose(characters - answer, random)}</think>\n{prose(answer, random)}"


def prose(characters: int, random: Random) -> str:
    """Words without a meaning, which are no program and no number either."""
    words = " ".join(random.choices(_WORDS, k=_BLOCK_WORDS))
    return (f"{words}. " * (characters // len(words) + 1))[: max(1, characters)]


class _Form:
    """Values that satisfy a JSON schema, as far as pydantic writes such."""

    def __init__(self, root: dict[str, Any], characters: int, random: Random, right: float) -> None:
        self._root = root
        self._characters = max(8, characters)
        self._random = random
        self._right = right

    def value(self, schema: dict[str, Any]) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema.get("type", "object")
        makers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": self._boolean,
        }
        maker = makers.get(kind[0] if isinstance(kind, list) else kind)
        return maker(schema) if maker else None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while True:
            if "$ref" in schema:
                found: Any = self._root
                for part in schema["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
                schema = found
            elif several := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                schema = several[0]
            else:
                return schema

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {name: self.value(inner) for name, inner in schema.get("properties", {}).items()}

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        few = schema.get("minItems", 0)
        wanted = max(few, min(schema.get("maxItems", _MOST_ITEMS), _MOST_ITEMS))
        items: list[Any] = []
        for _ in range(wanted * 4):
            if len(items) < wanted and (item := self.value(schema.get("items", {"type": "string"}))) not in items:
                items.append(item)
        return items

    def _string(self, schema: dict[str, Any]) -> str:
        length = min(self._characters // 2, schema.get("maxLength", self._characters))
        return prose(max(length, schema.get("minLength", 1)), self._random)

    def _boolean(self, schema: dict[str, Any]) -> bool:
        return self._random.random() < self._right

    def _integer(self, schema: dict[str, Any]) -> int:
        return math.floor(self._number({"maximum": schema.get("minimum", 0) + 10} | schema, above=1.0))

    def _number(self, schema: dict[str, Any], above: float = 0.0) -> float:
        """Between its limits; the larger `right`, the nearer to the upper one."""
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", low + 1)
        right = min(0.99, max(0.01, self._right))
        drawn: float = low + (high + above - low) * self._random.random() ** ((1 - right) / right)
        return min(high + above * 0.999, drawn)
