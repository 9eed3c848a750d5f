"""Figures as text."""


def number(value: float) -> str:
    """A figure in four significant digits; large ones with thousands separators."""
    if value >= 1e15 or 0 < value < 1e-4:
        return f"{value:.3e}"
    return f"{float(f'{value:.4g}'):,.0f}" if value >= 1000 else f"{value:.4g}"
