"""The page on scaling laws says what its rows and laws say."""

import dataclasses

import numpy as np
import pytest

from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.laws.fitted import FittedLaw, HoldOut
from reproductions.pages import scaling
from reproductions.pages.scaling import budget, cells, laws
from reproductions.scaling import results
from reproductions.scaling.study import Cell, load

PLAN = load()


def row(cell, entropy, steps=800):
    """A row of the results with figures that nobody measured."""
    found = dict.fromkeys(results.columns(PLAN.collections), 0.5)
    sparse = cell.paradigm == "sparse"
    return found | {
        "cell": cell.name,
        "paradigm": cell.paradigm,
        "size": cell.size,
        "parameters": 26_784,
        "annotations": cell.pairs,
        "source": cell.source,
        "seed": cell.seed,
        "schedule": cell.schedule,
        "steps": steps,
        "entropy": entropy,
        "query terms": 7.0 if sparse else None,
        "passage terms": 90.0 if sparse else None,
        "seconds": 90.0,
    }


def law(name, paradigm, exponent, interval, r2=0.99):
    """A law with an interval of its exponent alone."""
    symbol = laws._EXPONENTS[name]
    values = dict.fromkeys(LAWS[name].parameters, 1.0) | {symbol: exponent}
    held = HoldOut("largest parameters", 4, 1, 0.021, 0.034, 1)
    return FittedLaw(
        LAWS[name],
        values,
        {"paradigm": paradigm},
        interval={symbol: interval},
        r2=r2,
        hold_out=(held,),
        points=6,
        warnings=("delta is at its bound.",) if paradigm == "sparse" else (),
    )


def test_nothing_is_claimed_before_it_is_measured():
    text = scaling.page([], LawsFile(()))
    assert text.count("Not measured yet") == 3 and "Not fitted yet" in text


def test_cells_steps_and_seeds():
    first, again = Cell("dense", "27k", 5000), Cell("dense", "27k", 5000, 2)
    longer, other = Cell("dense", "27k", 5000, steps=1600), Cell("sparse", "27k", 5000)
    rows = [row(first, 1.0), row(again, 1.1), row(longer, 0.95, 1600), row(other, 2.0)]
    table = cells.table_of(rows, PLAN)
    assert "| `dense-27k-5000` | 26,784 | 5,000 | 1.0000 | 0.500 |" in table
    assert "| 7 / 90 | 1.5 |" in table
    assert cells.steps(rows).splitlines()[2:] == [
        "| dense | 5,000 | 800: 1.0000 | 1,600: 0.9500 | -5.0 % |"
    ]
    assert cells.seeds(rows).splitlines()[2:] == [
        "| dense | 27k | 5,000 | 1.0000, 1.1000 | 9.5 % |"
    ]


def test_cells_that_nobody_measured_are_named():
    everything = [row(cell, 1.0) for cell in PLAN.cells()]
    assert cells.missing(everything, PLAN) == cells.missing([], PLAN) == ""
    text = cells.missing(everything[1:], PLAN)
    assert text.startswith(f"{len(everything) - 1} of the {len(everything)} cells")
    assert text.endswith(f"not: `{everything[0]['cell']}`.\n")


def test_a_paradigm_that_more_steps_improve_much_is_named():
    def both(paradigm, steps, entropy):
        cell = Cell(paradigm, "90k", 28_000)
        return [row(cell, 3.0, 400), row(Cell(paradigm, "90k", 28_000, 1, steps=steps), entropy)]

    rows = [*both("sparse", 800, 2.4), *both("dense", 800, 2.9)]
    for one in rows[1::2]:
        one["steps"] = 800
    text = cells.unfinished(rows)
    assert (
        text.startswith("- **sparse** cells with 28,000 pairs have too few") and "dense" not in text
    )
    assert "lower the entropy by 20.0 %" in text
    worse, fewer = both("sparse", 800, 3.9), both("sparse", 200, 2.0)
    worse[1]["steps"], fewer[1]["steps"] = 800, 200
    assert cells.unfinished(worse) == cells.unfinished(fewer) == ""


def test_steps_by_pairs_with_their_passes():
    assert "| 28,000 | 400 | 1.8 |" in cells.steps_of(PLAN)  # 400 steps of 128 queries
    assert "| 100,000 | 1,000 | 1.3 |" in cells.steps_of(PLAN)


def test_laws_with_intervals_hold_out_and_warnings():
    fitted = LawsFile((law("model-size", "sparse", 0.6, (0.5, 0.7)),))
    text = laws.section(fitted)
    assert "alpha 0.6 (0.5 to 0.7)" in text and "| 0.9900 |" in text
    assert "largest parameters: 2.1 %, worst 3.4 %" in text
    assert "- model-size, sparse: delta is at its bound.\n" in text


def test_plots_that_are_there_are_shown(tmp_path):
    (tmp_path / "annotations-sparse.svg").touch()
    (tmp_path / "joint-sparse.svg").touch()
    name = tmp_path.name
    assert laws.plots(tmp_path) == (
        f"![annotations-sparse](scaling/{name}/annotations-sparse.svg)\n"
    )


@pytest.mark.parametrize(
    ("sparse", "dense", "expected"),
    [
        ((0.6, 0.7), (0.3, 0.5), "the sparse one is larger"),
        ((0.1, 0.2), (0.3, 0.5), "the sparse one is smaller"),
        ((0.2, 0.4), (0.3, 0.5), "do not say which is larger"),
    ],
)
def test_exponents_are_compared_by_their_intervals(sparse, dense, expected):
    both = [
        law("annotations", name, float(np.mean(ends)), ends)
        for name, ends in (("sparse", sparse), ("dense", dense))
    ]
    text = laws.verdict(LawsFile(tuple(both)))
    assert expected in text and text.count("follows the law `annotations`") == 2


def test_a_law_that_the_points_do_not_follow():
    poor = law("model-size", "dense", 0.5, (0.4, 0.6), r2=0.8)
    assert "**dense** does not follow the law `model-size`: R² is 0.8000." in laws.verdict(
        LawsFile((poor,))
    )
    good = law("model-size", "sparse", 0.5, (0.7, 0.8))
    text = laws.verdict(LawsFile((poor, good)))
    assert "`model-size` are not compared, for dense cells do not follow" in text
    assert "larger" not in text
    bare = dataclasses.replace(law("model-size", "dense", 0.5, (0.4, 0.6)), interval=None)
    assert "no interval" in laws.verdict(LawsFile((bare, good)))


def test_a_budget_is_planned_by_each_paradigm():
    values = {"A": 6e4, "B": 2e3, "alpha": 0.6, "beta": 0.8, "delta": 0.1}
    measured = {"parameters": (3e4, 3e6), "annotations": (2e3, 1e5)}
    own = FittedLaw(LAWS["joint"], values, {"paradigm": "sparse"}, range=measured)
    text = budget.section(LawsFile((own,)))
    without, counted = (line.split(" | ")[2] for line in text.splitlines()[2:4])
    assert without.endswith("B") and counted.endswith("B")
    assert float(without[:-1]) > 5 * float(counted[:-1])  # inference asks for a smaller model
    assert "- sparse: Budget, without inference: " in text and "decades above" in text


def test_sources_are_worth_what_their_laws_say():
    human = {"source": "human"}
    found = (
        Exchange({"source": "titles"}, human, 0.8, 0.31, (0.2, 0.5), True),
        Exchange({"source": "generated"}, human, 0.6, 0.1, (0.05, None), False),
        Exchange({"source": "inverse-cloze"}, human, 0.6, None, None, False),
    )
    lines = laws.exchange(LawsFile((), exchange=found)).splitlines()[2:]
    assert lines == [
        "| titles | 0.800 | 0.31 (0.2 to 0.5) |  |",
        "| generated | 0.600 | 0.1 (0.05 to ∞) | extrapolated |",
        "| inverse-cloze | 0.600 | the law never reaches it | extrapolated |",
    ]
