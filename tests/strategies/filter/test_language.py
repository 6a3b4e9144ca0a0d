from __future__ import annotations

import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.filter.language import prose
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions

ENGLISH = "How many positive integers less than one hundred are divisible by seven?"
CHINESE = "小明有五个苹果，他吃了两个，还剩多少个苹果？"
FRENCH = "Combien d'entiers positifs inférieurs à cent sont divisibles par sept ?"
GERMAN = "Wie viele positive ganze Zahlen kleiner als hundert sind durch sieben teilbar?"


def test_other_languages_go():
    kept, dropped = both("filter.language", questions(ENGLISH, CHINESE, FRENCH, GERMAN), keep=["en"])
    assert kept["question"].to_list() == [ENGLISH]
    assert set(dropped["drop_reason"]) == {"other_language"}
    assert [told["language"] for told in evidence(dropped)] == ["zh", "fr", "de"]
    assert all(told["confidence"] >= 0.8 for told in evidence(dropped))


def test_several_may_stay():
    kept, _ = both("filter.language", questions(ENGLISH, CHINESE, FRENCH), keep=["zh", "fr"])
    assert kept["question"].to_list() == [CHINESE, FRENCH]


def test_what_cannot_be_told_stays():
    bare = ["Evaluate", r"$\frac{1}{2}$", "", None, "x + y = 2", "Compute $2+2$."]
    kept, _ = both("filter.language", questions(*bare), keep=["en"])
    assert kept["question"].to_list() == bare


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"Let $x$ be \emph{real} and \(y=1\). Find \[z\] now", "Let be real and Find now"),
        ("Run ```python\nprint('hola')\n``` please", "Run please"),
        ("see https://example.org/abc?d=e there", "see there"),
        ("a_b 12 c", "a b c"),
        ("$$ and so on", "and so on"),
        ("cost $5 and $6 more", "cost more"),
        ("Mot à mot — 数学", "Mot à mot 数学"),
    ],
)
def test_only_words_are_read(text, words):
    assert prose(text) == words


def test_it_reads_long_texts_in_time():
    assert len(prose("word " * 100_000)) <= 2000
    for hostile in ("$" * 100_001, "\\(" * 50_000, "```" * 30_001, "\\[$" * 30_000):
        assert prose(hostile) == ""


def test_an_unknown_language_is_named():
    with pytest.raises(BadInput, match="filter.language: 'keep': unknown language 'english'; there is: ar, bg"):
        apply("filter.language", questions("a"), keep=["english"])
