"""Of a repository of the Hub, every file is fetched that its encoder needs."""

import json
import shutil

import numpy as np
import pytest

from llm_encoders import load_encoder
from llm_encoders.distill_query.onnx_export.job import export_onnx
from tests.llm_encoders.distill_query.small_students import write_bert, write_term_student
from tests.llm_encoders.encoding.lookup.student import make_student
from tests.llm_encoders.towers import CONTRACTS, TEXTS, write_decoder, write_student, write_towers

KINDS = ("projection", "terms", "layers", "lookup", "onnx", "towers", "towers of terms", "listed")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of every kind that this package writes, with what a run leaves beside them."""
    root = tmp_path_factory.mktemp("folders")
    dense, sparse = (
        write_decoder(root / f"{kind} teacher", CONTRACTS[kind]) for kind in ("dense", "sparse")
    )
    write_bert(root / "projection", dense)
    write_term_student(root / "terms", sparse)
    write_student(root / "layers", sparse)
    make_student("sparse").write(root / "lookup")
    export_onnx(str(root / "terms"), root / "onnx")
    write_towers(root / "towers", dense, root / "projection")
    write_towers(root / "towers of terms", sparse, root / "terms")
    shutil.copytree(root / "projection", root / "listed")
    (root / "listed" / "modules.json").write_text(json.dumps([{"path": "", "type": "Other"}]))
    for kind in KINDS:
        (root / kind / "checkpoint-10").mkdir()
        (root / kind / "checkpoint-10" / "student.safetensors").write_bytes(b"large")
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_a_repository_encodes_as_its_folder(folders, hub, kind):
    name = kind.replace(" ", "-")
    shutil.copytree(folders / kind, hub / "org" / name)
    here, fetched = (load_encoder(one, device="cpu") for one in (folders / kind, f"org/{name}"))
    expected, found = (
        vectors if isinstance(vectors, np.ndarray) else vectors.toarray()
        for vectors in (one.encode_queries(list(TEXTS)) for one in (here, fetched))
    )
    assert np.abs(expected).max() > 0.1
    np.testing.assert_array_equal(found, expected)
    cache = hub.parent / "cache" / "org" / name
    names = {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}
    own = {
        str(path.relative_to(folders / kind))
        for path in (folders / kind).rglob("*")
        if path.is_file()
    }
    assert own - names == {"checkpoint-10/student.safetensors"}
