"""`ot diff-verdicts`: what another verifier made of the same answers."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from ot_assets.cli.query import table as as_table
from ot_assets.lineage.explain import printable
from ot_resources.environments import data_root
from ot_resources.interfaces import BadInput
from ot_resources.store import Store, Version, run_lines

KEY = ("question_id", "sample")
SHOWN = 10


def diff(name: str, since: str | None, as_json: bool) -> str:
    """Rows of the table `name` (recipe/track/asset) whose verdict differs from that in version `since`.

    Without `since`: the version that the table had before the present one. BadInput: there is none of that name.
    """
    store = Store(root=str(data_root()))
    new = store.latest(tuple(name.split("/"))) if all(name.split("/")) else None
    if new is None:
        there = ["/".join(asset) for asset, version in store.assets() if _stage(version) == "verify"]
        raise BadInput(f"diff-verdicts: no table {name}; tables with verdicts are: {', '.join(there) or 'none yet'}")
    if _stage(new) != "verify":
        raise BadInput(f"diff-verdicts: {name} was made by {_choice(new)}, not by a verifier")
    old = _before(store, name, new, since)
    pairs = _pairs(old, new)
    changed = pairs.filter(pl.col("old") != pl.col("new"))
    if as_json:
        return json.dumps(changed.drop("answer").to_dicts(), ensure_ascii=False)
    lines = [
        f"{name}: {old.version} ({_choice(old)}) -> {new.version} ({_choice(new)})",
        f"{pairs.height:,} answers are in both, {changed.height:,} have another verdict"
        f" ({old.rows - pairs.height:,} only in the first, {new.rows - pairs.height:,} only in the second)",
    ]
    if changed.height:
        counts = (
            changed.group_by("old", "new").len("answers").sort("answers", "old", "new", descending=[True, False, False])
        )
        lines += ["", as_table(counts.to_dicts(), empty="")]
        for row in changed.head(SHOWN).iter_rows(named=True):
            lines += ["", *map(printable, _told(row))]
        if changed.height > SHOWN:
            lines += ["", f"and {changed.height - SHOWN:,} more: --json lists all"]
    return "\n".join(lines)


def _pairs(old: Version, new: Version) -> pl.DataFrame:
    """Every answer that is in both, with both verdicts. The texts of answers stay on disk but for those that differ."""
    frames = [
        version.scan().select(*KEY, pl.col("verdict").alias(side), pl.col("verdict_reason").alias(f"{side}_reason"))
        for side, version in (("old", old), ("new", new))
    ]
    pairs = frames[0].join(frames[1], on=KEY, how="inner").sort(KEY).collect(engine="streaming")
    changed = pairs.filter(pl.col("old") != pl.col("new")).select(KEY)
    answers = new.scan().select(*KEY, "answer").join(changed.lazy(), on=KEY, how="semi").collect(engine="streaming")
    return pairs.join(answers, on=KEY, how="left", maintain_order="left")


def _told(row: dict[str, Any]) -> list[str]:
    answer = " ".join((row["answer"] or "").split())
    return [
        f"{row['question_id']}-{row['sample']}: {row['old']} -> {row['new']}",
        f"  was: {row['old_reason']}",
        f"  is:  {row['new_reason']}",
        f"  answer: ...{answer[-120:]}",
    ]


def _before(store: Store, name: str, new: Version, since: str | None) -> Version:
    made = list(
        dict.fromkeys((line["kind"], line["version"]) for line in run_lines(store.path) if line["asset"] == name)
    )
    others = [(kind, version) for kind, version in made if version != new.version]
    if since is not None:
        others = [(kind, version) for kind, version in others if version.startswith(since)]
    if not others:
        known = ", ".join(version for _, version in made)
        what = f"no other version '{since}'" if since else "no other version"
        raise BadInput(f"diff-verdicts: {name} has had {what}; it has had: {known}")
    kind, version = others[-1]
    try:
        return store.read(kind, version)
    except FileNotFoundError:
        raise BadInput(f"diff-verdicts: version {version} of {name} is gone; `ot gc` has removed it") from None


def _stage(version: Version) -> str:
    return str((version.record.get("choice") or {}).get("stage", ""))


def _choice(version: Version) -> str:
    choice = version.record.get("choice") or {}
    return f"{choice.get('strategy', '?')}@{choice.get('strategy_version', '?')}"
