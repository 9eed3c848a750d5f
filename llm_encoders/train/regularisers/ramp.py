"""The ramp of the regularisation weight."""


def ramp(step: int, ramp_steps: int) -> float:
    """Share of the full regularisation weight at an optimiser step: min(1, step / ramp)².

    The quadratic ramp of SPLADE (arXiv 2109.10086, section 4).

    Args:
        step: number of the optimiser step, or of the micro-batch, from 1.
        ramp_steps: the number at which the full weight is reached; 0 for no ramp.
    """
    return min(1.0, step / ramp_steps) ** 2 if ramp_steps > 0 else 1.0
