"""Growth keeps what an encoder computes; prices are the arithmetic that they name."""

import sys
from pathlib import Path

import numpy as np
import pytest

from llm_encoders import load_encoder
from reproductions.pages import price

FOLDER = Path(__file__).parents[2] / "reproductions" / "scalingnote"
TEXTS = ["statins and the survival of patients", "heart", "how does diet affect blood pressure?"]


@pytest.fixture
def grow(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "grow", raising=False)
    import grow

    return grow


@pytest.mark.parametrize("name", ["llm-dense-tiny", "llm-splade-tiny"])
def test_a_grown_encoder_computes_the_same(grow, monkeypatch, tmp_path, name):
    monkeypatch.setattr(grow, "NOISE", 0.0)
    monkeypatch.setattr(sys, "argv", ["grow", "--encoder", name, "--output", str(tmp_path / "it")])
    grow.main()
    small, large = load_encoder(name), load_encoder(str(tmp_path / "it"))
    sizes = large.backbone.decoder.config
    assert (sizes.hidden_size, sizes.num_hidden_layers) == (512, 8)
    one, other = small.encode_documents(TEXTS), large.encode_documents(TEXTS)
    if isinstance(one, np.ndarray):
        one, other = one @ one.T, other @ other.T
        assert np.abs(one - other).max() < 1e-4
    else:
        assert abs(one - other).max() < 1e-3 * one.max() and one.nnz == other.nnz


def test_noise_makes_the_copies_differ(grow):
    small = load_encoder("llm-dense-tiny").backbone.model
    weight = grow.grown(small).layers[0].mlp.up_proj.weight
    half = weight.shape[1] // 2
    assert 0 < (weight[:, :half] - weight[:, half:]).std() < 0.1 * weight.std()


def test_prices_by_hand():
    rows = {row[0]: row[1] for row in price.passage_rows()}
    rate = price.measured("dense-8b").rate
    assert rows["tokens of all passages"] == "1.28e+10"
    assert rows["GPU hours to encode them"] == f"{128e8 / rate / 3600:,.0f}"
    assert rows["bytes of a dense index, float32"] == "1.6 TB"
    assert rows["bytes of a sparse index"] == "51.8 GB"
    teacher, student = price.query_rows({"lookup": 0.05})
    assert teacher[1] == f"{160_000 / rate:.1f} GPUs" and student[1] == "0.5 × the machine"
