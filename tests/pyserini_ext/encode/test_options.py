import pytest

from llm_encoders import UsageError
from pyserini_ext.encode.arguments import parse

SHORT = ["--encoder", "llm-splade-tiny", "--corpus", "c", "--embeddings", "e"]
LONG = [
    "input",
    "--corpus",
    "c",
    "output",
    "--embeddings",
    "e",
    "encoder",
    "--encoder",
    "llm-splade-tiny",
]


def test_both_forms_mean_the_same():
    assert parse(SHORT, "p") == parse(LONG, "p")
    more = ["--batch-size", "8", "--fp16"]
    shards = ["--shard-id", "1", "--shard-num", "3"]
    assert parse([*SHORT, *more, *shards], "p") == parse(
        ["input", "--corpus", "c", *shards, *LONG[3:], *more], "p"
    )


def test_the_home_folder(monkeypatch, tmp_path):
    """Behind ``=`` no shell puts it in the place of ``~``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    names = {"--encoder": "enc", "--corpus": "docs", "--embeddings": "vec/"}
    tilde = [f"{option}=~/{name}" for option, name in names.items()]
    assert parse(tilde, "p") == parse([f"{o}={tmp_path}/{n}" for o, n in names.items()], "p")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vec").symlink_to(tmp_path / "gone")
    with pytest.raises(SystemExit):
        parse(tilde, "p")


def test_fields_of_the_two_forms():
    short = parse([*SHORT, "--fields", "title", "text"], "p")
    fields = ["--fields", "title", "text"]
    long = parse(["input", "--corpus", "c", *fields, *LONG[3:], *fields], "p")
    assert short == long
    assert long.fields == long.encoded_fields == ["title", "text"]
    text_only = parse(["input", "--corpus", "c", *fields, *LONG[3:]], "p")
    assert text_only.encoded_fields == ["text"]  # Pyserini's default for the encoder's --fields


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--shard-num", "2", "--shard-id", "2"], "counts from 0 to 1"),
        (["--fields", "title"], "must name 'text'"),
        (["--fp16", "--dtype", "bfloat16"], "contradict"),
    ],
)
def test_impossible_values(more, message):
    with pytest.raises(UsageError, match=message):
        parse([*SHORT, *more], "p")
    with pytest.raises(UsageError, match="'url' cannot be encoded"):
        parse(
            ["input", "--corpus", "c", "--fields", "text", "url", *LONG[3:], "--fields", "url"], "p"
        )


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--batch-size", "0"], "0 is not between 1"),
        (["--batch-size", str(2**63)], "is not between 1"),
        (["--part-size", str(2**63)], "is not between 1"),
        (["--batch-tokens", "-1"], "is not between 1"),
        (["--max-length", "9" * 5000], "is no integer"),
        (["--shard-num", "0"], "is not between 1"),
        (["--shard-id", "-1"], "is not between 0"),
        (["--workers", "1e3"], "'1e3' is no integer"),
        (["--embeddings", ""], "the path is empty"),
        (["--embeddings", "a\0b"], "NUL byte"),
        (["--embeddings", "/"], "root of the file system"),
        (["--corpus", ""], "the path is empty"),
        (["--corpus", "a\0b"], "NUL byte"),
        (["--encoder", " "], "it is empty"),
        (["--delimiter", ""], "it is empty"),
    ],
)
def test_values_are_checked_where_they_are_parsed(capsys, more, problem):
    with pytest.raises(SystemExit) as caught:
        parse([*SHORT, *more], "p")
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {more[0]}" in said and problem in said


@pytest.mark.parametrize("words", [[], SHORT[:4], LONG[:5], [*SHORT, "--poolin-g", "mean"]])
def test_wrong_usage_exits_with_2(words):
    with pytest.raises(SystemExit) as caught:
        parse(words, "p")
    assert caught.value.code == 2


def test_help_shows_both_forms(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"], "python -m pyserini.encode")
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "short form:" in shown and "Pyserini form:" in shown and "--to-faiss" in shown


def test_encoded_fields_without_input_fields():
    assert parse([*LONG, "--fields", "text"], "p").encoded_fields == ["text"]
    with pytest.raises(UsageError, match="'url' cannot be encoded"):
        parse([*LONG, "--fields", "url"], "p")


def test_delimiter_in_writing():
    assert parse([*SHORT, "--delimiter", "\\n\\n"], "p").delimiter == "\n\n"


def test_pyserinis_documented_command_is_understood():
    """Its guides abbreviate --batch-size and pass --pooling and --l2-norm."""
    words = "input --corpus c --fields title text output --embeddings e --to-faiss encoder "
    words += "--encoder llm-dense-tiny --l2-norm --device cpu --pooling mean --fields title text "
    options = parse([*words.split(), "--batch", "32"], "p")
    assert options.batch_size == 32 and options.to_faiss and options.device == "cpu"
    assert options.pooling == "mean" and options.l2_norm
