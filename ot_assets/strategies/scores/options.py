"""Questions whose wrong answers are columns of their own, put as a choice between letters.

GPQA comes so: the right answer and three wrong ones, which an evaluation shuffles and letters. The order hangs on the
question's id and an answer's text alone, so that every student is asked the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ot_assets.strategies.verify.multiple_choice import LETTERS, letter_and_text


def lettered(
    question_id: str, question: str, reference: str | None, extra: str | None, wrong: Sequence[str]
) -> tuple[str, str | None]:
    """The question with its options below it, and the right one as `(B) text`; as it is where there is none to choose.

    So an answer may give the letter or the text (`verify.math`); a text that does not go behind a letter is left out.
    `wrong` are the members of `extra` that hold wrong answers.
    """
    told = json.loads(extra) if extra else {}
    others = [str(told[name]).strip() for name in wrong if told.get(name) is not None]
    if reference is None or not others:
        return question, reference
    right = reference.strip()
    texts = sorted({right, *others}, key=lambda text: hashlib.sha256(f"{question_id}\0{text}".encode()).digest())
    lines = "\n".join(f"{letter}: {text}" for letter, text in zip(LETTERS, texts, strict=False))
    letter = LETTERS[texts.index(right)]
    both = f"({letter}) {right}"
    return f"{question}\n\n{lines}", both if letter_and_text(both) == (letter, right) else letter
