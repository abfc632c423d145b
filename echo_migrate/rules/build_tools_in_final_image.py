"""Compilers, headers and build systems in the final image."""

from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.layers import installed, remaining_installs, removed_after, removed_later, tools_started
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, WRAPPERS
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import SHELLS
from echo_migrate.shell.package_managers import listed, package_name, used_for

_PASSING = frozenset((*INITS, *WRAPPERS, "bundle", "exec"))
"""Words in front of the program that a container starts."""

_HEADERS = ("-dev", "-devel")
_STARTS_JAVA = lazy_regex(r"(?<![\w.-])java(?![\w./-])", needs=("java",))


@rule(on=Stage, level="warning")
@of_shipped_images
def build_tools_in_final_image(stage: Stage, context: Context) -> Iterator[Finding]:
    removed = removed_later(stage)
    left = [(call, word) for call, word in installed(stage) if not removed_after(call, word, removed)]
    found = [(call, word, used_for(word)) for call, word in left]
    if any(use == "packaging" for _, _, use in found) or _builds_at_start(stage):
        return  # the image is for building, packages or what a container is given
    tools = [(call, word) for call, word, use in found if use == "build"]
    unnamed = [call for run in stage.runs for call, _ in remaining_installs(run) if call.unnamed and stage.ships]
    if [package_name(word) for _, word in tools] == ["make"] and not unnamed and _is_run_by_make(stage, context):
        return
    if tools or unnamed:
        from echo_migrate.rules._run_in_ci import is_a_builder  # few stages have such packages

        if not any(map(stage.start_command, ("entrypoint", "cmd"))) and is_a_builder(context.source.path):
            return
        call = tools[0][0] if tools else unnamed[0]
        what = listed(word for _, word in tools) or f"by {unnamed[0].shown}"
        names = [package_name(word) for _, word in tools]
        message = f"final image contains build-time packages ({what}): {_remedy(names, stage)}"
        yield Finding(call.command.start, call.command.end, message)


def _is_run_by_make(stage: Stage, context: Context) -> bool:
    """Return whether nothing is built in a stage, and a container of another file starts it with make."""
    if any(run.that("build") for run in stage.runs):
        return False
    starts = [one.start_command("cmd") for one in context.containers(stage)]
    return any(command.name == "make" for one in starts if one for command in one.script.commands)


def _remedy(names: list[str], stage: Stage) -> str:
    """Return what to do about some packages: a JDK is there to run what was built elsewhere if the stage starts
    Java, and builds nothing."""
    runs_java = names and all("jdk" in name for name in names) and _STARTS_JAVA.search(stage.started)
    if runs_java and not any(run.that("build") for run in stage.runs):
        return "install a JRE in its place"
    headers = [name.endswith(_HEADERS) for name in names]
    remedy = "compile in a builder stage"
    if headers and all(headers):
        return f"install the libraries alone, and {remedy}"
    linked = any(name.endswith(_HEADERS) and "lib" in name for name in names)  # what is made needs them where it runs
    return f"{remedy}, COPY the result and install the libraries" if linked else f"{remedy} and COPY the result"


def _builds_at_start(stage: Stage) -> bool:
    """Return whether the program that a stage starts is a build tool, and builds more than what it then runs
    (``make run``)."""
    tools = tools_started(stage)
    for tool, *words in _started(stage) if tools else ():
        name = basename(tool)
        runs = ("run", "serve", "start") if name == "make" else ("run", "start")
        if name in tools and not any(word.casefold().endswith(runs) for word in words):
            return True
    return False


def _started(stage: Stage) -> Iterator[list[str]]:
    """Yield the words of the programs that a stage starts, without what only passes them on."""
    launches = [one for one in map(stage.start_command, ("entrypoint", "cmd")) if one]
    found = [[word for one in launches for word in one.words or ()]]
    for one in launches:
        if one.words is None or (one.words and basename(one.words[0]) in SHELLS):
            found += [[word.value for word in command.words] for command in one.script.commands]
    for words in found:
        while words and (words[0][:1] == "-" or basename(words[0]) in _PASSING):
            words = words[1:]
        if words:
            yield words
