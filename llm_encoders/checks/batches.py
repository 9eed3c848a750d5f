"""Whether a text's vector depends on its batch or on padding."""

from llm_encoders.checks.finding import Finding
from llm_encoders.checks.subject import Subject, relative_difference

CHECK = "batch and padding"
# Of a vector's length, by bits of the number format. Measured over the good checkpoints of the
# tests: at most 8e-7 in float32, .002 in float16, .01 in bfloat16 with five layers at most; and .1
# to 5 where the mask is ignored, for one padding side at least.
_LARGEST = {32: 1e-3, 16: 0.1}


def check_batches(subject: Subject) -> Finding:
    """All texts together, padded on the right or on the left: the vectors of each one alone."""
    encoder = subject.encoder
    alone, usual = subject.documents, (encoder.batch_size, encoder.padding_side)
    encoder.batch_size = len(alone)
    differences = {}
    try:
        for encoder.padding_side in ("right", "left"):
            together = subject.encode(subject.document_ids)
            differences[encoder.padding_side] = relative_difference(together, alone)
    finally:
        encoder.batch_size, encoder.padding_side = usual
    figure = "a batch changes vectors by at most " + ", ".join(
        f"{value:.1g} (padded on the {side})" for side, value in differences.items()
    )
    if max(differences.values()) > _LARGEST[8 * encoder.dtype.itemsize]:
        return Finding(
            CHECK,
            f"{figure} of their length",
            "The model does not obey the attention mask: encode one text at a time (--batch-size "
            "1), or use another version of Transformers.",
        )
    return Finding(CHECK, f"{figure} of their length")
