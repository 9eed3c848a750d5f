"""An encoder under the checks for silent faults, one line each."""

from llm_encoders.checks.finding import FAULT
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.console import run_command


def check_encoder(spec: str, layers: int | None) -> int:
    """Examine an encoder and print what is found.

    Args:
        spec: its name, with written options.
        layers: load its first layers only.

    Returns:
        The exit code: 0 without fault, 1 with one or where it does not load, 2 for wrong usage.
    """
    return run_command(lambda: _examine(spec, layers), resumable=False)


def _examine(spec: str, layers: int | None) -> None:
    from llm_encoders.checks.examination import examine
    from llm_encoders.checks.subject import load_subject

    subject = load_subject(spec, layers)
    faults = 0
    for finding in examine(subject):
        print(f"{finding.check:<26} {finding.verdict:<12} {finding.figure}", flush=True)
        if finding.verdict == FAULT:
            faults += 1
            print(f"{'':<26} Cure: {finding.cure}", flush=True)
    if faults:
        many = f"{faults} faults in {spec}; see the cures above."
        raise EncoderError(f"1 fault in {spec}; see the cure above." if faults == 1 else many)
    print("\nNo fault found.")
