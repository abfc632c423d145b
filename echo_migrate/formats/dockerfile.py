"""Dockerfiles and Containerfiles: every place that names an image."""

from collections.abc import Iterable
from typing import Any

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._build_places import above, compose_files
from echo_migrate.formats._dockerfile import Node, nodes
from echo_migrate.formats._named_contexts import named

_PLAIN = ("dockerfile", "containerfile")
NAME = lazy_regex(
    r"(?i)(?:.+\.)?(?:(?:docker|container)file(?:[._-].+)?|(?-i:[Dd]ocker|[Cc]ontainer)(?-i:file[A-Z])\w*)(?<!\.dockerignore)(?<!\.md)(?<!\.mdx)(?<!\.orig)(?<!\.rej)"
    r"(?<!\.asc)(?<!\.sig)(?<!\.sha256)",
    needs=_PLAIN,
)
_CODE = frozenset(
    (
        *("bats", "cs", "css", "go", "hs", "htm", "html", "java", "js", "json", "jsx", "kt", "lock", "ps1", "py", "rb"),
        *("rs", "rst", "sh", "snap", "toml", "ts", "tsx", "xml", "yaml", "yml"),
    )
)
"""Endings of names that files of code and data have too."""

_LICENSE = ".license"
"""The ending of a file beside another with the licence of that (reuse.software), and of Dockerfiles about licences."""

_JOINED = lazy_regex(r"(?i:docker|container)file\w+")
"""Names without a sign between the two parts, which programs have too."""

_ENDING = lazy_regex(r"[\w-]+(?:Docker|Container)file", needs=("ockerfile", "ontainerfile"))
"""Names that end in the word, which a build gives with ``-f``; functions and pages are called so too."""

_FROM = lazy_regex(r"(?mi)^[ \t]*FROM[ \t]", needs=("from",))

_OPENING = lazy_regex(
    r"(?i)(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*"
    r"(?:ARG[ \t]+\w+(?:=[^\n]*)?|FROM[ \t]+(?:--\S+[ \t]+)?\S+(?:[ \t]+AS[ \t]+\S+)?)[ \t\r]*(?:\n|$)"
)


def candidate(path: str) -> bool:
    """Return whether a file name is Dockerfile or Containerfile, with any suffix or prefix, ignoring case."""
    name = path.rpartition("/")[2]
    return name.lower() in _PLAIN or bool(NAME.fullmatch(name) or _ENDING.fullmatch(name))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a Dockerfile, by name, as any text may be meant as one; ``Dockerfile.go`` and
    ``ApiDockerfile`` also need a matching first instruction, ``Dockerfile.license`` and ``DockerfileDev`` a FROM."""
    if path.rpartition("/")[2].lower() in _PLAIN:
        return True
    if _ENDING.fullmatch(path.rpartition("/")[2]):
        return bool(_OPENING.match(text))
    if (path.lower().endswith(_LICENSE) or _JOINED.fullmatch(path.rpartition("/")[2])) and not _FROM.search(text):
        return False
    return candidate(path) and (path.rpartition(".")[2].lower() not in _CODE or bool(_OPENING.match(text)))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the instructions, images, ignore comments and problems of a Dockerfile, and its stages if requested; never
    raises.

    Named contexts that other files pass to its builds are not images.
    """
    return nodes(source, request, named(source.path))


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may."""
    from echo_migrate.dockerfile.verify import verify  # as few files are changed

    return verify(before, after, edits)


def building(source: Source) -> Iterable[tuple[Source, list[Any]]]:
    """Return the files that build a Dockerfile: currently, compose files."""
    if not any(compose_files(folder, root) for folder, root in above(source.path)):
        return ()
    from echo_migrate.formats import compose

    return compose.builders_of(source)
