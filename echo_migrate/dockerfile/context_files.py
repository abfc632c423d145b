"""The files of the build context that a COPY brings, as far as the tree tells."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from posixpath import basename, dirname, join

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import within
from echo_migrate.files.tree import dockerfile_at, real, repository
from echo_migrate.files.workspace import of_a_run

_HIGHEST = 6
"""How many folders, that of a Dockerfile and those above it, may be its build context."""

MOST = 30
"""In how many places a file is looked for."""


def is_in_context(wanted: Sequence[str], copy: Copy, dockerfile: str) -> bool:
    """Return whether a copy of the build context most likely brings a file to one of some paths."""
    return bool(dockerfile and copy.target) and any(
        nearest(written, dockerfile) for written in islice(sources(copy, wanted), MOST)
    )


def sources(copy: Copy, wanted: Sequence[str]) -> Iterator[str]:
    """Yield the files of the build context that a COPY may bring to one of some paths."""
    target = copy.target or ""
    for source in [word.value.lstrip("/") for word in copy.sources]:
        for one in wanted:
            if one in (target, join(target, basename(source))):
                yield source
            elif within(one, target.rstrip("/") or "/"):
                rest = one[len(target.rstrip("/")) + 1 :]
                yield join(dirname(source), rest) if fnmatchcase(rest, basename(source)) else join(source, rest)


def files(written: str, dockerfile: str) -> Iterator[str]:
    """Yield the files that a path may name in the build context of a Dockerfile, the nearest one first."""
    for context in likely_contexts(dockerfile):
        if file := dockerfile_at(dockerfile, context, written):
            yield file


@of_a_run(256)
def likely_contexts(dockerfile: str) -> list[str]:
    """Return the folders of a repository that may be the build context of a Dockerfile, as its folder names them."""
    folder = real(dirname(dockerfile))
    depth = folder.removeprefix((repository(folder) or folder).rstrip("/")).count("/")
    return ["/".join([".."] * above) or "." for above in range(min(depth + 1, _HIGHEST))]


@of_a_run(1024)
def nearest(written: str, dockerfile: str) -> str | None:
    """Return the nearest file that a path may name in the build context of a Dockerfile, None if there is none."""
    return next(files(written, dockerfile), None)
