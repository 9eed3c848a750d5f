"""The list of mutants has not rotted: every text that it changes is there, once."""

import pytest

from tests.mutants import MUTANTS, PACKAGE, REPOSITORY, places


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_old_text_occurs_once(mutant):
    found = places(mutant, REPOSITORY)
    assert len(found) == 1, f"'{mutant.old}' occurs {len(found)} times in {PACKAGE}"
    assert mutant.new != mutant.old
    assert all((REPOSITORY / test.partition("::")[0]).is_file() for test in mutant.tests)
