"""What a forge has to do for pull requests, whichever it is."""

from typing import Literal, NamedTuple, Protocol

from echo_migrate.files.code_owners import Grammar
from echo_migrate.files.scratch import Remote


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
