"""Batches: a function of seed and step, shared among processes, with the teacher's vectors."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from llm_encoders.distill_query.batches import Material, QueryBatches, held_out_rows
from llm_encoders.distill_query.candidates import MinedCandidates, records_of
from llm_encoders.jobs.resumable_batches import run_batches

COUNT = 11
DENSE = np.random.default_rng(0).normal(size=(COUNT, 3)).astype(np.float32)
SPARSE = np.where(DENSE > 0, DENSE, 0)


def stored(folder, rows):
    return run_batches(folder, {}, rows.shape[0], 4, lambda batch: rows[batch])


def material(tmp_path, rows=DENSE, candidates=None):
    return Material(
        texts=lambda numbers: [f"text {number}" for number in numbers],
        tokenize=lambda texts: [[int(text.split()[1])] for text in texts],
        vectors=stored(tmp_path / "vectors", rows),
        candidates=candidates,
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_every_query_once_an_epoch_beside_its_vector(tmp_path, sparse):
    rows = csr_array(SPARSE) if sparse else DENSE
    own, held = held_out_rows(COUNT, 0.2, seed=5)
    batches = QueryBatches(material(tmp_path, rows), own, 3, 6, seed=5)
    seen = []
    for number in range(6):
        batch = batches[number]
        numbers = [ids[0] for ids in batch.queries]
        seen += numbers
        expected = (SPARSE if sparse else DENSE)[numbers]
        assert np.array_equal(batch.teacher.numpy(), expected)
    assert sorted(seen[:9]) == sorted(seen[9:]) == own.tolist() and seen[:9] != seen[9:]
    assert len(held) == 2 and not set(held) & set(own)
    again = QueryBatches(material(tmp_path, rows), own, 3, 6, seed=5)
    assert [ids[0] for ids in again[4].queries] == seen[12:15]


def test_processes_share_a_batch(tmp_path):
    def batch(processes, rank):
        return QueryBatches(material(tmp_path), np.arange(COUNT), 5, 2, 1, processes, rank)[1]

    whole, first, second = batch(1, 0), batch(2, 0), batch(2, 1)
    assert first.queries + second.queries == whole.queries
    assert first.counts == second.counts == [2, 3]
    assert torch.equal(first.teacher, whole.teacher)


@pytest.mark.parametrize(("share", "held"), [(0, 0), (0.001, 1), (0.5, 6)])
def test_how_many_are_held_out(share, held):
    own, other = held_out_rows(COUNT, share, seed=2)
    assert len(other) == held and sorted([*own, *other]) == list(range(COUNT))


RECORDS = [
    {
        **{"query": "Text  4", "positives": [0, 1], "negatives": [2, 3]},
        **{"positive_scores": [9.0, 8.0], "negative_scores": [1.0, 2.0]},
    },
    {
        **{"query": "text 7", "positives": [2], "negatives": [4]},
        **{"positive_scores": [5.0], "negative_scores": [-1.0]},
    },
]


@pytest.mark.parametrize("sparse", [False, True])
def test_candidates_bring_passages_with_their_scores(tmp_path, sparse):
    rows = csr_array(SPARSE) if sparse else DENSE
    data = SimpleNamespace(
        queries=RECORDS, excluded_negatives=lambda one, found: [p in (0, 1) for p in found]
    )
    records = records_of(data, [f"text {number}" for number in range(COUNT)])
    assert records == {4: [0], 7: [1]}
    mined = MinedCandidates(data, records, stored(tmp_path / "passages", rows), negatives=2)
    queries = torch.tensor(DENSE[[4, 5, 7]])
    scores_of = dict(enumerate([9.0, 8.0]))
    given = mined.of([4, 5, 7], [0])
    assert given.valid.tolist() == [[True] * 3, [False] * 3, [True, True, False]]
    products = given.scored_by(queries).numpy()
    vectors = SPARSE if sparse else DENSE
    positive = next(number for number, score in scores_of.items() if score == given.scores[0, 0])
    order = [2, 3] if given.scores[0, 1] == 1 else [3, 2]
    assert given.scores[0, 1:].tolist() == [float(one) - 1 for one in order]
    assert products[0] == pytest.approx(vectors[[positive, *order]] @ DENSE[4], abs=1e-6)
    assert products[2, :2] == pytest.approx(vectors[[2, 4]] @ DENSE[7], abs=1e-6)
    assert given.scores[2].tolist() == [5.0, -1.0, 0.0]
    assert given.excluded[0].tolist() == [True, False, False, False, False]
    assert mined.of([5, 6], [0]) is None
    orders = set()
    for seed in range(12):
        drawn = mined.of([4], [seed])
        passages = [2 if score == 1 else 3 for score in drawn.scores[0, 1:]]
        expected = vectors[passages] @ DENSE[4]
        assert drawn.scored_by(queries[:1])[0, 1:].numpy() == pytest.approx(expected, abs=1e-6)
        orders.add(tuple(passages))
    assert orders == {(2, 3), (3, 2)}
    draws = {float(mined.of([4], [seed]).scores[0, 0]) for seed in range(20)}
    assert draws == {9.0, 8.0}
