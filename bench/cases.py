"""What is sent again when a run is killed, edited, extended, moved or failing, beside Curator and distilabel.

    python -m bench.cases [--clients ours curator distilabel] [--out docs/peers.md]

Each case in a folder of its own: ours is `ot materialize` of a recipe file, the peers their scripts in `bench/peers`.
Counts are from the endpoint's log. What a user would edit is edited: the recipe, the client's script, the file of
questions. The three clients run at the same time, so seconds mean little here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.peers.page import put
from bench.peers.running import HERE, NAMES, Run, Server, peer, peer_environment, questions, run, serving

PROMPTS = 1_000
KILLED = 2_000
DELAY = 0.05
# Seconds after which a run that asks nothing is cut off, or six times what the client took to its first request.
CUT_OFF = 60.0
_BAD = " (unlucky)"
_MISSING = "not run"

_RECIPE = """name: cases
format: {{use: {form}, require_reasoning: false}}
tracks:
  math:
    - sources: [{{use: files, path: questions.jsonl, question: question, domain: math}}]
    - decontaminate: {{use: none, reason: bench}}
    - dedup: {{use: none, reason: bench}}
    - answers: {{use: teacher, samples: {samples}, max_tokens: 1024}}
    - verify: {{use: none, reason: bench}}
    - select: {{use: {select}}}
dataset: {{rows: all}}
"""


@dataclass(frozen=True)
class Outcome:
    """How one run ended: rows out, those of them without an answer, the first row's question and its parsed column."""

    run: Run
    rows: int | None
    empty: int
    question: str
    parsed: str


class Client(Protocol):
    """One of the three, in a folder of its own. `parser` is 0 as written and 1 after a user's edit."""

    folder: Path
    many_failures: bool

    def start(
        self,
        server: Server,
        samples: int = 1,
        parser: int = 0,
        quiet: float = 300.0,
        kill_at: int | None = None,
    ) -> Outcome: ...


class Ours:
    """`ot materialize` of a recipe file."""

    many_failures = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(
        self,
        server: Server,
        samples: int = 1,
        parser: int = 0,
        quiet: float = 300.0,
        kill_at: int | None = None,
    ) -> Outcome:
        form, select = [("think", "all"), ("sky_t1", "shortest, k: 1")][parser]
        (self.folder / "cases.yaml").write_text(_RECIPE.format(form=form, samples=samples, select=select))
        environment = {"OT_TEACHER": f"server:echo@{server.url}", "OT_DATA": str(self.folder / "data")}
        command = [str(Path(sys.executable).with_name("ot")), "materialize", str(self.folder / "cases.yaml")]
        done = run(command, self.folder, environment, server, quiet, kill_at)
        return self._outcome(done)

    def _outcome(self, done: Run) -> Outcome:
        from ot_resources.store import Store

        version = Store(root=str(self.folder / "data")).latest(("cases", "dataset")) if done.code == 0 else None
        if version is None:
            return Outcome(done, None, 0, "", "")
        turns = version.scan().select("conversations").collect().to_series().to_list()
        empty = sum(not answer["value"] for _, answer in turns)
        return Outcome(done, len(turns), empty, turns[0][0]["value"], turns[0][1]["value"])


class Peer:
    """A copy of the peer's script, as a user would have it and edit it."""

    def __init__(self, name: str, folder: Path, python: Path) -> None:
        self.folder, self._python = folder, python
        self._source = (HERE / f"{name}_client.py").read_text()
        # A batch with a failure in it costs distilabel twenty seconds.
        self.many_failures = name != "distilabel"

    def start(
        self,
        server: Server,
        samples: int = 1,
        parser: int = 0,
        quiet: float = 300.0,
        kill_at: int | None = None,
    ) -> Outcome:
        script = self.folder / "client.py"
        script.write_text(self._source.replace("[:10]", "[-10:]") if parser else self._source)
        command = [str(self._python), str(script), str(self.folder / "questions.jsonl"), server.url]
        environment = peer_environment(self._python, self.folder)
        command += [str(self.folder / "cache"), str(samples)]
        done = run(command, self.folder, environment, server, quiet, kill_at)
        told = done.summary
        first = told.get("first", {})
        return Outcome(done, told.get("rows"), told.get("empty", 0), first.get("question", ""), first.get("parsed", ""))


def ended(outcome: Outcome, wanted: int) -> str:
    """How it ended, in a few words."""
    if outcome.run.code is None:
        return f"**hangs** (cut off after {outcome.run.seconds:.0f} s without a request)"
    if outcome.run.code != 0:
        return f"**exit {outcome.run.code}, no dataset**"
    if outcome.rows != wanted:
        return f"**{outcome.rows:,} rows of {wanted:,}**"
    return f"**{outcome.empty:,} of {wanted:,} rows empty**" if outcome.empty else f"{wanted:,} rows"


def nothing(client: Client, first: Outcome, server: Server) -> str:
    """The same again."""
    again = client.start(server)
    return f"{len(server.lines(again.run.started)):,} sent, {ended(again, PROMPTS)}"


def parser_changed(client: Client, first: Outcome, server: Server) -> str:
    """Ours: another format and another select strategy. The peers: another parse function."""
    again = client.start(server, parser=1)
    stale = "**the old result**" if again.parsed == first.parsed else "the new result"
    return f"{len(server.lines(again.run.started)):,} sent, {ended(again, PROMPTS)}, {stale}"


def row_added(client: Client, first: Outcome, server: Server) -> str:
    """One question more."""
    questions(client.folder / "questions.jsonl", PROMPTS + 1)
    again = client.start(server)
    return f"{len(server.lines(again.run.started)):,} sent, {ended(again, PROMPTS + 1)}"


def data_replaced(client: Client, first: Outcome, server: Server) -> str:
    """As many other questions in the same file."""
    questions(client.folder / "questions.jsonl", PROMPTS, first=50_001)
    again = client.start(server)
    stale = "**the old questions**" if again.question == first.question else "the new questions"
    return f"{len(server.lines(again.run.started)):,} sent, {ended(again, PROMPTS)}, {stale}"


def address_changed(client: Client, first: Outcome, server: Server) -> str:
    """The same model at another port."""
    with serving(server.log.with_name("second.jsonl"), DELAY) as second:
        again = client.start(second)
        return f"{len(second.lines()):,} sent, {ended(again, PROMPTS)}"


def killed(client: Client, log: Path) -> str:
    """kill -9 of the client and its children when half is answered, then the same again."""
    questions(client.folder / "questions.jsonl", KILLED)
    with serving(log, DELAY) as server:
        first = client.start(server, kill_at=KILLED // 2)
        dead = first.run.started + first.run.seconds
        startup = min(line.asked for line in server.lines()) - first.run.started
        again = client.start(server, quiet=max(CUT_OFF, 6 * startup))
        lines = server.lines()
    answered = {line.key for line in lines if line.answered <= dead}
    flying = {line.key for line in lines if line.asked <= dead < line.answered}
    sent = Counter(line.key for line in lines if line.asked > dead)
    twice, lost = (sum(sent[key] for key in keys) for keys in (answered, flying))
    after = f"{sum(sent.values()):,} sent, of them {twice:,} that were answered and {lost:,} that were in flight"
    return f"{len(answered):,} answered; then {after}; {ended(again, KILLED)}"


def more_samples(client: Client, log: Path) -> str:
    """4 answers a question, then 16."""
    questions(client.folder / "questions.jsonl", PROMPTS)
    with serving(log, DELAY) as server:
        client.start(server, samples=4)
        again = client.start(server, samples=16)
        more = sum(line.n for line in server.lines(again.run.started))
        made = sum(line.n for line in server.lines()) - more
    wanted = 16 * PROMPTS if isinstance(client, Ours) else PROMPTS
    return f"{made:,} answers, then {more:,} more for {16 * PROMPTS:,}; {ended(again, wanted)}"


def failures(client: Client, log: Path) -> str:
    """1 question in 100 gets 500: a first run, the same again, and again after the endpoint has healed."""
    prompts = PROMPTS if client.many_failures else 300
    questions(client.folder / "questions.jsonl", prompts, mark=_BAD)
    cells = []
    with serving(log, DELAY, fail=_BAD) as server:
        for healed in (False, False, True):
            if healed:
                urllib.request.urlopen(server.url.removesuffix("/v1") + "/heal", data=b"").close()
            outcome = client.start(server)
            sent = server.lines(outcome.run.started)
            failed = sum(line.status != 200 for line in sent)
            cells.append(f"{len(sent):,} sent ({failed:,} failed), {ended(outcome, prompts)}")
    return f"{prompts:,} prompts: first {cells[0]}; again {cells[1]}; healed {cells[2]}"


# A first run, then one with something changed; each of these begins with the same first run.
_CHANGES: dict[str, Callable[[Client, Outcome, Server], str]] = {
    "nothing changed": nothing,
    "parser changed": parser_changed,
    "one row added": row_added,
    "data replaced": data_replaced,
    "endpoint's address changed": address_changed,
}
_WHOLE: dict[str, Callable[[Client, Path], str]] = {
    f"killed (-9) at half of {KILLED:,}, then again": killed,
    "4 samples, then 16": more_samples,
    "1 in 100 answers 500, then heals": failures,
}
CASES = [*_CHANGES, *_WHOLE]


def lane(name: str, cases: list[str]) -> dict[str, str]:
    """The cells of one client, by case."""
    python, why = (Path(sys.executable), "") if name == "ours" else peer(name)
    if python is None:
        return dict.fromkeys(cases, _MISSING) | {cases[0]: why}
    cells: dict[str, str] = {}

    def say(case: str, cell: str) -> None:
        cells[case] = cell
        print(f"{name}, {case}: {cell}", file=sys.stderr, flush=True)

    with _client(name, python) as client:
        questions(client.folder / "questions.jsonl", PROMPTS)
        with serving(client.folder.with_name("log.jsonl"), DELAY) as server:
            first = client.start(server)
            if first.rows != PROMPTS:
                raise RuntimeError(f"{name}: the first run: exit {first.run.code}, {first.run.said[:200]}")
            for case in (case for case in cases if case in _CHANGES):
                with _restored(client.folder):
                    say(case, _CHANGES[case](client, first, server))
    for case in (case for case in cases if case in _WHOLE):
        with _client(name, python) as client:
            say(case, _WHOLE[case](client, client.folder.with_name("log.jsonl")))
    return cells


@contextmanager
def _client(name: str, python: Path) -> Iterator[Client]:
    """A client with an empty folder of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "client"
        folder.mkdir()
        yield Ours(folder) if name == "ours" else Peer(name, folder, python)


@contextmanager
def _restored(folder: Path) -> Iterator[None]:
    """Afterwards the folder is again as it was before."""
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved, symlinks=True)
    try:
        yield
    finally:
        shutil.rmtree(folder)
        saved.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", nargs="+", default=["ours", *NAMES], choices=["ours", *NAMES])
    parser.add_argument("--cases", nargs="+", default=list(range(len(CASES))), type=int, help="their numbers, from 0")
    parser.add_argument("--out", type=Path, help="the page whose section of this name is replaced")
    options = parser.parse_args()
    names = [CASES[number] for number in options.cases]
    with ThreadPoolExecutor() as pool:
        lanes = dict(zip(options.clients, pool.map(lambda name: lane(name, names), options.clients), strict=True))
    titles = {"ours": "ours"} | NAMES
    lines = ["| case | " + " | ".join(titles[name] for name in lanes) + " |", "|---" * (len(lanes) + 1) + "|"]
    lines += [f"| {case} | " + " | ".join(cells[case] for cells in lanes.values()) + " |" for case in names]
    table = "\n".join(lines)
    print(table)
    if options.out:
        put(options.out, "What is sent again", table)


if __name__ == "__main__":
    main()
