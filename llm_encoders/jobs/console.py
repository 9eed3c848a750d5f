"""What the commands have in common: errors are sentences, codes mean something."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from llm_encoders.errors import EncoderError, system_error


def run_command(work: Callable[[], None]) -> int:
    """Do the work of a command that can be continued. Returns the exit code: 0 on success only."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGTERM, _interrupt) if in_main_thread else None
    try:
        work()
    except EncoderError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {system_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Finished parts are good; run again to go on.", file=sys.stderr)
        return 130
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, previous)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
