"""A package without a version, which can change between builds."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import listed

_FILE = lazy_regex(r"(?i)^[./~]|://|\.(?:deb|go|gem|rpm|whl|tar|tar\.gz|tgz|zip|apk)$")
_RELEASE = lazy_regex(r"-\d|:")
_GIT = lazy_regex(
    r"(?:^|@ ?)(?:git\+|git://|git@|ssh://)|://[^?#]{0,1000}\.git(?:[@?#]|$)|^(?:bitbucket|gist|github|gitlab):"
)
_REVISION = lazy_regex(r"#(?!egg=|subdirectory=).|://(?:[^/@]*@)?[^/@]+/[^@#]{0,1000}@[^/#]")
"""A revision in the address of a repository: ``#v1`` for npm, ``.git@v1`` for pip."""
_MOVES = lazy_regex(r".@[a-z]+$")
"""A tag of npm (``@next``), or a branch for Go."""


@rule(
    on=Stage,
    level="note",
    also=("DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3062"),
    default=False,
)
def unpinned_package(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run:
        for call in run.calls:
            marks = call.manager.pinned
            if not marks or call.versioned() or call.subcommand in call.manager.groups:
                continue
            words = {"install": call.packages, "run": call.packages[:1]}.get(call.action, ())
            loose = [word for word in words if word.known and _loose(word.value, marks)]
            if call.action == "run":  # without a version, it is that of go.mod
                loose = [word for word in loose if "@" in word.value]
            if loose:
                message = f"unpinned: {listed(loose)} ({call.shown}): add the versions"
                yield Finding(call.command.start, call.command.end, message)


def _loose(name: str, marks: str) -> bool:
    """Return whether a package has no version. Files and addresses are assumed to have one, except those of
    repositories; groups (``@core``) have none."""
    if _GIT.search(name):
        return not _REVISION.search(name)
    if _FILE.search(name):
        return False
    if marks == "-":
        return name[:1] != "@" and not _RELEASE.search(name)
    moves = name.endswith("latest") or (marks == "@" and _MOVES.search(name))
    return bool(moves) or not any(mark in name[1:] for mark in (f"{marks}#" if marks == "@" else marks))
