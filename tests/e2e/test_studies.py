"""A study as a person makes and sees it: its graph, all of its variants at once, and the scoreboard that follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ot_resources.store import Store
from tests.ablations.small import write_study
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, serving, wait

STUDY = "small_study"
# One run after the other, each a process that imports torch. In seconds.
DONE_WITHIN = 600


@pytest.fixture(scope="module")
def server(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "studies").mkdir()
    write_study(folder / "studies")
    with serving(folder, OT_STUDIES=str(folder / "studies")) as running:
        yield running


@pytest.mark.parametrize("name", ["practice_math_filter", "openthoughts3_code_sources"])
def test_a_study_has_a_graph_of_its_own(ui: Dagster, name: str):
    ui.open_study(name)
    for asset in ("cell", "student", "scores"):
        ui.sees(asset)
    ui.picture(f"study-{name}")


def test_all_variants_are_made_and_one_that_fails_stops_no_other(ui: Dagster, server: Server):
    ui.open_study(STUDY, upstream=True)
    ui.backfill()
    store = Store(root=str(server.data))
    wait(lambda: store.latest((STUDY, "scoreboard")) is not None, DONE_WITHIN, "the scoreboard, which nobody launched")
    board = store.latest((STUDY, "scoreboard"))
    assert board is not None
    dev = board.scan().collect().rows_by_key("benchmark", named=True)["dev"]
    assert {row["variant"] for row in dev if row["score"] is not None} == {"everything", "at_random"}
    (missing,) = [row for row in dev if row["variant"] == "only_wrong"]
    assert missing["verdict"] == "not enough rows" and "of 12 rows" in missing["reason"]


def test_the_scoreboard_shows_who_wins_in_pictures_and_words(ui: Dagster):
    ui.open(f"/assets/{STUDY}/scoreboard?view=events")
    for text in ("at_random", "only_wrong", "not enough rows"):
        ui.sees(text)
    ui.page.set_viewport_size({"width": 1440, "height": 1350})
    ui.picture("scoreboard")
