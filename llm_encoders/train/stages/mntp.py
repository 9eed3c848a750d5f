"""Masked next-token prediction: a causal language model learns to use bidirectional attention.

Some tokens are masked, and each is predicted from the state *before* it, which is where a causal
model has learnt to predict it (LLM2Vec, arXiv 2404.05961, section 2.2; masking as in BERT: of the
chosen tokens 80 % become the mask token, 10 % a random one, 10 % stay). As in the code released
with arXiv 2502.15526, passages are packed into full rows, and the learning rate falls over one
epoch, whichever step the run ends at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llm_encoders.config import EncoderConfig
from llm_encoders.train.predictions import Choose, Prediction, TokenLoss, prediction_loss
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.options import LONGEST, option
from llm_encoders.train.stages.adaptation import AdaptationStage

if TYPE_CHECKING:
    from llm_encoders.data.passages import Passages
    from llm_encoders.train.language_modelling import Rows
    from llm_encoders.train.recipe.recipe import Recipe


@dataclass(frozen=True)
class MntpSection:
    """Masked next-token prediction; the defaults are those of arXiv 2502.15526."""

    mask_token: str = option("_", "Hides a token; a single token of the vocabulary.")
    share: float = option(0.2, "Probability that a token is to be predicted.", above=0, below=1)
    max_length: int = option(512, "Tokens of a row.", least=2, most=LONGEST)
    packing: bool = option(
        True,
        "true: rows are full, passages follow one another in them. false: one passage a row.",
    )
    decay_epochs: float | None = option(
        1.0,
        "Epochs over which the learning rate falls to 0, even if the run ends earlier. null: it "
        "reaches 0 at the last step.",
        above=0,
    )


def mask_tokens(
    token_ids: Sequence[int],
    generator: np.random.Generator,
    share: float,
    mask_id: int,
    vocabulary: int,
    special: frozenset[int],
) -> Prediction:
    """Choose tokens to predict, and hide most of them.

    A chosen token at the first position is hidden like the others, but no state stands before it
    that could predict it.

    Args:
        token_ids: of one text.
        generator: draws.
        share: probability that a token is chosen.
        mask_id: what hides a token.
        vocabulary: number of token ids.
        special: ids that are never chosen.
    """
    ids = list(token_ids)
    targets = []
    chances = generator.random((len(ids), 2))
    for position in range(len(ids)):
        if ids[position] in special or chances[position, 0] >= share:
            continue
        if position > 0:
            targets.append((position, ids[position]))
        if chances[position, 1] < 0.8:
            ids[position] = mask_id
        elif chances[position, 1] < 0.9:
            ids[position] = int(generator.integers(vocabulary))
    return Prediction(ids, targets)


def mask_id_of(tokenizer: Any, token: str) -> int:
    """The id of the mask token.

    Raises:
        RecipeError: the tokenizer makes several tokens of it, or none.
    """
    ids = tokenizer(token, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise RecipeError(
            "mntp.mask_token",
            f"mntp.mask_token '{token}' is {len(ids)} tokens for this tokenizer; name one that is "
            "a single token.",
        )
    return int(ids[0])


class _Mntp(AdaptationStage):
    name = "mntp"
    unit = "rows"
    citation = "*LLM2Vec* (arXiv 2404.05961)"
    section = MntpSection

    def contract(self, recipe: "Recipe") -> EncoderConfig:
        """Bidirectional attention; sparse, for it needs the LM head."""
        return EncoderConfig("sparse", passage_max_length=recipe.mntp.max_length)

    def objective(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        return "masked next-token prediction"

    def purpose(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        return "A language model adapted to bidirectional attention; a starting point for encoders."

    def choice(self, recipe: "Recipe", model: Any) -> Choose:
        """Masked tokens."""
        return partial(
            mask_tokens,
            share=recipe.mntp.share,
            mask_id=mask_id_of(model.tokenizer, recipe.mntp.mask_token),
            vocabulary=len(model.backbone().head),
            special=frozenset(model.tokenizer.all_special_ids),
        )

    def rows(self, recipe: "Recipe", model: Any, passages: "Passages", folder: Path) -> "Rows":
        """Packed, or one passage a row."""
        if not recipe.mntp.packing:
            return super().rows(recipe, model, passages, folder)
        from llm_encoders.data.packing import prepare_packed

        length = recipe.mntp.max_length
        positions = getattr(model.bare.config, "max_position_embeddings", length)
        if length > positions:
            raise RecipeError(
                "mntp.max_length",
                f"mntp.max_length is {length:,}, but the backbone reads at most {positions:,} "
                "tokens; lower it.",
            )
        return prepare_packed(passages, model.tokenizer, length, folder)

    def decay_steps(self, recipe: "Recipe", rows: int, steps: int) -> int:
        """The end of ``mntp.decay_epochs``, or of a run that is longer."""
        if recipe.mntp.decay_epochs is None:
            return steps
        decayed: float = recipe.mntp.decay_epochs * rows / recipe.schedule.queries
        return max(steps, math.ceil(decayed))

    def loss(self) -> TokenLoss:
        """Cross-entropy."""
        return prediction_loss


MNTP = _Mntp()
