"""``python -m pyserini.encode`` for our encoders, also as ``python -m pyserini_ext.encode``."""

import signal
import sys
from types import FrameType

from llm_encoders.errors import EncoderError
from pyserini_ext.encode.job import run
from pyserini_ext.encode.options import parse


def main(arguments: list[str] | None = None, prog: str = "python -m pyserini_ext.encode") -> int:
    """Run the command. Returns the exit code: 0 only when the whole output is in place."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        run(parse(sys.argv[1:] if arguments is None else arguments, prog))
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
        signal.signal(signal.SIGTERM, previous)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
