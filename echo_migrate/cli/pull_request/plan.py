"""The plan of a pull request: all that is written of it, as a function of what was found."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from echo_migrate.cli.pull_request.body import View, body, closing
from echo_migrate.cli.pull_request.moves import Group, Move, digest
from echo_migrate.engine.patch import patch
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Result
from echo_migrate.reports import plural, printable

OUR_TITLES = "Move "
"""How titles begin; one that begins otherwise was written by somebody, and stays."""

_MOST_LISTED = 50
_SAFE_IN_A_MESSAGE = lazy_regex(r"[A-Za-z0-9._/:-]{1,200}")


class Proposal(NamedTuple):
    """One pull request as it should be: ``files`` are the new bytes by path from the top, ``message`` is that of the
    commit, ``closing`` the description if it proposes nothing, ``paths`` are in order of their changes."""

    group: Group
    title: str
    message: str
    body: str
    closing: str
    files: Mapping[str, bytes]
    patch: bytes
    digest: str

    @property
    def branch(self) -> str:
        return self.group.branch


def propose(view: View, results: Iterable[Result], inside: Callable[[str], str]) -> Proposal:
    """Return the pull request of a group; ``results`` are those of its files, with its changes alone."""
    changed = [result for result in results if result.fixed is not result.source]
    files = {inside(os.path.realpath(result.source.path)): result.fixed.data for result in changed}
    title = _title(view)
    return Proposal(
        view.group,
        title,
        _message(title, view.made),
        body(view),
        closing(view),
        files,
        patch(changed),
        digest(view.made),
    )


def _title(view: View) -> str:
    """Return the title, also of the commit."""
    provider = printable(view.catalog.title)
    if view.group.kind == "image":
        return f"{OUR_TITLES}{view.group.title} to {provider}"
    what = plural(len({move.reference for move in view.made}), "image")
    preposition = {"service": "in", "owner": "for"}.get(view.group.kind)
    return f"{OUR_TITLES}{what} to {provider}" + (f" {preposition} {view.group.title}" if preposition else "")


def _message(title: str, made: tuple[Move, ...]) -> str:
    """Return the message of the commit. Names that could mean something to a forge are not in it."""
    pairs = dict.fromkeys((move.shown, move.target) for move in made)
    plain = [pair for pair in pairs if all(_SAFE_IN_A_MESSAGE.fullmatch(name) for name in pair)][:_MOST_LISTED]
    lines = [f"{old} -> {new}" for old, new in plain]
    lines += [f"and {plural(len(pairs) - len(plain), 'more image')}"] if len(pairs) > len(plain) else []
    return "\n".join([title, "", *lines])
