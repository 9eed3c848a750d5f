"""The page on ScalingNote says what the rows of its results say, computed here in other ways."""

import math

import pytest

from llm_encoders.distill_query.tradeoff.report import table_rows
from llm_encoders.errors import UsageError
from reproductions.pages import scalingnote
from reproductions.pages.scalingnote import agreement, comparison, figures, scaling, tradeoff
from reproductions.pages.scalingnote.power_law import fit
from reproductions.scalingnote import results
from reproductions.scalingnote.study import Comparison, load

PLACE = {"processor": "a chip", "device": "cpu", "threads": 2, "date": "2026-11-27", "torch": "2"}


def encoder(label, found, single=100.0, kind="model", ms=None, seed=None, size=None):
    """What is measured of an encoder; times follow from ``single``, queries a second."""
    ms = 1000 / single if ms is None else ms
    return {
        **{"encoder": f"runs/{label}", "label": label, "seed": seed, results.BODY: size},
        **{
            "role": "student",
            "kind": kind,
            **dict(zip(figures.TITLES, (found / 2, found, 0.9), strict=True)),
        },
        **{"queries/s batch": 10 * single, "queries/s single": single},
        **{f"{what} {q} ms": ms for what in ("encoding", "search") for q in ("p50", "p95", "p99")},
        **{"parameters": 1234, "bytes": 56789, "query terms": None, "empty queries": 0},
    }


def rows(group, evaluation, *encoders, collection="nfcorpus"):
    """Rows of an evaluation, the teacher first."""
    encoders[0].update(role="teacher", parameters=12_345)
    made = []
    for one, row in zip(encoders, table_rows(encoders), strict=True):
        own = {"label": one["label"], "seed": one["seed"], results.BODY: one[results.BODY]}
        place = {"group": group, "evaluation": evaluation, "collection": collection}
        made.append({**row, **own, **place, **PLACE})
    return made


def test_results_survive_their_file(tmp_path):
    made = rows("trade-off", "tiny-dense", encoder("t", 0.5, size=7), encoder("s", 0.25, seed=1))
    file = tmp_path / "results.csv"
    file.write_text(results.text(made), encoding="utf-8")
    read = results.read(file)
    assert read == [{name: row[name] for name in results.COLUMNS} for row in made]
    assert results.read(tmp_path / "none.csv") == []
    file.write_text(file.read_text().replace("1234", "many"), encoding="utf-8")
    with pytest.raises(UsageError, match="line 2"):
        results.read(file)


def test_new_rows_take_the_place_of_old_ones():
    old = rows("a", "x", encoder("t", 0.5)) + rows("a", "y", encoder("t", 0.5))
    new = rows("a", "x", encoder("t", 0.7), encoder("s", 0.1))
    assert results.replaced(old, new) == [old[1], *new]


def test_a_page_without_rows_says_so():
    plan = load()
    text = scalingnote.page([])
    for group in (*plan.groups, " ".join(plan.groups)):
        assert text.count(f"--only {group}` measures it.") == 1
    assert "GPU hours to encode them" in text and "**Agrees" not in text


def test_a_power_law_is_found_again():
    law = fit([10, 100, 1000, 5000], [3 * n**-0.25 for n in (10, 100, 1000, 5000)])
    assert (law.coefficient, law.exponent, law.r_squared) == pytest.approx((3, -0.25, 1))
    assert law(16) == pytest.approx(1.5)


def test_a_fit_by_hand():
    sizes, values = [1, math.e, math.e**2], [math.e**2, math.e**3, math.e**1]
    law = fit(sizes, values)  # logarithms: x = 0, 1, 2 and y = 2, 3, 1
    # slope = sum of (x - 1)(y - 2) / sum of (x - 1)^2 = (0 + 0 - 1) / 2; y = 2.5 - 0.5 x
    assert law.exponent == pytest.approx(-0.5)
    assert law.coefficient == pytest.approx(math.exp(2.5))
    assert law.r_squared == pytest.approx(1 - 1.5 / 2)  # residuals -0.5, 1, -0.5


@pytest.mark.parametrize("sizes", [[1, 2], [1, 1, 2]])
def test_two_sizes_are_too_few(sizes):
    with pytest.raises(ValueError, match="2 different sizes"):
        fit(sizes, [1.0] * len(sizes))


def test_scaling_is_fitted_to_what_is_missed():
    found = []
    for size in (100, 200, 400):
        one = encoder(f"{size}", 1 - 8 * size**-0.5, size=size)
        found += rows("scaling", f"layers-{size}", one)
    text = scaling.section(found)
    assert "| nfcorpus | 8 | -0.5000 | 1.0000 | 3 |" in text
    assert "| 200 | 200 | 0.4343 |" in text  # 1 - 8 / sqrt(200)
    assert "no fit: 3 sizes are needed" in scaling.section(found[:2])
    assert "**Agrees**: larger towers" in agreement.section(found, load())
    for row, worse in zip(found, (0.3, 0.2, 0.1), strict=True):
        row["recall@50"] = worse
    assert "**Does not agree**: larger towers" in agreement.section(found, load())


def two_stage(first, frozen, own):
    """Rows of the comparison, two seeds each."""
    labels = ["two-stage, on crops"] * 2 + ["end to end, frozen document tower"] * 2
    students = [
        encoder(label, value, seed=seed)
        for label, value, seed in zip(labels, (*first, *frozen), (1, 2, 1, 2), strict=True)
    ]
    found = rows("two-stage", "frozen", encoder("stage 1, 4 layers", 0.5, seed=1), *students)
    for seed, value in enumerate(own, 1):
        one = encoder("end to end, own document tower", value, seed=seed)
        found += rows("two-stage", f"own-{seed}", one)
    return found


def test_two_stages_against_end_to_end():
    found = two_stage((0.41, 0.43), (0.40, 0.42), (0.45, 0.46))
    text = scalingnote.page(found)
    assert "| two-stage, on crops | 1, 2 | 0.4200 (0.4100, 0.4300) |" in text
    assert "| end to end, own document tower | 1, 2 | 0.4550 (0.4500, 0.4600) |" in text
    assert (
        "- *two-stage, on crops* against *end to end, frozen document tower*: R@50 is better on "
        "nfcorpus (+0.0100, seeds overlap)."
    ) in text
    assert "own document tower*: R@50 is worse on nfcorpus (-0.0350, every seed)." in text
    assert "**Partly**: two stages beat training end to end" in text
    better = agreement.section(two_stage((0.5, 0.5), (0.4, 0.4), (0.4, 0.4)), load())
    assert "**Agrees**: two stages" in better and "on 1 of them with every seed" in better
    worse = agreement.section(two_stage((0.3, 0.3), (0.4, 0.4), (0.4, 0.4)), load())
    assert "**Does not agree**: two stages" in worse and "on 0 of 1 collections" in worse


def test_labels_are_compared_within_their_evaluation():
    found = rows("losses", "dense", encoder("t", 0.5), encoder("mse", 0.3), encoder("cosine", 0.4))
    found += rows("losses", "sparse", encoder("t", 0.5), encoder("cosine", 0.1))
    one = Comparison("losses", "mse", ("cosine",), "dense")
    assert comparison.sentences(found, one) == (
        "- *mse* against *cosine*: R@50 is worse on nfcorpus (-0.1000).\n"
    )
    assert comparison.sentences(found, Comparison("losses", "mse", ("cosine",), "sparse")) == ""


def test_a_collapse_is_told_by_its_figures():
    for value, verdict in ((0.1, "Agrees"), (0.45, "Does not agree")):
        found = rows("losses", "sparse", encoder("t", 0.5), encoder("cosine", value))
        text = agreement.section(found, load())
        assert f"**{verdict}** with what is known of SPLADE" in text
        assert f"Here it keeps {200 * value:.1f} % on nfcorpus." in text


def test_the_trade_off_shows_every_figure(tmp_path):
    made = [encoder("t", 0.5), encoder("small", 0.48, 600.0), encoder("table", 0.3, 2e4, "lookup")]
    found = rows("trade-off", "tiny-dense", *made)
    (tmp_path / "pareto-tiny-dense-nfcorpus.svg").touch()
    text = tradeoff.section(found, "trade-off", tmp_path)
    assert "### Teacher: t, dense\n\n![" in text
    assert "](scalingnote/pareto-tiny-dense-nfcorpus.svg)" in text
    assert "| nfcorpus | small | 0.2400 \\* | 96.0 % | 0.4800 \\* | 96.0 % | 0.9000 |" in text
    assert "| nfcorpus | small | 6,000 | 600 | 6.0 | 1.67 / 1.67 / 1.67 |" in text
    assert "| 1,234 | 56,789 |" in text
    assert "- *small* keeps 96.0 % of R@50 at 6.0 times the queries per second" in text
    assert "those with a transformer: *small*.\n" in text
    assert "Measured on: cpu, 2 threads, a chip, PyTorch 2, 2026-11-27." in text
    assert "![" not in tradeoff.section(found, "trade-off", tmp_path / "elsewhere")
    slow = rows("trade-off", "tiny-dense", encoder("t", 0.5), encoder("small", 0.5, 300.0))
    assert "those with a transformer: none.\n" in tradeoff.findings(slow)


def test_what_is_kept_is_compared_with_the_paper():
    for value, verdict in ((0.496, "Agrees"), (0.493, "Does not agree")):
        found = rows("trade-off", "tiny-dense", encoder("t", 0.5), encoder("small", value, 700.0))
        text = agreement.section(found, load())
        assert f"**{verdict}** (trade-off): a small transformer keeps 99 %" in text
        assert f"*small* keeps {200 * value:.1f} %, at 7.0 times" in text
        assert "83 times as fast" in text  # 33,810 / 408


def test_the_best_student_and_spans_over_collections():
    found = rows("trade-off", "tiny-dense", encoder("t", 0.5), encoder("a", 0.4), encoder("b", 0.3))
    found += rows(
        *("trade-off", "tiny-dense"), encoder("t", 0.5), encoder("a", 0.45), encoder("b", 0.49),
        collection="scifact",
    )  # fmt: skip
    students = [row for row in found if row["role"] == "student"]
    assert {row["label"] for row in agreement.best(students)} == {"a"}  # 0.85 against 0.79
    assert "*a* keeps 80.0 to 90.0 %" in agreement.section(found, load())
    assert figures.span([0.5], 100, ".1f") == "50.0"


def test_the_teacher_in_another_runtime_is_no_small_transformer():
    whole = encoder("whole", 0.5) | {"parameters": 12_345}
    found = rows("trade-off", "tiny-dense", encoder("t", 0.5), whole, encoder("small", 0.45))
    text = agreement.section(found, load())
    assert "*small* keeps 90.0 %" in text and "*whole*" not in text
    assert "**Does not agree** (trade-off): a small transformer" in text


def test_a_service_is_priced_by_the_first_collection():
    made = [encoder("t", 0.5), encoder("table", 0.3, kind="lookup", ms=0.05)]
    found = rows("trade-off", "tiny-sparse", *made)
    later = rows("trade-off", "tiny-sparse", encoder("t", 0.5), encoder("table", 0.3, ms=9.0))
    assert tradeoff.students(found + later) == {"table (tiny, sparse)": 0.05}
    text = scalingnote.page(found)
    assert "| table (tiny, sparse) | 0.5 × the machine | 0.05 ms a query, alone |" in text
