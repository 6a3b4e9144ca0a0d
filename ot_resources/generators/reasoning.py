"""Splits what a model wrote into its reasoning and its answer."""

from __future__ import annotations

# The pairs of marks that reasoning models close their thoughts with; some templates open the block in the prompt.
TAGS = (("<think>", "</think>"), ("<|begin_of_thought|>", "<|end_of_thought|>"))


def split_reasoning(text: str) -> tuple[str | None, str]:
    """(reasoning, answer); reasoning is None when no block was closed, and the answer is then the whole text."""
    for opening, closing in TAGS:
        head, found, tail = text.partition(closing)
        if found:
            return head.strip().removeprefix(opening).strip(), tail.strip()
    return None, text.strip()
