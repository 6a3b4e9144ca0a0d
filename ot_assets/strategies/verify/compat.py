"""Verdicts as an original would have given them, with what was really found still in the reason."""

from __future__ import annotations

from ot_assets.strategies.verify.verdict import Judgement, Verdict


def failed_open(judgement: Judgement) -> Judgement:
    """`right`, because the original did not tell this failure from success. `compat: fail_open` names it."""
    return Judgement(
        Verdict.RIGHT, f"compat fail_open: {judgement.verdict.value}: {judgement.reason}", judgement.seconds
    )
