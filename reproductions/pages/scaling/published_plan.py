"""A plan by published parameters: does counting inference move the optimum to smaller models?"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.scaling.laws.file import read_laws
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.plan.answer import Answer
from llm_encoders.scaling.plan.cost import development, inference, total
from llm_encoders.scaling.plan.planning import Task, make_plan
from llm_encoders.scaling.plan.prices import Prices, read_prices
from llm_encoders.scaling.plan.quantity import written
from reproductions.pages.markdown import block, table

_ROOT = Path(__file__).parents[3]
LAWS = "reproductions/scaling/published-laws.json"
PRICES = "reproductions/scaling/published-prices.yaml"
BUDGET = 20_000.0
OTHER_BUDGETS = (5_000.0, 80_000.0)


@dataclass(frozen=True)
class Service:
    """How much a retriever is used over a year."""

    name: str
    passages: float
    queries_per_day: float


SERVICES = (
    Service("a site", 10e6, 1e6),
    Service("a large site", 1e9, 10e6),
    Service("part of the web", 10e9, 100e6),
    Service("the web", 100e9, 1e9),
)


@dataclass(frozen=True)
class Outcome:
    """The best plan of a service, and what its inference would cost with the larger model."""

    service: Service
    answer: Answer
    larger_model: float
    """Money for inference with the model that is best without its cost."""


def law() -> FittedLaw:
    """The published joint law."""
    (found,) = read_laws(_ROOT / LAWS).find("joint")
    return found


def outcomes(budget: float) -> tuple[Answer, list[Outcome]]:
    """The best plan without inference, and that of every service."""
    prices = read_prices(_ROOT / PRICES, {})
    without = _answer(prices, budget, None)
    found = []
    for service in SERVICES:
        used = dataclasses.replace(
            prices, passages=service.passages, queries_per_day=service.queries_per_day
        )
        n, d = without.plan.parameters, without.plan.annotations
        larger = float(total(inference(used)).money(n, d))
        found.append(Outcome(service, _answer(prices, budget, used), larger))
    return without, found


def section() -> str:
    """Text and table."""
    without, found = outcomes(BUDGET)
    return f"{_introduction()}\n{_table(without, found)}\n{_conclusion(without, found)}"


def _answer(prices: Prices, budget: float, used: Prices | None) -> Answer:
    items = development(prices) | ({} if used is None else inference(used))
    return make_plan(law(), Task({used is not None: items}, budget)).answers[0]


def _introduction() -> str:
    values = ", ".join(f"{name} = {value:g}" for name, value in law().values.items())
    last = SERVICES[-1]
    command = (
        f"python -m llm_encoders.scaling plan {LAWS} --prices {PRICES} "
        f"--budget {written(BUDGET)} --passages {written(last.passages)} "
        f"--queries-per-day {written(last.queries_per_day)}"
    )
    return (
        "The paper (arXiv 2403.18684) spends a budget by its joint law on MS MARCO, "
        f"`{law().law.equation}` with {values}. **These parameters are second-hand**: they are "
        "quoted by others, rounded, and were not read in the paper. So is its conclusion, that "
        f"${BUDGET:,.0f} go to a model of about 13 billion parameters if inference costs nothing, "
        "and to one of millions if it is counted. The prices here are "
        f"[assumptions of this page](scaling/{Path(PRICES).name}), not the paper's, so the sizes "
        "cannot be compared one by one; the direction and its size can.\n\n" + block([command])
    )


def _table(without: Answer, found: list[Outcome]) -> str:
    plan = without.plan
    rows = [["none counted", "", "", *_cells(without), "", ""]]
    for one in found:
        service = one.service
        rows.append(
            [
                service.name,
                written(service.passages),
                written(service.queries_per_day),
                *_cells(one.answer),
                _times(plan.parameters / one.answer.plan.parameters),
                f"${one.larger_model:,.0f}",
            ]
        )
    head = ("inference", "passages", "queries a day", "best N", "best D", "entropy")
    last = f"a year of inference with {written(plan.parameters)}"
    return table((*head, "N smaller by", last), rows)


def _conclusion(without: Answer, found: list[Outcome]) -> str:
    last = found[-1]
    ratio = without.plan.parameters / last.answer.plan.parameters
    others = []
    for budget in OTHER_BUDGETS:
        plain, services = outcomes(budget)
        largest = services[-1].answer.plan.parameters
        others.append(f"{_times(plain.plan.parameters / largest)} with ${budget:,.0f}")
    fewer = 1 - last.answer.plan.annotations / without.plan.annotations
    smaller = all(one.answer.plan.parameters < without.plan.parameters for one in found)
    verdict = "The planner agrees with" if smaller and ratio > 100 else "The planner contradicts"
    low, high = law().range["parameters"]  # type: ignore[index]
    return (
        f"{verdict} the paper's conclusion: for {last.service.name}, the best model has "
        f"{written(last.answer.plan.parameters)} parameters in place of "
        f"{written(without.plan.parameters)}, {_times(ratio)} fewer ({' and '.join(others)}), "
        f"and {100 * fewer:.0f} % fewer annotations. The last column says why: a year of "
        "inference with the larger model costs that much. The paper's models have "
        f"{written(low)} to {written(high)} parameters, so billions are a forecast far beyond "
        "them, and the planner says so.\n"
    )


def _cells(answer: Answer) -> list[str]:
    plan = answer.plan
    return [written(plan.parameters), written(plan.annotations), f"{plan.entropy:.3f}"]


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
