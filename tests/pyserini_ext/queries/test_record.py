"""Encoded queries and the index that they are searched in are of one model."""

import dataclasses

import pytest

from llm_encoders import registry
from llm_encoders.errors import UsageError
from pyserini_ext.folders.contract import write_contract
from pyserini_ext.queries.record import require_index_of_queries, write_queries

CONTRACT = dataclasses.asdict(registry.presets()["llm-splade-tiny"].contract)


@pytest.mark.parametrize(("weights", "fits"), [("a", True), ("b", False)])
def test_another_model_under_the_same_contract_is_refused(tmp_path, weights, fits):
    queries, index = tmp_path / "queries.tsv", tmp_path / "index"
    index.mkdir()
    made_by = {"name": "mine", "contract": CONTRACT}
    write_queries(queries, b"1\tcat\n", made_by | {"weights": weights * 64}, {})
    write_contract(index, made_by | {"weights": "a" * 64})
    if fits:
        require_index_of_queries(index, queries)
        return
    with pytest.raises(UsageError, match="weights"):
        require_index_of_queries(index, queries)
