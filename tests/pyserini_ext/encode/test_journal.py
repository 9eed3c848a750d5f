"""Batches of unfinished parts survive a kill: few are computed again, and the bytes are equal."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import csr_array

from pyserini_ext.encode.journal import Entries, Journal, forget_part, joined
from pyserini_ext.folders.state import journal_folder
from tests.pyserini_ext.encode.outputs import files


def sparse_entries(first, count, seed=0):
    random = np.random.default_rng(seed)
    dense = random.integers(0, 5, (count, 7)).astype(np.int32)
    numbers = random.permutation(np.arange(first, first + count))
    return Entries(numbers, csr_array(dense), random.random(count) < 0.3)


def dense_entries(first, count, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, 5)).astype(np.float32)
    return Entries(np.arange(first, first + count)[::-1], vectors, np.zeros(count, bool))


def rows(entries):
    vectors = entries.vectors
    vectors = vectors.toarray() if isinstance(vectors, csr_array) else vectors
    return {
        int(number): (vectors[row].tobytes(), bool(entries.faulty[row]))
        for row, number in enumerate(entries.numbers)
    }


@pytest.mark.parametrize("make", [sparse_entries, dense_entries])
def test_what_is_kept_comes_back(tmp_path, make):
    journal = Journal(tmp_path / "journal", seconds=0)
    journal.begin(3)
    kept = [make(100, 6, seed=1), make(106, 3, seed=2), make(120, 4, seed=3)]
    for entries in kept:
        journal.add(entries)
    again = Journal(tmp_path / "journal")
    again.begin(3)
    found = again.known(100, 110)
    assert rows(joined(found)) == rows(kept[0]) | rows(kept[1])
    assert not again.known(110, 120)
    another = Journal(tmp_path / "journal")
    another.begin(4)
    assert not another.known(0, 1000)
    forget_part(tmp_path / "journal", 3)
    again.begin(3)
    assert not again.known(0, 1000)


def test_the_interval_bounds_what_is_lost(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    journal = Journal(tmp_path / "journal", seconds=20)
    journal.begin(0)
    for number in range(10):
        now[0] += 7
        journal.add(dense_entries(number, 1))
    again = Journal(tmp_path / "journal")
    again.begin(0)
    assert sorted(joined(again.known(0, 100)).numbers) == list(range(9))  # 7 × 3 > 20


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "text"])
def test_a_damaged_file_is_left_out(tmp_path, damage):
    journal = Journal(tmp_path / "journal", seconds=0)
    journal.begin(0)
    journal.add(dense_entries(0, 50))
    journal.add(dense_entries(50, 50))
    first, _ = sorted((tmp_path / "journal").iterdir())
    content = first.read_bytes()
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    first.write_bytes(
        {
            "cut": content[:-30],
            "flipped": content[:middle] + flipped + content[middle + 1 :],
            "emptied": b"",
            "text": b"no archive",
        }[damage]
    )
    again = Journal(tmp_path / "journal")
    again.begin(0)
    assert sorted(joined(again.known(0, 100)).numbers) == list(range(50, 100))


def test_the_first_choice_of_a_token_budget_counts(tmp_path):
    first, second = Journal(tmp_path / "s" / "journal"), Journal(tmp_path / "s" / "journal")
    assert first.settle_batch_tokens(5000) == 5000
    assert second.settle_batch_tokens(7000) == 5000
    second.lower_batch_tokens(2500)
    assert first.settle_batch_tokens(5000) == 2500
    (tmp_path / "s" / "batch-tokens").write_text("rubbish")
    assert first.settle_batch_tokens(3000) == 3000


@pytest.mark.parametrize("kind", ["jsonl", "npz", "faiss"])
def test_an_error_in_the_middle_of_a_part_loses_no_batch(
    encode, tmp_path, stories, monkeypatch, kind
):
    """The vectors come from the journal: what is encoded afterwards is only what is missing."""
    from llm_encoders.encoding.encoder import Encoder

    encoder = f"{stories},paradigm={'dense' if kind == 'faiss' else 'sparse'},like=lion"
    options = ["--batch-size", 4, "--part-size", 128]
    options += [] if kind == "jsonl" else [f"--to-{kind}"]
    assert encode(*options, output="expected", encoder=encoder)[0] == 0
    vectors, texts = Encoder._vectors, []

    def limited(self, batch):
        if len(texts) >= 50:
            raise KeyboardInterrupt
        texts.extend(batch.rows)
        return vectors(self, batch)

    monkeypatch.setattr(Encoder, "_vectors", limited)
    assert encode(*options, encoder=encoder)[0] == 130
    before = len(texts)
    assert list(journal_folder(tmp_path / "output").iterdir())
    texts.clear()
    monkeypatch.setattr(
        Encoder, "_vectors", lambda self, batch: texts.extend(batch.rows) or vectors(self, batch)
    )
    assert encode(*options, encoder=encoder)[0] == 0
    assert before >= 50 and before + len(texts) == 100
    assert files(tmp_path / "output") == files(tmp_path / "expected")
    assert not journal_folder(tmp_path / "output").exists()


def slow_run(folder, stories, *more):
    """The encode command with a model that sleeps; see ``stub_run``."""
    words = [sys.executable, "-m", "tests.pyserini_ext.encode.stub_run", "400", str(stories)]
    return [*words, str(folder), "--batch-size", "8", "--part-size", "1024", *more]


def computed(folder):
    """Batches that were computed, by all runs."""
    path = folder / "computed"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.slow
def test_a_kill_costs_no_more_than_the_interval(tmp_path, stories):
    """A part is never finished before the kill; the journal is written every half second."""
    pause, interval = 0.05, 0.5
    environment = os.environ | {"STUB_SLEEP": str(pause), "STUB_INTERVAL": str(interval)}
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    subprocess.run(slow_run(tmp_path / "whole", stories), env=environment, check=True)
    batches = len(computed(tmp_path / "whole"))
    process = subprocess.Popen(slow_run(tmp_path / "killed", stories), env=environment)
    while len(computed(tmp_path / "killed")) < 0.6 * batches:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not list((tmp_path / "killed" / "output").iterdir())
    subprocess.run(slow_run(tmp_path / "killed", stories), env=environment, check=True)
    done = computed(tmp_path / "killed")
    again = len(done) - len({tuple(batch) for batch in done})
    assert len({tuple(batch) for batch in done}) == batches
    assert again <= interval / pause + 1  # what the interval holds, and the batch at the kill
    assert files(tmp_path / "killed" / "output") == files(tmp_path / "whole" / "output")
