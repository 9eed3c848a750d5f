"""Adapters of the Lion checkpoints (arXiv 2502.15526): which they are, and what they encode to."""

from pathlib import Path

from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG, trained_on
from llm_encoders.checkpoints.layouts.derived import Derived
from llm_encoders.config import EncoderConfig

# The library released with the paper. Classes of these names exist in others, too (LLM2Vec).
_LIBRARY = "scaling_retriever"
_PARADIGMS = {"LlamaBiForMNTP": "sparse", "LlamaBiModel": "dense"}


def lion_paradigm(folder: Path) -> str | None:
    """``"sparse"`` or ``"dense"`` where ``adapter_config.json`` names a class of Lion's library,
    else ``None``."""
    library, name = trained_on(folder)
    return _PARADIGMS.get(name) if library.split(".")[0] == _LIBRARY else None


def claims(folder: Path) -> bool:
    """Whether it is an adapter of Lion's classes."""
    return lion_paradigm(folder) is not None


def read(folder: Path) -> Derived | None:
    """The contract of an adapter of Lion's classes."""
    paradigm = lion_paradigm(folder)
    if paradigm is None:
        return None
    sources = dict.fromkeys(("paradigm", "attention"), ADAPTER_CONFIG)
    return Derived("Lion", EncoderConfig(paradigm), sources)
