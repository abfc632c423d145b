"""The tools that a stage or service calls, and that nobody is known to bring to its target: a minimal image leaves out
what upstream's has by the way, and one of another build what upstream's has of its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from posixpath import basename
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.layers import absolute
from echo_migrate.dockerfile.run import Mount, Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, has_tools
from echo_migrate.images.reference import parsed
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import Command, as_command
from echo_migrate.shell.package_managers import does

_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
"""Where the distribution has its programs; what others put elsewhere may be anything."""

_WITHOUT_FILES = ("find", "perl")
"""What starts or needs others without a file of the build context."""

_TOOL, _OWN, _ALONG, _PERL, _PYTHON = "tool", "own", "along", "of perl", "other language"
"""Kinds of commands (``mappings/commands.yaml``, does)."""

_OR = " or "
"""Between the names of tools of which one is enough."""

_ENDING = ("exit", "return")

_LETTERS = {"J": "xz", "j": "bzip2"}
_VALUED = "CFHIKLNTVXbfg"
_LONG = ("--directory", "--exclude", "--exclude-from", "--file", "--files-from", "--use-compress-program")
"""The options of tar with a value, in letters and those in full."""
_PACKED = {
    "xz": lazy_regex(r"\.t?xz$", needs=("xz",)),
    "bzip2": lazy_regex(r"\.(?:bz2|tbz2?)$", needs=("bz",)),
}
"""The names of archives by what tar starts for them (GNU tar, Creating and Reading Compressed Archives)."""

_GO = frozenset(("build", "install", "run", "test", "vet"))
_NEEDS_CGO = lazy_regex(r"--?(?:race|[am]san)(?:=(?:true|1))?|--?buildmode=(?:c-archive|c-shared|plugin|shared)")
"""Options with which go calls a C compiler (go.dev/doc/articles/race_detector, Requirements; pkg.go.dev/cmd/go). Else
it calls one only where it finds one (go.dev/doc/go1.20, Cgo), or where cgo is asked for."""
_CGO = "CGO_ENABLED"
_CC = lazy_regex(r"clang|gcc|zig")
"""The compilers that a setting of another one may name, also with a platform before or a version behind."""


def tools(
    node: Stage | Container,
    launches: Iterable[StartCommand],
    image: Image,
    before: ImageFacts | None,
    base: ImageFacts,
    catalog: Catalog,
    path: str,
) -> Iterator[Reason]:
    """Yield a reason for each tool that a stage or service calls, in a RUN or by its start commands, ``launches``.

    ``before`` are the facts of the image that it is based on, ``base`` those of the target, ``path`` the path of the
    file.
    """
    kinds = _asked(image, before, base, catalog)
    triggers = node.triggers if isinstance(node, Stage) else ()
    runs = (*node.runs, *triggers) if isinstance(node, Stage) else ()
    first: dict[str, int | None] = {}
    scripts = _Scripts(node, base, kinds, path, set()) if isinstance(node, Stage) else None
    for run in runs:
        for command in _meant(run.commands, run.commands, run.environment):
            for name in _called(command, base, kinds, run.environment):
                if name in first:
                    continue
                missing = base.has(name) is False and not _may_provide(node, base, [name], command.start)
                if run in triggers or not (missing and run.script and must_succeed(command, run.script)):  # no error
                    first[name] = command.start
            for name in _through(command, run, scripts) if scripts else ():
                first.setdefault(name, command.start)
        for name in _by_first_line(run, base, kinds):
            first.setdefault(name, run.instruction.start)
        for name in _demanded(run.text, base, kinds):
            first.setdefault(name, run.instruction.end)
    environment = stage.environment if (stage := stage_of(node)) else {}
    for launch in (*launches, *(node.entered if isinstance(node, Container) else ())):
        certain_ones = launch.commands() if launch.verb != "exec" else []
        for command in _meant(launch.script.commands, launch.script.commands, environment):
            for name in _called(command, base, kinds, environment):
                if not (base.has(name) is False and command in certain_ones):
                    first.setdefault(name, None if launch.verb != "exec" else command.start)
            for name in _started(command, scripts) if scripts else ():
                first.setdefault(name, None)
        for name in _demanded(launch.args.value, base, kinds):
            first.setdefault(name, None if launch.verb != "exec" else launch.end)
    for name, start in first.items():
        if not _may_provide(node, base, name.split(_OR), start, likely=True, dockerfile=path):
            yield because("program-unknown", program=name)


def _may_provide(
    node: Stage | Container,
    base: ImageFacts,
    names: list[str],
    before: int | None,
    likely: bool = False,
    dockerfile: str = "",
) -> bool:
    from echo_migrate.dockerfile.programs import may_provide  # many stages call no tool that their base may lack

    return may_provide(node, base, names, before, likely, dockerfile if isinstance(node, Stage) else "")


class _Scripts(NamedTuple):
    """What is asked of the scripts that a stage starts, and those that were ``read``."""

    stage: Stage
    base: ImageFacts
    kinds: tuple[str, ...]
    path: str
    read: set[tuple[str, ...]]


def _through(command: Command, run: Run, scripts: _Scripts) -> Iterator[str]:
    """Yield the tools that a command of a RUN calls by what it starts."""
    yield from _of_scripts(command, absolute(".", run, command), scripts, run.mounts, run.environment)


def _started(command: Command, scripts: _Scripts) -> Iterator[str]:
    """Yield the tools that a start command calls by what it starts."""
    folders = [folder for one in scripts.stage.lineage for _, folder in one.workdirs.values()]
    yield from _of_scripts(command, folders[-1] if folders else "/", scripts, (), {})


def _of_scripts(
    command: Command, folder: str | None, scripts: _Scripts, mounts: Sequence[Mount], environment: Mapping[str, str]
) -> Iterator[str]:
    stage, base, kinds, path, read = scripts
    copied = mounts or any(not copy.origin for one in stage.lineage for copy in one.copies)
    if not copied and command.name not in _WITHOUT_FILES:
        return
    from echo_migrate.dockerfile.called import called_by  # many stages start nothing that can be read

    called = [*called_by(command, folder, stage, mounts, path, read)]
    if not called:
        return
    from echo_migrate.dockerfile.programs import makes

    found: dict[str, None] = {}
    scripts_run: dict[str, tuple[Command, ...]] = {}
    for one in called:
        scripts_run[one.text] = (*one.before, one.command)
        for meant in _meant((one.command,), one.before, environment):
            for name in _called(meant, base, kinds, environment):
                if not one.does_without(name) and not makes(one.before, base, [name]):
                    found[name] = None
        if one.command.name == "node-gyp":
            from echo_migrate.rules._declared_needs import compilers  # few modules are made

            found.update(dict.fromkeys(name for name in compilers("node") if base.has(name) is not True))
    for text, commands in scripts_run.items():
        for name in _demanded(text, base, kinds):
            if not makes(commands, base, name.split(_OR)):  # what it asks for, it may install if it is not there
                found[name] = None
    yield from found


def _meant(commands: Sequence[Command], among: Sequence[Command], environment: Mapping[str, str]) -> Iterable[Command]:
    """Return the commands, each as what it is if its program is named by a variable."""
    if not any(one.words and one.words[0].value[:1] == "$" for one in commands):
        return commands
    from echo_migrate.shell.variable_commands import meant  # few scripts have one

    return meant(commands, among, environment)


def _demanded(text: str, base: ImageFacts, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield the tools without which a script ends with an error; those of which it takes one, as one name."""
    if not any(word in text for word in _ENDING):
        return
    from echo_migrate.shell.variable_commands import demanded  # few scripts end themselves

    for names in demanded(text):
        unknown = [name for name in names if [*_called(as_command([name]), base, kinds, {})]]
        if len(unknown) == len(names):
            yield _OR.join(names)


def _by_first_line(run: Run, base: ImageFacts, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield the tool that interprets the script which a RUN has in a heredoc, by its first line."""
    body = run.instruction.heredocs[0].value if run.script is None and run.instruction.heredocs else ""
    if body.startswith("#!"):
        from echo_migrate.dockerfile.copied_scripts import interpreter_of

        yield from _called(as_command([interpreter_of(body)]), base, kinds, {})


def _asked(image: Image, before: ImageFacts | None, base: ImageFacts, catalog: Catalog) -> tuple[str, ...]:
    """Return the kinds of commands that the target need not have: what upstream's images with compilers have by the way
    counts for these alone, and Python not for an image that is made for it."""
    reference = parsed(image.ref.value)
    own = () if catalog.drops_in(reference) else (_OWN,)
    made_for_python = base.python or (before and before.python)
    upstream = catalog.upstream(reference) if reference else None
    made_for_perl = upstream is not None and upstream.name == "perl"
    depends = base.family == "debian" and base.has("git")  # which needs it there
    perl = () if made_for_perl or depends else (_PERL,)
    along = (_ALONG, *perl) if made_for_python else (_ALONG, *perl, _PYTHON)
    return (_TOOL, *own, *(along if has_tools(image.ref.value, catalog) else ()))


def _called(
    command: Command, base: ImageFacts, kinds: tuple[str, ...], environment: Mapping[str, str]
) -> Iterator[str]:
    """Yield the tools that a command calls by their bare names, or go for it, and that a base image is not known to
    have; Alpine's own shell is busybox's, so that bash is a tool there."""
    name = command.name
    for wrapper in command.via:
        if any(does(as_command([wrapper]), kind) for kind in kinds) and base.has(wrapper) is not True:
            yield wrapper
    if not command.words or command.words[0].value.rpartition("/")[0] not in ("", *_FOLDERS):
        return
    is_tool = any(does(command, kind) for kind in kinds) or (name == "bash" and base.family == "alpine")
    if is_tool and base.has(name) is not True:
        yield name
    if name == "tar" and _ALONG in kinds:
        yield from (program for program in _unpackers(command.arguments) if base.has(program) is not True)
    if name in ("go", "gotestsum") and _ALONG in kinds:
        compiler = _compiler(command, {**environment, **command.variables})
        if compiler and base.has(compiler) is not True:
            yield compiler


def _compiler(command: Command, given: Mapping[str, str]) -> str:
    """Return the C compiler that go, or what runs its tests, calls with an environment, "" if it need not call any."""
    words = command.arguments
    verb = words[0] if words and command.name == "go" else "test"
    if verb == "env":  # what it writes holds for those behind it
        asks = "-w" in words and f"{_CGO}=1" in words
    else:
        flags = (*words, *given.get("GOFLAGS", "").split())
        asks = verb in _GO and (given.get(_CGO) == "1" or any(map(_NEEDS_CGO.fullmatch, flags)))
    named = _CC.search(given.get("CC", ""))
    return (named[0] if named else "gcc") if asks else ""


def _unpackers(words: list[str]) -> Iterator[str]:
    """Yield what tar starts for the words behind it: by a letter, a long option, the program that ``-I`` names, or the
    name of the archive."""
    options = list(_options(words))
    names = {name for name, _ in options}
    with_programs = [value for name, value in options if name in ("I", "--use-compress-program") and value.strip()]
    called = {basename(value.split()[0]) for value in with_programs}
    archives = [value for name, value in options if name in ("f", "--file")]
    for letter, program in _LETTERS.items():
        packed = not with_programs and any(map(_PACKED[program].search, archives))
        if packed or not names.isdisjoint((letter, f"--{program}")) or program in called:
            yield program


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of tar with their values, "" for none: in the first word without a dash (``tar xJf a``), as
    letters and in full."""
    values = iter(words)
    if words and words[0].isalpha():
        for letter in next(values):
            yield letter, next(values, "") if letter in _VALUED else ""
    for word in values:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            yield name, value if equals or name not in _LONG else next(values, "")
        elif word.startswith("-"):
            end = next((at for at, letter in enumerate(word) if letter in _VALUED), len(word))
            yield from ((letter, "") for letter in word[1:end])
            if end < len(word):
                yield word[end], word[end + 1 :] or next(values, "")
