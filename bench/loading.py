"""What loading the definitions costs, beside `import dagster` alone. Wanted: at most 2 s more."""

from __future__ import annotations

import subprocess
import sys
import time

_ROUNDS = 5


def seconds(code: str) -> float:
    """The best of some starts of a fresh interpreter."""
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    ours, peer = seconds("import ot_assets.definitions"), seconds("import dagster")
    print(
        f"import ot_assets.definitions {ours:.2f} s, import dagster {peer:.2f} s:"
        f" {ours - peer:+.2f} s, {ours / peer:.2f} x"
    )
