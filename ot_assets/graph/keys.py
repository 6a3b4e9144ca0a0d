"""How a node is spelled for Dagster: the one place where keys, groups, tags, kinds and owners are made."""

from __future__ import annotations

import re

import dagster as dg

from ot_assets.recipes.plan import Key, Node

DEFAULT_OWNERS = ["team:ot-assets"]
_KINDS = {"generator": "pytorch", "embedder": "pytorch", "sandbox": "python", "students": "pytorch"}


def asset_key(key: Key) -> dg.AssetKey:
    return dg.AssetKey(list(key))


def group(node: Node) -> str:
    """recipe/track, recipe/dataset, sources or benchmarks; the UI nests them."""
    if node.recipe is None:
        return node.key[0]
    return f"{node.recipe.name}/{node.track or 'dataset'}"


def tags(node: Node) -> dict[str, str]:
    """Tags for the selection language: tag:stage=dedup and so on."""
    found = {"stage": node.stage, "strategy": node.use}
    if node.recipe:
        found["recipe"] = node.recipe.name
    if node.track:
        found["track"] = node.track
    if node.source and node.source.domain:
        found["domain"] = node.source.domain
    return {name: re.sub(r"[^A-Za-z0-9_.\-]", "_", value)[:63] for name, value in found.items()}


def kinds(node: Node) -> set[str]:
    """What the table is made with, as the UI's icons know it."""
    if node.source:
        return {"huggingface" if node.source.dataset else "file", "parquet"}
    return {"polars", "parquet"} | {_KINDS[k] for k in node.strategy.capabilities.values() if k in _KINDS}


def owners(node: Node) -> list[str]:
    return list(node.recipe.owners) if node.recipe and node.recipe.owners else DEFAULT_OWNERS


def pool(node: Node) -> str | None:
    """Stages that load a model share a pool of one: two runs never hold two of them on one GPU."""
    return "gpu" if set(node.strategy.capabilities.values()) & {"generator", "embedder", "students"} else None


def resource_keys(node: Node) -> set[str]:
    """The resources that the node's asset uses."""
    needed = {"store", "warehouse", "sizing"}
    for name, kind in node.strategy.capabilities.items():
        needed.add({"generator": "teachers" if node.teacher else name, "tokenizer": "hub"}.get(kind, kind))
    if node.source or node.strategy.title == "dataset.release":
        needed.add("hub")
    # Its tracks' rules are run once more, but those that ask a model.
    rules = [rule.strategy.capabilities.values() for choices in node.rules.values() for rule in choices]
    needed |= {"embedder" for kinds in rules if "embedder" in kinds and "generator" not in kinds}
    return needed
