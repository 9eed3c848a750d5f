"""The page on scaling laws: a study of small models, its laws, and plans by them."""

from collections.abc import Sequence
from pathlib import Path

from llm_encoders.scaling.laws.file import LawsFile, read_laws
from reproductions.pages.log import log
from reproductions.pages.markdown import block
from reproductions.pages.scaling import cells, laws, published_plan
from reproductions.pages.templates import render
from reproductions.scaling import results
from reproductions.scaling.results import Row
from reproductions.scaling.study import load

FOLDER = Path(__file__).parents[2] / "scaling"
LAWS = FOLDER / "laws.json"
STEPS = 800
"""Of the cells that laws are fitted to."""
_SOURCES = ("study.yaml", "family.yaml", "results.csv", "laws.json", "published-laws.json")


def page(rows: Sequence[Row] | None = None, fitted: LawsFile | None = None) -> str:
    """The page.

    Args:
        rows: the results; ``None`` for those of ``results.csv``.
        fitted: laws; ``None`` for those of ``laws.json``, if it is there.
    """
    plan = load()
    found = results.read(plan.collections) if rows is None else list(rows)
    if fitted is None and LAWS.exists():
        fitted = read_laws(LAWS)
    return render(
        "scaling-laws",
        *(f"reproductions/scaling/{name}" for name in _SOURCES if (FOLDER / name).exists()),
        prepare=block(
            [
                "python reproductions/scaling/texts.py --pairs PAIRS --output runs/scaling",
                "python reproductions/scaling/family.py --texts runs/scaling/corpus.jsonl "
                "--output runs/scaling/family",
            ]
        ),
        run=block(["python reproductions/scaling/run.py --collections BEIR --parallel 2"]),
        fit=block(
            [
                "python -m llm_encoders.scaling fit reproductions/scaling/results.csv "
                f"--by paradigm --where source=human --where steps={STEPS} --bootstrap 400 "
                "--output reproductions/scaling/laws.json --plot reproductions/scaling/plots"
            ]
        ),
        dry=block(["python reproductions/scaling/run.py --only largest --dry-run"]),
        family=cells.family(plan),
        grid=cells.grid(plan),
        cells=cells.table_of(found, plan),
        steps=cells.steps(found),
        seeds=cells.seeds(found),
        laws=laws.section(fitted),
        verdict=laws.verdict(fitted),
        published=published_plan.section(),
        log=log("scaling-laws.md"),
    )
