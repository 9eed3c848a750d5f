"""The encode command with an encoder that computes nothing, and how much memory it took.

Arguments: documents, model folder, work folder, more options. Prints the largest resident size in
bytes. With ``STUB_SLEEP`` every batch takes so many seconds and is noted in the file ``computed``;
``STUB_INTERVAL`` is the interval of the journal.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.encoding.batching import length_sorted
from pyserini_ext.encode import engines, journal
from pyserini_ext.encode.command import main


class StubEncoder:
    """Three terms a document."""

    dtype = "stub"
    device = "cpu"
    batch_tokens = 2048
    vocabulary = ("a", "b", "c")

    def __init__(self, batch_size, folder):
        self.batch_size, self.folder = batch_size, folder
        self.sleep = float(os.environ.get("STUB_SLEEP", 0))

    def document_token_ids(self, texts, titles, max_length, add_sep):
        return [[len(text), sum(map(ord, text))] for text in texts]

    def document_batches(self, token_ids, *, only, done):
        rows = [row for row in range(len(token_ids)) if row not in done]
        lengths = [ids[0] for ids in token_ids]
        batches = length_sorted(lengths, self.batch_size, 1 << 40, rows) if self.sleep else [rows]
        for batch in batches:
            if self.sleep:
                time.sleep(self.sleep)
                with (self.folder / "computed").open("a") as stream:
                    stream.write(json.dumps([token_ids[row][1] for row in batch]) + "\n")
            values = [[token_ids[row][0], token_ids[row][1] % 97, 2] for row in batch]
            yield batch, csr_array(np.array(values, dtype=np.int32)), []

    def quantize(self, vectors):
        return vectors


if __name__ == "__main__":
    count, model, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    journal.FLUSH_SECONDS = float(os.environ.get("STUB_INTERVAL", journal.FLUSH_SECONDS))
    corpus = folder / "corpus.jsonl"
    if not corpus.exists():
        with corpus.open("w") as stream:
            for number in range(count):
                text = f"the text of document {number}" + " and more" * (number * 7 % 11)
                stream.write(f'{{"id": "doc{number}", "text": "{text}"}}\n')
    engines.open_encoder = lambda options: StubEncoder(options.batch_size, folder)
    words = ["--encoder", f"{model},paradigm=sparse,like=lion", "--corpus", str(corpus)]
    code = main([*words, "--embeddings", str(folder / "output"), *sys.argv[4:]])
    # Not getrusage: a process inherits the peak of the one that started it.
    (line,) = [w for w in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in w]
    print(int(line.split()[1]) * 1024)
    raise SystemExit(code)
