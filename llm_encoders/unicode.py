"""Invalid Unicode."""


def well_formed(text: str) -> str:
    """The text with lone surrogates, which JSON can carry but UTF-8 cannot, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
