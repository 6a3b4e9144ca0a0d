"""`python -m bench`: all measurements, or those named, e.g. `python -m bench overhead loading`."""

from __future__ import annotations

import importlib
import platform
import subprocess
import sys
from datetime import date

NAMES = (
    "loading",
    "overhead",
    "memory",
    "dedup",
    "number_aware",
    "decontaminate",
    "exact",
    "ngram",
    "minhash",
    "teacher",
    "judge",
    "vllm",
    "client",
    "cases",
    "ledger",
    "math_verify",
    "sandbox",
    "verify_code",
    "verdicts",
    "shuffled",
)


def main() -> None:
    names = sys.argv[1:] or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"bench: no measurement '{unknown[0]}'; there is: {', '.join(NAMES)}")
    print(f"{date.today()}, {_processor()}, Python {platform.python_version()}\n", flush=True)
    for name in names:
        module = importlib.import_module(f"bench.{name}")
        print(f"== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)
        print(flush=True)


def _processor() -> str:
    lines = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout.splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return f"{found.get('Model name', platform.machine()).strip()}, {found.get('CPU(s)', '?').strip()} cores"


if __name__ == "__main__":
    main()
