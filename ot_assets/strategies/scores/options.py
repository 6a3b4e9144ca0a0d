"""Questions whose wrong answers are columns of their own, put as a choice between letters.

GPQA comes so: the right answer and three wrong ones, which an evaluation shuffles and letters. The order hangs on the
question's id and an answer's text alone, so that every student is asked the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ot_assets.strategies.verify.multiple_choice import LETTERS


def lettered(
    question_id: str, question: str, reference: str | None, extra: str | None, wrong: Sequence[str]
) -> tuple[str, str | None]:
    """The question with its options below it, and the letter of the right one; as it is where there is none to choose.

    `wrong` are the members of `extra` that hold wrong answers.
    """
    told = json.loads(extra) if extra else {}
    others = [str(told[name]).strip() for name in wrong if told.get(name) is not None]
    if reference is None or not others:
        return question, reference
    right = reference.strip()
    texts = sorted({right, *others}, key=lambda text: hashlib.sha256(f"{question_id}\0{text}".encode()).digest())
    lines = "\n".join(f"{letter}: {text}" for letter, text in zip(LETTERS, texts, strict=False))
    return f"{question}\n\n{lines}", LETTERS[texts.index(right)]
