"""What a file of conditions of one's own may have wrong without being noticed."""

import pytest

from llm_encoders.errors import UsageError
from pyserini_ext.conditions import FAMILIES, load_conditions
from pyserini_ext.conditions.reading import read_conditions
from tests.pyserini_ext.conditions.test_reading import GOOD

FLAKY = "R@100: 0.002"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (FLAKY, "R@100: yes", "line 12: R@100 is flaky by True"),
        (FLAKY, "R@100: much", "line 12: R@100 is flaky by much"),
        (FLAKY, "R@100: .nan", "line 12: R@100 is flaky by nan"),
        (FLAKY, "R@100: 0.5", "line 12: R@100 is flaky by 0.5; expected more than 0, at most 0.05"),
        (FLAKY, "R@1000: 0.002", "line 12: there is no score of R@1000"),
        ("name: mine", "name: a/b", "line 2: 'a/b' is no name"),
        ("name: mine", "name: ../b", "line 2: '../b' is no name"),
        ("name: mine", "name: ''", "line 2: '' is no name"),
        ("published: A Paper, Table 1", "date: soon", "line 10: 'soon' is no date"),
        ("--encoder llm", "--encoder=llm", "write '--encoder llm-splade-tiny'"),
        ("--encoder llm", "--enc llm", "shortened option '--enc'"),
        ("--impact", "--impact --index other", "has --index twice"),
    ],
)
def test_what_would_pass_unnoticed_is_refused(tmp_path, old, new, problem):
    path = tmp_path / "beir.yaml"
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    path.write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_conditions(path, FAMILIES["beir"])


def test_a_folder_without_files_and_a_misspelt_one(tmp_path):
    with pytest.raises(UsageError, match="There are no files of conditions in"):
        load_conditions(tmp_path)
    (tmp_path / "bier.yaml").write_text(GOOD)
    with pytest.raises(UsageError, match=r"bier\.yaml: no family .* Did you mean 'beir\.yaml'\?"):
        load_conditions(tmp_path)
