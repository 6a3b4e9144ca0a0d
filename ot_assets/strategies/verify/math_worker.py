"""The process that runs math-verify: a line of JSON in (`gold`, `given`), a line of JSON out (`verdict`, `reason`).

It is started by file with `python -I`, never imported by its package's name: it must load neither Dagster nor Polars,
and with this folder on the path the modules beside it would hide the standard library's `math` and `code`.
`pool.py` kills it by wall clock, as math-verify's own time limits hang (Math-Verify issue 65). It also ends by itself:
with the thread that started it (the kernel sends SIGKILL), and after some seconds of CPU more than a pair may take.

Arguments: megabytes of memory, seconds a pair, the process number of the owner.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import sys
from types import ModuleType
from typing import Any

# math-verify rounds to six decimals; of numbers that are small or large, six significant digits must agree.
RELATIVE = 1e-6
BLOCKED_FILE_BYTES = 0
SLACK_CPU_SECONDS = 5
PR_SET_PDEATHSIG, SIGKILL = 1, 9


def main() -> None:
    """Answer until stdin ends. The first line out says that the imports are done."""
    die_with(int(sys.argv[3]))
    memory, seconds = int(sys.argv[1]) << 20, float(sys.argv[2])
    logging.disable(logging.CRITICAL)
    import math_verify

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCKED_FILE_BYTES, BLOCKED_FILE_BYTES))
    sys.setrecursionlimit(5000)
    say({"ready": True})
    for line in sys.stdin:
        limit_cpu(seconds)
        say(answer(math_verify, json.loads(line)))


def die_with(owner: int) -> None:
    """End when the owner does, also if it is killed, and also if it already was."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != owner:
        sys.exit("the owner ended")


def limit_cpu(seconds: float) -> None:
    """From now on: the kernel ends the process that goes on for longer (SIGXCPU)."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used + seconds + SLACK_CPU_SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(math_verify: ModuleType, pair: dict[str, str]) -> dict[str, object]:
    """The verdict on one pair. Everything that math-verify raises is an `error`; its timeouts are BaseExceptions."""
    try:
        verdict, reason = judge(math_verify, pair["gold"], pair["given"])
    except MemoryError:
        verdict, reason = "error", "math-verify ran out of memory"
    except BaseException as problem:
        verdict, reason = "error", f"math-verify raised {type(problem).__name__}: {str(problem)[:200]}"
    return {"verdict": verdict, "reason": reason}


def judge(math_verify: ModuleType, gold: str, given: str) -> tuple[str, str]:
    # The box makes both sides LaTeX; without delimiters equations can be read as 0.
    wanted, got = (
        math_verify.parse(f"\\boxed{{{text}}}", parsing_timeout=None, raise_on_error=True) for text in (gold, given)
    )
    if not wanted:
        return "error", f"the reference '{gold[:80]}' cannot be read as mathematics"
    if not got:
        return "unparsed", f"'{given[:80]}' cannot be read as mathematics"
    equal = math_verify.verify(wanted, got, timeout_seconds=None, raise_on_error=True)
    if equal and not same_size(wanted[0], got[0], percent="%" in gold + given):
        equal = False
    return ("right", "equal by math-verify") if equal else ("wrong", f"expected '{gold[:80]}', got '{given[:80]}'")


def same_size(a: Any, b: Any, percent: bool) -> bool:
    """False for two constants that differ by more than rounding; True for everything that is not two constants."""
    if not all(getattr(x, "is_number", False) and getattr(x, "free_symbols", None) == set() for x in (a, b)):
        return True
    x, y = a.evalf(30), b.evalf(30)
    if not (x.is_real and y.is_real and x.is_finite and y.is_finite):
        return True
    # A percent sign may be read either way, as in the exact comparison.
    readings = ((x, y), (100 * x, y), (x, 100 * y)) if percent else ((x, y),)
    return any(abs(p - q) <= RELATIVE * max(abs(p), abs(q)) for p, q in readings)


if __name__ == "__main__":
    main()
