"""The command: what it prints and writes, and how it refuses."""

import csv
import hashlib
import json
import sys

import pytest

from llm_encoders.scaling.command import main
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.file import LawsFile, write_laws
from llm_encoders.scaling.laws.fitted import FittedLaw
from tests.llm_encoders.scaling.plan.laws import PRICES, fitted

RANGE = {"parameters": (1e8, 1e10), "annotations": (1e3, 1e5)}


@pytest.fixture
def laws(tmp_path):
    """A file of three laws: one a paradigm, and one that cannot plan."""
    path = tmp_path / "laws.json"
    groups = [
        fitted(draws=6, range=RANGE, group={"paradigm": paradigm})
        for paradigm in ("sparse", "dense")
    ]
    write_laws(path, LawsFile((*groups, fitted("additive")), conditions={"negatives": "256"}))
    return path


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in PRICES.items()))
    return path


def plan(*words):
    return main(["plan", *map(str, words)])


def test_a_plan_in_all_its_forms(laws, prices, tmp_path, capsys):
    files = [tmp_path / name for name in ("plan.json", "curves.csv", "plan.svg")]
    options = [
        word for pair in zip(("--json", "--curves", "--plot"), files, strict=True) for word in pair
    ]
    models = ("--models", "1B=973M,8B=6.98B")
    words = (laws, "--prices", prices, "--budget", "20K", "--target-entropy", "0.2", *models)
    assert plan(*words, *options) == 0
    text = capsys.readouterr().out
    assert "Law joint of paradigm=sparse" in text and "Law joint of paradigm=dense" in text
    assert "measured with negatives 256" in text
    assert "The lowest entropy for 20K" in text and "The lowest cost of an entropy of 0.2" in text
    written = json.loads(files[0].read_text())
    assert written["budget"] == 20_000 and written["target_entropy"] == 0.2
    assert written["prices"] == PRICES
    assert written["laws"] == {
        "file": "laws.json",
        "sha256": hashlib.sha256(laws.read_bytes()).hexdigest(),
        "conditions": {"negatives": "256"},
    }
    assert [one["group"] for one in written["plans"]] == [
        {"paradigm": "sparse"},
        {"paradigm": "dense"},
    ]
    assert written["plans"][0]["answers"][0]["chosen"] in text
    development = ["annotations", "training"]
    assert [(one["inference"], list(one["items"])) for one in written["cost"]] == [
        (False, development),
        (True, [*development, "corpus", "queries", "index"]),
    ]
    rows = list(csv.DictReader(files[1].open()))
    assert {row["group"] for row in rows} == {"paradigm=sparse", "paradigm=dense"}
    picture = files[2].read_bytes()
    assert b"<svg" in picture
    assert plan(*words, *options) == 0
    assert files[2].read_bytes() == picture


def test_one_group_without_inference(laws, capsys):
    words = ["--where", "paradigm=dense", "--without-inference", "--budget", "5000"]
    needed = ("annotation", "training_flop", "pair_tokens", "epochs")
    words += [word for key in needed for word in (f"--{key.replace('_', '-')}", str(PRICES[key]))]
    assert plan(laws, *words) == 0
    text = capsys.readouterr().out
    assert "dense" in text and "sparse" not in text and "with inference" not in text


def test_an_option_goes_before_the_file(laws, prices, capsys):
    words = (laws, "--prices", prices, "--budget", "20K", "--law", "additive")
    assert plan(*words, "--json", prices.parent / "one.json") == 0
    assert plan(*words, "--annotation", "5", "--json", prices.parent / "other.json") == 0
    found = [json.loads((prices.parent / name).read_text()) for name in ("one.json", "other.json")]
    assert [one["prices"]["annotation"] for one in found] == [0.5, 5]
    few, many = (one["plans"][0]["answers"][0]["optimum"]["annotations"] for one in found)
    assert many < few


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "Give --budget, --target-entropy or both."),
        (("--budget", "-5"), 2, "argument --budget: it is -5; give a number above 0"),
        (("--budget", "nan"), 2, "argument --budget: it is nan; give a finite number"),
        (("--budget", "much"), 2, "which is no number"),
        (("--budget", "1", "--epochs", "0"), 2, "argument --epochs: it is 0; give a number above"),
        (
            ("--budget", "1", "--law", "model-size"),
            2,
            "and additive. Choose with --law joint or add",
        ),
        (("--budget", "1", "--where", "sparse"), 2, "--where sparse: write COLUMN=VALUE"),
        (
            ("--budget", "1", "--where", "paradigm=x"),
            2,
            "it has paradigm=sparse and paradigm=dense",
        ),
        (("--budget", "1", "--where", "paradigm=x", "--law", "additive"), 2, "it has no groups"),
        (("--budget", "1", "--parameters-between", "2", "1"), 2, "the first number must be less"),
        (("--budget", "1", "--plot", "plan.txt"), 2, "name a file that ends in .svg, .png, .pdf"),
        (("--budget", "0.1"), 1, "The budget, 0.1, buys nothing without inference"),
    ],
)
def test_refusals(laws, prices, capsys, words, code, sentence):
    try:
        found = plan(laws, "--prices", prices, *words)
    except SystemExit as error:
        found = error.code
    assert found == code
    assert sentence in capsys.readouterr().err


def test_annotations_of_two_sources_have_no_price_in_common(prices, tmp_path, capsys):
    path = tmp_path / "sources.json"
    groups = [fitted(group={"source": source}) for source in ("human", "titles")]
    write_laws(path, LawsFile(tuple(groups)))
    words = (path, "--prices", prices, "--budget", "20K")
    assert plan(*words) == 2
    assert "Plan for one source: --where source=human." in capsys.readouterr().err
    assert plan(*words, "--where", "source=titles") == 0


def test_laws_of_one_size_are_no_choice(prices, tmp_path, capsys):
    path = tmp_path / "one.json"
    values = {"B": 5e3, "beta": 0.7, "delta": 0.1}
    write_laws(path, LawsFile((FittedLaw(LAWS["annotations"], values),)))
    assert plan(path, "--prices", prices, "--budget", "20K") == 2
    assert "it has annotations. A plan weighs N against D" in capsys.readouterr().err
    assert plan(path, "--prices", prices, "--budget", "20K", "--law", "annotations") == 1
    assert "depends on one of N and D alone" in capsys.readouterr().err


def test_a_missing_price(laws, capsys):
    assert plan(laws, "--budget", "20K") == 2
    assert (
        "No price is assumed: annotation (money/annotation) is missing." in capsys.readouterr().err
    )


def test_without_matplotlib_the_cure_is_said(laws, prices, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "plan.svg"
    assert plan(laws, "--prices", prices, "--budget", "20K", "--plot", path) == 0
    text = capsys.readouterr().out
    assert "The lowest entropy for 20K" in text and "it needs matplotlib" in text
    assert not path.exists()


def test_every_price_is_explained_with_its_unit(capsys):
    with pytest.raises(SystemExit) as ended:
        plan("--help")
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for key in PRICES:
        assert f"--{key.replace('_', '-')}" in text
    assert (
        "one annotation: a query with a passage that is relevant to it (money/annotation)" in text
    )
