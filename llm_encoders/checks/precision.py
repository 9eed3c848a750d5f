"""Whether half precision gives numbers, and nearly the same vectors."""

import functools
from collections.abc import Callable

import torch

from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.subject import Subject, cosines
from llm_encoders.devices import dtype_name
from llm_encoders.encoding.encoder import NotFiniteError

_TEXTS = 2
# Cosine with float32. Measured: from .995 in bfloat16, from .9993 in float16.
_SMALLEST = 0.98


def _check_format(subject: Subject, dtype: torch.dtype) -> Finding:
    check = f"half precision, {dtype_name(dtype)}"
    if subject.chosen_dtype:
        return not_checked(
            check, f"all checks ran in {dtype_name(subject.encoder.dtype)}, as asked"
        )
    wanted = subject.documents[:_TEXTS]
    subject.encoder.cast(dtype)
    other = "float32" if dtype == torch.bfloat16 else "bfloat16 or float32"
    cure = f"Encode in {other}: --dtype, or dtype= behind the name."
    try:
        found = subject.encode(subject.document_ids[:_TEXTS])
    except NotFiniteError:
        return Finding(check, "NaN or infinite activations", cure)
    smallest = float(cosines(found, wanted).min())
    figure = f"finite; cosine with float32 {smallest:.5f}"
    return Finding(check, figure, cure if smallest < _SMALLEST else None)


# The encoder is cast for good, so these come last; of bfloat16, float16 loses nothing but range.
HALF_PRECISION: tuple[Callable[[Subject], Finding], ...] = tuple(
    functools.partial(_check_format, dtype=dtype) for dtype in (torch.bfloat16, torch.float16)
)
