"""What title prediction needs of data and model: titles as tokens, and the LM head."""

from collections.abc import Callable, Sequence
from typing import Any

from safetensors import safe_open
from torch import Tensor

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.data.passages import Passages
from llm_encoders.encoding.tokens import cleaned
from llm_encoders.errors import EncoderError
from llm_encoders.train.recipe.errors import RecipeError

KEY = "objective.title_prediction"
_BLOCK = 1000
_HEAD = "lm_head.weight"


def title_tokens(tokenizer: Any, config: EncoderConfig, titles: Sequence[str]) -> list[list[int]]:
    """Token ids of titles, as a text begins with them, without special tokens."""
    texts = [cleaned(title, config) for title in titles]
    return [list(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def require_titles(passages: Passages, corpus: str) -> None:
    """Refuse passages none of which has a title, from which nothing would be learned.

    Raises:
        RecipeError: names the corpus.
    """
    for first in range(0, len(passages), _BLOCK):
        _, titles = passages.texts(range(first, min(len(passages), first + _BLOCK)))
        if any(titles):
            return
    raise RecipeError(KEY, f"{KEY} needs titles, but no passage of {corpus} has one; leave it out.")


def token_rows(model: Any, files: Checkpoint) -> Callable[[], Tensor | None]:
    """The LM head at present, [vocabulary, hidden], as a function; of sparse models ``None``.

    Dense models are loaded without it: it is their embeddings where the two are tied, and read
    from the backbone's files where not.

    Raises:
        EncoderError: the files have none.
    """
    if model.contract.paradigm == "sparse":
        return lambda: None
    decoder = model.backbone().decoder
    if decoder.config.get_text_config().tie_word_embeddings:
        return lambda: model.backbone().decoder.get_input_embeddings().weight
    device = model.backbone().device
    for path in sorted(files.backbone.glob("*.safetensors")):
        with safe_open(path, "pt") as stream:
            if _HEAD in stream.keys():  # noqa: SIM118 - no mapping
                head: Tensor = stream.get_tensor(_HEAD).to(device, decoder.dtype)
                return lambda: head
    raise EncoderError(
        f"{files.backbone}: {KEY} needs an LM head, and no *.safetensors there holds {_HEAD}."
    )
