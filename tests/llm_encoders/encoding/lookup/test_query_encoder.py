"""A table's vectors by their definition, and its tokens by those of the teacher."""

import dataclasses
import random
import re
from collections import Counter

import numpy as np
import pytest

from llm_encoders import UsageError, load_encoder
from llm_encoders.encoding.lookup.from_teacher import teacher_tokenizer
from llm_encoders.encoding.lookup.query_encoder import LookupQueryEncoder
from tests.llm_encoders.encoding.lookup.student import NAMES

WORDS = "what is the Effect of vitamin-D on 10,000 hearts naïve ﬁne İstanbul 東京 <s> </s> 🙂 \t \n"


def queries():
    """Empty, blank, long, mixed and random ones."""
    generator, words = random.Random(3), WORDS.split(" ")
    texts = ["", " ", "\n\t", "a", "A  ", "  b", "word " * 3000, "x" * 5000, "half \ud83d one"]
    texts += [" ".join(generator.choices(words, k=generator.randrange(1, 40))) for _ in range(300)]
    letters = [chr(code) for code in (*range(1, 0x600), *range(0x4E00, 0x4F00), 0x1F642, 0xA0)]
    texts += ["".join(generator.choices(letters, k=generator.randrange(80))) for _ in range(200)]
    return texts


@pytest.mark.parametrize("paradigm", NAMES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"strip": "both", "query_max_length": 1},
        {"strip": "end", "lowercase": True, "query_max_length": 7},
    ],
)
def test_tokens_are_the_teachers(paradigm, changes, request):
    student = request.getfixturevalue(paradigm)
    contract = dataclasses.replace(student.contract, **changes)
    table = LookupQueryEncoder(
        "student", contract, student.table, teacher_tokenizer(student.teacher)
    )
    same = {key: getattr(contract, key) for key in ("query_max_length", "strip", "lowercase")}
    other = load_encoder(NAMES[paradigm], device="cpu", special_tokens=False, **same)
    texts = queries()
    assert len(texts) > 500
    found = table.query_token_ids(texts)
    assert found == [list(ids) for ids in other.query_token_ids(texts)]
    assert max(map(len, found)) == contract.query_max_length
    assert table.query_token_ids(texts, 3) == [list(i) for i in other.query_token_ids(texts, 3)]
    other.backbone.tokenizer.truncation_side = "left"
    left = LookupQueryEncoder("student", contract, student.table, teacher_tokenizer(other))
    assert left.query_token_ids(texts) == [list(ids) for ids in other.query_token_ids(texts)]


def test_the_teachers_tokens_but_its_special_ones(sparse, opened):
    """By the contract that is taken over, a query is cut where the teacher cuts it."""
    table, texts = opened(sparse), queries()
    bos = sparse.teacher.backbone.tokenizer.bos_token_id
    assert table.query_token_ids(texts) == [
        ids[1:] for ids in sparse.teacher.query_token_ids(texts) if ids[0] == bos
    ]
    assert table.vocabulary == sparse.teacher.vocabulary


@pytest.mark.parametrize("counts", [False, True])
def test_sparse_vectors_are_their_definition(sparse, opened, counts):
    contract = dataclasses.replace(sparse.contract, lookup_counts=counts)
    table, texts = opened(sparse, config=contract), queries()
    found = table.encode_queries(texts)
    assert found.shape == (len(texts), len(table.vocabulary)) and found.dtype == np.float32
    assert found.has_sorted_indices and (found.data > 0).all()
    for row, ids in enumerate(table.query_token_ids(texts)):
        kept = Counter(i for i in ids if i > 3 and sparse.table[i] > 0)  # 0 to 3 are special
        wanted = {i: sparse.table[i] * (n if counts else 1) for i, n in kept.items()}
        columns = found.indices[found.indptr[row] : found.indptr[row + 1]]
        assert columns.tolist() == sorted(wanted)
        values = found.data[found.indptr[row] : found.indptr[row + 1]]
        np.testing.assert_allclose(values, [wanted[i] for i in columns], rtol=1e-6)
        if row % 50 == 0:
            assert (table.encode_queries([texts[row]]) != found[[row]]).nnz == 0


def test_top_k_and_impacts(sparse, opened):
    contract = dataclasses.replace(sparse.contract, query_top_k=2)
    weights = np.zeros_like(sparse.table)
    terms = sparse.teacher.vocabulary
    known = {"Ġcats": 0.5, "Ġhunt": 1.254, "Ġat": 0.5, "Ġdawn": 0.25}
    for term, weight in known.items():
        weights[terms.index(term)] = weight
    table = opened(sparse, config=contract, table=weights)
    lower = min(("Ġcats", "Ġat"), key=terms.index)  # of equal weights the lower column
    vectors = table.encode_queries(["cats hunt at dawn at dawn", "nothing"])
    assert table.impacts(vectors) == [{lower: 50, "Ġhunt": 125}, {}]
    assert table.quantize(vectors).dtype == np.int32


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_dense_vectors_are_their_definition(dense, opened, normalize, kind):
    contract = dataclasses.replace(dense.contract, normalize=normalize)
    vectors = dense.table.astype(kind)
    table, texts = opened(dense, config=contract, table=vectors), queries()[::5]
    found = table.encode_queries(texts)
    assert found.shape == (len(texts), table.dimension) and found.dtype == np.float32
    wanted = np.zeros(found.shape)
    for row, ids in enumerate(table.query_token_ids(texts)):
        for token in ids:
            wanted[row] += vectors[token].astype(np.float64) * (token > 3)
        if normalize and wanted[row].any():
            wanted[row] /= np.sqrt((wanted[row] ** 2).sum())
    np.testing.assert_allclose(found, wanted, atol=2e-4 if not normalize else 1e-6)


def test_no_terms(sparse, dense, opened, tmp_path):
    table = opened(sparse)
    assert table.encode_queries([]).shape == (0, len(table.vocabulary))
    assert table.encode_queries(["", "<s>"]).nnz == 0
    assert table.impacts(table.encode_queries([""])) == [{}]
    table = opened(dense)
    assert table.encode_queries([]).shape == (0, table.dimension)
    assert not table.encode_queries(["", "</s>"]).any()


def test_what_a_table_refuses(sparse, dense, opened):
    table = opened(sparse)
    with pytest.raises(UsageError, match="queries only; encode passages with llm-splade-tiny"):
        table.encode_documents(["a"], titles=["b"])
    with pytest.raises(UsageError, match="query_prefix is 'query: ', but its queries are encoded"):
        table.replace_prefix("query", "query: ")
    table.replace_prefix("query", "")
    with pytest.raises(UsageError, match="not one string"):
        table.encode_queries("text")
    with pytest.raises(UsageError, match="maximum length of 0 leaves no room"):
        table.encode_queries(["text"], max_length=0)
    with pytest.raises(UsageError, match="paradigm cannot be changed"):
        table.replace_config(paradigm="dense")
    table.replace_config(query_top_k=1)
    assert table.encode_queries(["cats hunt mice"]).nnz == 1
    for key, value in (("special_tokens", True), ("append_eos", True), ("query_suffix", "?")):
        contract = dataclasses.replace(sparse.contract, **{key: value})
        with pytest.raises(UsageError, match=re.escape(f"{key} is {value!r}, but its queries")):
            opened(sparse, config=contract)


_WITHOUT_TORCH = """
import sys
from llm_encoders import load_lookup
encoder = load_lookup(sys.argv[1])
vectors = encoder.encode_queries(["what do statins do"])
assert encoder.impacts(vectors)[0]
try:
    encoder.encode_documents(["a"])
except Exception as error:
    assert "llm-splade-tiny" in str(error)
print([name for name in ("torch", "transformers", "pyserini") if name in sys.modules])
"""


def test_nothing_heavy_is_imported(python, sparse, tmp_path):
    folder = sparse.write(tmp_path / "student")
    assert python("-c", _WITHOUT_TORCH, folder).stdout == "[]\n"


def test_load_encoder_opens_a_table(sparse, dense, tmp_path):
    for student, paradigm in ((sparse, "sparse"), (dense, "dense")):
        folder = student.write(tmp_path / paradigm)
        encoder = load_encoder(f"{folder},query_max_length=2", device="cpu", dtype="float16")
        assert isinstance(encoder, LookupQueryEncoder) and encoder.config.query_max_length == 2
        assert encoder.query_token_ids(["cats hunt mice"]) == [
            ids[1:3] for ids in student.teacher.query_token_ids(["cats hunt mice"])
        ]
    with pytest.raises(UsageError, match="is a dense encoder, not a sparse one"):
        load_encoder(folder, paradigm="sparse")
