"""Why a reference does not move, or why its move is not safe, as a value: the id of a row, and its parameters."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from echo_migrate.model.reasons.images import Lift, Row


@cache
def table() -> "dict[str, Row]":
    """Return every reason there is, by its id, which JSON has: none changes its meaning."""
    from echo_migrate.model.reasons.images import OF_IMAGES  # a file without a reason to show asks for none
    from echo_migrate.model.reasons.places import OF_PLACES

    return OF_IMAGES | OF_PLACES


class Reason(NamedTuple):
    """One reason: the id of its row, and the parameters by name."""

    id: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        """The sentence, without a full stop."""
        return table()[self.id].message.format_map(_Given(self.values))

    @property
    def remedy(self) -> str:
        """What to do, as one sentence; "" where nothing is to be done."""
        return table()[self.id].remedy.format_map(_Given(self.values))

    @property
    def brief(self) -> str:
        """The sentence in a few words, where a line has no place for it; whole where it has none."""
        row = table()[self.id]
        return (row.brief or row.message).format_map(_Given(self.values))

    @property
    def kind(self) -> str:
        """The sentence that reasons of its kind share."""
        row = table()[self.id]
        return (row.kind or row.message).format_map(_Given(self.values))

    @property
    def lift(self) -> "Lift":
        """What can take it away."""
        return table()[self.id].lift

    def given(self, **values: str) -> "Reason":
        """Return the reason with more of its parameters."""
        return Reason(self.id, tuple((dict(self.values) | values).items()))


class _Given(dict[str, str]):
    """Parameters, of which one that is not known yet stays as its name."""

    def __missing__(self, name: str) -> str:
        return name


def because(id: str, **values: str) -> Reason:
    """Return a reason with its parameters; to read one that has no row raises ``KeyError``."""
    return Reason(id, tuple(values.items()))
