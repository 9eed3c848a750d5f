"""The training section of the README, pasted into a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.llm_encoders.conftest import beir  # noqa: F401

pytestmark = pytest.mark.slow


def training_block() -> str:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Training") : text.index("## From Python")]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return block


def test_training_block(tmp_path, beir):  # noqa: F811
    block = training_block()
    script = re.sub(r"^C=.*$", f"C={beir}", block, flags=re.MULTILINE)
    script = re.sub(r"^T=.*$", "T=llm-dense-tiny", script, flags=re.MULTILINE)
    assert script.count(str(beir)) == 1 and "T=llm-dense-tiny" in script
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("llm_encoders", "reproductions"):  # what the recipe's relative paths name
        (folder / name).symlink_to(REPOSITORY / name)
    result = subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert re.search(r"ndcg_cut_10\s+all\s+[01]\.\d+", result.stdout)
    assert len((folder / "run.mine.txt").read_text().splitlines()) > 9
