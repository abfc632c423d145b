"""Whether a file is part of a project template: what users of the template get is their own, and pulled by them."""

import contextlib
import os

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import names_in, top
from echo_migrate.files.workspace import of_a_run

_FILLED_IN = lazy_regex(r"\{\{|\{%")
"""What stands in a name that the program that copies it fills in (Cookiecutter, Copier)."""

_FOLDER = lazy_regex(
    r"(?i)(?:[^/]+-)?(?:boilerplates?|scaffold(?:s|ing)?|starter-kits?)|[^/]+-(?:skeletons?|starters?|templates?)"
)
"""A folder whose name says what is in it."""

_PERHAPS = lazy_regex(r"(?i)skeletons?|starters?|templates?")
"""A folder that may as well hold web pages, a chart or an application: one of a template only with a sign in it."""

_TO_COPY = lazy_regex(r"(?i)_templates?(?:[-_.][^/]*)?")
"""A folder that sorts before what was copied from it, and that no program reads: of any kind of file."""

_MOST_FOLDERS = 64
"""The maximum number of folders in one that are searched for a sign."""

_SIGNS = frozenset(("copier.yaml", "copier.yml", "devcontainer-template.json", ".template.config"))
"""What lies at the top of a template of Copier, of dotnet, of dev containers (containers.dev, "Templates")."""

_COPIED = frozenset((".copier-answers.yaml", ".copier-answers.yml", ".cruft.json", ".templatesyncignore"))
"""What lies at the top of a repository that was made from a template, whose README may still be that of the template
(copier.readthedocs.io; cruft.github.io/cruft; github.com/AndreasAugustin/actions-template-sync)."""
_WORKFLOWS = os.path.join(".github", "workflows")
_SYNCED = lazy_regex(
    r"(?i)\bactions-template-sync\b|\bsource_repo_path\b|\bsynchroni[sz](?:ation|ed|es?) with (?:the |its )?template\b"
)
"""What a README says of taking over what the template changes."""

_READMES = ("README.md", "readme.md", "Readme.md", "README.rst", "README")
_TITLE = lazy_regex(
    r"(?i)[^\n]{0,200}?\b"
    r"(?:boilerplates?|cookiecutter|scaffold|skeletons?|starters?(?:[ -](?:kit|project)s?)?|templates?)"
    r"(?:\W{0,40}$|[ \t]+(?:by|for|of|repository|that|to|using|with)\b|[ \t]*[:|(]|[ \t]+[–—-][ \t])"
)
"""A title that calls the repository a template."""

_MARKUP = lazy_regex(
    r"(?i)(<h1\b)?(?(1)[^<>]{0,500}>\s{0,80}|</?[a-z][^<>]{0,500}>)"
    r"|!\[[^\[\]]{0,300}\]\([^()\s]{0,500}\)|\]\([^()\s]{0,500}\)|[\[`]|\*(?=\S)|(?<=\S)\*"
)
"""Tags, pictures, addresses of links and emphasis, not the mark of a list's item; the group is of a title in HTML."""

_WORDS = (
    r"(?:(?!(?:an?|based|built|by|created|for|from|made|of|on|our|the|to|uses?|using|with|your)\b)"
    r"[\w/+&.,\"'’-]{1,40} ){0,8}?"
)
_NAMES = (
    r"(?:app|application|boilerplate|microservice|project|service|starter)[ -]{1,2}(?:kit|template)|"
    r"(?:boilerplate|skeleton|starter|template)[ -](?:app|application|project|repo|repository)|"
    r"cookiecutter(?: template)?"
)
_IS_ALL = r"(?=\W{0,4}$|[.,;!]| (?:[(|–—-]|(?:by|for|that|to|using|which|with)\b))"
_SAYS_SO = lazy_regex(
    r"(?i)(?![-+*#] |#|\d{1,3}[.)] )\W{0,8}(?:"
    rf"(?:(?:\S{{1,80}} ){{1,4}}?(?:is|serves as) )?an? {_WORDS}(?:{_NAMES}|boilerplate)(?:(?=:)|{_IS_ALL})|"
    rf"this(?: \w{{1,30}})? (?:is|serves as) an? {_WORDS}template{_IS_ALL}|"
    rf"{_WORDS}(?:{_NAMES}){_IS_ALL}|boilerplate{_IS_ALL})"
)
"""A line of text, not an item of a list, that calls what it is about a template: not what that uses or works on."""

_FIRST_LINES = 12
"""The number of lines with text of a README that say what the repository is."""

_USED_AS = lazy_regex(r"(?i)\buse this template\b|github\.com/[\w.-]{1,100}/[\w.-]{1,100}/generate\b")
"""How to use a repository as a template (docs.github.com, "Creating a repository from a template")."""

_LONGEST = 20_000
"""The number of characters of a README that are read."""


def in_template(path: str) -> bool:
    """Return whether a file is part of a project template, by its folders and those above it within its tree."""
    return _is_in_one(os.path.realpath(os.path.dirname(path) or "."), top(path))


def is_to_copy(path: str) -> bool:
    """Return whether a file is in a folder of templates that people copy, within its tree."""
    root = top(path)
    below = os.path.relpath(os.path.realpath(os.path.dirname(path) or "."), root)
    return any(map(_TO_COPY.fullmatch, below.split(os.sep)))


@of_a_run(4096)
def _is_in_one(folder: str, root: str) -> bool:
    names = names_in(folder)
    above = os.path.dirname(folder)
    if not _SIGNS.isdisjoint(names) or (folder == root and _is_called_one(folder, names)):
        return True
    if folder in (root, above):
        return False
    name = os.path.basename(folder)
    if _FILLED_IN.search(name) or _FOLDER.fullmatch(name) or (_PERHAPS.fullmatch(name) and _has_sign(folder, names)):
        return True
    return _is_in_one(above, root)


def _has_sign(folder: str, names: frozenset[str]) -> bool:
    """Return whether a folder, or one in it, has what only templates have."""
    inner = (names_in(os.path.join(folder, name)) for name in sorted(names)[:_MOST_FOLDERS])
    return any(not _SIGNS.isdisjoint(one) or any(map(_FILLED_IN.search, one)) for one in (names, *inner))


def _is_called_one(folder: str, names: frozenset[str]) -> bool:
    readme = next((os.path.join(folder, name) for name in _READMES if name in names), "")
    if not readme or os.path.islink(readme) or not _COPIED.isdisjoint(names):
        return False
    with contextlib.suppress(Unreadable):
        text = contents(readme).decode("utf-8", "replace")[:_LONGEST]
        plain = _MARKUP.sub(lambda mark: "# " if mark[1] else "", text)
        lines = [line.strip() for line in plain.splitlines() if line.strip()]
        title = next((line for line in lines if line.startswith("#")), "")
        workflows = map(str.lower, names_in(os.path.join(folder, _WORKFLOWS)))
        if _SYNCED.search(text) or any("sync" in name and "template" in name for name in workflows):
            return False
        said = any(_SAYS_SO.match(line) for line in lines[:_FIRST_LINES])
        return said or bool(_TITLE.match(title) or _USED_AS.search(text))
    return False
