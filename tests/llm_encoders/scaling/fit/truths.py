"""Laws whose parameters are known, and the sizes that they are measured at."""

from dataclasses import dataclass

import numpy as np

from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS


@dataclass(frozen=True)
class Truth:
    """A law with its values, N and D."""

    law: str
    values: dict
    sizes: dict

    @property
    def log_entropy(self):
        law = LAWS[self.law]
        used = {name: self.sizes[name] for name in law.uses}
        return np.log(law.predict(self.values, **used))


def grid(first, second):
    n, d = np.meshgrid(first, second)
    return {PARAMETERS: n.ravel(), ANNOTATIONS: d.ravel()}


def compute(*budgets):
    """Nine splits of every training compute C = 6ND, around 20 D for an N."""
    c = np.repeat(np.array(budgets, float), 9)
    n = np.sqrt(c / 120) * np.tile(np.geomspace(1 / 30, 30, 9), len(budgets))
    return {PARAMETERS: n, ANNOTATIONS: c / 6 / n}


BERTS = np.geomspace(0.5e6, 82e6, 24)  # as many as the paper has
LABELS = np.geomspace(2e3, 5e5, 10)
# Published parameters of arXiv 2403.18684 on MS MARCO and T2Ranking; it names no delta of L(D).
TRUTHS = {
    "size, MS MARCO": Truth(
        "model-size", {"A": 3.22e4, "alpha": 0.53, "delta": 0.04}, grid(BERTS, [5e5])
    ),
    "size, T2Ranking": Truth(
        "model-size", {"A": 9.89e6, "alpha": 0.53, "delta": 0.14}, grid(BERTS, [5e5])
    ),
    "annotations, MS MARCO": Truth(
        "annotations", {"B": 3.49e3, "beta": 1.05, "delta": 0.04}, grid([82e6], LABELS)
    ),
    "annotations, T2Ranking": Truth(
        "annotations", {"B": 6.04e4, "beta": 0.5, "delta": 0.14}, grid([82e6], LABELS)
    ),
    "joint, MS MARCO": Truth(
        "joint",
        {"A": 3.6e4, "B": 7.1e3, "alpha": 0.56, "beta": 1.31, "delta": 0.03},
        grid(np.geomspace(0.5e6, 82e6, 6), np.geomspace(1e4, 5e5, 6)),
    ),
    # arXiv 2203.15556
    "additive": Truth(
        "additive",
        {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28},
        compute(1e17, 1e18, 1e19, 1e20, 1e21),
    ),
}
FEW = Truth(
    "model-size",
    {"A": 3.22e4, "alpha": 0.53, "delta": 0.04},
    grid(np.geomspace(0.5e6, 82e6, 7), [5e5]),
)


def csv_of(sizes, entropy, **columns):
    """A file of points as text."""
    names = [PARAMETERS, ANNOTATIONS, "entropy", *columns]
    rows = zip(sizes[PARAMETERS], sizes[ANNOTATIONS], entropy, *columns.values(), strict=True)
    return "\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]) + "\n"
