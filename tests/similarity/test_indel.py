from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from ot_assets.similarity import indel as module
from ot_assets.similarity.indel import Work, pairs_between, pairs_within

ALPHABETS = ("ab", "ab ", "abcdefgh .", "0123456789+", "éß中文字符😀👍🏽", "the quick brown fox")
THRESHOLDS = st.sampled_from([50.0, 55.5, 60.0, 66.6, 75.0, 80.0, 88.0, 90.0, 95.0, 99.0, 100.0])


@st.composite
def families(draw) -> list[str]:
    """Texts up to 2,000 characters, many of them edits of one another, so that ratios fall around the threshold."""
    random = Random(draw(st.integers(0, 10**6)))
    letters = draw(st.sampled_from(ALPHABETS))
    found = draw(st.lists(st.sampled_from(["", "a", letters[0] * 300, letters[-1] * 255]), max_size=3))
    for _ in range(draw(st.integers(1, 4))):
        text = random.choices(letters, k=draw(st.sampled_from([1, 2, 19, 20, 40, 63, 64, 65, 128, 300, 2000])))
        for _ in range(draw(st.integers(1, 5))):
            found.append("".join(_edited(text, draw(st.integers(0, 1 + len(text) // 4)), letters, random)))
    random.shuffle(found)
    return found


def _edited(text: list[str], edits: int, letters: str, random: Random) -> list[str]:
    text = list(text)
    for _ in range(edits):
        place = random.randint(0, len(text))
        if random.random() < 0.5 and place < len(text):
            del text[place]
        else:
            text.insert(place, random.choice(letters))
    return text


def brute(texts: list[str], items: list[str], threshold: float) -> dict[tuple[int, int], float]:
    scores = process.cdist(texts, items, scorer=fuzz.ratio, dtype=np.float64)
    found = np.argwhere(scores >= threshold)
    return {(int(one), int(other)): float(scores[one, other]) for one, other in found}


def told(found) -> list[tuple[tuple[int, int], float]]:
    pieces = [zip(*(column.tolist() for column in pairs), strict=True) for pairs in found]
    return sorted(((one, other), score) for piece in pieces for one, other, score in piece)


@settings(deadline=None, max_examples=150)
@example(["", "", "a"], 50.0)
@example(["a" * 300, "a" * 301, "a" * 15 + "b"], 95.0)
@example(["b" * 40 + "a", "b" * 40], 75.0)
@given(families(), THRESHOLDS)
def test_within_is_every_pair(texts, threshold):
    wanted = {pair: score for pair, score in brute(texts, texts, threshold).items() if pair[0] < pair[1]}
    assert told(pairs_within(texts, threshold)) == sorted(wanted.items())


@settings(deadline=None, max_examples=100)
@given(families(), families(), THRESHOLDS)
def test_between_is_every_pair(texts, items, threshold):
    # the one alphabet has nothing of the other's: so a few texts are in both
    items = [*items, *texts[:3]]
    assert told(pairs_between(texts, items, threshold)) == sorted(brute(texts, items, threshold).items())


@pytest.mark.parametrize("threshold", [50, 60, 75, 80, 90, 95])
def test_at_the_threshold_to_the_character(threshold):
    # 1,000 characters in all, and exactly as many edits as the threshold allows, or one more on each side
    edits = 10 * (100 - threshold)
    for more in (0, 1):
        one = "x" * (500 - edits // 2 - more) + "a" * (edits // 2 + more)
        other = "x" * (500 - edits // 2 - more) + "b" * (edits // 2 + more)
        assert [len(pairs.score) for pairs in pairs_within([one, other], threshold)] == [1 - more]


def test_small_pieces_and_little_room_do_not_decide(monkeypatch):
    random = Random(5)
    texts = ["".join(random.choices("ab ", k=random.randint(0, 30))) for _ in range(300)]
    whole = told(pairs_within(texts, 75))
    assert len(whole) > 300
    monkeypatch.setattr(module, "_PIECE", 700)
    monkeypatch.setattr(module, "_ROOM", 1)
    assert told(pairs_within(texts, 75, workers=3)) == whole


def test_anagrams_are_compared_and_told_apart():
    random = Random(2)
    words = "the sum of all odd numbers below one hundred is found by adding them in pairs from both ends".split()
    texts = list({" ".join(random.sample(words, len(words))) for _ in range(200)})
    work = Work()
    found = told(pairs_within(texts, 75, work=work))
    assert found == sorted((p, s) for p, s in brute(texts, texts, 75).items() if p[0] < p[1])
    assert work.counted == work.pairs == len(texts) * (len(texts) - 1) // 2  # their counts are all the same
    assert len(found) < work.compared < work.counted


def test_many_that_are_compared_in_vain_are_told(monkeypatch, caplog):
    texts = [f"{'x' * place}a{'x' * (50 - place)}" for place in range(5)]
    caplog.set_level("INFO", "ot.stage")
    assert told(pairs_within(texts, 99)) == []
    assert not caplog.messages
    monkeypatch.setattr(module, "_MANY", 9)
    told(pairs_within(texts, 99))
    assert caplog.messages == [
        "slower than usual: 10 pairs have nearly the same letters and were compared in full, 0 match"
    ]


def test_nothing_to_compare():
    assert told(pairs_within([], 95)) == told(pairs_within(["alone"], 95)) == []
    assert told(pairs_between([], ["item"], 75)) == told(pairs_between(["text"], [], 75)) == []


def test_who_stops_early_waits_for_nothing_else(monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 20_000)
    looked = []
    look = module._look
    monkeypatch.setattr(module, "_look", lambda join, rows: looked.append(rows) or look(join, rows))
    texts = [f"the same text, number {number}" for number in range(2000)]
    found = pairs_within(texts, 90, workers=2)
    next(found)
    found.close()
    assert 1 <= len(looked) <= 6  # of a hundred


def test_a_very_long_text_among_short_ones():
    texts = ["short", "x " * 2_500_000, "short!", "x " * 2_500_000 + "y"]
    assert [pair for pair, _ in told(pairs_within(texts, 90))] == [(0, 2), (1, 3)]
