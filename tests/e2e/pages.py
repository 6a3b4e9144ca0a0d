"""The pages of Dagster's UI, by what a person does on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.e2e.server import Server, wait

# The four recipes in miniature take a few minutes; a busy machine gets more. In seconds.
RUN_WITHIN = 900

# How many nodes of the graph have the border of a materialised asset.
GREEN = """() => [...document.querySelectorAll('foreignObject div')].filter(
    node => getComputedStyle(node).borderColor === 'rgb(46, 204, 129)' && node.children.length === 1).length"""


@dataclass(frozen=True)
class Dagster:
    """One browser page on one running Dagster."""

    page: Any
    server: Server
    pictures: Path

    def open(self, path: str) -> None:
        self.page.goto(self.server.url + path)

    def open_graph(self, *groups: str) -> None:
        """The global graph, with these groups unfolded, on a page that is large enough for all of their tables."""
        self.page.set_viewport_size({"width": 2400, "height": 2100})
        self.open("/asset-groups/?expanded=" + quote(",".join(f"global@global:{group}" for group in groups), safe=""))

    def open_study(self, name: str, upstream: bool = False) -> None:
        """The graph of a study, with what it hangs on or without."""
        selected = quote(f'{"+" if upstream else ""}group:"studies/{name}"', safe="")
        unfolded = quote(f"global@global:studies,global@global:studies/{name}", safe="")
        self.open(f"/asset-groups~{selected}/?expanded={unfolded}")
        self.page.get_by_text("scoreboard", exact=True).first.wait_for()

    def all_green(self, tables: int) -> None:
        """Every table of the graph on the page is drawn as materialised, with nothing stale or failed."""
        self.page.get_by_placeholder("Jump to…").locator("xpath=following::button[1]").click()
        wait(lambda: self.page.evaluate(GREEN) >= tables, 120, f"{tables} green tables")

    def sees(self, text: str | re.Pattern[str], within: int | None = None) -> None:
        """The text is, or comes, on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=within)

    def click(self, text: str, exact: bool = True) -> None:
        self.page.get_by_text(text, exact=exact).first.click()

    def press(self, label: str) -> None:
        """The last button with this label: dialogs open above the page."""
        self.page.locator("button", has_text=label).last.click()

    def picture(self, name: str) -> None:
        """Keep what is on the page, once it has stopped changing."""
        self.page.wait_for_timeout(2500)
        assert not self.complaints(), self.complaints()
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def complaints(self) -> list[str]:
        """The error messages that are shown over the page."""
        toasts = self.page.locator("[class*='toast' i]", has_text="rror")
        return [toasts.nth(index).inner_text() for index in range(toasts.count())]

    # --- materialise

    def materialize_job(self, name: str) -> None:
        """The job's page, *Materialize all*; then the page of the run."""
        self.open(f"/locations/openthoughts/jobs/{name}")
        self.press("Materialize all")
        # Two hundred tables are looked at before they are launched.
        self.launched_run(within=240_000)

    def materialize_group(self, name: str) -> None:
        """In the global graph, the group's menu, *Materialize assets*; then the page of the run."""
        self.open("/asset-groups")
        self.page.get_by_text(name, exact=True).first.click(button="right")
        self.page.get_by_text("Materialize assets").click()
        self.launched_run()

    def backfill(self) -> None:
        """On a study's graph, *Materialize all*, for all of its variants."""
        self.press("Materialize all")
        self.page.get_by_text("Partition selection").wait_for()
        self.click("All")
        self.press("Launch backfill")

    def launch(self, name: str, line: str, instead: str) -> None:
        """The job's launchpad, with one line of the configuration replaced; then the page of the run."""
        self.open(f"/locations/openthoughts/jobs/{name}")
        everything = self.page.locator("button", has_text="Materialize all")
        everything.locator("xpath=following::button[1]").click()
        self.click("Open launchpad")
        self.page.locator(".CodeMirror-line", has_text=line).click()
        self.page.keyboard.press("End")
        self.page.keyboard.press("Shift+Home")
        self.page.keyboard.type(instead)
        self.click("Config actions:")
        self.sees("No errors")
        self.picture("launchpad")
        self.press("Materialize")
        self.page.wait_for_url("**/runs/*")

    # --- runs

    def launched_run(self, within: int | None = None) -> None:
        """From the note that a run was launched, to the run's page."""
        self.page.get_by_text("Launched run").first.wait_for(timeout=within)
        self.page.get_by_text("View", exact=True).last.click()
        self.page.wait_for_url("**/runs/*")

    def filter_log(self, text: str) -> None:
        """Show only those lines of the run's log that hold the text."""
        self.page.get_by_placeholder("Filter…").fill(text)

    def ends_in(self, status: str) -> None:
        """The run on this page ends as expected. The page is left meanwhile: it draws more than the run computes."""
        run = urlsplit(self.page.url).path.rsplit("/", 1)[-1]
        self.page.goto("about:blank")
        wait(lambda: self.server.instance.get_run_by_id(run).is_finished, RUN_WITHIN, f"run {run}")
        self.open(f"/runs/{run}")
        self.page.get_by_text(status, exact=True).first.wait_for()
