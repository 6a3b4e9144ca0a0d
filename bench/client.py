"""What a client costs: 5,000 questions to an endpoint on loopback, 64 in flight, beside the peers and bare aiohttp.

    python -m bench.client [--questions 5000] [--delays 0 0.05] [--out docs/peers.md]

Wanted, with the ledger on: at least 4 x Curator's and 12 x distilabel's requests a second; 0.9 of bare aiohttp's where
an answer takes 50 ms, 0.4 where it takes none; first request within 3 s of the command; at most 300 MB. Requests a
second are from the endpoint's log, first ask to last answer. Bare aiohttp and ours run three times by turns, the median
counts; the peers run once. All share the machine's cores with the endpoint.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.peers.page import put
from bench.peers.running import HERE, NAMES, peer, peer_environment, questions, run, serving

_HEAD = """| client | an answer takes | requests/s | wall s | s to the first request | peak MB |
|---|---|---|---|---|---|"""
_QUICK = ("bare", "ours")
_TITLES = {"bare": "bare aiohttp", "ours": "ours"} | NAMES
_WANTED = {("curator", 0.0): 4, ("distilabel", 0.0): 12, ("curator", 0.05): 4, ("distilabel", 0.05): 12}
AT_ONCE = 64  # as each of the clients asks
_WANTED_OF_BARE = {0.0: 0.4, 0.05: 0.9}


@dataclass(frozen=True)
class Measured:
    """One run: requests a second, seconds from the command to its end and to its first request, peak memory in MB."""

    rate: float
    wall: float
    first: float
    peak: float


def measure(name: str, python: Path, delay: float, asked: int) -> Measured:
    """One client in a folder of its own; RuntimeError with its last line where it fails or asks something else."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = questions(folder / "questions.jsonl", asked)
        environment = {"PYTHONPATH": "."} if name in _QUICK else peer_environment(python, folder)
        with serving(folder / "log.jsonl", delay) as server:
            script = str(HERE / f"{name}_client.py")
            done = run([str(python), script, str(file), server.url, str(folder)], folder, environment, server)
            lines = server.lines()
        keys = {line.key for line in lines}
        if done.code != 0 or len(keys) < asked:
            raise RuntimeError(f"{name}: exit {done.code}, {len(keys)} of {asked} questions asked: {done.said[:200]}")
        first, last = min(line.asked for line in lines), max(line.answered for line in lines)
        return Measured(len(lines) / (last - first), done.seconds, first - done.started, done.peak_mb)


def median(runs: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(r, name) for r in runs) for name in ("rate", "wall", "first", "peak")))


def compare(delay: float, asked: int, pythons: dict[str, Path], repeats: int) -> dict[str, Measured]:
    """What each client did; the quick ones by turns."""
    runs: dict[str, list[Measured]] = {name: [] for name in pythons}
    for turn in range(repeats):
        for name, python in pythons.items():
            if turn == 0 or name in _QUICK:
                runs[name].append(measure(name, python, delay, asked))
    for name, those in runs.items():
        low, high = min(run.rate for run in those), max(run.rate for run in those)
        print(f"{name}, {delay * 1000:.0f} ms: {low:,.0f} to {high:,.0f} requests/s", file=sys.stderr, flush=True)
    return {name: median(those) for name, those in runs.items()}


def rows(delay: float, found: dict[str, Measured]) -> list[str]:
    """A row of the table for each client."""
    at = f"{delay * 1000:.0f} ms"
    return [
        f"| {_TITLES[name]} | {at} | {row.rate:,.0f} | {row.wall:.1f} | {row.first:.1f} | {row.peak:.0f} |"
        for name, row in found.items()
    ]


def ratios(delay: float, found: dict[str, Measured]) -> list[str]:
    """What is wanted, in one line each."""
    at, ours = f"at {delay * 1000:.0f} ms", found["ours"]
    lines = [
        f"{at}: ours {ours.rate / found[name].rate:.1f} x {_TITLES[name]} (wanted {_WANTED.get((name, delay), '-')})"
        for name in NAMES
        if name in found
    ]
    if delay:
        # Nobody answers more than this, whatever the client: where a peer comes near it, its multiple is out of reach.
        lines.append(f"{at}: {AT_ONCE} in flight allow {AT_ONCE / delay:,.0f} requests/s at most")
    of_bare = f"{ours.rate / found['bare'].rate:.2f} of bare aiohttp (wanted {_WANTED_OF_BARE.get(delay, '-')})"
    limits = f"first request after {ours.first:.1f} s (wanted 3), {ours.peak:.0f} MB (wanted 300)"
    return [*lines, f"{at}: ours {of_bare}, {limits}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=5_000)
    parser.add_argument("--delays", type=float, nargs="+", default=[0.0, 0.05], help="seconds that an answer takes")
    parser.add_argument("--clients", nargs="+", default=["bare", "ours", *NAMES], choices=["bare", "ours", *NAMES])
    parser.add_argument("--repeats", type=int, default=3, help="runs of bare aiohttp and of ours, by turns")
    parser.add_argument("--out", type=Path, help="the page whose section of this name is replaced")
    options = parser.parse_args()
    pythons, missing = {name: Path(sys.executable) for name in options.clients if name in _QUICK}, []
    for name in (name for name in options.clients if name in NAMES):
        python, why = peer(name)
        if python:
            pythons[name] = python
        else:
            missing.append(why)
    table, lines = [_HEAD], []
    print(_HEAD)
    for delay in options.delays:
        found = compare(delay, options.questions, pythons, options.repeats)
        lines += ratios(delay, found) if {"ours", "bare"} <= found.keys() else []
        table += rows(delay, found)
        print("\n".join(rows(delay, found)), flush=True)
    told = "\n".join(f"- {line}" for line in [*lines, *missing])
    print(f"\n{told}")
    if options.out:
        put(options.out, "What a client costs", "\n".join([*table, "", told]))


if __name__ == "__main__":
    main()
