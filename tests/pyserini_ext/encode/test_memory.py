"""Memory does not grow with the corpus."""

import pytest

pytestmark = pytest.mark.slow
BYTES = 120  # a document; its text as a Python string takes more


@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="jsonl"), pytest.param(("--to-npz",), id="npz", marks=pytest.mark.whole)],
)
def test_a_large_corpus_takes_what_ten_thousand_documents_take(
    request, python, tmp_path, stories, options
):
    """With ``--whole`` a million documents, else a quarter of that."""
    peaks = []
    for count in (10_000, 1_000_000 if request.config.getoption("--whole") else 250_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        words = ("-m", "tests.pyserini_ext.encode.stub_run", count, stories, folder, *options)
        peaks.append(int(python(*words).stdout.split()[-1]))
        parts = list((folder / "output").glob("*.0*"))
        assert len(parts) == -(-count // 8192)
    assert peaks[1] - peaks[0] < BYTES * count, peaks
