"""The page on scaling laws: a study of small models, its laws, and plans by them."""

from collections.abc import Sequence
from pathlib import Path

from llm_encoders.scaling.laws.file import LawsFile, read_laws
from reproductions.pages.log import log
from reproductions.pages.markdown import block
from reproductions.pages.scaling import budget, cells, laws, published_plan, schedules, sources
from reproductions.pages.templates import render
from reproductions.scaling import results
from reproductions.scaling.results import Row
from reproductions.scaling.study import HALF, USUAL, load

FOLDER = Path(__file__).parents[2] / "scaling"
LAWS = FOLDER / "laws.json"
PLOTS = FOLDER / "plots"
_WHERE = f"--where schedule={USUAL}"
BY_SOURCE = FOLDER / "laws-by-source.json"
LAWS_HALF = FOLDER / "laws-half.json"
_RUN = "python reproductions/scaling/run.py"
_FIRST = ("annotations", "model-size", "joint", "seeds", "half", "double", "largest")
_AUGMENT = (
    "python -m llm_encoders.scaling augment --kind inverse-cloze --limit 13000 "
    "--most-passages 1 --corpus runs/scaling/corpus.jsonl "
    "--output runs/scaling/train-inverse-cloze.jsonl",
    "python -m llm_encoders.scaling augment --kind titles --most-passages 1 "
    "--corpus runs/scaling/titled.jsonl --output runs/scaling/train-titles.jsonl",
    "python -m llm_encoders.train reproductions/recipes/scaling-generator.yaml",
    "python -m llm_encoders.scaling augment --kind generated --generator runs/scaling/generator "
    "--prompt reproductions/scaling/prompt.txt --prompt-tokens 80 --query-tokens 16 "
    "--temperature 1 --top-k 10 --limit 16000 --most-passages 1 "
    "--corpus runs/scaling/corpus.jsonl --output runs/scaling/train-generated.jsonl",
)
_PARTS = """for SOURCE in inverse-cloze titles generated; do
  for PAIRS in 2000 5000 8000; do
    head -n $PAIRS runs/scaling/train-$SOURCE.jsonl > runs/scaling/train-$SOURCE-$PAIRS.jsonl
  done
done"""
_FIT_SOURCES = (
    "python -m llm_encoders.scaling fit reproductions/scaling/results.csv --laws annotations "
    "--by source --reference human --where paradigm=dense --where size=90k "
    f"{_WHERE} --delta chosen --at 4.2 "
    "--output reproductions/scaling/laws-by-source.json"
)
_FIT_HALF = (
    "python -m llm_encoders.scaling fit reproductions/scaling/results.csv "
    f"--laws model-size annotations --by paradigm --where source=human --where schedule={HALF} "
    f"--delta chosen --bootstrap 400 --output reproductions/scaling/{LAWS_HALF.name}"
)
_SOURCES = (
    *("study.yaml", "family.yaml", "results.csv"),
    *("laws.json", "laws-half.json", "laws-by-source.json"),
    *("published-laws.json", "published-prices.yaml"),
)


def page(
    rows: Sequence[Row] | None = None,
    fitted: LawsFile | None = None,
    half: LawsFile | None = None,
    by_source: LawsFile | None = None,
) -> str:
    """The page.

    Args:
        rows: the results; ``None`` for those of ``results.csv``.
        fitted: laws; ``None`` for those of ``laws.json``, if it is there.
        half: of the schedule with half the steps, likewise of ``laws-half.json``.
        by_source: of each source, likewise of ``laws-by-source.json``.
    """
    plan = load()
    found = results.read(plan.collections) if rows is None else list(rows)
    fitted = fitted or _read(LAWS)
    half = half or _read(LAWS_HALF)
    by_source = by_source or _read(BY_SOURCE)
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
        run=block([f"{_RUN} --collections BEIR --parallel 2 --only {' '.join(_FIRST)}"]),
        fit=block(
            [
                "python -m llm_encoders.scaling fit reproductions/scaling/results.csv "
                f"--by paradigm --where source=human {_WHERE} --delta chosen "
                "--bootstrap 400 --output reproductions/scaling/laws.json "
                "--plot reproductions/scaling/plots"
            ]
        ),
        fit_half=block([_FIT_HALF]),
        exponents=schedules.exponents({USUAL: fitted, HALF: half}),
        dry=block([f"{_RUN} --only largest --dry-run"]),
        sources=block([*_AUGMENT, _PARTS]),
        run_sources=block([f"{_RUN} --collections BEIR --parallel 2 --only sources"]),
        fit_sources=block([_FIT_SOURCES]),
        exchange=sources.exchange(by_source),
        lowest=sources.lowest(found, by_source),
        sparsity=cells.sparsity(found, plan),
        budget_command=block([budget.COMMAND]),
        budget=budget.section(fitted),
        steps_of_a_cell=schedules.steps_of(plan),
        family=cells.family(plan),
        grid=cells.grid(plan),
        cells=cells.table_of(found, plan),
        missing=cells.missing(found, plan),
        steps=schedules.steps(found),
        seeds=cells.seeds(found),
        laws=laws.section(fitted),
        plots=laws.plots(PLOTS),
        verdict=laws.verdict(fitted) + schedules.unfinished(found),
        published=published_plan.section(),
        log=log("scaling-laws.md"),
    )


def _read(path: Path) -> LawsFile | None:
    return read_laws(path) if path.exists() else None
