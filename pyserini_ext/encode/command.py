"""``python -m pyserini.encode`` for our encoders, also as ``python -m pyserini_ext.encode``."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from llm_encoders.errors import EncoderError
from pyserini_ext.encode.job import run
from pyserini_ext.encode.options import parse


def main(arguments: list[str] | None = None, prog: str = "python -m pyserini_ext.encode") -> int:
    """Run the command. Returns the exit code: 0 only when the whole output is in place."""
    return run_command(lambda: run(parse(sys.argv[1:] if arguments is None else arguments, prog)))


def run_command(work: Callable[[], None]) -> int:
    """Do the work of a command that can be continued; errors become a sentence and a code."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGTERM, _interrupt) if in_main_thread else None
    try:
        work()
    except EncoderError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error}. Finished parts are good; run again to go on.", file=sys.stderr)
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
