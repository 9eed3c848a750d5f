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
    vocabulary = ("a", "b", "c")

    def document_token_ids(self, texts, titles, max_length, add_sep):
        return [[len(text)] for text in texts]

    def encode_document_tokens(self, token_ids, *, only, not_finite):
        shape = (len(token_ids), 3)
        return csr_array(np.array([[ids[0], 1, 2] for ids in token_ids], dtype=np.int32), shape)

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
