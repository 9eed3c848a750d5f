"""How large an encoder is, and on how many annotations it was trained."""

from pathlib import Path
from typing import Any

from torch import nn

from llm_encoders.encoding.towers import TwoTowers
from llm_encoders.errors import EncoderError
from llm_encoders.reading import parse_yaml, read_record, read_text
from llm_encoders.train.run_folder import COST, RUN

ANNOTATIONS = "annotations"


def non_embedding_parameters(queries: Any, passages: Any) -> int | None:
    """Parameters of one encoder, without embeddings of tokens and positions, and without LM head.

    As arXiv 2403.18684 counts them. An adapter counts as what it is merged into.

    Args:
        queries: what encodes queries.
        passages: what encodes passages.

    Returns:
        ``None`` where there is no one number: two encoders, or packed weights.
    """
    if queries is not passages or isinstance(passages, TwoTowers):
        return None
    model = passages.backbone
    if getattr(model.decoder, "is_quantized", False):
        return None
    embeddings = {
        id(weight)
        for module in model.decoder.modules()
        if isinstance(module, nn.Embedding)
        for weight in module.parameters(recurse=False)
    }
    projections = [one for layer in model.projections for one in layer.parameters()]
    counted: int = sum(one.numel() for one in projections)
    for name, weight in model.decoder.named_parameters():  # those that are shared come once
        if id(weight) not in embeddings and not name.startswith("pooler."):  # of BERT, not used
            counted += weight.numel()
    return counted


def recorded(folder: Path) -> tuple[int | None, int | None]:
    """Annotations and seed of the training run whose folder it is.

    Returns:
        ``None`` for what is not recorded, as of an encoder that was not trained here.
    """
    annotations = read_record(folder / COST).get(ANNOTATIONS)
    seed = None
    if (folder / COST).is_file() and (folder / RUN).is_file():
        recipe = parse_yaml(read_text(folder / RUN), str(folder / RUN))
        schedule = recipe.get("schedule") if isinstance(recipe, dict) else None
        seed = schedule.get("seed") if isinstance(schedule, dict) else None
    if not all(one is None or (type(one) is int and one >= 0) for one in (annotations, seed)):
        raise EncoderError(f"{folder / COST} or {RUN} beside it is damaged: a count is no number.")
    return annotations, seed
