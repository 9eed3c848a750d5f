"""The query and the passage side of a contract: from a text, or title and text, to one string."""

import re
from dataclasses import dataclass

SIDES = ("query", "passage")
INSTRUCTION = "{instruction}"
"""Where the instruction stands in a prefix."""
TEMPLATE = re.compile(
    r"(?P<before>[^{}]*)\{title(\|(?P<none>[^{}]*))?\}(?P<between>[^{}]*)\{text\}"
)
"""Title and text of a passage: ``{title}`` or ``{title|what stands for none}``, then ``{text}``."""


@dataclass(frozen=True)
class Side:
    """One side of a contract: how a query, or a passage, becomes the text that is tokenised."""

    prefix: str
    suffix: str
    pool_prefix: bool
    template: str | None
    max_length: int
    text_max_length: int | None
    top_k: int | None

    def body(self, text: str, title: str | None = None) -> str:
        """Title and text, by the template if there is one."""
        if self.template is None:
            return f"{title} {text}" if title else text
        match = TEMPLATE.fullmatch(self.template)
        assert match is not None
        title = title or match["none"] or ""
        return f"{match['before']}{title}{match['between']}{text}"
