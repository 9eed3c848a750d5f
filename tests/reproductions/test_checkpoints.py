"""The page of other publishers' checkpoints is what its script writes, and its commands parse."""

import re
import runpy
import shlex

from llm_encoders import registry
from pyserini_ext.encode.arguments import parse
from tests.conftest import REPOSITORY

SCRIPT = runpy.run_path(str(REPOSITORY / "reproductions" / "checkpoints.py"))
PAGE, page = SCRIPT["PAGE"], SCRIPT["page"]


def test_the_page_is_as_its_script_writes_it():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python reproductions/checkpoints.py"


def test_every_checkpoint_that_can_be_loaded_has_its_commands():
    text = page().replace("\\\n", " ")
    commands = [
        shlex.split(one) for one in re.findall(r"^python -m pyserini\.encode .*", text, re.M)
    ]
    names = [command[command.index("--encoder") + 1] for command in commands]
    known = registry.presets().values()
    assert names == [one.name for one in known if one.repository and not one.unavailable]
    for name, command in zip(names, commands, strict=True):
        options = parse(command[3:], "encode")
        sparse = registry.presets()[name].contract.paradigm == "sparse"
        assert options.output == ("lucene" if sparse else "faiss")
        searches = re.findall(
            rf"^python -m (pyserini\.search\.\S+) .*--encoder {name} ", text, re.M
        )
        assert searches == ["pyserini.search.lucene" if sparse else "pyserini.search.faiss"]
