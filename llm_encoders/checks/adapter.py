"""Whether an adapter was loaded and does something."""

from llm_encoders.checkpoints.lora_files import read_lora
from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.subject import Subject, relative_difference

CHECK = "adapter is effective"
# Relative to a vector's norm. Measured with adapters: from .13 (a random one on a small Llama) to
# 1.6. Without effect it is 0, whatever the number format.
_SMALLEST = 1e-4


def check_adapter(subject: Subject) -> Finding:
    """Vectors must differ from those of the model under the adapter."""
    files = subject.files
    if files.adapter is None or subject.without_adapter is None:
        return not_checked(CHECK, "a whole model without adapter")
    with_adapter = subject.documents[: len(subject.without_adapter)]
    change = relative_difference(with_adapter, subject.without_adapter)
    idle = total = 0
    for folder in (*files.below, files.adapter):
        for parts in read_lora(folder, subject.layers).modules.values():
            total += 1
            idle += any(not bool(tensor.any()) for tensor in parts.values())
    figure = (
        f"vectors differ by {change:.2g} of their length from those without; "
        f"{total - idle} of {total} adapted modules change weights"
    )
    if change < _SMALLEST:
        return Finding(
            CHECK,
            figure,
            f"The adapter in {files.adapter} changes nothing: fetch its weights again, or save "
            "them from the run that trained it; these are as before training.",
        )
    return Finding(CHECK, figure)
