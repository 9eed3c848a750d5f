"""Pages as Markdown with gaps: ``templates/NAME.md``, whose ``${…}`` are filled in."""

import re
from pathlib import Path
from string import Template

from llm_encoders.errors import listed

_EMPTY_LINES = re.compile(r"\n{3,}")
_FOLDER = Path(__file__).parent / "templates"


def render(template: str, *sources: str, **gaps: str) -> str:
    """A page.

    Args:
        template: its name.
        sources: paths that the page is made from beside its template.
        gaps: what is filled in.

    Raises:
        KeyError: the template has a gap that is not filled in.
    """
    text = (_FOLDER / f"{template}.md").read_text(encoding="utf-8")
    paths = [f"`{one}`" for one in (f"reproductions/pages/templates/{template}.md", *sources)]
    generated = f"*Written by `python -m reproductions.pages` from {listed(paths)}; edit those.*"
    filled = Template(text).substitute(generated=generated, **gaps)
    return _EMPTY_LINES.sub("\n\n", filled).rstrip() + "\n"
