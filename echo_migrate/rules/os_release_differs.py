"""A RUN that reads the distribution's name or release, which the hardened image does not have."""

import re
from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule

_NAMES = r"(?:ID|VERSION_ID|VERSION_CODENAME|UBUNTU_CODENAME|DEBIAN_CODENAME)"
_VARIABLE = lazy_regex(rf"\$\{{?({_NAMES})\b")
_READ = lazy_regex(rf"os-release\b[^;&\n]{{0,200}}[\s'\"/^(]({_NAMES})\b|\b({_NAMES})\b[^;&\n]{{0,200}}os-release")
"""A name in the same command or pipeline as the file."""
_COMMAND = lazy_regex(
    r"\blsb_release\s+(?:-\w*[acdirs]\w*|--(?:all|codename|description|id|release|short))", needs=("lsb_release",)
)


@rule(on=Stage, level="error", blocks=True)
def os_release_differs(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None or not effective.target or not effective.base.os_release:
        return
    for run in stage.runs:
        what = _read(run)
        if what:
            message = f"RUN {what[0]}, which differs in {effective.shown} (ID={effective.base.os_release}): {what[1]}"
            yield Finding(run.instruction.start, run.instruction.end, message)
            return


def _read(run: Run) -> tuple[str, str] | None:
    """Return how a RUN reads the distribution's name or release, and a remedy, or None."""
    text = "\n".join([run.instruction.args.value, *(body.value for body in run.instruction.heredocs)])
    if _COMMAND.search(text):
        return "reads lsb_release", _VALUE
    found = (_VARIABLE.search(text) or _READ.search(text)) if "os-release" in text else None
    if found:
        return f"reads {next(filter(None, found.groups()))} of /etc/os-release", _VALUE
    script = _known_script(text)
    return (f"calls {script}, which reads {_scripts()[script]}", "set it up by hand") if script else None


_VALUE = "write the value out"


def _known_script(text: str) -> str:
    """Return the first script of others in a text that is known to read the file, or ""."""
    named = (script for script in _scripts() if script in text)
    return next((one for one in named if re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w.-]|/[^\s])", text)), "")


@lru_cache
def _scripts() -> dict[str, str]:
    """Return what scripts of others read, by what a RUN has of them."""
    scripts: dict[str, str] = read_data("places/os_release.yaml")
    return scripts
