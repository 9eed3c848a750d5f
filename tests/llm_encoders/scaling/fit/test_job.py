"""The command: from a file of points to a report, laws.json and plots."""

import json
import re
import sys

import numpy as np
import pytest

from llm_encoders.jobs.plotting import NO_PLOT
from llm_encoders.scaling.command import main
from llm_encoders.scaling.laws.file import read_laws
from tests.llm_encoders.scaling.fit.truths import TRUTHS, Truth, csv_of, grid

JOINT = TRUTHS["joint, MS MARCO"]
SMALL = Truth("joint", JOINT.values, grid(np.geomspace(1e6, 6e7, 4), np.geomspace(1e4, 3e5, 4)))


def noisy(truth, seed=0):
    generator = np.random.default_rng(seed)
    return np.exp(truth.log_entropy + 0.01 * generator.standard_normal(len(truth.log_entropy)))


@pytest.fixture
def fit(tmp_path, monkeypatch, capsys):
    """Run the command in a folder that has points.csv; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text(csv_of(SMALL.sizes, noisy(SMALL)))

    def run(*words, points="points.csv"):
        try:
            code = main(["fit", points, "--bootstrap", "100", *words])
        except SystemExit as end:
            code = end.code
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_from_points_to_laws(fit, tmp_path):
    code, shown, _ = fit(
        "--predict", "parameters=2e9,annotations=3e5", "--predict", "annotations=5e5"
    )
    assert code == 0
    found = read_laws(tmp_path / "laws.json")
    assert [one.law.name for one in found.laws] == [
        "model-size",
        "annotations",
        "joint",
        "additive",
    ]
    assert found.points.rows == 16 and found.points.file == "points.csv"
    (joint,) = found.find("joint")
    for name, value in joint.values.items():
        low, high = joint.interval[name]
        assert re.search(rf"^  {name} +[\d.,e+-]+ +[\d.,e+-]+ to [\d.,e+-]+$", shown, re.MULTILINE)
        assert low <= value <= high
    assert "L(N,D) = [(A/N)^(alpha/beta) + B/D]^beta + delta" in shown
    assert "held out, largest parameters and annotations: fitted to 9 points, predicted 1" in shown
    assert "Forecast by joint at parameters 2,000,000,000, annotations 300,000: L = " in shown
    assert "warning: parameters = 2,000,000,000 lies 1.5 decades beyond the points" in shown
    assert "Forecast by annotations at annotations 500,000: L = " in shown
    assert "It is of models of 60,000,000 parameters" in shown
    assert "Written: laws.json." in shown


def test_the_same_seed_gives_the_same_bytes(fit, tmp_path):
    files = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert fit("--output", name, "--seed", seed, "--laws", "model-size")[0] == 0
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1] != files[2]


def test_laws_do_not_depend_on_what_else_is_fitted(fit, tmp_path):
    assert fit("--laws", "joint")[0] == 0
    alone = json.loads((tmp_path / "laws.json").read_text())["laws"][0]
    assert fit()[0] == 0
    assert json.loads((tmp_path / "laws.json").read_text())["laws"][2] == alone


def sources(tmp_path, size=1e6):
    """Humans, and titles of which it takes five times as many."""
    sizes = grid([size], np.geomspace(1e3, 1e5, 8))
    rows = []
    for place, (name, factor) in enumerate((("human", 1), ("titles", 5))):
        values = {"B": 7.1e3 * factor, "beta": 0.5, "delta": 0.03}
        text = csv_of(sizes, noisy(Truth("annotations", values, sizes), place), source=[name] * 8)
        rows += text.splitlines()[1 if rows else 0 :]
    (tmp_path / "sources.csv").write_text("\n".join(rows) + "\n")


def test_exchange_rates(fit, tmp_path):
    sources(tmp_path)
    words = ("--by", "source", "--reference", "human", "--laws", "annotations", "--at", "1,0.01")
    code, shown, errors = fit(*words, points="sources.csv")
    assert code == 0, errors
    within, beyond = read_laws(tmp_path / "laws.json").exchange
    assert within.worth == pytest.approx(0.2, rel=0.1) and within.inside
    assert within.interval[0] <= 0.2 <= within.interval[1]
    assert beyond.worth is None and not beyond.inside
    assert "== source titles: 8 points" in shown
    assert "What one annotation is worth, in annotations of human:" in shown
    assert re.search(r"titles at L = 1: 0\.\d+ \(0\.\d+ to 0\.\d+\)$", shown, re.MULTILINE)
    assert "titles at L = 0.01: no figure" in shown


def test_plots(fit, tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    assert fit("--plot", "plots", "--laws", "joint", "model-size")[0] == 0
    content = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert set(content) == {"joint.svg", "model-size.svg"}
    assert all(one.lstrip().startswith(b"<?xml") and b"</svg>" in one for one in content.values())
    assert b"Date" not in content["joint.svg"]


def test_plots_of_groups_with_like_names(fit, tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    sizes = grid(np.geomspace(1e6, 1e8, 4), [1e5])
    truth = Truth("model-size", {"A": 3e4, "alpha": 0.5, "delta": 0.0}, sizes)
    rows = [csv_of(sizes, noisy(truth), source=[name] * 4) for name in ("a/b", "a_b")]
    text = rows[0] + rows[1].partition("\n")[2]
    (tmp_path / "sources.csv").write_text(text)
    words = ("--by", "source", "--laws", "model-size", "--delta", "without", "--plot", "plots")
    assert fit(*words, points="sources.csv")[0] == 0
    assert len(list((tmp_path / "plots").iterdir())) == 2


def test_without_matplotlib(fit, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, shown, _ = fit("--plot", "plots", "--laws", "model-size")
    assert code == 0 and NO_PLOT in shown and not (tmp_path / "plots").exists()
    assert (tmp_path / "laws.json").exists()


WRONG = [
    (["--laws", "join"], 2, "invalid choice: 'join'"),
    (["--where", "source"], 2, "'source' is not COLUMN=VALUE"),
    (["--where", "source=human"], 2, "has no column 'source'"),
    (["--by", "source"], 2, "has no column 'source'"),
    (["--reference", "human"], 2, "--reference compares groups of points. Add --by source"),
    (["--by", "annotations", "--reference", "human"], 2, "no point has it as annotations"),
    (["--by", "parameters", "--reference", "1e6", "--laws", "joint"], 2, "Add annotations to"),
    (["--by", "annotations", "--reference", "1e4"], 1, "has no law of annotations to compare"),
    (["--predict", "params=1"], 2, "is not like parameters=1e9,annotations=5e5"),
    (["--predict", "parameters=-1"], 2, "-1 is not above 0"),
    (["--predict", "parameters=x"], 2, "'x' is no number"),
    (
        ["--laws", "joint", "--predict", "parameters=1e9"],
        2,
        "no law of parameters is among --laws joint",
    ),
    (["--bootstrap", "5"], 2, "not between 100 and"),
    (["--output", "points.csv"], 2, "points.csv exists and is no file of laws"),
    (["--output", "."], 2, "--output . is a folder"),
    (["--at", "0"], 2, "0 is not above 0"),
    (["--at", "1"], 2, "--at needs --reference"),
    (
        ["--where", "parameters=1e6", "--predict", "parameters=1e9"],
        1,
        "no law of parameters can be fitted to the points, only annotations",
    ),
    (
        ["--where", "parameters=1e6", "--laws", "joint"],
        1,
        "no law can be fitted to the points:\n  joint: A",
    ),
]


@pytest.mark.parametrize(("words", "code", "sentence"), WRONG, ids=lambda x: str(x)[:40])
def test_wrong_words(words, code, sentence, fit, tmp_path):
    before = (tmp_path / "points.csv").read_bytes()
    found, shown, errors = fit(*words)
    assert found == code and sentence in errors, errors
    assert "Traceback" not in errors and not shown
    assert (tmp_path / "points.csv").read_bytes() == before
    assert not (tmp_path / "laws.json").exists()


def test_two_points_are_no_fit(fit, tmp_path):
    (tmp_path / "two.csv").write_text("parameters,annotations,entropy\n1e6,1e4,0.5\n2e6,1e4,0.4\n")
    code, _, errors = fit(points="two.csv")
    assert code == 1 and "two.csv: no law can be fitted to the points" in errors
    assert "model-size: delta cannot be distinguished from A and alpha by two" in errors


def test_bad_points_leave_earlier_laws_alone(fit, tmp_path):
    assert fit("--laws", "model-size")[0] == 0
    before = (tmp_path / "laws.json").read_bytes()
    (tmp_path / "bad.csv").write_text("parameters,annotations,entropy\n1e6,1e4,-0.5\n")
    code, _, errors = fit(points="bad.csv")
    assert code == 1 and "bad.csv, line 2: entropy is -0.5" in errors
    assert (tmp_path / "laws.json").read_bytes() == before


@pytest.mark.slow
def test_it_needs_no_torch(python, tmp_path):
    (tmp_path / "points.csv").write_text(csv_of(SMALL.sizes, noisy(SMALL)))
    script = (
        "import sys; from llm_encoders.scaling.command import main; "
        f"code = main(['fit', {str(tmp_path / 'points.csv')!r}, '--laws', 'model-size', "
        f"'--bootstrap', '100', '--output', {str(tmp_path / 'laws.json')!r}]); "
        "assert not {'torch', 'transformers'} & set(sys.modules); sys.exit(code)"
    )
    assert "Written: " in python("-c", script).stdout
