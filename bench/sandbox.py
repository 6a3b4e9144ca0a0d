"""Programs a second in the docker sandbox, beside a `docker run` each, bare Python, and the process sandbox.

Wanted, on the same programs with all cores: docker at least 40 x `docker run --rm`, and at least half of `python -I`.
The programs are of the size that LeetCode's and Codeforces' answers are; each reads a line and prints one.
Without an engine that has the image, only the two others are measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ot_resources.interfaces import BadInput, ExecutionStatus, Job, Sandbox
from ot_resources.sandboxes import open_sandbox
from ot_resources.sandboxes.image import NAME

PROGRAMS = (
    "print(sum(map(int, input().split())))",
    "from collections import Counter\nprint(Counter(input()).most_common(1)[0][1])",
    "from typing import List\nimport heapq\nx = list(map(int, input().split()))\nheapq.heapify(x)\nprint(x[0])",
    "import sys, math\nn = int(sys.stdin.readline().split()[0])\nprint(math.gcd(n, 360360), sum(range(n * 1000)))",
    "from functools import cache\n@cache\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nprint(f(80))",
)
STDIN = "17 4 39 25 8\n"
CORES = os.cpu_count() or 1
ROUNDS = 3


def jobs(count: int) -> list[Job]:
    return [Job(PROGRAMS[number % len(PROGRAMS)], (STDIN,), seconds=10.0) for number in range(count)]


def in_sandbox(sandbox: Sandbox, count: int) -> float:
    start = time.monotonic()
    for [execution] in sandbox.run(jobs(count)):
        assert execution.status is ExecutionStatus.OK, execution
    return count / (time.monotonic() - start)


def as_command(prefix: list[str], count: int) -> float:
    def one(job: Job) -> None:
        subprocess.run([*prefix, job.source], input=STDIN, text=True, capture_output=True, check=True, timeout=120)

    start = time.monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, jobs(count)))
    return count / (time.monotonic() - start)


def main() -> None:
    bare = [sys.executable, "-I", "-c"]
    fresh = ["docker", "run", "--rm", "-i", "--network", "none", NAME, "python3", "-I", "-c"]
    best: dict[str, float] = {}

    def measure(name: str, once: Callable[[], float]) -> None:
        best[name] = max(best.get(name, 0.0), once())

    try:
        with open_sandbox("docker") as docker, open_sandbox("process") as process:
            in_sandbox(docker, 20)
            for _ in range(ROUNDS):
                measure("docker", lambda: in_sandbox(docker, 600))
                measure("python -I", lambda: as_command(bare, 200))
                measure("process", lambda: in_sandbox(process, 100))
                measure("docker run --rm", lambda: as_command(fresh, 12))
    except BadInput as missing:
        print(missing)
        with open_sandbox("process") as process:
            for _ in range(ROUNDS):
                measure("python -I", lambda: as_command(bare, 200))
                measure("process", lambda: in_sandbox(process, 100))
    print(f"best of {ROUNDS} rounds, one after the other, {CORES} cores")
    for name, rate in best.items():
        print(f"{name:16} {rate:8.1f} programs/s")
    if "docker" in best:
        print(f"docker by docker run: {best['docker'] / best['docker run --rm']:.0f} x (wanted: 40 x)")
        print(f"docker by python -I: {best['docker'] / best['python -I']:.2f} x (wanted: 0.5 x)")


if __name__ == "__main__":
    main()
