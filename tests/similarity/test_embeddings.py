from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.similarity import embeddings
from ot_assets.similarity.embeddings import embed, pairs_between, pairs_within
from ot_assets.similarity.pairs import closest


def circle(angles) -> np.ndarray:
    radians = np.radians(np.array(angles, dtype=np.float64))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32).reshape(-1, 2)


def listed(found) -> list[tuple[int, int, float]]:
    return sorted(row for pairs in found for row in zip(*(column.tolist() for column in pairs), strict=True))


def cosine(one: int, other: int) -> float:
    return float(np.cos(np.radians(one - other)))


ANGLES = st.lists(st.integers(0, 72).map(lambda step: 5 * step), max_size=30)


@settings(deadline=None)
@given(ANGLES, ANGLES, st.sampled_from([0.1, 0.52, 0.8, 0.97]))
def test_all_pairs_however_they_are_cut(angles, others, threshold):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "_ROWS", 4)
        patch.setattr(embeddings, "_COLUMNS", 3)
        between = listed(pairs_between(circle(angles), circle(others), threshold))
        within = listed(pairs_within(circle(angles), threshold))
    every = [(one, other) for one in range(len(angles)) for other in range(len(others))]
    wanted = [(one, other) for one, other in every if cosine(angles[one], others[other]) >= threshold]
    assert [pair[:2] for pair in between] == wanted
    assert [pair[2] for pair in between] == pytest.approx(
        [cosine(angles[one], others[other]) for one, other in wanted], abs=2e-6
    )
    every = [(one, other) for other in range(len(angles)) for one in range(other)]
    assert [pair[:2] for pair in within] == sorted(
        (one, other) for one, other in every if cosine(angles[one], angles[other]) >= threshold
    )


@settings(deadline=None)
@given(ANGLES, ANGLES, st.integers(1, 4))
def test_the_closest_of_each(angles, others, k):
    found = list(pairs_between(circle(angles), circle(others), 0.3))
    near = closest(iter(found), k)
    wanted = []
    for right in range(len(others)):
        mine = sorted((-score, left) for left, other, score in listed(found) if other == right)
        wanted += [(left, right, -score) for score, left in mine[:k]]
    assert list(zip(*(column.tolist() for column in near), strict=True)) == wanted


def test_a_threshold_that_a_pair_just_reaches():
    vectors = np.array([[1, 0], [0.6, 0.8], [0.8, 0.6]], dtype=np.float32)
    assert listed(pairs_within(vectors, 0.8)) == [(0, 2, 0.8), (1, 2, 0.96)]
    assert listed(pairs_within(vectors, 0.96)) == [(1, 2, 0.96)]


@dataclass
class Counted:
    model: str = "counted@1"
    asked: list[list[int]] = field(default_factory=list)

    def embed(self, texts):
        self.asked.append([len(text) for text in texts])
        return circle([len(text) % 360 for text in texts])


def test_texts_go_to_the_embedder_by_the_thousand_and_not_without_end():
    embedder = Counted()
    assert embed(embedder, ["a"] * 1500 + ["b" * 5_000_000]).shape == (1501, 2)
    assert [len(texts) for texts in embedder.asked] == [1024, 477]
    assert max(embedder.asked[1]) == 50_000
    assert len(embed(embedder, [])) == 0
