"""The encode command with an encoder that does nothing, and how much memory it took.

Arguments: documents, model folder, work folder, more options. Prints the largest resident size in
bytes.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from pyserini_ext.encode import engines
from pyserini_ext.encode.command import main


class StubEncoder:
    """Three terms a document."""

    dtype = "stub"
    device = "cpu"
    batch_tokens = 2048
    vocabulary = ("a", "b", "c")

    def document_token_ids(self, texts, titles, max_length, add_sep):
        return [[len(text)] for text in texts]

    def document_batches(self, token_ids, *, only, done):
        rows = [row for row in range(len(token_ids)) if row not in done]
        values = np.array([[token_ids[row][0], 1, 2] for row in rows], dtype=np.int32)
        yield rows, csr_array(values), []

    def quantize(self, vectors):
        return vectors


if __name__ == "__main__":
    count, model, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    with (folder / "corpus.jsonl").open("w") as stream:
        for number in range(count):
            stream.write(f'{{"id": "doc{number}", "text": "the text of document {number}"}}\n')
    engines.open_encoder = lambda options: StubEncoder()
    words = ["--encoder", f"{model},paradigm=sparse", "--corpus", str(folder / "corpus.jsonl")]
    code = main([*words, "--embeddings", str(folder / "output"), *sys.argv[4:]])
    # Not getrusage: a process inherits the peak of the one that started it.
    (line,) = [w for w in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in w]
    print(int(line.split()[1]) * 1024)
    raise SystemExit(code)
