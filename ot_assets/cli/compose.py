"""`ot compose`: a recipe of what studies chose, written beside nothing else, and read once before it is handed out."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ot_assets.ablations.compose import Composed, Winner, called, compose, winner
from ot_assets.ablations.library import find_study
from ot_assets.ablations.model import SCOREBOARD, SCORES, Study
from ot_assets.recipes.loading import load_recipe
from ot_resources.environments import data_root
from ot_resources.files import first_line, is_full
from ot_resources.interfaces import BadInput
from ot_resources.store import Store, beside


def composed(studies: tuple[str, ...], out: Path | None, name: str | None) -> Composed:
    """The recipe that the studies' scoreboards choose, written to `out` where one is given.

    BadInput: a study without a scoreboard, or whose scoreboard is older than its scores; and whatever the recipe or its
    composing finds.
    """
    store = Store(root=str(data_root()))
    winners = [_winner(find_study(study), store) for study in dict.fromkeys(studies)]
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


def _winner(study: Study, store: Store) -> Winner:
    board = store.latest((study.name, SCOREBOARD))
    if board is None:
        raise BadInput(f"{study.name}: no scoreboard yet; run 'ot materialize {called(study)}' first")
    trails = {}
    known = {(input_["kind"], input_["version"]) for input_ in board.record["inputs"]}
    for variant in study.variants:
        scores = store.latest((study.name, variant, SCORES))
        if scores is None:
            continue
        if (scores.kind, scores.version) not in known:
            raise BadInput(
                f"{study.name}: its scoreboard ({board.version}) does not hold the scores that '{variant}' has now; run"
                f" 'ot materialize {called(study)}'"
            )
        trails[variant] = scores.record["trail"]
    return winner(study, board.version, board.scan().collect(), trails)


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
