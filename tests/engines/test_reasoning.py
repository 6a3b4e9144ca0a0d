from __future__ import annotations

import pytest

from ot_resources.generators.engine import request_key, request_seed
from ot_resources.generators.reasoning import split_reasoning
from tests.engines.rule_engine import ask


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>why</think>so", "why", "so"),
        ("<think>\nwhy\n</think>\n\nso\n", "why", "so"),
        ("why</think>so", "why", "so"),
        ("<|begin_of_thought|> why <|end_of_thought|> so", "why", "so"),
        ("just so", None, "just so"),
        ("<think>never closed", None, "<think>never closed"),
        ("<think></think>so", "", "so"),
        ("<think>why</think>", "why", ""),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("", None, ""),
    ],
)
def test_split_reasoning(text, reasoning, answer):
    assert split_reasoning(text) == (reasoning, answer)


def test_keys_and_seeds_are_what_they_always_were():
    """A key that changed would ask everything anew, a seed that changed would answer otherwise."""
    assert request_key("rule@1", ask("q", 3, temperature=0.5)) == "7c44623c498d29ba9bc2b100d07ccb15"
    assert request_seed("f" * 32) == 16**15 - 1
