"""The streamed index is, byte for byte, the one that FAISS writes."""

import faiss
import numpy as np
import pytest

from llm_encoders import EncoderError
from pyserini_ext.indexes.faiss import write_flat_index


@pytest.mark.parametrize(("count", "dimension"), [(0, 4), (1, 1), (7, 3), (1000, 64), (300, 256)])
def test_same_bytes_as_faiss(tmp_path, count, dimension):
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    index = faiss.IndexFlatIP(dimension)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "expected"))
    blocks = np.array_split(vectors, 3)
    write_flat_index(tmp_path / "index", blocks, count, dimension)
    assert (tmp_path / "index").read_bytes() == (tmp_path / "expected").read_bytes()


def test_announced_number_must_be_met(tmp_path):
    with pytest.raises(EncoderError, match="2 vectors; expected 3"):
        write_flat_index(tmp_path / "index", [np.zeros((2, 4), np.float32)], 3, 4)


def test_unknown_format_is_refused(tmp_path, monkeypatch):
    from pyserini_ext.indexes import faiss as module

    monkeypatch.setattr(module, "_serialized", lambda count, dimension: bytes(60 + count))
    with pytest.raises(EncoderError, match="unknown file format"):
        write_flat_index(tmp_path / "index", [], 0, 4)


def test_full_disk(tmp_path):
    blocks = [np.zeros((100_000, 64), np.float32)]
    (tmp_path / "index").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write_flat_index(tmp_path / "index", blocks, 100_000, 64)
    assert not (tmp_path / "index").is_symlink()
