"""Title prediction: an auxiliary loss by which a passage's vector tells the words of its title.

ScalingNote (arXiv 2411.15766) is reported to train its document tower with a "title-specific query
prediction" besides the contrastive loss. Its text was not at hand and no code was published: what
is predicted of what, through which weights, and how much it counts, is not known here. This is one
reading of those words, which needs nothing but titles:

    L = -mean over passages of 1/|T| * sum over t in T of log p(t)
    p(t) = exp(s(t)) / sum over all tokens u of exp(s(u))

T are the tokens of the title, each as often as it occurs there, without their order and without
special tokens. s(t) is the product of the passage's vector with the LM head's row of t, for sparse
vectors the weight of the term t, divided by the temperature of all scores. The passage is read
*without* its title, in a pass of its own, so that nothing can be copied; in all other losses it is
whole. Passages are the positives that have a title.
"""

import torch
from torch import Tensor

NAME = "title_prediction"
EQUATION = (
    "mean over a positive's title tokens of -log(exp(s(t)) / sum over tokens of exp(s)), the "
    "passage read without its title"
)
CITATION = "A reading of title-specific query prediction in ScalingNote (arXiv 2411.15766)"


def title_prediction(
    vectors: Tensor, titles: Tensor, temperature: float, rows: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the bag of a title's tokens, given the vector of the passage without it.

    Args:
        vectors: float32 [passages, hidden], or, sparse, [passages, vocabulary].
        titles: int64 [passages, n], token ids of every title, -1 beyond its end.
        temperature: divides scores.
        rows: [vocabulary, hidden], the vectors of the tokens as queries: the LM head, which this
            loss does not train. ``None`` for sparse vectors, where a term's weight is its score.

    Returns:
        The mean over passages, a scalar; zero without any.
    """
    if not len(vectors):
        return vectors.sum()
    scores = vectors if rows is None else (vectors.to(rows.dtype) @ rows.detach().T).float()
    shares = (scores / temperature).log_softmax(1)  # [passages, vocabulary]
    counted = titles >= 0
    found = torch.where(counted, shares.gather(1, titles.clamp(min=0)), 0.0)
    return -(found.sum(1) / counted.sum(1)).mean()
