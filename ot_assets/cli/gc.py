"""`ot gc`: what goes, what stays, why, and how much."""

from __future__ import annotations

from collections import defaultdict

from ot_assets.cli.query import table
from ot_resources.environments import data_root
from ot_resources.gc import Finding, remove, survey
from ot_resources.store import Store
from ot_resources.warehouse import Warehouse


def collect(dry_run: bool, min_age: float) -> str:
    """Remove what nothing needs, unless it is a dry run; the text tells each version that goes, and what stays."""
    store = Store(root=str(data_root()))
    findings = survey(store, min_age)
    going = [finding for finding in findings if not finding.kept]
    if going and not dry_run:
        remove(store, findings)
        Warehouse(root=store.root).publish()
    verb = "would go" if dry_run else "went"
    parts = [table([_row(finding) for finding in going], empty=f"nothing {verb}")]
    if going:
        parts.append(f"{len(going):,} versions and students {verb}: {_megabytes(going):,.1f} MB")
    kept = [finding for finding in findings if finding.kept]
    parts.append(f"{len(kept):,} versions and students stay: {_megabytes(kept):,.1f} MB")
    by_reason: dict[str, list[Finding]] = defaultdict(list)
    for finding in kept:
        by_reason[finding.why].append(finding)
    parts += [f"  {len(members):,} {why} ({_megabytes(members):,.1f} MB)" for why, members in sorted(by_reason.items())]
    return "\n".join(parts)


def _row(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "version": finding.version,
        "MB": round(finding.size / 1e6, 3),
        "hours old": round(finding.age / 3600, 1),
        "why": finding.why,
    }


def _megabytes(findings: list[Finding]) -> float:
    return sum(finding.size for finding in findings) / 1e6
