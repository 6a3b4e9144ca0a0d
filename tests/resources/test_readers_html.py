"""Posts as text: nothing that bears meaning is lost, nothing else remains."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_resources.readers.html import to_text

INK = st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="`")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>one  two\tthree</p>\n\n<p>four</p>", "one two three\n\nfour"),
        ("<p>a<br>b<br/>c</p>", "a\nb\nc"),
        ("<p>$a &lt; b$ &amp;amp; <em>c</em></p>", "$a < b$ &amp; c"),
        ("<p>$$\n\\begin{x}\na &amp;= b \\\\\nc\n\\end{x}$$</p>", "$$\n\\begin{x}\na &= b \\\\\nc\n\\end{x}$$"),
        ("<p>2<sup>n</sup>, 10<sup>-3</sup>, x<sub>ij</sub>, y<sub> </sub></p>", "2^n, 10^(-3), x_(ij), y"),
        ("<p>Use <code>a  &lt; b</code>.</p>", "Use `a < b`."),
        ("<pre><code>if a:\n    b &lt; 1\n\n\n</code></pre>", "```\nif a:\n    b < 1\n```"),
        ("<p>a</p><pre>x\n```\ny</pre><p>b</p>", "a\n\n````\nx\n```\ny\n````\n\nb"),
        ("<ul>\n<li>a</li>\n<li><p>b</p>\n<p>c</p></li></ul><p>d</p>", "- a\n- b\n\nc\n\nd"),
        ("<ol><li>a<ul><li>x</li></ul></li><li>b</li></ol>", "1. a\n\n- x\n\n2. b"),
        ("<blockquote>\n<p>said</p>\n</blockquote>", "said"),
        ("<table>\n<tr><th>n</th><th>f(n)</th></tr>\n<tr><td>1</td><td>2</td></tr></table>", "| n | f(n)\n| 1 | 2"),
        ('<p>see <a href="http://x">this</a><img src="y" alt="enter"></p>', "see this[image]"),
        ("<!-- language: lang-py --><p>a</p><script>b()</script>", "a"),
        ("<h1>a</h1><hr>b", "a\n\nb"),
        ("<p>not closed <b>at all", "not closed at all"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
    ],
)  # fmt: skip
def test_posts(html: str, text: str) -> None:
    assert to_text(html) == text


@given(st.lists(st.text(INK, min_size=1, max_size=8), min_size=1, max_size=12), st.data())
def test_no_word_is_lost(words: list[str], data: st.DataObject) -> None:
    """Whatever tags lie around them, the words of a post come out, in order."""
    tags = data.draw(st.lists(st.sampled_from("p em div ul li blockquote td pre code sup".split()), max_size=12))
    escaped = [word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for word in words]
    opened = [f"<{tag}>{word}" for tag, word in zip(tags, escaped, strict=False)]
    text = to_text(" ".join(opened + escaped[len(tags) :]))
    found = 0
    for word in words:
        found = text.find(word, found)
        assert found >= 0, (word, text)
        found += len(word)


@given(st.text(INK | st.sampled_from(" \n"), max_size=80))
def test_code_stays_as_it_is(code: str) -> None:
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    fenced = re.fullmatch(r"```\n(.*)\n```", to_text(f"<pre><code>{escaped}</code></pre>"), re.DOTALL)
    assert fenced
    assert fenced[1] == code.strip("\n")


@pytest.mark.parametrize(
    "evil",
    [
        "<ul>" * 20_000, "<b><i>" * 20_000 + "x", "<" * 60_000, "<a " * 20_000, "<!--" * 9_000,
        "<ul>" * 200_000, "<div><!--</div>-->" * 50_000, '<div title="</div>">' * 50_000, "<ul><td></ul>" * 50_000,
        "<a " + " ".join(f"x{n}" for n in range(100_000)) + ">", "<p>" + "<a " * 2_000_000, "&" * 2_000_000,
        "<ul><table><td></ul></td></table>" * 20_000, "".join(f"<p><b id={n}>x</p>" for n in range(20_000)),
        "x" * (1 << 20) + "&#" + "9" * 9_000 + ";",
    ],
)  # fmt: skip
def test_a_post_made_to_hurt(evil: str) -> None:
    started = time.monotonic()
    to_text(evil)
    assert time.monotonic() - started < 5


def test_what_is_not_parsed_is_stripped_of_its_tags() -> None:
    deep = "<ul>" * 1_001 + "<li>a &lt; <b>b</b>ig</li><li>5 < 6</li>" + "</ul>" * 1_001
    assert to_text(deep) == "a < big\n\n5 < 6"
    long = "<pre>  x\n    y</pre><p>" + "word " * 300_000 + "</p>"
    assert to_text(long).startswith("x\n    y\n\nword word")


def test_a_long_plain_post_is_parsed() -> None:
    post = '<p>2<sup>n</sup> <a href="http://x?a&amp;b" rel="nofollow">c</a><br><!-- language: py --></p>\n'
    assert to_text(post * 9_000) == "\n\n".join(["2^n c"] * 9_000)
    assert to_text("<div>" * 999 + "<sup>2</sup>" * 9 + "</div>" * 999) == "^2" * 9
