"""``python -m pyserini_ext.encode.worker``: one of several processes that encode parts.

Not for users: :mod:`pyserini_ext.encode.workers` starts it. It reads a job and parts as JSON lines
and answers with progress, records of finished parts, or an error.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, system_error
from llm_encoders.jobs.standard_error import steady_standard_error
from pyserini_ext.encode.parts import Part


def main() -> None:
    """Encode parts until the input ends."""
    # What libraries print must not come between the messages.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        try:
            answers.write(json.dumps(message) + "\n")
            answers.flush()
        except BrokenPipeError:  # the coordinator is gone, so is the reason to work
            os._exit(1)

    # Ctrl-C reaches the whole group of processes; the coordinator ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = json.loads(sys.stdin.readline())
        if job["threads"]:
            import torch

            torch.set_num_threads(job["threads"])
        with steady_standard_error():
            work(job, _parts(), say)
    except EncoderError as error:
        say({"error": str(error), "code": error.exit_code})
    except OSError as error:
        say({"error": str(system_error(error)), "code": 1})
    except BaseException as error:  # whatever it is, the coordinator must hear of it
        say({"error": f"A worker failed with {type(error).__name__}: {error}", "code": 1})
    # Nothing is left to be flushed, and no thread that waits for input is worth waiting for.
    os._exit(0)


def work(job: dict[str, Any], parts: Iterator[Part], say: Any) -> None:
    """Encode the parts of a job and report them."""
    from dataclasses import asdict

    from pyserini_ext.encode.journal import Journal
    from pyserini_ext.encode.options import EncodeOptions
    from pyserini_ext.encode.part_encoder import PartEncoder, open_encoder
    from pyserini_ext.encode.scan import CorpusScan

    options = EncodeOptions(**job["options"])
    encoder = open_encoder(options)
    scan = CorpusScan.from_json(job["scan"])
    journal = Journal(Path(job["journal"]))
    part_encoder = PartEncoder(options, scan, Path(job["folder"]), journal, encoder)
    for record in part_encoder.encode(parts, lambda count: say({"progress": count})):
        say({"record": asdict(record)})


def _parts() -> Iterator[Part]:
    for line in sys.stdin:
        yield Part(**json.loads(line))
    # The end of the input means that the coordinator is gone or has all it wants.
    os._exit(0)


if __name__ == "__main__":
    main()
