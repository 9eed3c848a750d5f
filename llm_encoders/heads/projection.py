"""Linear layers behind the pooling: the Dense modules of sentence-transformers."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, device, float32, nn

from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

WEIGHTS_NAME = "model.safetensors"
_LARGEST = 1 << 20
_KEYS = ("in_features", "out_features", "bias", "activation_function")
_DEFAULTS = {  # keys that newer versions of sentence-transformers write, and what is meant here
    "module_input_name": "sentence_embedding",
    "module_output_name": "sentence_embedding",
    "use_residual": False,
}


class Projection(nn.Module):
    """activation(W x + b), in float32."""

    def __init__(self, linear: nn.Linear, activation: nn.Module) -> None:
        super().__init__()
        self.linear, self.activation = linear, activation

    def forward(self, vectors: Tensor) -> Tensor:
        """[batch, in] -> [batch, out]."""
        result: Tensor = self.activation(self.linear(vectors))
        return result


def load_projections(
    folder: Path, names: Sequence[str], width: int, where: device
) -> list[Projection]:
    """Read the layers in these folders of a checkpoint.

    Args:
        folder: of the checkpoint.
        names: its folders, each with ``config.json`` and ``model.safetensors``, in order.
        width: components of a pooled vector, which the first layer takes.
        where: the layers go.

    Raises:
        EncoderError: a file that is absent or damaged, an activation that is no class of
            ``torch.nn``, or a layer that does not fit what stands before it.
    """
    layers = [_load(folder / name).to(where) for name in names]
    for name, layer in zip(names, layers, strict=True):
        if layer.linear.in_features != width:
            raise EncoderError(
                f"{folder / name} takes {layer.linear.in_features} values, but what stands before "
                f"it gives {width}; fetch the layers again, and check their order in the contract."
            )
        width = layer.linear.out_features
    return layers


def projection_sizes(folder: Path) -> tuple[int, int]:
    """How many values a layer takes and gives, by its ``config.json``.

    Raises:
        EncoderError: it does not say so.
    """
    path = folder / "config.json"
    values = read_object(path)
    given = [values.get(key) for key in ("in_features", "out_features")]
    sizes = [size for size in given if isinstance(size, int) and 1 <= size <= _LARGEST]
    if len(sizes) != len(given):
        raise EncoderError(f"{path}: in_features and out_features are {given}; expected sizes.")
    return sizes[0], sizes[1]


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise EncoderError(f"{path} is absent; fetch the folder {path.parent.name} as well.")


def _load(folder: Path) -> Projection:
    path, weights = folder / "config.json", folder / WEIGHTS_NAME
    _require_file(path)
    values = {
        key: value
        for key, value in read_object(path).items()
        if key not in _DEFAULTS or value not in (None, _DEFAULTS[key])
    }
    if unknown := sorted(set(values) - set(_KEYS)):
        raise EncoderError(
            f"{path}: the key '{unknown[0]}' is not known, so it cannot be honoured."
        )
    linear = nn.Linear(
        *projection_sizes(folder), bias=values.get("bias", True) is True, dtype=float32
    )
    _require_file(weights)
    try:
        tensors = load_file(weights)
        linear.load_state_dict(
            {name.removeprefix("linear."): tensor for name, tensor in tensors.items()}
        )
    except Exception as error:  # safetensors and PyTorch raise half a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(
            f"Cannot load {weights}: {reason.rstrip('.')}. It is damaged or does not belong to "
            f"{path.name}; fetch both again."
        ) from None
    return Projection(linear, _activation(values.get("activation_function"), path)).eval()


def _activation(name: object, path: Path) -> nn.Module:
    """An activation by its dotted name, as ``torch.nn.modules.activation.Tanh``; ``None`` is
    sentence-transformers' default, Tanh."""
    if name is None:
        return nn.Tanh()
    library, _, kind = str(name).rpartition(".")
    found = getattr(nn, kind, None)
    if not (library == "torch.nn" or library.startswith("torch.nn.modules.")) or not (
        isinstance(found, type) and issubclass(found, nn.Module)
    ):
        raise EncoderError(
            f"{path}: activation_function is {str(name)[:80]!r}; only classes of torch.nn are used."
        )
    try:
        return found()
    except TypeError:
        raise EncoderError(f"{path}: {name} is no activation.") from None
