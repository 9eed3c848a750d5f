"""What libraries raise for faulty files, which is of a dozen classes, as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import torch

from llm_encoders.errors import EncoderError

_LONGEST = 300  # characters of a library's own message


@contextmanager
def faults_of_loading(model: Path | str, role: str) -> Iterator[None]:
    """Turn every fault of loading a model into an error that names it.

    Args:
        model: its folder or name.
        role: what it is loaded as, such as ``a teacher``.

    Raises:
        EncoderError: the model is too large for the memory, or its files are faulty. One that was
            raised inside is left as it is.
    """
    try:
        yield
    except EncoderError:
        raise
    except torch.OutOfMemoryError as error:
        raise EncoderError(
            f"{model} does not fit into memory: {str(error).splitlines()[0]} Try --dtype bfloat16, "
            "or a smaller model."
        ) from None
    except Exception as error:
        reason = shorten(str(error), _LONGEST, placeholder=" …")
        raise EncoderError(f"{model} cannot be loaded as {role}: {reason}") from error
