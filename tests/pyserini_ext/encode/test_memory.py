"""Memory does not grow with the corpus."""

import pytest

pytestmark = pytest.mark.slow
ALLOWED = 200 * 2**20


@pytest.mark.parametrize("options", [(), ("--to-npz",)], ids=["jsonl", "npz"])
def test_a_million_documents_take_what_ten_thousand_take(python, tmp_path, stories, options):
    peaks = []
    for count in (10_000, 1_000_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        words = ("-m", "tests.pyserini_ext.encode.stub_run", count, stories, folder, *options)
        peaks.append(int(python(*words).stdout.split()[-1]))
        parts = list((folder / "output").glob("*.0*"))
        assert len(parts) == -(-count // 8192)
    assert peaks[1] - peaks[0] < ALLOWED, peaks
