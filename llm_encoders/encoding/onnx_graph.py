"""A query encoder's graph in ONNX, run by ONNX Runtime: padded token ids to vectors.

``model.onnx`` maps ``input_ids`` and ``attention_mask``, int64 [batch, length], and in some graphs
``unpooled``, int64 [batch], to ``vectors``, float32 [batch, dimension or vocabulary]: pooling,
projection, normalisation, or log1p(relu(max over tokens of logits)), are inside. ``onnx.json``
beside it says what the graph does not tell.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.checkpoints.fingerprint import file_digest
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

GRAPH_NAME, RECORD_NAME = "model.onnx", "onnx.json"
INPUTS = ("input_ids", "attention_mask", "unpooled")
OUTPUT = "vectors"
_AGAIN = "Copy the folder again, or export the encoder again."
_INSTALL = "Install it: 'pip install onnxruntime'."


@dataclass(frozen=True)
class GraphRecord:
    """What is known of a graph. Saved as ``onnx.json``."""

    rows: int
    """Tokens that the embeddings have a row for."""
    positions: int | None
    """How many tokens the graph reads; ``None`` for any number."""
    parameters: int
    """Of the model that was exported."""
    int8: bool
    """Whether its weights are 8-bit integers."""
    difference: float
    """Largest difference of a component from PyTorch's over the sample queries of the export,
    divided by the largest component where that is above 1."""
    versions: dict[str, str]
    """Of the packages that wrote it."""
    compared_tokens: int | None = None
    """Those of the longest query that was compared with PyTorch; ``None`` where it was not
    recorded."""
    files: dict[str, str] | None = None
    """Digests of graph and tokenizer, which belong together; ``None`` where it was not recorded."""

    @classmethod
    def load(cls, folder: Path) -> "GraphRecord":
        """Read ``onnx.json``.

        Raises:
            EncoderError: it is absent or damaged; names the key.
        """
        path = folder / RECORD_NAME
        values = read_object(path)
        for field in fields(cls):
            if not _KINDS[field.name](values.get(field.name)):
                raise EncoderError(
                    f"{path}: {field.name} is {str(values.get(field.name))[:60]!r}. {_AGAIN}"
                )
        known: dict[str, Any] = {field.name: values.get(field.name) for field in fields(cls)}
        return cls(**known)

    def require_files(self, folder: Path) -> None:
        """Refuse a graph or a tokenizer that another export wrote.

        Raises:
            EncoderError: names the file.
        """
        for name, digest in (self.files or {}).items():
            if file_digest(folder / name) != digest:
                raise EncoderError(
                    f"{folder / name} is not the file that the export wrote and {RECORD_NAME} "
                    f"recorded, so the vectors would be others. {_AGAIN}"
                )

    def values(self) -> dict[str, Any]:
        """What ``onnx.json`` holds."""
        return asdict(self)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_KINDS: dict[str, Callable[[Any], bool]] = {
    "rows": _is_count,
    "positions": lambda value: value is None or _is_count(value),
    "parameters": _is_count,
    "int8": lambda value: isinstance(value, bool),
    "difference": lambda value: isinstance(value, float | int) and not isinstance(value, bool),
    "versions": lambda value: isinstance(value, dict),
    "compared_tokens": lambda value: value is None or _is_count(value),
    "files": lambda value: value is None or isinstance(value, dict),
}


class OnnxGraph:
    """A graph in ONNX Runtime, on the CPU.

    It computes in as many threads as the environment variable ``OMP_NUM_THREADS`` says, as PyTorch
    does; without it, in one a core.
    """

    def __init__(self, path: Path) -> None:
        """Read a graph.

        Raises:
            EncoderError: ONNX Runtime is not installed, or the file is absent, damaged, or another
                graph than the package writes.
        """
        try:
            import onnxruntime
        except ImportError:
            raise EncoderError(f"{path} is run by ONNX Runtime. {_INSTALL}") from None
        if not path.is_file():
            raise EncoderError(f"{path} is absent. {_AGAIN}")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        options.intra_op_num_threads = _threads(os.environ)
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises a dozen classes
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise EncoderError(f"Cannot load {path}: {reason}. {_AGAIN}") from None
        self.inputs = [one.name for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        expected = self.inputs in (list(INPUTS), list(INPUTS[:2])) and outputs == [OUTPUT]
        if not expected:
            raise EncoderError(
                f"{path} maps {', '.join(self.inputs)} to {', '.join(outputs)}; expected a graph "
                f"from {', '.join(INPUTS)} to {OUTPUT}. Export the encoder again by 'python -m "
                "llm_encoders.distill_query onnx'."
            )
        one = np.ones((1, 1), dtype=np.int64)  # pooling the last token leaves the shape open
        self.width: int = self(one - 1, one, one[0] - 1).shape[-1]
        """Components of a vector."""

    def __call__(self, ids: np.ndarray, mask: np.ndarray, unpooled: np.ndarray) -> np.ndarray:
        """Vectors of a padded batch, float32 [batch, width]."""
        given = dict(zip(INPUTS, (ids, mask, unpooled), strict=True))
        (vectors,) = self._session.run([OUTPUT], {name: given[name] for name in self.inputs})
        return np.asarray(vectors)


def _threads(environment: Mapping[str, str]) -> int:
    """Threads of a graph; 0 lets ONNX Runtime choose."""
    written = environment.get("OMP_NUM_THREADS", "")
    return int(written) if written.isdecimal() else 0
