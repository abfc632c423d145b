"""A download that is not verified by a checksum or signature."""

from collections.abc import Iterator
from itertools import zip_longest
from posixpath import basename

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.downloads import address, downloads
from echo_migrate.dockerfile.layers import ARCHIVE
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import does

_PROGRAM = lazy_regex(r"(?i)\.(?:jar|sh|bin|run|py|phar|war)$|/s?bin/")

_REMOTE = lazy_regex(r"(?:https?|git|ssh)://|git@", needs=("://", "git@"))
_GIT = lazy_regex(r"^(?:git|ssh)://|^git@|\.git(?:[#?]|$)")
_COMMIT = lazy_regex(r"#(?:[0-9a-f]{40}|[0-9a-f]{64})(?::|$)|[?&](?:checksum|commit)=[0-9a-f]{7,64}(?:[&#]|$)")
"""A repository at a commit, which is a checksum (docs.docker.com/reference/dockerfile, ADD; build/concepts/context, URL
queries)."""

_CHANGING = lazy_regex(
    r"(?i)/refs/heads/"
    r"|/(?:archive|tar\.gz|tarball|zip|zipball)/(?:develop|head|main|master|trunk)(?:\.(?:tar\.gz|tgz|zip))?$"
    r"|^https?://api\.github\.com/repos/[^/]+/[^/]+/(?:branches|commits|git/(?:matching-)?refs?|releases(?:/latest)?$)"
    r"|/api/v4/projects/[^/]+/repository/(?:branches|commits|tags)\b"
)
"""The address of what changes with each push or release: of a branch, or an answer of the API of a forge, which an ADD
has to renew the cache (docs.github.com/rest; docs.gitlab.com/api). A checksum would break the next build."""

_NEWEST = lazy_regex(r"/latest(?:/|$)", needs=("/latest",))
"""The address of the newest release: a checksum holds until the next one."""


@rule(on=Stage, level="note")
@of_shipped_images
def unverified_download(stage: Stage, context: Context) -> Iterator[Finding]:
    downloading = any(run.that("download") for run in stage.runs)
    for run in stage.runs[_last_check(stage) + 1 :] if downloading else ():
        commands = run.commands if run.that("download") else ()
        for command, below in zip_longest(commands, commands[1:]):
            unpacked = below is not None and below.operator == "|" and does(below, "unpack")
            for url, path in downloads(command):
                plain = url.partition("?")[0]
                if (unpacked or _is_program(plain) or _is_program(path)) and not _CHANGING.search(plain):
                    message = f"{address(url)} is downloaded without a checksum: {_first(plain)}verify it"
                    yield Finding(command.start, command.end, f"{message} (sha256sum -c, or a signature)")
                    break
    for copy in stage.copies:
        message = _added(copy, stage)
        if message:
            yield Finding(copy.instruction.start, copy.instruction.end, message)


def _added(copy: Copy, stage: Stage) -> str:
    """Return the message for an ADD that downloads something without a checksum that holds, or ""."""
    url = next((word.value for word in copy.sources if _REMOTE.match(word.value)), "")
    if copy.instruction.verb != "add" or not url:
        return ""
    is_git = bool(_GIT.search(url))
    given = next((flag.value.value for flag in copy.instruction.flags if flag.name == "checksum"), "")
    if given:
        wrong = is_git == given.startswith("sha256:") and "$" not in given
        wanted = "the commit, not sha256" if is_git else "sha256:…, not a commit"
        return f"the checksum of {address(url)} is of the wrong kind, and the build fails: use {wanted}" * wrong
    if _COMMIT.search(url) if is_git else _CHANGING.search(url.partition("?")[0]):
        return ""
    later = [run for run in stage.runs if run.instruction.start > copy.instruction.start]
    if not is_git and any(_checks(run) and _names(run, url, copy) for run in later):
        return ""
    wanted = "COMMIT" if is_git else "sha256:…"
    return f"{address(url)} is downloaded without a checksum: {_first(url)}add --checksum={wanted}"


def _first(url: str) -> str:
    """Return what is to be done before there is a checksum that holds: a version in the place of the newest."""
    return "name a version, and " if _NEWEST.search(url) else ""


def _names(run: Run, url: str, copy: Copy) -> bool:
    """Return whether a RUN names the file that an ADD writes."""
    name = basename((copy.target or "").rstrip("/")) if not copy.written.value.endswith("/") else basename(url)
    return bool(name) and name in run.instruction.args.value


def _is_program(path: str) -> bool:
    return bool(ARCHIVE.search(path) or _PROGRAM.search(path))


def _last_check(stage: Stage) -> int:
    """Return the index of the last RUN that verifies something, possibly a preceding download; -1 if there is none."""
    return max((i for i, run in enumerate(stage.runs) if _checks(run)), default=-1)


def _checks(run: Run) -> bool:
    return bool(run.that("check"))
