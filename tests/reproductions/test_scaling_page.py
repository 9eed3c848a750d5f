"""The page on scaling laws says what its rows and laws say."""

import dataclasses

import numpy as np
import pytest

from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.laws.fitted import FittedLaw, HoldOut
from reproductions.pages import scaling
from reproductions.pages.scaling import budget, cells, laws, schedules, sources
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
    symbol = laws.EXPONENTS[name]
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
    none = LawsFile(())
    text = scaling.page([], none, none, none)
    assert text.count("Not measured yet") == 4 and text.count("Not fitted yet") == 4
    assert "No sparse cell is measured yet" in text


def test_cells_steps_and_seeds():
    first, again = Cell("dense", "27k", 5000), Cell("dense", "27k", 5000, 2)
    longer, other = Cell("dense", "27k", 5000, schedule="double"), Cell("sparse", "27k", 5000)
    rows = [row(first, 1.0), row(again, 1.1), row(longer, 0.95, 1600), row(other, 2.0)]
    table = cells.table_of(rows, PLAN)
    assert "| `dense-27k-5000` | 26,784 | 5,000 | 1.0000 | 0.500 |" in table
    assert "| 7 / 90 | 1.5 |" in table
    assert schedules.steps(rows).splitlines()[2:] == [
        "| dense | 27k | 5,000 | 1 | 800: 1.0000 | 1,600: 0.9500 | -5.0 % |"
    ]
    assert cells.seeds(rows).splitlines()[2:] == [
        "| dense | 27k | 5,000 | 800 | 1.0000, 1.1000 | 9.5 % |"
    ]


def test_cells_that_nobody_measured_are_named():
    everything = [row(cell, 1.0) for cell in PLAN.cells()]
    assert cells.missing(everything, PLAN) == cells.missing([], PLAN) == ""
    text = cells.missing(everything[1:], PLAN)
    assert text.startswith(f"{len(everything) - 1} of the {len(everything)} cells")
    assert text.endswith(f"not: `{everything[0]['cell']}`.\n")


def test_numbers_of_pairs_that_more_steps_improve_much_are_named():
    def cells_of(paradigm, pairs, entropies, size="90k"):
        cell = Cell(paradigm, size, pairs)
        return [row(cell, one, 100 * 2**number) for number, one in enumerate(entropies)]

    rows = [
        *cells_of("dense", 28_000, [3.0, 2.0, 1.5]),
        *cells_of("dense", 28_000, [3.0, 1.0], "27k"),  # shorter runs
        *cells_of("dense", 2000, [4.0, 3.0, 3.1]),  # the last doubling counts
        *cells_of("dense", 5000, [4.0, 3.81]),
        *cells_of("sparse", 2000, [4.0, 3.0]),
        *cells_of("sparse", 5000, [4.0]),
    ]
    dense, sparse = schedules.unfinished(rows).splitlines()
    assert dense.startswith(
        "- **dense**: the last doubling of the steps did not lower the entropy by more than 5 % at "
        "D of 2,000 and 5,000. It did at D of 28,000 (25.0 %, to 400 steps). Longer runs may give "
        "lower entropies there."
    )
    assert sparse == (
        "- **sparse**: the last doubling of the steps lowered the entropy by more than 5 % at D of "
        "2,000 (25.0 %, to 200 steps). Longer runs may give lower entropies there."
    )
    enough = cells_of("dense", 5000, [4.0, 3.9])
    assert schedules.unfinished(enough).endswith("by more than 5 % at D of 5,000.\n")
    assert schedules.unfinished(rows[-1:]) == ""


def test_more_steps_beside_more_pairs():
    def schedule(pairs, entropies):
        return [
            row(Cell("dense", "90k", pairs, schedule=name), one, pairs // 100 * factor)
            for (name, factor), one in zip((("half", 1), ("usual", 2)), entropies, strict=True)
        ]

    rows = [*schedule(5000, [4.0, 3.0]), *schedule(20_000, [2.0, 1.5]), *schedule(2000, [5.0, 4.9])]
    rows.append(row(Cell("dense", "27k", 10_000), 9.0, 400))  # another size
    found = schedules.unfinished(rows)  # 1.5 / 3 in two doublings of the pairs
    assert "At 20,000 pairs twice the steps lower the entropy by 25.0 %;" in found
    assert "twice the pairs, with the steps that come with them, by 29.3 %." in found


def test_doublings_are_in_order_and_tell_seeds_apart():
    rows = [
        row(Cell(paradigm, "90k", 5000, seed), 2.0 + seed, steps)
        for steps in (80, 40)
        for seed in (2, 1)
        for paradigm in ("sparse", "dense")
    ]
    lines = schedules.steps(rows).splitlines()[2:]
    assert [line.split(" | ")[:4] for line in lines] == [
        ["| dense", "90k", "5,000", "1"],
        ["| dense", "90k", "5,000", "2"],
        ["| sparse", "90k", "5,000", "1"],
        ["| sparse", "90k", "5,000", "2"],
    ]


def test_steps_by_pairs_with_their_passes():
    text = schedules.steps_of(PLAN)
    assert "| 28,000 | 800 (3.7) | 400 (1.8) | 1,600 (7.3) |" in text  # steps of 128 queries
    assert "| 100,000 | 2,000 (2.6) | 1,000 (1.3) |  |" in text


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
    assert (
        "**dense** does not follow the law `model-size`: R² is 0.8000 at 6 points."
        in laws.verdict(LawsFile((poor,)))
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
    other = law("annotations", "dense", 0.3, (0.2, 0.4))
    text = budget.section(LawsFile((own, other)))
    assert text.count("There is no plan for") == 1
    assert "There is no plan for dense: its cells do not settle the law `joint`.\n" in text
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
    lines = sources.exchange(LawsFile((), exchange=found)).splitlines()[2:]
    assert lines == [
        "| titles | 0.800 | 0.31 (0.2 to 0.5) |  |",
        "| generated | 0.600 | 0.1 (0.05 to ∞) | extrapolated |",
        "| inverse-cloze | 0.600 | the law never reaches it | extrapolated |",
    ]


def test_the_lowest_entropy_of_other_sources_beside_people():
    people = [row(Cell("dense", "90k", 2000), 3.75), row(Cell("dense", "90k", 2000, 2), 3.85)]
    people += [row(Cell("dense", "90k", 5000), 3.4), row(Cell("sparse", "90k", 2000), 9.0)]
    people += [row(Cell("dense", "90k", 1000, schedule="half"), 5.0)]
    others = [row(Cell("dense", "90k", 8000, source="titles"), 3.9)]
    others += [row(Cell("dense", "90k", 5000, source="generated"), 4.1)]
    others += [row(Cell("dense", "90k", 9000, source="titles", schedule="half"), 1.0)]
    text = sources.lowest(people + others, None)
    assert "is 3.90 nats, of titles with 8,000 pairs" in text
    assert "of people, 2,000, give 3.75 and 3.85" in text
    assert text.endswith(
        "So 4 pairs of the best other source are worth less than one of people there.\n"
    )
    own = FittedLaw(LAWS["annotations"], {"B": 2000 * 3.99**2, "beta": 0.5, "delta": 0.0})
    laws_of = LawsFile((dataclasses.replace(own, group={"source": "human"}),))
    off = "gives 3.99 nats with 2,000, +5.0 % off, so the table says too much"
    assert off in sources.lowest(people + others, laws_of)
    others[0]["entropy"] = 3.8  # below a human one
    assert sources.lowest(people + others, None).endswith("give 3.75 and 3.85.\n")
    assert sources.lowest(people, None).startswith("Not measured yet")


def test_how_sparse_the_vectors_are():
    first, second = (row(Cell("sparse", "90k", pairs), 3.0) for pairs in (2000, 5000))
    first["query terms"], second["passage terms"] = 650.4, 1283.0
    first["passage terms"], second["query terms"] = 700.0, 800.0
    first["nfcorpus ndcg@10"], first["scifact ndcg@10"] = 0.0159, 0.001
    second["nfcorpus ndcg@10"], second["scifact ndcg@10"] = 0.01, 0.009
    text = cells.sparsity([first, second, row(Cell("dense", "90k", 2000), 2.0)], PLAN)
    assert "queries have 650 to 800 of 4,096 terms and passages 700 to 1,283, by cell" in text
    assert "sparse cell is 0.016 on nfcorpus and 0.009 on scifact.\n" in text
    assert cells.sparsity([], PLAN).startswith("No sparse cell")


def test_exponents_by_schedule():
    usual = LawsFile((law("annotations", "dense", 0.3, (0.25, 0.35)),))
    bare = dataclasses.replace(law("model-size", "sparse", 0.02, (0, 1)), interval=None)
    half = LawsFile((law("annotations", "dense", 0.26, (0.2, 0.31)), bare))
    assert schedules.exponents({"usual": usual, "half": half}).splitlines()[2:] == [
        "| model-size | sparse |  | 0.020 (R² 0.990, 6 points) |  |",
        "| annotations | dense | 0.300 (0.250 to 0.350, R² 0.990, 6 points) "
        "| 0.260 (0.200 to 0.310, R² 0.990, 6 points) | overlap |",
    ]
    apart = LawsFile((law("annotations", "dense", 0.2, (0.15, 0.24)),))
    assert "| do not overlap |" in schedules.exponents({"usual": usual, "half": apart})
    assert schedules.exponents({"usual": None}).startswith("Not fitted yet")
