"""A RUN that reads the distribution's name or release, which the hardened image does not have."""

import re
from collections.abc import Iterator
from functools import lru_cache
from posixpath import basename

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
_COMMENT = lazy_regex(r"(?m)(?:^|(?<=\s))#.*")


@rule(on=Stage, level="error", blocks=True)
def os_release_differs(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None or not effective.target or not effective.base.os_release:
        return
    for run in stage.runs:
        what = _read(run.text) or _by_script(run, stage, context.source.path)
        if what:
            message = f"RUN {what[0]}, which differs in {effective.shown} (ID={effective.base.os_release}): {what[1]}"
            yield Finding(run.instruction.start, run.instruction.end, message)
            return


def _by_script(run: Run, stage: Stage, path: str) -> tuple[str, str] | None:
    """Return how a script of the build context that a RUN starts reads it, and a remedy, or None."""
    if "/" not in run.instruction.args.value or not any(one.copies for one in stage.lineage):
        return None
    from echo_migrate.dockerfile.copied_scripts import scripts_of  # few RUNs name a file that was copied

    for script, text in scripts_of(run, stage, path):
        what = _read(_COMMENT.sub("", text))
        if what:
            return f"runs {basename(script)}, which {what[0]}", what[1]
    return None


def _read(text: str) -> tuple[str, str] | None:
    """Return how the text of a script reads the distribution's name or release, and a remedy, or None."""
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
    named = (script for script in _scripts() if all(word in text for word in script.split()))
    return next((one for one in named if re.search(rf"(?<![\w.-]){_pattern(one)}(?![\w.-]|/[^\s])", text)), "")


def _pattern(script: str) -> str:
    """Return the pattern of a command: its words in their order, with others of the same command between them."""
    return r"\s(?:[^;&|\n]{0,200}\s)?".join(map(re.escape, script.split()))


@lru_cache
def _scripts() -> dict[str, str]:
    """Return what scripts of others read, by what a RUN has of them."""
    scripts: dict[str, str] = read_data("places/os_release.yaml")
    return scripts
