from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_resources.embedder import MINILM, SentenceEmbedder, packaged_minilm
from ot_resources.interfaces import BadInput
from tests.conftest import require

from ..frames import both, collected, evidence, questions


@dataclass
class Angles:
    """A text is an angle in degrees, its vector the point on the circle."""

    model: str = "angles@1"
    asked: list[int] = field(default_factory=list)

    def embed(self, texts):
        self.asked.append(len(texts))
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def tables(positives=("0",), negatives=("90",)):
    return {"positives": questions(*positives), "negatives": questions(*negatives)}


def test_the_closest_to_the_positives_stay():
    frame = questions("80", "10", None, "0", "45")
    kept, dropped = both("filter.embedding", frame, embedder=Angles(), **tables(), keep=2)
    assert kept["question"].to_list() == ["10", "0"]
    assert kept["embedding_score"].to_list() == [0.81116, 1.0]
    assert dropped["drop_reason"].to_list() == ["unlike_positives", "no_score", "unlike_positives"]
    assert evidence(dropped)[0] | {"score": 0} == {
        "score": 0,
        "rank": 4,
        "keep": 2,
        "cutoff": 0.81116,
        "at_least": None,
        "error": None,
        "model": "angles@1",
    }


def test_a_threshold_on_the_difference():
    kept, _ = both("filter.embedding", questions("80", "44", "46"), embedder=Angles(), **tables(), at_least=0)
    assert kept["question"].to_list() == ["44"]


def test_the_nearest_and_the_mean_are_not_the_same():
    sets = tables(["0", "180"], ["90", "80"])
    frame = questions("10", "85")
    mean, _ = both("filter.embedding", frame, embedder=Angles(), **sets, at_least=-2)
    nearest, _ = both("filter.embedding", frame, embedder=Angles(), **sets, at_least=-2, by="max")
    assert mean["embedding_score"].to_list() != nearest["embedding_score"].to_list()
    assert nearest["embedding_score"][0] == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(70)), abs=1e-6)


ANGLES = st.lists(st.integers(0, 359).map(str), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ANGLES, ANGLES, ANGLES, st.sampled_from(["mean", "max"]))
def test_the_score_is_that_of_all_pairs(asked, positives, negatives, by):
    frame = questions(*asked)
    params = tables(positives, negatives) | {"embedder": Angles(), "by": by, "at_least": -2}
    kept, _ = collected(apply("filter.embedding", frame, **params))
    combine = max if by == "max" else lambda values: sum(values) / len(values)

    def likeness(text, others):
        return combine([np.cos(np.radians(int(text) - int(other))) for other in others])

    expected = [likeness(text, positives) - likeness(text, negatives) for text in asked]
    assert kept["embedding_score"].to_list() == pytest.approx(expected, abs=2e-6)


def test_texts_go_to_the_embedder_by_the_thousand_however_they_are_chunked():
    frame = questions(*[str(n % 360) for n in range(1500)])
    pieces = pl.concat([frame[:7], frame[7:1300], frame[1300:]], rechunk=False)
    asked = []
    for rows in (frame, pieces):
        embedder = Angles()
        collected(apply("filter.embedding", rows, embedder=embedder, **tables(), keep=3))
        asked.append(embedder.asked)
    assert asked[0] == asked[1] == [1, 1, 1024, 476]


def test_it_says_what_it_lacks():
    with pytest.raises(BadInput, match="filter.embedding: 'negatives': no text"):
        apply("filter.embedding", questions("1"), embedder=Angles(), **tables(negatives=[None, " "]), keep=1)
    with pytest.raises(BadInput, match="filter.embedding: give 'keep'"):
        apply("filter.embedding", questions("1"), embedder=Angles(), **tables())


@pytest.fixture(scope="module")
def minilm() -> SentenceEmbedder:
    require("minilm", packaged_minilm() is not None, "install the extra 'local'")
    return SentenceEmbedder()


def test_a_real_model_knows_mathematics_from_databases(minilm):
    frame = questions(
        "How many primes lie between 10 and 30?",
        "Write a query that joins two tables on their key.",
        "Solve the equation x^2 = 9 for x.",
    )
    positives = questions("Find the sum of the first ten integers.", "What is the remainder of 17 divided by 5?")
    negatives = questions("SELECT name FROM users WHERE age > 3", "Create a table with an index on its key column.")
    kept, dropped = both("filter.embedding", frame, embedder=minilm, positives=positives, negatives=negatives, keep=2)
    assert kept["question_id"].to_list() == ["q0", "q2"]
    assert kept["embedding_score"].min() > 0 > evidence(dropped)[0]["score"]
    assert evidence(dropped)[0]["model"] == MINILM


def test_the_vectors_are_those_of_the_model_on_the_hub(minilm):
    vectors = minilm.embed(["This is an example sentence", "Each sentence is converted"])
    assert vectors.shape == (2, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    # the two sentences of its model card
    assert vectors[0, :4] == pytest.approx([0.0676569, 0.0634959, 0.0487131, 0.0793049], abs=1e-5)
