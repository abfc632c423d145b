"""A download that is not verified by a checksum or signature."""

from collections.abc import Iterator
from itertools import zip_longest

from echo_migrate.dockerfile.layers import ARCHIVE, address, downloads
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import does

_PROGRAM = lazy_regex(r"(?i)\.(?:jar|sh|bin|run|py|phar|war)$|/s?bin/")

_GIT = lazy_regex(r"\.git(?:#|$)")
_COMMIT = lazy_regex(r"\.git#(?:[0-9a-f]{40}|[0-9a-f]{64})(?::|$)")
"""A repository at a commit, which is a checksum (docs.docker.com/reference/dockerfile, ADD --checksum)."""


@rule(on=Stage, level="note")
def unverified_download(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.runs[_last_check(stage) + 1 :]:
        for command, below in zip_longest(run.commands, run.commands[1:]):
            unpacked = below is not None and below.operator == "|" and does(below, "unpack")
            for url, path in downloads(command):
                if unpacked or _is_program(url.partition("?")[0]) or _is_program(path):
                    message = (
                        f"{address(url)} is downloaded without a checksum: verify it (sha256sum -c, or a signature)"
                    )
                    yield Finding(command.start, command.end, message)
                    break
    for copy in stage.copies:
        if copy.instruction.verb == "add" and not any(flag.name == "checksum" for flag in copy.instruction.flags):
            url = next((word.value for word in copy.sources if word.value.startswith(("http://", "https://"))), "")
            is_git = bool(_GIT.search(url))
            if url and not _COMMIT.search(url):
                wanted = "COMMIT" if is_git else "sha256:…"
                message = f"{address(url)} is downloaded without a checksum: add --checksum={wanted}"
                yield Finding(copy.instruction.start, copy.instruction.end, message)


def _is_program(path: str) -> bool:
    return bool(ARCHIVE.search(path) or _PROGRAM.search(path))


def _last_check(stage: Stage) -> int:
    """Return the index of the last RUN that verifies something, possibly a preceding download; -1 if there is none."""
    return max((i for i, run in enumerate(stage.runs) if _checks(run)), default=-1)


def _checks(run: Run) -> bool:
    return any(does(command, "check") for command in run.commands)
