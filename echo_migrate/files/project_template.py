"""Whether a file is part of a project template: what users of the template get is their own, and pulled by them."""

import contextlib
import os

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import top
from echo_migrate.files.workspace import of_a_run

_FOLDER = lazy_regex(
    r"(?i)[^/]*(?:\{\{|\{%)[^/]*"
    r"|(?:[^/]+-)?(?:boilerplates?|scaffold(?:s|ing)?|skeletons?|starters?|starter-kits?|templates?)"
)
"""A folder whose name the program that copies it fills in (Cookiecutter, Copier), or that says what is in it."""

_SIGNS = frozenset(("copier.yaml", "copier.yml", "devcontainer-template.json", ".template.config"))
"""What lies at the top of a template of Copier, of dotnet, of dev containers (containers.dev, "Templates")."""

_READMES = ("README.md", "readme.md", "Readme.md", "README.rst", "README")
_TITLE = lazy_regex(
    r"(?i)[^\n]{0,200}?\b(?:boilerplate|cookiecutter|scaffold|skeleton|starter(?:[ -](?:kit|project))?|template)"
    r"(?:\W{0,40}$|[ \t]+(?:by|for|of|repository|that|to|using|with)\b|[ \t]*[:|(–—-])"
)
"""A title that calls the repository a template."""

_USED_AS = lazy_regex(r"(?i)\buse this template\b|github\.com/[\w.-]{1,100}/[\w.-]{1,100}/generate\b")
"""How to use a repository as a template (docs.github.com, "Creating a repository from a template")."""

_LONGEST = 20_000
"""The number of characters of a README that are read."""


def in_template(path: str) -> bool:
    """Return whether a file is part of a project template, by its folders and those above it within its tree."""
    return _is_in_one(os.path.realpath(os.path.dirname(path) or "."), top(path))


@of_a_run(4096)
def _is_in_one(folder: str, root: str) -> bool:
    names: frozenset[str] = frozenset()
    with contextlib.suppress(OSError):
        names = frozenset(os.listdir(folder))
    above = os.path.dirname(folder)
    if not _SIGNS.isdisjoint(names) or (folder == root and _is_called_one(folder, names)):
        return True
    if folder in (root, above):
        return False
    return bool(_FOLDER.fullmatch(os.path.basename(folder))) or _is_in_one(above, root)


def _is_called_one(folder: str, names: frozenset[str]) -> bool:
    readme = next((os.path.join(folder, name) for name in _READMES if name in names), "")
    if not readme or os.path.islink(readme):
        return False
    with contextlib.suppress(Unreadable):
        text = contents(readme).decode("utf-8", "replace")[:_LONGEST]
        title = next((line for line in text.splitlines() if line.startswith("#")), "")
        return bool(_TITLE.match(title.strip()) or _USED_AS.search(text))
    return False
