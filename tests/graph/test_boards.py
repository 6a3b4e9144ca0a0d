"""A scoreboard as people read it."""

from __future__ import annotations

import base64
import re
from html import escape
from xml.etree import ElementTree

import polars as pl
import pytest
from markdown_it import MarkdownIt

from ot_assets.ablations.benchmarks import published_models
from ot_assets.cli import board as cli
from ot_assets.contracts import SCOREBOARD
from ot_assets.graph import boards, pictures
from ot_assets.graph.pictures import Mark
from ot_assets.recipes.sources import catalogue


def row(variant: str, score: float | None, se: float | None, **more: object) -> dict[str, object]:
    start = {"variant": variant, "benchmark": "dev", "held_out": False, "score": score, "se": se, "chosen": False}
    return dict.fromkeys(SCOREBOARD) | start | more


BOARD = pl.DataFrame(
    [
        row(
            "plain",
            40.0,
            2.0,
            verdict="tie",
            chosen=True,
            vs_best=-2.0,
            vs_best_se=2.5,
            p_value=0.4,
            rows=316,
            tokens=900,
        ),
        row("longer", 42.0, 2.0, verdict="tie", vs_best=0.0, vs_best_se=0.0, rows=31600, tokens=901, published=41.9),
        row("bad", 10.0, 1.0, verdict="loses", vs_best=-32.0, vs_best_se=2.0, p_value=1e-9, rows=316, tokens=900),
        row("small", None, None, verdict="not enough rows", reason="812 of 1,600 rows | asked"),
        row("plain", 50.0, 3.0, benchmark="aime25", held_out=True),
    ],
    schema=SCOREBOARD,
)


def shapes(svg: str, name: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(svg).findall(f".//{{http://www.w3.org/2000/svg}}{name}")


def test_the_pictures_are_small_and_place_the_scores_where_they_belong():
    drawn = boards.drawn(BOARD)
    assert set(drawn) == {"scores", "score_by_rows", "score_by_tokens"}
    assert all(len(svg) < 50_000 for svg in drawn.values())
    across = {mark.get("fill"): float(mark.get("cx", 0)) for mark in shapes(drawn["scores"], "circle")}
    assert [len(shapes(svg, "circle")) for svg in drawn.values()] == [3, 3, 3]
    assert across["#8a93a6"] < across["#3465a4"], "the loser is to the left"
    by_rows = [float(mark.get("cx", 0)) for mark in shapes(drawn["score_by_rows"], "circle")]
    assert by_rows[0] == by_rows[2] < by_rows[1]


def test_a_hundredfold_is_as_wide_as_the_next_on_a_log_axis():
    marks = [Mark(str(x), 1.0, 0.1, x=float(x)) for x in (10, 1_000, 100_000)]
    xs = [float(mark.get("cx", 0)) for mark in shapes(pictures.scatter(marks, "t", "rows", log=True), "circle")]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


def test_a_picture_goes_into_markdown_as_itself_and_its_words_are_escaped():
    svg = pictures.bars([Mark("a<b", 1.0, 0.0)], "x & y")
    (data,) = re.findall(r"base64,([A-Za-z0-9+/=]+)\)$", pictures.image(svg, "alt"))
    assert base64.b64decode(data).decode() == svg
    assert next(text.text for text in shapes(svg, "text")) == "x & y"


def test_the_text_tells_all_variants_and_what_is_wrong():
    told = cli.text(BOARD)
    for said in ("40.0 ± 2.0", "tie · chosen", "-32.0 ± 2.0", "812 of 1,600 rows", "31.6k", "aime25 (held out)"):
        assert said in told
    assert "money" not in told, "a column that nobody has is not shown"


def test_the_report_names_its_pictures_and_keeps_its_tables_whole():
    written, drawn = cli.report(BOARD, "My study", "v1", "mine")
    assert all(f"]({name})" in written for name in drawn) and "mine-scores.svg" in drawn
    assert "812 of 1,600 rows \\| asked" in written
    table = [line for line in written.splitlines() if line.startswith("| plain")]
    assert len(table) == 2
    assert "| AceReason-7B | 50.7 |" in written, "models of others, on the benchmarks of the board"


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/beacon.png)",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "<https://evil.example>",
        "see https://evil.example or www.evil.example",
        "who@evil.example",
        "a | b\n\n# c\n\r\u2028- d",
        "`code` **strong** ~~gone~~ _so_ __so__",
        "\\![x](y) \\| \\\\<b>",
        "&lt;b&gt; &#91;x&#93;(y)",
    ],
)
def test_a_strangers_markdown_is_shown_and_not_done(text):
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    told = boards.markdown([{"variant": "long_answers", text[:40]: text}])
    html = reader.render(told)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert f"<td>{escape(' '.join(text.split()), quote=True)}</td>" in html.replace("&#x27;", "'")
    # What GitHub and Dagster make links of without any mark.
    assert not re.search(r"(?:https?:|www\.|\w@)\w*", told)
    assert "| long_answers |" in told, "a variant's name is as it was"


def test_what_was_published_is_of_known_benchmarks():
    for scores in published_models().values():
        assert set(scores) <= set(catalogue("benchmarks")) and all(0 < score < 100 for score in scores.values())


def test_nothing_to_draw_is_no_picture():
    empty = BOARD.filter(variant="small")
    assert boards.drawn(empty) == {} and "812" in cli.text(empty)
