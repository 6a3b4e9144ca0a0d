from __future__ import annotations

import tracemalloc
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from ot_assets.similarity import indel as module
from ot_assets.similarity.alphabet import alphabet, corpus
from ot_assets.similarity.indel import Work, pairs_between, pairs_within

ALPHABETS = ("ab", "ab ", "abcdefgh .", "0123456789+", "éß中文字符😀👍🏽", "the quick brown fox")
# At some, such as 67, 68, 93 and 80.5, rapidfuzz says 0 of a pair that is right at a cutoff of as much.
THRESHOLDS = st.one_of(
    st.integers(100, 200).map(lambda half: half / 2), st.sampled_from([66.6, 83.2, 90.3, 90.4, 90.8, 94.8, 99.9])
)


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


@pytest.mark.parametrize("threshold", [50, 60, 67, 68, 75, 80, 80.5, 90, 90.3, 93, 94.8, 95])
def test_at_the_threshold_to_the_character(threshold):
    # 2,000 characters in all, and exactly as many edits as the threshold allows, or one more on each side
    edits = round(20 * (100 - threshold))
    for more in (0, 1):
        one = "x" * (1000 - edits // 2 - more) + "a" * (edits // 2 + more)
        other = "x" * (1000 - edits // 2 - more) + "b" * (edits // 2 + more)
        assert len(told(pairs_within([one, other], threshold))) == 1 - more
        assert len(told(pairs_between([one], [other], threshold))) == 1 - more


@pytest.mark.parametrize("half", range(100, 201))
def test_pairs_around_the_threshold(half):
    """Two texts of one length, two that begin alike, and the edits on either side of what the threshold allows."""
    threshold, texts = half / 2, []
    for length in (40, 250, 333, 1000):
        edits = (100 - threshold) / 50 * length
        for spare in range(int(edits) - 1, int(edits) + 3):
            one = min(max(spare // 2, 0), length)
            texts += [letter * one + "x" * (length - one) for letter in "abcd"]
            texts.append("x" * (length + max(spare, 0)))
    wanted = {pair: score for pair, score in brute(texts, texts, threshold).items() if pair[0] < pair[1]}
    assert told(pairs_within(texts, threshold)) == sorted(wanted.items())


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


def test_much_time_spent_on_comparing_is_told(caplog):
    texts = [f"{'x' * place}a{'x' * (50 - place)}" for place in range(5)]
    caplog.set_level("INFO", "ot.stage")
    assert told(pairs_within(texts, 99)) == []
    assert not caplog.messages
    told(pairs_within(texts, 99, work=Work(comparing=12_345)))
    assert caplog.messages == [
        "slower than usual: 10 pairs have nearly the same letters and were compared in full, 0 match,"
        " which took 12345 s of a processor"
    ]


def long_texts(count: int, vocabulary: str, seed: int) -> list[str]:
    """Texts of 22,000 characters, with more of each letter than a count goes to."""
    random = Random(seed)
    words = ["".join(random.choices(vocabulary, k=random.randint(2, 9))) for _ in range(300)]
    return [" ".join(random.choices(words, k=6000))[:22_000] for _ in range(count)]


def test_long_texts_are_told_apart_by_their_letters():
    texts = [
        text for seed, vocabulary in enumerate(("etaetaoin", "oinoineta")) for text in long_texts(4, vocabulary, seed)
    ]
    texts += [texts[0] + "a" * 200, "b" + texts[5]]
    assert min(map(len, texts)) > 20_000
    whole, work = told(pairs_within(texts, 90)), Work()
    assert [pair for pair, _ in whole] == [(0, 8), (5, 9)]
    assert {pair: score for pair, score in brute(texts, texts, 90).items() if pair[0] < pair[1]} == dict(whole)
    assert told(pairs_within([*texts, "short"], 90, work=work)) == whole
    # of five texts each two have the same letters, no others are compared
    assert (work.pairs, work.compared) == (45, 20)


def test_long_texts_are_compared_a_few_at_a_time_until_nobody_waits(monkeypatch):
    texts = long_texts(8, "etaoin", 3)
    asked, compare = [], process.cpdist

    def cpdist(one, other, **given):
        asked.append(len(one))
        join.stopped.set()
        return compare(one, other, **given)

    monkeypatch.setattr(module.process, "cpdist", cpdist)
    monkeypatch.setattr(module, "_STEPS", 3 * 23_000**2 // 64)
    letters = alphabet(texts)
    join = module._Join(
        corpus(texts, letters), corpus(texts, letters), texts, texts, np.arange(1, 9), np.full(8, 8), 75.0
    )
    module._look(join, slice(0, 8))
    assert len(asked) == 1 and asked[0] <= 3


def test_long_texts_are_a_piece_of_work_by_few():
    for length, least in ((100, 1), (20_000, 10)):
        texts = [str(number) + "x" * length for number in range(3000)]
        counted = corpus(texts, alphabet(texts))
        join = module._Join(counted, counted, texts, texts, np.arange(3000), np.full(3000, 3000), 95.0)
        cut = list(join.pieces())
        assert len(cut) == 2 if least == 1 else len(cut) >= least
        assert [number for part in cut for number in range(part.start, part.stop)] == list(range(3000))


def test_memory_does_not_hold_all_characters_at_once():
    """Texts are read some millions of characters at a time: of these, one at a time."""
    texts = [chr(97 + number) * 4_000_000 for number in range(12)]
    tracemalloc.start()
    counted = corpus(texts, alphabet(texts))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted.lengths.sum() == 48_000_000
    # one a character, of which little is written, and what one text takes
    assert peak < 48_000_000 + 60_000_000


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
