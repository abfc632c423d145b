"""A RUN that reads the distribution's name or release, which the hardened image does not have."""

from collections.abc import Iterator

from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule

_NAMES = r"(?:ID|VERSION_ID|VERSION_CODENAME|UBUNTU_CODENAME|DEBIAN_CODENAME)"
_VARIABLE = lazy_regex(rf"\$\{{?({_NAMES})\b")
_READ = lazy_regex(rf"os-release\b[^;&\n]{{0,200}}[\s'\"/^(]({_NAMES})\b|\b({_NAMES})\b[^;&\n]{{0,200}}os-release")
"""A name in the same command or pipeline as the file."""
_COMMAND = lazy_regex(r"\blsb_release\s+(?:-\w*[acdirs]\w*|--(?:all|codename|description|id|release|short))")


@rule(on=Stage, level="error", blocks=True)
def os_release_differs(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None or not effective.target or not effective.base.os_release:
        return
    for run in stage.runs:
        what = _read(run)
        if what:
            message = f"RUN reads {what}, but {effective.shown} has ID={effective.base.os_release}: hard-code the value"
            yield Finding(run.instruction.start, run.instruction.end, message)
            return


def _read(run: Run) -> str:
    """Return what a RUN reads about the distribution, or ""."""
    text = "\n".join([run.instruction.args.value, *(body.value for body in run.instruction.heredocs)])
    command = _COMMAND.search(text)
    if command:
        return "lsb_release"
    found = (_VARIABLE.search(text) or _READ.search(text)) if "os-release" in text else None
    return f"{next(filter(None, found.groups()))} of /etc/os-release" if found else ""
