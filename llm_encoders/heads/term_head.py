"""A sparse head over index terms that are not the tokens of its own tokenizer.

A query tower with a tokenizer of its own writes its weights in the vocabulary of its teacher's
index: one row of a linear layer a term.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_json

WEIGHTS_NAME = "model.safetensors"
TERMS_NAME = "terms.json"


@dataclass(frozen=True)
class TermHead:
    """Logits of terms: ``states @ weight.T + bias``."""

    weight: Tensor
    """float32 [terms, hidden]."""
    bias: Tensor | None
    """float32 [terms]."""
    terms: list[str]
    """The index term of every row."""

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``terms.json``; the folder is made if absent."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})
        whole = {name: one.detach().float().cpu().contiguous() for name, one in tensors.items()}
        save_file(whole, folder / WEIGHTS_NAME)
        text = json.dumps(self.terms, ensure_ascii=False) + "\n"
        (folder / TERMS_NAME).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, hidden: int) -> "TermHead":
        """Read what :meth:`save` has written.

        Args:
            folder: of the head.
            hidden: width of the backbone's states.

        Raises:
            EncoderError: a file that is absent or damaged, or sizes that do not fit together.
        """
        terms = read_terms(folder)
        path = folder / WEIGHTS_NAME
        try:
            tensors = load_file(path)
        except Exception as error:  # safetensors raises half a dozen classes
            reason = " ".join(str(error).split()).rstrip(".")
            raise EncoderError(f"Cannot load {path}: {reason}. {_CURE}") from None
        shapes = {"weight": (len(terms), hidden), "bias": (len(terms),)}
        if unknown := tensors.keys() - shapes.keys():
            raise EncoderError(f"{path}: the tensor '{min(unknown)}' has no place here. {_CURE}")
        if "weight" not in tensors:
            raise EncoderError(f"{path} lacks the tensor 'weight'. {_CURE}")
        for name, tensor in sorted(tensors.items(), reverse=True):
            if tuple(tensor.shape) != shapes[name]:
                raise EncoderError(
                    f"{path}: {name} has the shape {tuple(tensor.shape)}, but {len(terms):,} terms "
                    f"and states of {hidden:,} components need {shapes[name]}. {_CURE}"
                )
            if not bool(tensor.float().isfinite().all()):
                raise EncoderError(f"{path}: {name} holds NaN or infinite numbers. {_CURE}")
        bias = tensors.get("bias")
        return cls(tensors["weight"].float(), None if bias is None else bias.float(), terms)

    def to(self, device: torch.device, dtype: torch.dtype) -> "TermHead":
        """The same on a device, the weight in this number format; the bias stays float32."""
        bias = None if self.bias is None else self.bias.to(device)
        return TermHead(self.weight.to(device, dtype), bias, self.terms)


_CURE = "Copy the folder again, or distil the query encoder again."


def read_terms(folder: Path) -> list[str]:
    """The index terms of a head, ``terms.json``.

    Raises:
        EncoderError: it is absent, no list of texts, or names a term twice.
    """
    path = folder / TERMS_NAME
    terms = read_json(path)
    if not isinstance(terms, list) or not all(isinstance(one, str) for one in terms):
        raise EncoderError(f"{path}: expected a JSON list of index terms. {_CURE}")
    if len(set(terms)) < len(terms) or not terms:
        raise EncoderError(f"{path}: expected distinct index terms, at least one. {_CURE}")
    return terms
