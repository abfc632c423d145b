"""Python programs that another stage made, and whose interpreter lies elsewhere in the image that starts them."""

from collections.abc import Iterator
from posixpath import basename, dirname

from echo_migrate.dockerfile.layers import within
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command

_ANOTHER = lazy_regex(
    r"\b(?:ana|mini)?conda|mamba|deadsnakes|pyenv|uv[ _]python|--python|python-build-standalone|relocatable"
    r"|\bln\b|\bsed -i"
)
"""Text of a stage that may have another Python, or one in both places, or that changes what a file names."""
_PYTHON = lazy_regex(r"(?:/usr/bin|/usr/local|/usr/local/bin|/opt/python)(?:/bin)?/?(?:python[\d.]*)?$")
_MANAGERS = ("pip", "poetry", "uv", "uv pip")


def borrowed(path: str, stage: Stage, text: str) -> Iterator[Stage]:
    """Yield the stage in which a program was made that names the interpreter of that stage: a file of a virtual
    environment at the same path, or a script that pip installed. ``text`` is the source of the file."""
    copies = [copy for one in stage.lineage for copy in one.copies]
    if any(_PYTHON.match(word.value) and _PYTHON.match(copy.target or "") for copy in copies for word in copy.sources):
        return
    for copy in copies:
        there = stage.preceding(copy.origin)
        if there is None or copy.target is None or any(_may_have_another(one, text) for one in (there, stage)):
            continue
        for word in copy.sources:
            source = word.value.rstrip("/")
            placed = source == copy.target.rstrip("/") or f"{copy.target.rstrip('/')}/{basename(source)}" == source
            if placed and within(path, source) and (_is_environment(source, path, there) or _installs(path, there)):
                yield there


def _may_have_another(stage: Stage, text: str) -> bool:
    return any(_ANOTHER.search(text, one.start, one.end) for one in stage.lineage)


def _is_environment(folder: str, path: str, stage: Stage) -> bool:
    """Return whether a stage makes a virtual environment at a folder, or above it, that has a program."""
    for one in (command for above in stage.lineage for run in above.runs for command in run.commands):
        made = next((word for word in reversed(one.arguments) if word[:1] == "/"), "") if _makes(one) else ""
        if made and (within(made.rstrip("/"), folder) or within(folder, made.rstrip("/"))):
            return dirname(path) == f"{made.rstrip('/')}/bin"
    return False


def _makes(command: Command) -> bool:
    words = command.arguments
    return command.name == "virtualenv" or (command.name[:6] == "python" and words[:2] == ["-m", "venv"])


def _installs(path: str, stage: Stage) -> bool:
    """Return whether pip installs a script in a stage, by the name of its package."""
    calls = [call for one in stage.lineage for run in one.runs for call in run.calls if call.manager.name in _MANAGERS]
    names = {word.value.partition("=")[0].partition("[")[0] for call in calls for word in call.packages}
    return dirname(path) == "/usr/local/bin" and basename(path) in names
