"""A package without a version, which can change between builds."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import listed

_FILE = lazy_regex(r"(?i)^[./~]|://|\.(?:deb|rpm|whl|tar\.gz|tgz|zip|apk)$|^git\+")
_RELEASE = lazy_regex(r"-\d")


@rule(
    on=Stage,
    level="note",
    also=("DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3062"),
    default=False,
)
def unpinned_package(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.runs:
        for call in run.calls:
            manager = call.manager
            options = {option.partition("=")[0] for option in call.options}
            if call.action != "install" or not manager.pinned or not manager.elsewhere.isdisjoint(options):
                continue
            loose = [word for word in call.packages if word.known and _loose(word.value, manager.pinned)]
            if loose:
                message = f"unpinned: {listed(loose)} ({call.shown})"
                yield Finding(call.command.start, call.command.end, message)


def _loose(name: str, marks: str) -> bool:
    """Return whether a package has no version; files and addresses are assumed to have one."""
    if _FILE.search(name):
        return False
    if marks == "-":
        return not _RELEASE.search(name)
    return name.endswith("latest") or not any(mark in name[1:] for mark in marks)
