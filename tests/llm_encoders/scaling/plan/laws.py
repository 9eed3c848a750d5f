"""Laws and prices for tests of the planner."""

import numpy as np

from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.fitted import Bootstrap, FittedLaw
from llm_encoders.scaling.plan.prices import Prices

JOINT = {"A": 3.6e4, "B": 7.1e3, "alpha": 0.56, "beta": 1.31, "delta": 0.03}
ADDITIVE = {"E": 0.2, "A": 40.0, "alpha": 0.34, "B": 60.0, "beta": 0.28}
VALUES = {"joint": JOINT, "additive": ADDITIVE}
PRICES = {
    "annotation": 0.5,
    "training_flop": 3e-18,
    "inference_flop": 5e-18,
    "pair_tokens": 700.0,
    "epochs": 11.0,
    "passages": 2e6,
    "passage_tokens": 90.0,
    "reencodings": 3.0,
    "indexed_passage": 1e-4,
    "queries_per_day": 7e5,
    "horizon_days": 400.0,
    "query_tokens": 13.0,
}


def fitted(name="joint", draws=0, **rest):
    """A law, with a bootstrap of values scattered by 2 % around it."""
    values = rest.pop("values", VALUES[name])
    law = LAWS[name]
    if draws:
        scatter = np.random.default_rng(3).normal(0, 0.02, (draws, len(law.parameters)))
        drawn = np.array([values[one] for one in law.parameters]) * np.exp(scatter)
        rest["bootstrap"] = Bootstrap(law.parameters, drawn, 3)
    return FittedLaw(law, values, **rest)


def random_prices(generator):
    """Every price its own, scattered over two decades."""
    scale = {key: value * 10 ** generator.uniform(-1, 1) for key, value in PRICES.items()}
    return Prices(**scale)


def joint(n, d, A, B, alpha, beta, delta):
    """Written again, from the paper."""
    return ((A / n) ** (alpha / beta) + B / d) ** beta + delta


def additive(n, d, E, A, alpha, B, beta):
    """Written again, from the paper."""
    return E + A * n**-alpha + B * d**-beta


FORMULAS = {"joint": joint, "additive": additive}
