"""A command ends with its own exit code, whatever became of standard error."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from llm_encoders.jobs.console import run_command

def work():
    target = open({path!r}, "w")  # takes descriptor 2, where it is free
    for number in range(100_000):
        print("a warning", file=sys.stderr)
    print("to the library's own", file=sys.__stderr__ or sys.stderr)
    import os
    os.write(2, b"of a library")
    target.write("content")
    target.close()
    if {fails}:
        raise OSError("it fails")

raise SystemExit(run_command(work))
"""


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("way", ["closed", "reader gone"])
def test_the_work_is_done_and_the_exit_code_its_own(tmp_path, way, fails):
    path = tmp_path / "file"
    program = PROGRAM.format(path=str(path), fails=fails)
    if way == "closed":
        words = ["bash", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program]
        code = subprocess.run(words, check=False).returncode
    else:
        read, write = os.pipe()
        os.close(read)
        code = subprocess.run([sys.executable, "-c", program], stderr=write).returncode
        os.close(write)
    assert code == int(fails)
    assert path.read_text() == "content"
