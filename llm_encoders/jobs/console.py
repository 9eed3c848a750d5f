"""What the commands have in common: errors are sentences, codes mean something."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from llm_encoders.errors import RESUMABLE, EncoderError, in_words, system_error
from llm_encoders.jobs.standard_error import steady_standard_error

TRACEBACK = "LLM_ENCODERS_TRACEBACK"
"""Set to 1 in the environment, an unexpected error shows its traceback."""


def run_command(work: Callable[[], None], *, resumable: bool = True) -> int:
    """Do the work of a command.

    Args:
        work: what it does.
        resumable: whether the same command continues where it was stopped; errors say so.

    Returns:
        The exit code: 0 on success only.
    """
    with steady_standard_error():
        return _run(work, resumable)


def _run(work: Callable[[], None], resumable: bool) -> int:
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGTERM, _interrupt) if in_main_thread else None
    try:
        work()
    except EncoderError as error:
        _say(f"error: {error}")
        return error.exit_code
    except OSError as error:
        _say(f"error: {system_error(error) if resumable else error}")
        return 1
    except KeyboardInterrupt:
        _say(f"Interrupted. {RESUMABLE}" if resumable else "Interrupted.")
        return 130
    except MemoryError:
        _say("error: out of memory.")
        return 1
    except Exception as error:
        if (of_system := in_words(error)) is not None:
            _say(f"error: {system_error(of_system) if resumable else of_system}")
            return 1
        if os.environ.get(TRACEBACK) == "1":
            raise
        kind, reason = type(error).__name__, " ".join(str(error).split()) or "no details"
        _say(
            f"error: unexpected {kind}: {reason}. This is a fault of the program: set "
            f"{TRACEBACK}=1 to see where it arose, and please report it."
        )
        return 1
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, previous)
    return 0


def end_command(main: Callable[[], int], interrupted: str = "Interrupted.") -> None:
    """Run a command's ``main`` and leave Python with its exit code.

    An interrupt while modules are imported or the command line is read ends in a line, too.

    Args:
        main: imports what takes long; returns the exit code.
        interrupted: that line.
    """
    try:
        code = main()
    except KeyboardInterrupt:
        _say(interrupted)
        code = 130
    sys.exit(code)


def _say(message: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # standard error may be closed
        print(message, file=sys.stderr, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
