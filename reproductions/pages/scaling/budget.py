"""A worked example: what a budget should buy by the laws of the study."""

from pathlib import Path

from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.plan.cost import development, inference
from llm_encoders.scaling.plan.planning import Plan, Task, make_plan
from llm_encoders.scaling.plan.prices import read_prices
from llm_encoders.scaling.plan.quantity import written
from reproductions.pages.markdown import table, warnings
from reproductions.pages.scaling.laws import GROUP, NOT_FITTED

PRICES = "reproductions/scaling/prices.yaml"
BUDGET = 20_000.0
LAW = "joint"
COMMAND = (
    f"python -m llm_encoders.scaling plan reproductions/scaling/laws.json --prices {PRICES} "
    f"--budget {written(BUDGET)}"
)
_ROOT = Path(__file__).parents[3]


def section(fitted: LawsFile | None) -> str:
    """The best model and annotations a paradigm, with the warnings of the plans."""
    plans = _plans(fitted)
    if fitted is None or not plans:
        return NOT_FITTED
    rows, found = [], []
    for plan in plans:
        paradigm = plan.fitted.group.get(GROUP, "")
        for answer in plan.answers:
            best = answer.plan
            rows.append(
                (
                    paradigm,
                    "counted" if answer.inference else "not counted",
                    written(best.parameters),
                    written(best.annotations),
                    f"{best.entropy:.3f}",
                )
            )
        found += [(paradigm, text) for text in plan.warnings]
    head = ("paradigm", "inference", "best N", "best D", "entropy")
    planned = {plan.fitted.group.get(GROUP, "") for plan in plans}
    others = dict.fromkeys(one.group.get(GROUP, "") for one in fitted.laws)
    absent = "".join(
        f"\nThere is no plan for {name}: its cells do not settle the law `{LAW}`.\n"
        for name in others
        if name not in planned
    )
    return table(head, rows) + absent + warnings("the planner", found)


def _plans(fitted: LawsFile | None) -> list[Plan]:
    if fitted is None:
        return []
    prices = read_prices(_ROOT / PRICES, {})
    bills = {False: development(prices), True: development(prices) | inference(prices)}
    return [make_plan(law, Task(bills, BUDGET)) for law in fitted.find(LAW)]
