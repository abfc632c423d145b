"""The trees that files lie in: owners, and links to lines at a forge."""

import os
from collections.abc import Collection, Iterable
from functools import cache
from typing import NamedTuple
from urllib.parse import quote

from echo_migrate.files.code_owners import CodeOwners, Grammar, code_owners
from echo_migrate.files.data import read_data
from echo_migrate.files.remote import Remote, remote_of, revision_of
from echo_migrate.files.tree import real, repository


class Tree(NamedTuple):
    """A tree: its folder, its owners if it has any, and the place of its remote with the commit that is checked out."""

    top: str
    owners: CodeOwners | None
    remote: Remote | None
    revision: str
    link: str

    def link_to(self, path: str, line: int) -> str:
        """Return the address of a line at the forge, given the path from the top; "" if it has none."""
        if not self.link or not self.remote or not path.isprintable():
            return ""
        file = quote(path, safe="/", errors="surrogateescape")
        return self.link.format(base=self.remote.base, revision=self.revision, file=file, line=line)


class Trees:
    """The trees of a run, each read once. ``named`` are the paths that the user named."""

    def __init__(self, named: Collection[str]) -> None:
        self.named = sorted({os.path.abspath(path) for path in named}, key=len, reverse=True)
        self._trees: dict[str, Tree] = {}

    def of(self, path: str) -> tuple[Tree, str]:
        """Return the tree of a file, and the file's path from the top of it.

        It is the file's repository, else the folder that the user named, else the file's own.
        """
        folder = real(os.path.dirname(os.path.abspath(path)))
        top = repository(folder) or next((real(one) for one in self.named if _holds(real(one), folder)), folder)
        if top not in self._trees:
            self._trees[top] = _tree(top)
        return self._trees[top], os.path.relpath(os.path.join(folder, os.path.basename(path)), top)


def owners_of(paths: Iterable[str], named: Collection[str]) -> dict[str, list[str]]:
    """Return the owners of files that have any; ``named`` are the paths that the user named."""
    trees = Trees(named)
    found = {path: trees.of(path) for path in paths}
    listed = {path: list(tree.owners.of(below)) if tree.owners else [] for path, (tree, below) in found.items()}
    return {path: owners for path, owners in listed.items() if owners}


def _holds(folder: str, other: str) -> bool:
    return os.path.isdir(folder) and f"{other}/".startswith(f"{folder.rstrip('/')}/")


def _tree(top: str) -> Tree:
    remote, revision = remote_of(top), revision_of(top)
    template = _template(remote.host) if remote and revision else ""
    return Tree(top, code_owners(top, _grammar(remote)), remote, revision, template)


def _grammar(remote: Remote | None) -> Grammar | None:
    words = remote.host.split(".") if remote else ()
    return "gitlab" if "gitlab" in words else "github" if "github" in words else None


@cache
def _hosts() -> list[list[str]]:
    rows: list[list[str]] = read_data("report/forges.yaml")["hosts"]
    return rows


def _template(host: str) -> str:
    """Return how a forge spells the address of a line, "" if that is not known of the host."""
    for row, template in _hosts():
        if host == row or (row.endswith(".") and row[:-1] in host.split(".")):
            return template
    return ""
