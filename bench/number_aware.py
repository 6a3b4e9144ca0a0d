"""What dedup.indel and dedup.number_aware take out at 95: number-only variants, spacing variants, real near twins.

The variants are of questions of `OT_SHARED`, and all have a ratio of 95 or more with their original.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import polars as pl
from rapidfuzz import fuzz

from ot_assets.strategies import apply

VARIANTS = 1000
THRESHOLD = 95
FILES = ("math_hendrycks_train", "math_gsm8k", "math_college_math", "math_cmath_zh")

Variant = tuple[str, str]


class Kind(NamedTuple):
    """One edit of spacing or punctuation: what it looks for, and what it puts there."""

    name: str
    pattern: str
    replacement: str


EDITS = (
    Kind("two spaces", r"(?<=[A-Za-z,]) (?=[A-Za-z$])", "  "),
    Kind("a line break", r"(?<=[A-Za-z,]) (?=[A-Za-z])", "\n"),
    Kind("no space behind a comma", r"(?<=[A-Za-z]), (?=[A-Za-z])", ","),
    Kind("a space before a comma", r"(?<=[A-Za-z]), (?=[A-Za-z])", " , "),
    Kind("no comma", r"(?<=[a-z]), (?=[a-z])", " "),
    Kind("a semicolon", r"(?<=[a-z]), (?=[a-z])", "; "),
    Kind("no full stop at the end", r"\.\s*\Z", ""),
    Kind("no question mark", r"\?\s*\Z", ""),
    Kind("an end of line", r"\Z", "\n"),
    Kind("spaces around =", r"(?<=\w)=(?=\w)", " = "),
    Kind("spaces around +", r"(?<=\w)\s*\+\s*(?=\w)", " + "),
    Kind("a thin space", r"(?<=[\w}])\s*(?=\\(?:times|cdot|leq?|geq?)\b)", r"\\,"),
    Kind("larger brackets", r"(?<!\\)\((?=[^()$]{1,40}\))", r"\\left("),
    Kind("a larger fraction", r"\\frac(?=\{)", r"\\dfrac"),
    Kind("other dollars", r"(?<![\\$])\$([^\s$][^$]*[^\s$\\])\$(?!\$)", r"\\(\1\\)"),
)


def changed_numbers(texts: Sequence[str], count: int, seed: int) -> list[Variant]:
    """`count` pairs of a text and its copy with one number changed for another of as many digits."""

    def change(text: str, random: Random) -> str:
        place = random.choice([found.span() for found in re.finditer(r"[0-9]+", text)])
        digits = len(text[place[0] : place[1]])
        other = random.randint(10 ** (digits - 1), 10**digits - 1) if digits > 1 else random.randint(0, 9)
        return f"{text[: place[0]]}{other}{text[place[1] :]}"

    return _variants([text for text in texts if re.search("[0-9]", text)], change, count, seed)


def respaced(texts: Sequence[str], count: int, seed: int) -> list[Variant]:
    """`count` pairs of a text and its copy with one to four edits of spacing, punctuation or LaTeX that formats."""

    def change(text: str, random: Random) -> str:
        for edit in random.sample(EDITS, random.randint(1, 4)):
            places = list(re.finditer(edit.pattern, text))
            if places:
                found = random.choice(places)
                text = text[: found.start()] + found.expand(edit.replacement) + text[found.end() :]
        return text

    return _variants(texts, change, count, seed)


def _variants(texts: Sequence[str], change: Callable[[str, Random], str], count: int, seed: int) -> list[Variant]:
    """Different copies, none of them among the texts, each so like its original that Indel would take it out."""
    random = Random(seed)
    taken = set(texts)
    found: list[Variant] = []
    for _ in range(100 * count):
        text = random.choice(texts)
        variant = change(text, random)
        if variant not in taken and fuzz.ratio(text, variant) >= THRESHOLD:
            taken.add(variant)
            found.append((text, variant))
        if len(found) == count:
            return found
    raise ValueError(f"only {len(found)} of {count} variants could be made of {len(texts)} texts")


def gone(name: str, variants: Sequence[Variant]) -> int:
    """How many of the variants the strategy takes out, where all originals come first."""
    originals = list(dict.fromkeys(text for text, _ in variants))
    frame = pl.DataFrame({"question": [*originals, *(variant for _, variant in variants)]})
    dropped = apply(name, frame, threshold=THRESHOLD).dropped.select("question").collect()
    return len(set(dropped["question"]) & {variant for _, variant in variants})


def folder() -> Path:
    return Path(os.environ.get("OT_SHARED") or Path(__file__).parents[2] / "shared") / "data"


def questions(names: Sequence[str]) -> pl.DataFrame:
    """Different questions of several files, with the file's name as `source`."""
    frames = [
        pl.read_parquet(folder() / f"{name}.parquet", columns=["question"]).with_columns(source=pl.lit(name))
        for name in names
    ]
    return pl.concat(frames).unique("question", keep="first", maintain_order=True)


if __name__ == "__main__":
    texts = [text for text in questions(FILES)["question"] if 60 <= len(text) <= 1000]
    print(f"{VARIANTS:,} variants each, ratio {THRESHOLD} or more with their original; taken out by")
    print(f"{'variant':<42} {'dedup.indel':>12} {'dedup.number_aware':>19}")
    made = {
        "one number changed": changed_numbers(texts, VARIANTS, 1),
        "spacing, punctuation, formatting changed": respaced(texts, VARIANTS, 1),
    }
    for name, variants in made.items():
        print(
            f"{name:<42} {gone('dedup.indel', variants):>12,} {gone('dedup.number_aware', variants):>19,}", flush=True
        )
    every = questions(sorted(path.stem for path in folder().glob("*.parquet")))
    sources: dict[str, pl.Series] = {}
    for name in ("dedup.indel", "dedup.number_aware"):
        sources[name] = apply(name, every, threshold=THRESHOLD).dropped.select("source").collect()["source"]
    print(f"\n{len(every):,} real questions; taken out by")
    counts = [taken.value_counts(name=name) for name, taken in sources.items()]
    both = counts[0].join(counts[1], on="source", how="left").fill_null(0).sort("dedup.indel", descending=True)
    for source, one, other in [("all", *map(len, sources.values())), *both.head(10).iter_rows()]:
        print(f"{source:<42} {one:>12,} {other:>19,}")
