"""Every measurement of reproductions/efficiency at tiny scale."""

import csv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[2] / "reproductions" / "efficiency"


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.whole
def test_every_group_on_a_cpu(warm_python, shared_data, stories, tmp_path):
    warm_python(
        *(FOLDER / "measure.py", "--small", "--output", tmp_path / "r.csv"),
        *("--corpus", shared_data / "collections" / "nfcorpus" / "corpus.jsonl"),
        *("--tokenizer", stories),
    )
    found = rows(tmp_path / "r.csv")
    groups = [row["group"] for row in found]
    assert list(dict.fromkeys(groups)) == [
        *("head", "head with backward", "head trained, too", "encode", "index"),
        *("training step", "search", "query, sparse", "query, dense"),
    ]
    assert all(float(row["rate"]) > 0 and row["device"] and row["setting"] for row in found)
    encoded = {row["form"]: row["detail"] for row in found if row["group"] == "encode"}
    assert encoded["plain"] == encoded["ours"]


@pytest.mark.parametrize("form", ["head-plain", "head-chunked", "sparse-1b", "dense-8b"])
def test_shapes_for_a_gpu(warm_python, form):
    shown = warm_python(FOLDER / "gpu.py", form, "--device", "cpu", "--small").stdout
    assert '"rate"' in shown and "of a large matrix product" in shown


def test_the_committed_results_are_whole():
    """Every row has its device, and a ratio to the first form of its group."""
    found = rows(FOLDER / "results.csv")
    first = {}
    for row in found:
        first.setdefault(row["group"], float(row["rate"]))
        ratio = float(row["rate"]) / first[row["group"]]
        assert float(row["ratio"]) == pytest.approx(ratio, abs=0.006), row
        assert row["device"] and row["torch"] and row["date"]
