"""The command: what is refused, what is written, and that it is written whole."""

import json
import re
import shutil

import pytest
import yaml

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.config import EncoderConfig
from llm_encoders.export import job
from llm_encoders.export.contract import prompt_of, require_expressible
from llm_encoders.export.job import export
from llm_encoders.jobs.whole_folder import RECORD
from tests.llm_encoders.conftest import BACKBONE

DENSE = {"paradigm": "dense", "pooling": "mean"}
REFUSED = {
    "query_suffix": {"query_suffix": "!"},
    "passage_suffix": {"passage_suffix": "!"},
    "query_text_max_length": {"query_text_max_length": 40},
    "strip": {"strip": "end"},
    "lowercase": {"lowercase": True},
    "pooling": {"pooling": "mean-of-normalised+max"},
    "pool_bos": {"pool_bos": False},
    "pool_eos": {"pool_eos": False, "append_eos": True},
    "query_pool_prefix": {"query_prefix": "q: ", "query_pool_prefix": False, "passage_prefix": "p"},
    "passage_pool_prefix": {
        "passage_prefix": "p: ",
        "passage_pool_prefix": False,
        "passage_template": "{title} {text}",
    },
    "query_top_k and passage_top_k": {"paradigm": "sparse", "query_top_k": 3},
}


def has(token):
    return True


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_cannot_be_expressed_is_named(field):
    require_expressible("x", EncoderConfig(**DENSE), has)
    with pytest.raises(UsageError, match=rf" encodes\. {field}: .*\. (If the vectors|Use it with)"):
        require_expressible("x", EncoderConfig(**DENSE | REFUSED[field]), has)


def test_the_cure_takes_all_obstacles_away():
    contract = EncoderConfig(**DENSE, strip="both", query_suffix="!", query_text_max_length=40)
    with pytest.raises(UsageError) as raised:
        require_expressible("x", contract, has)
    written = re.search(r"export '(x,[^']*)'", str(raised.value))[1]
    assert written == "x,query_suffix=,query_text_max_length=none,strip=none"


@pytest.mark.parametrize(
    "values",
    [
        {"pool_bos": False, "pool_eos": False},  # no text has one
        {"query_text_max_length": 64},  # the whole is cut before
        {"query_prefix": "q: ", "query_pool_prefix": False},  # the other side has no prefix
        {"temperature": 3.0, "impact_scale": 7.0},  # no vector depends on them
    ],
)
def test_a_field_without_effect_is_no_obstacle(values):
    require_expressible("x", EncoderConfig(**DENSE | values), lambda token: False)


def test_the_prompt_of_a_template():
    template = "title: {title|none} | text: {text}"
    contract = EncoderConfig("dense", passage_prefix="p ", passage_template=template)
    assert prompt_of(contract, "passage") == "p title: none | text: "


def test_a_word_joined_to_a_prefix_that_is_not_pooled(shared_data, tmp_path):
    """The prefix alone has a token for its blank, which otherwise belongs to the first word."""
    model = shared_data / "checkpoints" / "Qwen" / "Qwen3-Embedding-0.6B"
    name = f"{model},pooling=mean,query_pool_prefix=false,query_prefix=question:"
    with pytest.raises(UsageError, match="query_pool_prefix: it would leave 4 tokens out"):
        export(f"{name} ", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    export(name, tmp_path / "out")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export of the dense encoder that ships with the package."""
    folder = tmp_path_factory.mktemp("exported") / "dense: tiny"
    export("llm-dense-tiny", folder)
    return folder


def test_what_is_in_the_folder(exported):
    assert json.loads((exported / RECORD).read_text(encoding="utf-8"))["files"] == sorted(
        path.name for path in exported.iterdir()
    )
    assert EncoderConfig.load(exported) == load_encoder("llm-dense-tiny").config
    assert not (exported / "adapter_config.json").exists()
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    assert config["is_causal"] is False and config["dtype"] == "float32"
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]


def test_the_card(exported):
    header, text = (exported / "README.md").read_text(encoding="utf-8").split("---\n")[1:]
    values = yaml.safe_load(header)
    assert values["library_name"] == "sentence-transformers"
    assert values["license"] == "apache-2.0"
    assert "# dense: tiny\n" in text and "Apache-2.0" in text
    for name, source in (("ORIGINAL_CARD", BACKBONE.parent / "dense"), ("BACKBONE_CARD", BACKBONE)):
        assert f"`{name}.md`" in text
        assert (exported / f"{name}.md").read_text() == (source / "README.md").read_text()


CARD = """---
license: other
license_name: "no: commerce"
license_link: [1]
base_model: ../here
library_name: peft
---
# An adapter

## Citation

A. Author, 2024.

## More
"""


def test_licence_and_citation_come_from_the_checkpoint(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(BACKBONE.parent / "dense", source)
    (source / "README.md").write_text(CARD, encoding="utf-8")
    (source / "LICENSE.txt").write_text("terms", encoding="utf-8")
    export(f"{source},backbone={BACKBONE}", tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    values = yaml.safe_load(text.split("---\n")[1])
    assert (values["license"], values["license_name"]) == ("other", "no: commerce")
    assert "base_model" not in values and "license_link" not in values
    assert "## Licence\n\nno: commerce\n" in text and "## Citation\n\nA. Author, 2024.\n" in text
    assert (tmp_path / "out" / "LICENSE.txt").read_text() == "terms"
    assert str(tmp_path) not in text + (tmp_path / "out" / RECORD).read_text()


def test_overwriting(exported, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(exported, folder)
    with pytest.raises(UsageError, match="earlier export; add --overwrite"):
        export("llm-dense-tiny", folder)
    (folder / "mine.txt").touch()
    with pytest.raises(UsageError, match="holds 'mine.txt', which is no part of the export"):
        export("llm-dense-tiny", folder, overwrite=True)
    (folder / "mine.txt").unlink()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    export("llm-dense-tiny", folder, overwrite=True)
    assert (folder / "config.json").read_text() == (exported / "config.json").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_files_are_never_replaced(tmp_path):
    (tmp_path / "notes").touch()
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="holds other files, 'notes'"):
            export("llm-dense-tiny", tmp_path, overwrite)
    with pytest.raises(UsageError, match="is a file"):
        export("llm-dense-tiny", tmp_path / "notes")


def test_an_output_inside_the_checkpoint(tmp_path):
    shutil.copytree(BACKBONE.parent, tmp_path / "tiny")
    with pytest.raises(UsageError, match="lies inside the input"):
        export(str(tmp_path / "tiny" / "dense"), tmp_path / "tiny" / "dense" / "out")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_export_that_fails_leaves_what_was_there(exported, tmp_path, monkeypatch, overwrite):
    folder = tmp_path / "out"
    if overwrite:
        shutil.copytree(exported, folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, "write_modules", full)
    with pytest.raises(OSError, match="No space left"):
        export("llm-dense-tiny", folder, overwrite)
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if overwrite else [])
    if overwrite:
        assert (folder / "modules.json").is_file()


def test_what_a_killed_export_left_is_removed(tmp_path):
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "notes").touch()
    with pytest.raises(EncoderError, match="in the way, and no export left it"):
        export("llm-dense-tiny", tmp_path / "out")
    (left / RECORD).write_text("{}", encoding="utf-8")
    export("llm-dense-tiny", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_two_renamings(exported, tmp_path):
    """The earlier export is back in its place before anything else is done."""
    shutil.copytree(exported, tmp_path / ".out.replaced")
    with pytest.raises(UsageError, match="earlier export"):
        export("llm-dense-tiny", tmp_path / "out")
    assert (tmp_path / "out" / "modules.json").is_file()


@pytest.mark.slow
def test_the_command(warm_python, tmp_path):
    def run(*words, code=0):
        return warm_python("-m", "llm_encoders.export", *words, code=code)

    assert "SparseEncoder('splade-tiny')" in run("--help").stdout
    found = run("--encoder", "llm-splade-tiny", "--output", tmp_path / "out", code=2)
    assert "query_top_k and passage_top_k: they are 32 and 192" in found.stderr
    assert found.stderr.count("\n") == 1
    name = "llm-splade-tiny,query_top_k=none,passage_top_k=none"
    done = run("--encoder", name, "--output", tmp_path / "out")
    assert "SparseEncoder(" in done.stdout and "head is a Dense module" in done.stderr
    assert "holds an earlier" in run("--encoder", name, "--output", tmp_path / "out", code=2).stderr
    run("--encoder", "llm-splade-3b", "--output", tmp_path / "no", code=1)
    run("--encoder", "llm-dense-tiny,quantization=4bit", "--output", tmp_path / "no", code=2)
    assert not (tmp_path / "no").exists()
