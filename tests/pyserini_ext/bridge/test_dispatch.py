"""Every place where Pyserini turns a name into an encoder: ours there, its own unchanged."""

import importlib
import inspect

import numpy as np
import pytest

from llm_encoders import UsageError
from pyserini_ext.bridge.encode_command import is_our_encode_command


@pytest.fixture
def recorded(monkeypatch):
    """Record which Pyserini class is constructed with what, instead of loading weights."""
    import pyserini.encode as encode

    calls = []
    for name, value in vars(encode).items():
        own = inspect.isclass(value) and name.endswith("Encoder")
        if own and value.__module__.startswith("pyserini.encode."):
            monkeypatch.setattr(
                value,
                "__init__",
                lambda self, *a, _name=name, **k: calls.append((_name, a, k)),
            )
    return calls


def document(name, encoder_class=None):
    module = importlib.import_module("pyserini.encode.__main__")
    return module.init_encoder(name, encoder_class, "cpu", "cls", False, None, False, False)


def query(name):
    module = importlib.import_module("pyserini.encode.query")
    arguments = [name, "cpu", "cls", False, None]
    if "bpr" in inspect.signature(module.init_encoder).parameters:
        arguments.append(False)
    return module.init_encoder(*arguments)


def impact(name):
    from pyserini.search.lucene import LuceneImpactSearcher

    return LuceneImpactSearcher._init_query_encoder_from_str(name)


def faiss_command(name, encoder_class=None):
    module = importlib.import_module("pyserini.search.faiss.__main__")
    return module.init_query_encoder(
        name, encoder_class, None, "topics", None, "cpu", 256, "cls", False, None
    )


def faiss_string(name):
    from pyserini.search.faiss import FaissSearcher

    return FaissSearcher._init_encoder_from_str(name)


@pytest.mark.parametrize(
    ("entry", "name", "expected"),
    [
        (document, "naver/splade-v3", "SpladeDocumentEncoder"),
        (document, "naver/splade-cocondenser-ensembledistil", "SpladeDocumentEncoder"),
        (document, "facebook/contriever-msmarco", "AutoDocumentEncoder"),
        (document, "castorini/unicoil-msmarco-passage", "UniCoilDocumentEncoder"),
        (document, "BAAI/bge-base-en-v1.5", "AutoDocumentEncoder"),
        (query, "naver/splade-v3", "SpladeQueryEncoder"),
        (query, "BAAI/bge-base-en-v1.5", "AutoQueryEncoder"),
        (impact, "naver/splade-v3", "SpladeQueryEncoder"),
        (impact, "castorini/unicoil-msmarco-passage", "UniCoilQueryEncoder"),
        (impact, None, "TokFreqQueryEncoder"),
        (faiss_command, "BAAI/bge-base-en-v1.5", "AutoQueryEncoder"),
        (faiss_command, "castorini/tct_colbert-v2-hnp-msmarco", "TctColBertQueryEncoder"),
        (faiss_string, "castorini/tct_colbert-v2-hnp-msmarco", "TctColBertQueryEncoder"),
        (faiss_string, "Qwen/Qwen2-0.5B", "AutoQueryEncoder"),
    ],
)
def test_pyserinis_encoders_reach_pyserinis_classes(recorded, entry, name, expected):
    opened = entry(name)
    assert type(opened).__name__ == expected
    assert type(opened).__module__.startswith("pyserini.encode.")
    original = entry_without_hook(entry, name, recorded)
    assert recorded[: len(recorded) // 2] == original


def entry_without_hook(entry, name, calls):
    """What the undecorated function constructs."""
    before = len(calls)
    module, owner, attribute = {
        document: ("pyserini.encode.__main__", None, "init_encoder"),
        query: ("pyserini.encode.query", None, "init_encoder"),
        impact: (
            "pyserini.search.lucene._impact_searcher",
            "LuceneImpactSearcher",
            "_init_query_encoder_from_str",
        ),
        faiss_command: ("pyserini.search.faiss.__main__", None, "init_query_encoder"),
        faiss_string: (
            "pyserini.search.faiss._searcher",
            "FaissSearcher",
            "_init_encoder_from_str",
        ),
    }[entry]
    place = importlib.import_module(module)
    place = getattr(place, owner) if owner else place
    decorated = getattr(place, attribute)
    original = decorated.__wrapped__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, attribute, staticmethod(original) if owner else original)
        entry(name)
    return calls[before:]


@pytest.mark.parametrize("entry", [document, faiss_command])
def test_an_encoder_class_that_the_user_names_is_obeyed(recorded, entry):
    opened = entry("llm-dense-tiny", "auto")
    assert type(opened).__module__ == "pyserini.encode._auto"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (document, "SpladeDocumentEncoder"),
        (query, "SpladeQueryEncoder"),
        (impact, "SpladeQueryEncoder"),
        (faiss_command, "AutoQueryEncoder"),
    ],
)
def test_a_folder_with_a_model_like_bert_is_pyserinis(recorded, shared_data, entry, expected):
    opened = entry(str(shared_data / "checkpoints/naver/splade-v3"))
    assert type(opened).__name__ == expected
    assert type(opened).__module__.startswith("pyserini.encode.")


@pytest.mark.parametrize(("entry", "side"), [(document, "Document"), (faiss_command, "Query")])
def test_a_class_hands_a_checkpoint_back(recorded, shared_data, capsys, entry, side):
    opened = entry(str(shared_data / "checkpoints/Qwen/Qwen3-Embedding-0.6B"), "qwen3")
    assert type(opened).__name__ == f"Qwen3{side}Encoder" and capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("entry", "paradigm", "expected"),
    [
        (document, "sparse", "LlmSpladeDocumentEncoder"),
        (document, "dense", "LlmDenseDocumentEncoder"),
        (query, "sparse", "LlmSpladeQueryEncoder"),
        (query, "dense", "LlmDenseQueryEncoder"),
        (impact, "sparse", "LlmSpladeQueryEncoder"),
        (faiss_command, "dense", "LlmDenseQueryEncoder"),
        (faiss_string, "dense", "LlmDenseQueryEncoder"),
    ],
)
def test_ours_go_to_our_classes(stories, entry, paradigm, expected):
    assert type(entry(f"{stories},paradigm={paradigm},like=lion")).__name__ == expected


@pytest.mark.parametrize(
    ("entry", "name", "message"),
    [
        (impact, "llm-dense-tiny", "is a dense encoder .*'python -m pyserini.search.faiss"),
        (faiss_command, "llm-splade-tiny", "is a sparse encoder .*pyserini.search.lucene --impact"),
        (faiss_string, "llm-splade-tiny", "is a sparse encoder .*pyserini.search.lucene --impact"),
        (impact, "llm-splade-9b", "Did you mean 'llm-splade-8b'"),
        (document, "llm-sparse-8b", "Known names are listed by"),
        (query, "llm-splad", "Unknown encoder"),
    ],
)
def test_wrong_use_is_explained(entry, name, message):
    with pytest.raises(UsageError, match=message):
        entry(name)


def call(module, name, **values):
    """Call an ``init_…`` function as its command does, with these options."""
    function = getattr(importlib.import_module(module), name)
    names = inspect.signature(function).parameters
    defaults = {"pooling": "cls", "l2_norm": False, "device": "cpu", "bpr": False}
    assert not values.keys() - names.keys()
    return function(**{one: values.get(one, defaults.get(one)) for one in names})


ENTRIES = [
    ("pyserini.encode.__main__", "init_encoder"),
    ("pyserini.encode.query", "init_encoder"),
    ("pyserini.search.faiss.__main__", "init_query_encoder"),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[0])
def test_options_of_pyserinis_encoders_are_not_ignored_silently(stories, capsys, entry):
    dense = f"{stories},paradigm=dense,like=lion"
    plain = call(*entry, encoder=dense)
    assert "warning" not in capsys.readouterr().err
    given = {"pooling": "mean", "l2_norm": True}
    names = "--pooling and --l2-norm"
    if entry[1] == "init_query_encoder":
        given["tokenizer_name"], names = "x", "--tokenizer, --pooling and --l2-norm"
    opened = call(*entry, encoder=dense, **given)
    assert f"warning: {names} are ignored; the encode contract" in capsys.readouterr().err
    text = ["the cat"] if entry[0] == "pyserini.encode.__main__" else "the cat"
    assert np.array_equal(plain.encode(text), opened.encode(text))


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["--encoder", "FOLDER", "--corpus", "c", "--embeddings", "e"], True),
        (["input", "--corpus", "c", "output", "--embeddings", "e", "encoder"], False),
        (["--encoder", "BAAI/bge-base-en-v1.5", "--corpus", "c", "--embeddings", "e"], False),
        (["--encoder", "FOLDER", "--encoder-class", "auto", "--corpus", "c"], False),
    ],
)
def test_a_folder_in_the_short_form_is_answered_by_ours(monkeypatch, tmp_path, words, ours):
    """Pyserini has no such form and could only say that the folder is no sub-command."""
    if "encoder" in words:
        words = [*words, "--encoder", "FOLDER"]
    words = [str(tmp_path) if word == "FOLDER" else word for word in words]
    monkeypatch.setattr("sys.argv", ["encode", *words])
    assert is_our_encode_command() == ours


@pytest.mark.parametrize("name", ["multimodal", "instruction_config", "encoded_queries"])
def test_options_that_would_give_other_queries_are_refused(stories, name):
    dense = f"{stories},paradigm=dense,like=lion"
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} does not work with"):
        call(*ENTRIES[2], encoder=dense, **{name: "x"})


def test_arguments_of_our_classes_are_not_ignored_silently(stories, capsys):
    from pyserini_ext.bridge.encoders import LlmDenseDocumentEncoder, LlmDenseQueryEncoder

    for one in (LlmDenseDocumentEncoder, LlmDenseQueryEncoder):
        one(f"{stories},paradigm=dense,like=lion", l2_norm=True, pooling=None)
        assert "warning: l2_norm is ignored; " in capsys.readouterr().err


def test_openai_key_is_lent_for_the_import_only(python):
    code = "import os, pyserini.encode; print(os.environ.get('OPENAI_API_KEY'))"
    assert python("-c", code, OPENAI_API_KEY="own").stdout.split()[-1] == "own"
    code = (
        "import os; os.environ.pop('OPENAI_API_KEY', None)\n"
        "import pyserini.encode; print(os.environ.get('OPENAI_API_KEY'))"
    )
    assert python("-c", code).stdout.split()[-1] == "None"
