"""Encode commands as processes that need not import everything first: forks of one that has.

Reads a command's arguments as JSON, a line each; answers with the process id, then its status.
"""

import json
import os
import sys

import torch
import transformers

from pyserini_ext.encode import job, journal, part_encoder, workers
from pyserini_ext.encode.command import main

READY = (torch, transformers.AutoModelForCausalLM, transformers.AutoTokenizer, job, part_encoder)
READY += (transformers.LlamaForCausalLM, transformers.LlamaModel, workers)

journal.FLUSH_SECONDS = 0.2  # so that kills fall among files of the journal


def serve() -> None:
    """Fork a process a line and wait for it."""
    for line in sys.stdin:
        arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(main(arguments))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
