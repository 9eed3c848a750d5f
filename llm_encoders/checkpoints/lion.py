"""Adapters of the Lion checkpoints (arXiv 2502.15526): which they are, and what they encode to."""

from pathlib import Path

from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

# The library released with the paper. Classes of these names exist in others, too (LLM2Vec).
_LIBRARY = "scaling_retriever"
_PARADIGMS = {"LlamaBiForMNTP": "sparse", "LlamaBiModel": "dense"}


def lion_paradigm(folder: Path) -> str | None:
    """``"sparse"`` or ``"dense"`` where ``adapter_config.json`` names a class of Lion's library,
    else ``None``."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        return None
    try:
        mapping = read_object(path).get("auto_mapping")
    except EncoderError:  # loading the adapter reads it again and raises then
        return None
    if not isinstance(mapping, dict):
        return None
    library, name = mapping.get("parent_library"), mapping.get("base_model_class")
    if not isinstance(library, str) or not isinstance(name, str):
        return None
    return _PARADIGMS.get(name) if library.split(".")[0] == _LIBRARY else None
