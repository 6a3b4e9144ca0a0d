"""`ot compose`: a recipe of what studies chose, written beside nothing else, and read once before it is handed out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ot_assets.ablations.compose import Composed, compose
from ot_assets.ablations.library import find_study
from ot_assets.ablations.model import SCOREBOARD, Study
from ot_assets.ablations.plan import plan_study
from ot_assets.ablations.winner import Winner, called, winner
from ot_assets.cli.plan import checked_size, planning_tools
from ot_assets.graph.execute import standing
from ot_assets.graph.standing import scoreboard_node
from ot_assets.graph.tools import Tools
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import Node
from ot_resources.digest import canonical_json
from ot_resources.files import first_line, is_full
from ot_resources.interfaces import BadInput
from ot_resources.store import Version
from ot_resources.unfinished import beside


def composed(studies: tuple[str, ...], out: Path | None, name: str | None, scale: float | None = None) -> Composed:
    """The recipe that the studies' scoreboards choose, written to `out` where one is given.

    `scale` is what the studies were run at, if not their own. BadInput: a study without a scoreboard, or with another
    than would be made of it now; and whatever the recipe or its composing finds.
    """
    checked_size(scale, None)
    tools = planning_tools(scale)
    winners = [_winner(find_study(study), tools) for study in dict.fromkeys(studies)]
    if out is None:
        made = compose(winners, name, None)
        with tempfile.TemporaryDirectory() as folder:
            _write(made.text, Path(folder) / f"{made.name}.yaml")
        return made
    sources = {winner.study.recipe.file.resolve() for winner in winners} | {w.study.file.resolve() for w in winners}
    if out.resolve() in sources:
        raise BadInput(f"-o {out}: this is what the recipe is composed of; choose another file")
    if out.suffix not in (".yaml", ".yml"):
        raise BadInput(f"-o {out}: a recipe is a .yaml file")
    if not out.parent.is_dir():
        raise BadInput(f"-o {out}: no folder {out.parent}")
    made = compose(winners, name or out.stem, out.parent)
    _write(made.text, out)
    return made


def _winner(study: Study, tools: Tools) -> Winner:
    board = tools.store.latest((study.name, SCOREBOARD))
    if board is None:
        raise BadInput(f"{study.name}: no scoreboard yet; run 'ot materialize {called(study)}' first")
    found = winner(study, board.version, board.scan().collect())
    node = scoreboard_node(plan_study(study), tools, strict=True)
    if standing(node, tools) is None:
        raise BadInput(
            f"{study.name}: its scoreboard ({board.version}) is not what would be made now: {_other(board, node)};"
            f" run 'ot materialize {called(study)}', or give the --scale that it ran at"
        )
    return found


def _other(board: Version, node: Node) -> str:
    """The first thing in which the scoreboard that would be made now is another."""
    made, now = board.record["choice"]["params"], json.loads(canonical_json(node.params))
    for variant, told in now["standing"].items():
        if told != made.get("standing", {}).get(variant):
            return f"'{variant}' " + (f"has no scores ({told['reason']})" if told["reason"] else "has other rows")
    changed = [name for name in now if now[name] != made.get(name)]
    return f"'{changed[0]}' was changed" if changed else "its variants have other scores"


def _write(text: str, file: Path) -> None:
    """Put the file in place once it is known to load as a recipe."""
    temporary = beside(file)
    try:
        temporary.write_text(text, encoding="utf-8")
        try:
            load_recipe(temporary)
        except BadInput as error:
            raise BadInput(
                f"composed, the recipe cannot be run: {str(error).replace(temporary.name, file.name)}"
            ) from None
        temporary.replace(file)
    except OSError as error:
        if is_full(error):
            raise
        raise BadInput(f"-o {file}: {first_line(error)}") from None
    finally:
        temporary.unlink(missing_ok=True)
