"""What the packages need that a file declares: git for those of a repository, a compiler for what is published as
source alone, and Python for the modules of Node.js among these (node-gyp)."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable
from echo_migrate.files.toml import read_toml
from echo_migrate.shell.package_managers import data

VCS = lazy_regex(r"\b(bzr|git|hg|svn)\+(?:(ssh)|file|git|https?|lp|static-https?)\b")
"""A repository as pip writes it, and npm (pip.pypa.io, VCS Support; docs.npmjs.com, npm-install)."""
_IN_TOML = lazy_regex(
    r"\{[^{}\n]{0,400}\bgit[ \t]*=[ \t]*[\"']|(?m:^type = \"git\"$)|(?m:^[ \t]*\"git\": \")"
    r"|(?m:^\[(?:tool\.poetry\.(?:group\.[\w-]+\.)?(?:dev-)?dependencies|tool\.uv\.sources|(?:dev-)?packages)"
    r"\.[^\]\n]+\]\n)"
    r"(?:(?!\[)[^\n]*\n){0,10}?git[ \t]*=",
    needs=("git",),
)
"""The same in the files of Poetry, Pipenv, PDM and uv."""
_NO_REPOSITORY = lazy_regex(r"(?:catalog|file|jsr|link|npm|patch|portal|workspace):|[^#]*\.(?:tgz|tar|tar\.gz)$")
"""What they take from a registry, from beside them, or as an archive."""
_OF_NODE = lazy_regex(
    r"(?:git[+:@]|(?:bitbucket|gist|github|gitlab|ssh):)"
    r"|https?://(?:[^/@]+@)?(?:bitbucket\.org|git(?:hub|lab)\.com)/[^/#]+/[^/#]+(?:#.*)?$"
    r"|[^#]+\.git(?:#.*)?$|[A-Za-z\d][\w-]*/[\w.-]+(?:#.*)?$"
)
"""What npm, Yarn, pnpm and Bun take from a repository (docs.npmjs.com, package.json, dependencies)."""
_IN_LOCK = lazy_regex(
    r"\"(?:resolved|version)\": ?\"git[+:@]|(?m:^ +resolved \"(?:git[+:@]|ssh:|https?://[^\"#\n]+\.git#))"
    r"|\"[^\"\n]*@git\+(?:file|https?|ssh):|[#&]commit=|\btype: git\b",
    needs=("git", "commit=", "ssh:"),
)
_DEVELOPS = lazy_regex(r"\"(?:resolved|version)\": ?\"git[+:@][^{}]{0,1000}\"dev\": ?true", needs=("git",))
"""What a lock of npm has from a repository for development alone."""
_IN_GEMFILE = lazy_regex(
    r"(?m)^GIT$|^[ \t]*gem\b[^#\n]*[ ,{:](?:git|github|gist|bitbucket)(?::| *=>)|^[ \t]*(?:git|github)[ (][\"']"
)
"""Gems of a repository, in a Gemfile and in its lock (bundler.io, Git)."""
_SPEC = lazy_regex(r"(?m)^    ([\w.-]+) \(([^)\n]*)\)$")
"""A gem in a lock, with its version, which has the platform of one that is published for it."""
_REQUIREMENT = lazy_regex(r"(?m)^[ \t]*([A-Za-z\d][\w.-]*)[ \t]*(?:\[([^\]\n]*)\])?([^;\n]*)")
"""A requirement of Python: its name, extras and versions (packaging.python.org, Dependency specifiers)."""
_AT_MOST = lazy_regex(r"(===?|<=?|~=)[ \t]*(\d{1,9}(?:\.\d{1,9}){0,5})")
_LOCKED = lazy_regex(
    r"(?m)^name = \"([^\"\n]+)\"\n(?!(?:[^\[\n][^\n]*\n){0,6}optional = true)(?:version = \"([^\"\n]*)\")?"
)
"""A package in a lock of Poetry, PDM or uv, and its version."""
_DEPENDENCIES = ("dependencies", "optionalDependencies")
_FOR_DEVELOPMENT = "devDependencies"
MANIFEST = "package.json"
PROJECT = "pyproject.toml"
SETUP = "setup.py"
_FALLBACK = lazy_regex(r"\bfallback[-_]version\b")
_EXTENSIONS = lazy_regex(r"\bext_modules[ \t]*=|\bcythonize\(")
"""What is made with a compiler (setuptools.pypa.io, Building Extension Modules)."""
_BUILDS = ("gcc", "make")
_GYP = ("python3", "make", "g++")
"""What node-gyp calls (github.com/nodejs/node-gyp, Installation)."""
MAKERS = frozenset((*_BUILDS, *_GYP, "mysql_config", "pg_config", "pkg-config"))
"""What makes a package, or finds a library for it."""
_FOR_DEVELOPMENT_LOCKED = lazy_regex(r"\"[^\"\n]+\": ?\{[^{}]{0,2000}\"dev\": ?true", needs=("dev",))
"""A package in a lock of npm that is there for development alone."""


_OWN_LIBRARIES = {"openssl-sys": "openssl-src"}
"""Packages that find no library of the system where another one brings it (docs.rs/openssl, Vendored)."""


def needs_of(language: str, texts: list[tuple[str, str]], lean: bool = False) -> dict[str, None]:
    """Return what the packages need that files of a language declare, given their names and texts."""
    found: list[str] = []
    if language == "python":
        texts = [(name, re.sub(r"(?m)(?:^|\s)#.*", "", text)) for name, text in texts]
    if language == "node" and any(name != MANIFEST for name, _ in texts):
        texts = [(name, text) for name, text in texts if name != MANIFEST]  # a lock says how each is fetched
    if language == "ruby" and not any(_SPEC.search(text) for _, text in texts):
        found += _BUILDS  # few locks have no gem in C
    return dict.fromkeys(
        (*found, *[program for name, text in texts for program in _of_text(language, name, text, lean)])
    )


def _of_text(language: str, name: str, text: str, lean: bool) -> Iterator[str]:
    """Yield what the packages of one file need, ``lean`` without those for development."""
    if language == "node":
        yield from _of_node(name, text, lean)
        return
    if language == "ruby":
        if _IN_GEMFILE.search(text):
            yield "git"
        yield from made("ruby", (name for name, version in _SPEC.findall(text) if "-" not in version))
        return
    if language == "rust":
        yield from made("rust", (name for name, _ in _LOCKED.findall(text)))
        return
    if name == SETUP and _EXTENSIONS.search(text):
        yield from compilers(language)
    if client := VCS.search(text):
        yield from clients(client)
    elif _IN_TOML.search(text):
        yield "git"
    yield from made(language, _names_of(name, text))


def made(language: str, names: Iterable[str]) -> Iterator[str]:
    """Yield what the packages of these names call when they are made: compilers, and what finds a library for them."""
    known = set(map(plain, names))
    if not _compiled(language).isdisjoint(name.partition("<")[0] for name in known):
        yield from compilers(language)
    for name, program in _linked(language).items():
        if name in known and _OWN_LIBRARIES.get(name) not in known:
            yield program


def _of_node(name: str, text: str, lean: bool) -> Iterator[str]:
    """Yield what the packages of a package.json need, or those of a lock."""
    if name == MANIFEST:
        places = _dependencies(text, lean)
        if any(map(is_a_repository, places.values())):
            yield "git"
        names = set(places)
    else:
        if _IN_LOCK.search(_DEVELOPS.sub("", text) if lean else text):
            yield "git"
        names = set(_locked_in(_FOR_DEVELOPMENT_LOCKED.sub("", text) if lean else text))
    yield from made("node", names)


def _locked_in(text: str) -> list[str]:
    """Return those packages that a lock of npm, Yarn, pnpm or Bun has and that are published as source alone."""
    return _locked_names().findall(text)


@lru_cache
def _locked_names() -> "re.Pattern[str]":
    """Return the pattern of the entries of these packages, not of lines that name them as dependencies or peers."""
    names = "|".join(map(re.escape, sorted(_compiled("node"))))
    npm_or_bun = r"""": ?(?:\[|\{\s*"version")"""
    return re.compile(rf"""(?m)(?:^[ \t]*["']?/?|node_modules/)({names})(?:@|/\d|{npm_or_bun})""")


def packages_of(text: str) -> Iterator[str]:
    """Yield the packages that requirements of Python name, one a line, and those that their extras bring; one before
    the version from which it finds a library otherwise with that (``mysqlclient<2.2``)."""
    for name, extras, versions in _REQUIREMENT.findall(text):
        name = plain(name)
        bounds = [one for one in _linked("python") if one.startswith(f"{name}<")]
        yield next((one for one in bounds if _is_before(versions, one.partition("<")[2])), name)
        brought = data().extras
        for extra in extras.split(",") if extras else ():
            if (key := f"{name}[{extra.strip()}]") in brought:
                yield brought[key]


def _is_before(versions: str, bound: str) -> bool:
    """Return whether versions that are asked for are all before another one."""
    least = _numbers(bound)
    for operator, written in _AT_MOST.findall(versions):
        number = _numbers(written)
        if number < least and (operator != "~=" or written.count(".") > 1):  # ~=2.1 is any of 2
            return True
        if operator == "<" and number == least:
            return True
    return False


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at its end."""
    return tuple(int(part) for part in re.sub(r"(?:\.0+)+$", "", version).split("."))


def _names_of(name: str, text: str) -> Iterable[str]:
    """Return the packages of Python that a file names: requirements, a lock, or what a project needs."""
    if name.endswith(".txt"):
        return packages_of(text)
    if name.endswith(".lock"):
        return packages_of("\n".join(f"{name}=={version or '*'}" for name, version in _LOCKED.findall(text)))
    return _needed(text) if name == PROJECT else ()


def _needed(text: str) -> list[str]:
    """Return the packages that a pyproject.toml needs, without those of extras and groups; empty if it cannot be
    read."""
    try:
        read = read_toml(text)
    except Unreadable:
        return []
    tools = read.get("tool")
    project, poetry = read.get("project"), tools.get("poetry") if isinstance(tools, dict) else None
    needed = project.get("dependencies") if isinstance(project, dict) else None
    texts = [one for one in needed if isinstance(one, str)] if isinstance(needed, list) else []
    keys = poetry.get("dependencies") if isinstance(poetry, dict) else None
    for name, value in keys.items() if isinstance(keys, dict) else ():
        if not (isinstance(value, dict) and value.get("optional")):
            texts.append(_of_poetry(name, value))
    return list(packages_of("\n".join(text.replace("\n", " ") for text in texts)))


def versioned_by_git(text: str) -> bool:
    """Return whether the build of a project, as its pyproject.toml has it, asks git for the version, and fails without
    it."""
    if not any(one in plain(text) for one in data().versioned) or _FALLBACK.search(text):
        return False
    try:
        read = read_toml(text)
    except Unreadable:
        return False
    system, project = read.get("build-system"), read.get("project")
    listed = system.get("requires") if isinstance(system, dict) else None
    asked = "\n".join(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ""
    static = isinstance(project, dict) and "version" in project
    return not static and not data().versioned.isdisjoint(map(plain, packages_of(asked)))


def _of_poetry(name: str, value: object) -> str:
    """Return a dependency of Poetry as a requirement: a number alone is that very version."""
    keys = value if isinstance(value, dict) else {"version": value}
    version, extras = str(keys.get("version", "")), keys.get("extras")
    listed = ",".join(map(str, extras)) if isinstance(extras, list) else ""
    return f"{name}[{listed}]{'==' if version[:1].isdigit() else ''}{version}"


def is_a_repository(word: str) -> bool:
    if _NO_REPOSITORY.match(word):
        return False
    _, at, rest = word[1:].partition("@") if "://" not in word else ("", "", "")
    return bool(_OF_NODE.match(word)) or bool(at and not _NO_REPOSITORY.match(rest) and _OF_NODE.match(rest))


def _dependencies(text: str, lean: bool) -> dict[str, str]:
    """Return where a package.json takes its dependencies from, by name, ``lean`` without those for development; empty
    if it cannot be read."""
    import json  # few stages install them

    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    names = _DEPENDENCIES if lean else (*_DEPENDENCIES, _FOR_DEVELOPMENT)
    groups = [read.get(name) for name in names] if isinstance(read, dict) else []
    given = [one for group in groups if isinstance(group, dict) for one in group.items()]
    return {name: value for name, value in given if isinstance(value, str)}


def is_portable(lock: str) -> bool:
    """Return whether a lock of npm says that no package of Linux has code of the machine: each that has is for a
    processor, or runs a script when it is installed (docs.npmjs.com, package-lock.json)."""
    import json

    try:
        read = json.loads(lock)
    except (ValueError, RecursionError):
        return False
    packages = read.get("packages") if isinstance(read, dict) else None
    entries = [one for name, one in packages.items() if name] if isinstance(packages, dict) else []
    return bool(entries) and not any(map(_may_be_native, entries))


def _may_be_native(entry: object) -> bool:
    if not isinstance(entry, dict):
        return True
    systems = entry.get("os", ["linux"])
    elsewhere = isinstance(systems, list) and not any(one == "linux" or str(one)[:1] == "!" for one in systems)
    return not elsewhere and not {"cpu", "hasInstallScript", "libc"}.isdisjoint(entry)


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


@lru_cache
def _compiled(language: str) -> frozenset[str]:
    """Return the packages of a language that are published for Linux as source alone."""
    return frozenset(map(plain, data().compiled.get(language, ())))


def _linked(language: str) -> dict[str, str]:
    """Return the program by which each package of a language finds a library of the system, by the package's name."""
    return data().linked.get(language, {})


def compilers(language: str) -> tuple[str, ...]:
    """Return what makes a package from its source: that of Python calls the compiler itself."""
    return _GYP if language == "node" else _BUILDS[:1] if language == "python" else _BUILDS


def clients(found: "re.Match[str]") -> Iterator[str]:
    yield found[1]
    if found[2]:
        yield "ssh"
