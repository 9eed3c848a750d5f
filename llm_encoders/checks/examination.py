"""All checks, in order."""

from collections.abc import Callable, Iterator

from llm_encoders.checks.adapter import check_adapter
from llm_encoders.checks.agreement import check_agreement
from llm_encoders.checks.attention import check_attention
from llm_encoders.checks.batches import check_batches
from llm_encoders.checks.beginning import check_beginning
from llm_encoders.checks.bos_pooled import check_bos_pooled
from llm_encoders.checks.distinct import check_distinct
from llm_encoders.checks.ending import check_end
from llm_encoders.checks.finding import Finding
from llm_encoders.checks.instruction import check_instruction
from llm_encoders.checks.normalisation import check_normalisation
from llm_encoders.checks.precision import HALF_PRECISION
from llm_encoders.checks.sink import check_sink
from llm_encoders.checks.sparsity import check_sparsity
from llm_encoders.checks.subject import Subject
from llm_encoders.checks.tokenizer import check_tokenizer

CHECKS: tuple[Callable[[Subject], Finding | None], ...] = (
    check_tokenizer,
    check_beginning,
    check_end,
    check_instruction,
    check_agreement,
    check_attention,
    check_adapter,
    check_batches,
    check_distinct,
    check_bos_pooled,
    check_normalisation,
    check_sparsity,
    check_sink,
    *HALF_PRECISION,
)


def examine(subject: Subject) -> Iterator[Finding]:
    """What every check finds that concerns an encoder of this kind, as soon as it has.

    The encoder is in float16 afterwards, unless its number format was chosen.

    Raises:
        EncoderError: a probe does not encode at all.
    """
    for check in CHECKS:
        if (finding := check(subject)) is not None:
            yield finding
