"""Batches that were computed before a kill are neither lost nor computed again."""

import os

import numpy as np
import pytest
from scipy.sparse import csr_array

from llm_encoders.jobs import resumable_batches
from llm_encoders.jobs.resumable_batches import run_batches

DENSE = np.random.default_rng(1).standard_normal((23, 5)).astype(np.float32)
SPARSE = csr_array(np.where(DENSE > 0.8, DENSE, 0))


class Killed(BaseException):
    pass


def run(folder, rows, dies_at=None, job="a"):
    computed = []

    def compute(batch):
        if dies_at is not None and batch.start >= dies_at:
            raise Killed
        computed.append(batch.start)
        return rows[batch]

    moved = []
    found = run_batches(folder, {"job": job}, 23, 4, compute, moved.append)
    return found, computed, moved


def dense(rows):
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


@pytest.mark.parametrize("rows", [DENSE, SPARSE], ids=["dense", "sparse"])
def test_killed_and_resumed(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(resumable_batches, "_SECONDS", 0.0)
    folder = tmp_path / "log"
    with pytest.raises(Killed):
        run(folder, rows, dies_at=12)
    with (folder / "values.f32").open("ab") as stream:  # a batch that was not yet noted
        stream.write(b"garbage")
    found, computed, moved = run(folder, rows)
    assert computed == [12, 16, 20] and moved == [12, 4, 4, 3]
    assert (dense(found.block(0, 23)) == dense(rows)).all()
    assert (dense(found.block(7, 9)) == dense(rows)[7:9]).all()
    values, columns = found.row(3)
    expected = dense(rows)[3]
    assert (values == (expected if columns is None else expected[columns])).all()
    again, computed, _ = run(folder, rows)
    assert computed == [] and (dense(again.block(0, 23)) == dense(rows)).all()


@pytest.mark.parametrize("damage", ["another job", "note", "short"])
def test_what_is_of_no_use_is_computed_again(tmp_path, damage):
    folder = tmp_path / "log"
    run(folder, SPARSE)
    if damage == "note":
        (folder / "done.json").write_text("{")
    elif damage == "short":
        os.truncate(folder / "columns.i32", 4)
    found, computed, _ = run(folder, SPARSE, job="b" if damage == "another job" else "a")
    assert len(computed) == 6
    assert (found.block(0, 23).toarray() == SPARSE.toarray()).all()


def test_rows_without_terms(tmp_path):
    empty = csr_array((3, 5), dtype=np.float32)
    found = run_batches(tmp_path / "log", {}, 3, 2, lambda batch: empty[batch])
    assert found.block(0, 3).nnz == 0
