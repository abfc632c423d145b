"""What a forge has to do for pull requests, whichever it is."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol, TypeVar

from echo_migrate.cli.patience import Failed
from echo_migrate.files.code_owners import Grammar
from echo_migrate.files.scratch import Remote

T = TypeVar("T")


class ForgeFailed(Exception):
    """The forge did not do what was asked; the message says what, why and what to do about it."""


class Pull(NamedTuple):
    """A pull request: ``closed`` ones were not merged, ``head`` is the commit that its branch has or had last."""

    number: int
    state: Literal["open", "closed", "merged"]
    branch: str
    head: str
    title: str
    body: str
    mark: str = "#"

    @property
    def shown(self) -> str:
        """How its forge writes its number."""
        return f"{self.mark}{self.number}"


class Forge(Protocol):
    """A repository at a forge, as the holder of a token sees it. Each method raises ``ForgeFailed``.

    ``grammar`` is how it reads CODEOWNERS.
    """

    grammar: Grammar

    @property
    def source(self) -> Remote:
        """The repository that pull requests are for."""

    @property
    def pushed(self) -> Remote:
        """The repository that has their branches: the same, or a fork of it."""

    def newest(self, branch: str, base: str) -> Pull | None:
        """Return the newest pull request from a branch to a base, in whatever state."""

    def ours(self, base: str, prefix: str) -> list[Pull]:
        """Return the open pull requests to a base from branches with a prefix."""

    def create(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request."""

    def rewrite(self, pull: Pull, title: str, body: str) -> None:
        """Set the title and the description of a pull request."""

    def introduce(self, pull: Pull, labels: tuple[str, ...], owners: list[str]) -> list[str]:
        """Add labels, and ask those owners for reviews who can be asked, the first ones first. Returns what was not
        done, and why."""

    def close(self, pull: Pull, word: str) -> None:
        """Close a pull request with a comment."""


def done(what: str, call: Callable[[], T], remedies: Mapping[int, str]) -> T:
    """Return what a call gives, which a forge has been asked for patiently. ``what`` says what is not done without it,
    and ``remedies`` are by the status of an answer. Raises ``ForgeFailed``."""
    try:
        return call()
    except Failed as error:
        remedy = "" if error.rate else remedies.get(error.status, "")
        raise ForgeFailed(": ".join(filter(None, (what, str(error), remedy)))) from None


def tried(what: str, call: Callable[[], object]) -> list[str]:
    """Do what nothing depends on. Returns why it was not done."""
    try:
        call()
    except Failed as error:
        return [f"{what}: {error}"]
    return []
