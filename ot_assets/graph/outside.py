"""What a source or a benchmark is read from: its state, and its rows as questions."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.plan import Node
from ot_assets.strategies import running
from ot_assets.strategies.sources.mapped import check_keys, to_questions
from ot_resources import readers
from ot_resources.files import RawTable, fingerprint, first_line, trouble
from ot_resources.hub import Hub
from ot_resources.interfaces import BadInput
from ot_resources.store import Draft, Version


def outside(node: Node, hub: Hub, before: Version | None) -> RawTable | None:
    """What a source node reads, with its revision; the Hub's tables are not fetched. None for other nodes.

    BadInput: it cannot be read now. `before` is the version in use, which then stays in use.
    """
    spec = node.source
    if spec is None:
        return None
    try:
        if spec.path:
            paths = spec.files()
            return RawTable(paths, fingerprint(paths))
        revision = hub.revision(spec.dataset, spec.split, spec.repository_files, spec.revision)
        return RawTable((), revision, stand_in=bool(hub.samples))
    except (BadInput, OSError) as error:
        said = str(error) if isinstance(error, BadInput) else f"{spec.where}: {first_line(error)}"
        stays = f"; the last good version of {node.name} stays in use" if before else ""
        raise BadInput(said + stays) from None


def write_source(node: Node, hub: Hub, raw: RawTable, draft: Draft) -> None:
    """The source's rows as questions, into the draft. BadInput: they cannot be read, or are not what was declared."""
    spec = node.source
    assert spec is not None
    if raw.paths:
        table = raw
    elif spec.repository_files:
        table = hub.files(spec.dataset, spec.repository_files, raw.revision)
    else:
        table = hub.fetch(spec.dataset, spec.config, spec.split, raw.revision)
    mapping, where = spec.read_as(raw.stand_in), f"{spec.where}: {table.paths[0]}"
    with draft.scratch() as scratch:
        frame = readers.scan(table.paths, spec.where, scratch, spec.reader)
        try:
            check_keys(frame, mapping, where)
            questions = to_questions(frame, source=spec.id, mapping=mapping, where=where, domain=spec.domain)
            draft.write(*running.as_split(questions))
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"{where}: cannot be read to its end ({trouble(table.paths, error)})") from None
    if mapping.domain:
        _check_domains(draft, f"{where}: {mapping.domain}")
    if raw.paths and fingerprint(raw.paths) != raw.revision:
        raise BadInput(f"{where}: changed while it was read; run again when it is whole")


def _check_domains(draft: Draft, where: str) -> None:
    """A column of domains holds domains, in every row that was kept."""
    found = draft.scan().select(pl.col("domain").unique())
    strange = [domain for domain in found.collect()["domain"].to_list() if domain not in DOMAINS]
    if strange:
        raise BadInput(f"{where}: {strange[0]!r} is no domain; there is: {', '.join(DOMAINS)}")
