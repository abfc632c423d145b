"""Whether a file is part of a project template: what users of the template get is their own, and pulled by them."""

import contextlib
import os
import re

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

_COPIED = frozenset((".copier-answers.yaml", ".copier-answers.yml", ".cruft.json"))
"""What lies at the top of a repository that was made from a template, whose README may still be that of the template
(copier.readthedocs.io; cruft.github.io/cruft)."""
_SYNC_IGNORE = ".templatesyncignore"
_WORKFLOWS = os.path.join(".github", "workflows")
_SYNCED = lazy_regex(
    r"(?i)\bactions-template-sync\b|\bsource_repo_path\b|\bsynchroni[sz](?:ation|ed|es?) with (?:the |its )?template\b"
)
"""How a README describes taking over what the template changes; a template may hold that for what is made from it, as
it may a workflow and an ignore file for it (github.com/AndreasAugustin/actions-template-sync)."""

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

_OF_A_SCAFFOLDER = lazy_regex(
    r"(?i)\W{0,8}(?:Nest framework TypeScript starter repository|this is a project template for Svelte apps|"
    r"Astro Starter Kit|Gatsby(?:['’]s)? [\w -]{1,30} starter|Nuxt(?: \d)? Minimal Starter|"
    r"Payload [\w-]{1,20} template|Turborepo(?: [\w ]{1,40})? starter)\b"
)
"""What programs that make a project write into its README about what they copied: not about the project."""

_OF_ANOTHER = lazy_regex(
    r"\W{0,8}\[[^\[\]]{1,100}\]\(https?://(?:www\.)?git(?:hub|lab)\.com/[\w.-]{1,100}/([\w.-]{1,100})[^()\s]{0,300}\)"
    r"[*_]{0,3} (?:is|serves as)\b"
)
"""A sentence about what has a repository of its own, whose name the group is."""

_BADGE = lazy_regex(
    r"img\.shields\.io/github/(?:contributors|forks|issues|last-commit|license|stars)/[\w.-]{1,100}/([\w.-]{1,100})"
    r"|github\.com/[\w.-]{1,100}/([\w.-]{1,100})/(?:actions/)?workflows/[^\s()]{1,200}badge\.svg",
    needs=("img.shields.io/github/", "badge.svg"),
)
"""A badge of a repository, or of its CI, whose name a group is (shields.io; docs.github.com, "Adding a workflow status
badge")."""

_OF_A_TEMPLATE = lazy_regex(
    r"(?i)(?:.*[._-])?(?:boilerplate|cookiecutter|kit|quickstart|scaffold|skeleton|starter|template)s?(?:[._-].*)?"
)
"""The name of a repository that others are made from: badges of any other may be of what the text is about."""

_FIRST_LINES = 12
"""The number of lines with text of a README that say what the repository is."""

_USED_AS = lazy_regex(r"(?i)\buse this template\b|github\.com/[\w.-]{1,100}/[\w.-]{1,100}/generate\b")
"""How to use a repository as a template (docs.github.com, "Creating a repository from a template")."""

_LONGEST = 20_000
"""The number of characters of a README that are read."""

_OF_CATALOGS = {
    "config.json": r"\"tipi_version\"\s{0,9}:",
    "questions.yaml": r"(?m)^questions[ \t]{0,9}:",
    "questions.yml": r"(?m)^questions[ \t]{0,9}:",
    "rancher-compose.yaml": r"(?m)^[ \t]{0,9}(?:\.?catalog|questions)[ \t]{0,9}:",
    "rancher-compose.yml": r"(?m)^[ \t]{0,9}(?:\.?catalog|questions)[ \t]{0,9}:",
    "umbrel-app.yml": r"(?m)^manifestVersion[ \t]{0,9}:",
}
"""What lies beside an application that users install from a catalog, and what is in it: of Runtipi, Rancher and
TrueNAS (questions to who installs it), Rancher 1, Umbrel."""
_OF_CASAOS = lazy_regex(r"(?m)^[ \t]{0,40}[\"']?x-casaos[\"']?[ \t]{0,9}:", needs=("x-casaos",))
_OF_PORTAINER = "templates.json"
"""The list of a repository of Portainer's templates, at its top; it names the file of each stack."""


def in_template(path: str) -> bool:
    """Return whether a file is part of a project template, by its folders and those above it within its tree."""
    return _is_in_one(os.path.realpath(os.path.dirname(path) or "."), top(path))


def is_to_copy(path: str) -> bool:
    """Return whether a file is in a folder of templates that people copy, within its tree."""
    root = top(path)
    below = os.path.relpath(os.path.realpath(os.path.dirname(path) or "."), root)
    return any(map(_TO_COPY.fullmatch, below.split(os.sep)))


def in_catalog(path: str, text: str) -> bool:
    """Return whether a file is of an application that users install from a catalog."""
    folder, root = os.path.realpath(os.path.dirname(path) or "."), top(path)
    if _OF_CASAOS.search(text) or any(name in names_in(folder) and _is_sign(folder, name) for name in _OF_CATALOGS):
        return True
    if _OF_PORTAINER not in names_in(root):
        return False
    own = os.path.relpath(os.path.join(folder, os.path.basename(path)), root).replace(os.sep, "/")
    return bool(re.search(rf"\"stackfile\"\s{{0,9}}:\s{{0,9}}\"(?:\./)?{re.escape(own)}\"", _text(root, _OF_PORTAINER)))


@of_a_run(4096)
def _is_sign(folder: str, name: str) -> bool:
    return bool(re.search(_OF_CATALOGS[name], _text(folder, name)))


@of_a_run(16)
def _text(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    with contextlib.suppress(Unreadable):
        return "" if os.path.islink(path) else contents(path).decode("utf-8", "replace")
    return ""


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
        if _is_inherited(text, folder):
            return False
        plain = _MARKUP.sub(lambda mark: "# " if mark[1] else "", _own_lines(text, folder))
        lines = [line.strip() for line in plain.splitlines() if not _OF_A_SCAFFOLDER.match(line) and line.strip()]
        title = next((line for line in lines if line.startswith("#")), "")
        if _TITLE.match(title) or any(_SAYS_SO.match(line) for line in lines[:_FIRST_LINES]):
            return True
        return bool(_USED_AS.search(text)) and not _is_synced(folder, names, text)
    return False


def _is_synced(folder: str, names: frozenset[str], readme: str) -> bool:
    workflows = map(str.lower, names_in(os.path.join(folder, _WORKFLOWS)))
    by_one = any("sync" in name and "template" in name for name in workflows)
    return by_one or _SYNC_IGNORE in names or bool(_SYNCED.search(readme))


def _own_lines(text: str, folder: str) -> str:
    """Return the lines of a README that are not about another repository than the one in a folder, which may have the
    name of its remote or of the folder."""
    found = [(line, _OF_ANOTHER.match(line)) for line in text.splitlines()]
    if not any(other for _, other in found):
        return text
    own = _names(folder)
    return "\n".join(line for line, other in found if not other or other[1].lower().removesuffix(".git") in own)


def _is_inherited(text: str, folder: str) -> bool:
    """Return whether all badges of a README are of one template, which is not the repository in a folder: it is still
    that of what the repository was made from."""
    named = {_bare("".join(match.groups(""))) for match in _BADGE.finditer(text)}
    if len(named) != 1 or not all(map(_OF_A_TEMPLATE.fullmatch, named)):
        return False
    own = list(map(_bare, _names(folder)))
    return len(own) > 1 and named.isdisjoint(own)  # the name of a folder alone is anything


def _bare(name: str) -> str:
    """Return the name of a repository in lower case, without the ending of the address of a picture or a remote."""
    return name.lower().removesuffix(".git").removesuffix(".svg")


def _names(folder: str) -> list[str]:
    """Return the names that the repository in a folder may have: that of the folder, and that of its remote."""
    from echo_migrate.files.remote import remote_of  # few READMEs tell of another repository

    remote = remote_of(folder)
    return [os.path.basename(path).lower() for path in (folder, *([remote.path] if remote else []))]
