"""What an annotation of one source is worth in annotations of another."""

from dataclasses import dataclass

from llm_encoders.scaling.laws.entries import Entry


@dataclass(frozen=True)
class Exchange:
    """What one annotation of a group is worth at an entropy: annotations of the reference.

    To reach the entropy L, the law of the group needs D annotations and that of the reference R:
    an annotation is worth R/D.

    Args:
        group: columns and their values.
        reference: likewise.
        entropy: L, in nats.
        worth: R/D; ``None`` where one of the laws never reaches L.
        interval: its lower and upper end; an end is ``None`` where it has no bound.
        inside: whether both laws were measured around L; otherwise the figure is extrapolated.
    """

    group: dict[str, str]
    reference: dict[str, str]
    entropy: float
    worth: float | None
    interval: tuple[float, float | None] | None
    inside: bool


def read_exchange(entry: Entry) -> Exchange:
    """An entry of the list ``exchange``."""
    entry.only("group", "reference", "entropy", "worth", "interval", "inside")
    worth, interval = entry.at("worth"), entry.at("interval")
    return Exchange(
        entry.needed("group").texts(),
        entry.needed("reference").texts(),
        entry.needed("entropy").number(above=0),
        None if worth is None else worth.number(0),
        None if interval is None else _interval(interval),
        entry.needed("inside").flag(),
    )


def _interval(entry: Entry) -> tuple[float, float | None]:
    ends = entry.items()
    if len(ends) != 2:
        raise entry.error("must be a list of two numbers, the lower one first")
    return ends[0].number(0), None if ends[1].value is None else ends[1].number(0)
