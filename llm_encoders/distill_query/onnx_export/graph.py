"""The query side of an encoder as one module, from padded token ids to vectors, and as ONNX."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llm_encoders.encoding.encoder import Encoder
from llm_encoders.encoding.onnx_graph import INPUTS, OUTPUT
from llm_encoders.errors import EncoderError
from llm_encoders.heads.representation import pooled_tokens, represent

_OPSET = 17
_HALVINGS = 2
_LENGTHS = (7, 4)  # of the example: a batch with padding, so that no mask is left out


class QueryGraph(nn.Module):
    """Everything between the tokenizer and the vector.

    Sparse vectors are those of :func:`llm_encoders.heads.vocabulary_head.term_weights`, whose
    packing of tokens and slices of the vocabulary no graph expresses: here all logits of a batch
    are held, [batch, length, vocabulary].
    """

    def __init__(self, encoder: Encoder[Any]) -> None:
        super().__init__()
        self._config, self._tokenizer = encoder.config, encoder.backbone.tokenizer
        self._backbone = encoder.backbone
        self.decoder = encoder.backbone.decoder
        self.projections = nn.ModuleList(encoder.backbone.projections)
        head = encoder.backbone.head
        # [hidden, vocabulary]; a weight of its own, so that it can be quantised like the others.
        self.head = None if head is None else nn.Parameter(head.T.contiguous(), False)
        bias = encoder.backbone.head_bias
        self.bias = None if bias is None else nn.Parameter(bias, False)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, unpooled: Tensor | None = None
    ) -> Tensor:
        """int64 [batch, length], twice, and int64 [batch] -> float32 [batch, components]."""
        pooled = pooled_tokens(input_ids, attention_mask, self._config, self._tokenizer, unpooled)
        states = self._backbone.hidden_states(input_ids, attention_mask)
        if self.head is None:
            return represent(states, pooled, self._config, None, self._backbone.projections)
        logits = states @ self.head  # [batch, length, hidden] @ [hidden, vocabulary]
        largest = largest_logits(logits.masked_fill(~pooled.unsqueeze(-1), -torch.inf))
        if self.bias is not None:
            largest = largest + self.bias
        return torch.log1p(torch.relu(largest * self._config.scale_of_logits(states.shape[-1])))


def largest_logits(logits: Tensor) -> Tensor:
    """The maximum over tokens: float32 [batch, length, vocabulary] to [batch, vocabulary].

    ONNX Runtime takes a maximum over tokens twenty times as slowly as NumPy does (version 1.31,
    1.0 ms for 30 tokens and 16,384 terms), but that of two tensors fast. So the halves of the
    tokens are compared first; they share the middle one where the number is odd.
    """
    for _ in range(_HALVINGS):
        length = logits.shape[1]
        logits = torch.maximum(logits[:, : (length + 1) // 2], logits[:, length // 2 :])
    return logits.amax(1)


def write_graph(encoder: Encoder[Any], path: Path) -> None:
    """Write the graph of an encoder's query side, in float32.

    It is traced by PyTorch's exporter for TorchScript, which needs no package beside PyTorch; its
    newer one gives the same vectors in fifteen times the time (PyTorch 2.13, ``llm-dense-tiny``).

    Args:
        encoder: in float32, on the CPU.
        path: takes the graph.

    Raises:
        EncoderError: PyTorch cannot export it, or not into one file.
        OSError: the file cannot be written.
    """
    module = QueryGraph(encoder).eval()
    length, shorter = _LENGTHS
    ids = torch.zeros((2, length), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, shorter:] = 0
    inputs: tuple[Tensor, ...] = (ids, mask)
    if not encoder.config.query_pool_prefix:
        inputs = (ids, mask, torch.ones(2, dtype=torch.int64))
    names = list(INPUTS[: len(inputs)])
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS[:2]}
    before = {path.name, *(one.name for one in path.parent.iterdir())}
    axes |= {INPUTS[2]: {0: "batch"}, OUTPUT: {0: "batch"}}
    try:
        with torch.inference_mode(), _quiet():
            torch.onnx.export(
                module,
                inputs,
                str(path),
                input_names=names,
                output_names=[OUTPUT],
                dynamic_axes={name: axes[name] for name in (*names, OUTPUT)},
                opset_version=_OPSET,
                dynamo=False,
            )
    except OSError:  # a full disk, and no fault of the model
        raise
    except Exception as error:  # of any operator of the model
        reason = " ".join(str(error).split())[:300].rstrip(".")
        raise EncoderError(
            f"{encoder.name}: PyTorch {torch.__version__} cannot export it to ONNX: "
            f"{type(error).__name__}: {reason}. Use the encoder without ONNX."
        ) from error
    if others := {one.name for one in path.parent.iterdir()} - before:
        raise EncoderError(
            f"{encoder.name}: its graph is too large for one file (2 GiB), so PyTorch would write "
            f"weights into {len(others):,} more. Use the encoder without ONNX."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of traces: the graph is compared with the model afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
