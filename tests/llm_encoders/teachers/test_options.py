"""Options that scoring and mining share."""

import argparse

from llm_encoders.mine_negatives.options import add_ranking
from llm_encoders.teachers.options import add_output, add_sources, add_teacher


def test_the_home_folder_in_every_path(monkeypatch, tmp_path):
    """Behind ``=`` no shell puts it in the place of ``~``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = argparse.ArgumentParser()
    add_sources(parser, "")
    add_teacher(parser, required=True, purpose="")
    add_ranking(parser)
    add_output(parser)
    names = ("train", "corpus", "teacher", "method", "index", "output")
    tilde, whole = (
        parser.parse_args([f"--{name}={home}/{name}" for name in names]) for home in ("~", tmp_path)
    )
    assert tilde == whole
