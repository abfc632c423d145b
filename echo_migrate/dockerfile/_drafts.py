"""Stages under construction: the effect of each instruction on the user, working directory, shell and variables."""

from collections.abc import Iterator, Mapping, Set
from posixpath import join, normpath

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.expansion import Expansion, expand
from echo_migrate.dockerfile.parser import Dockerfile, Instruction
from echo_migrate.dockerfile.run import Run, exec_form, run_of
from echo_migrate.dockerfile.startup import StartCommand, start_command_of
from echo_migrate.dockerfile.users import roots
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.images.reference import is_number

_LINUX = lazy_regex(
    r"(?:docker\.io/)?(?:library/)?(?:almalinux|alpine|amazonlinux|busybox|centos|debian|fedora|rockylinux|ubuntu)(?![\w./-])"
)
"""Images of distributions, which are none of Windows whatever the escape directive is."""
_WINDOWS = lazy_regex(r"(?i)windows|nanoserver|servercore", needs=("windows", "server"))


_WHOLE = frozenset(("/", "/.", "/*", "./", "."))


class Draft:
    """A stage under construction."""

    def __init__(self, name: str, parent: int | None, above: "Draft | None", arguments: dict[str, str]) -> None:
        self.name = name
        self.parent = parent
        self.instructions: list[Instruction] = []
        self.runs: list[Run] = []
        self.triggers: list[Instruction] = []
        self.copies: list[Copy] = []
        self.start_commands: list[StartCommand] = []
        self.workdirs: dict[int, tuple[str | None, str]] = {}
        self.needs: set[int] = set() if parent is None else {parent}
        self.whole: set[int] = set()
        self.takes: list[tuple[int, str]] = []
        self.user: str | None = above.user if above else None
        self.roots: set[str] = set(above.roots) if above else set()
        self.folder: str | None = above.folder if above else None
        self.shell: tuple[str, ...] | None = above.shell if above else None
        self.environment: dict[str, str] = above.environment if above else {}
        self.by_env: Set[str] = above.by_env if above else frozenset()
        self.defaults = arguments

    def run(self, instruction: Instruction, text: str) -> Run:
        return run_of(instruction, text, self.shell, (self.user, self.folder, self.environment))


def drafts_of(text: str, file: Dockerfile, bases: list[str]) -> Iterator[Draft]:
    """Yield the stages of a Dockerfile, once all of it is read."""
    numbers: dict[str, int] = {}
    drafts: list[Draft] = []
    defaults: dict[str, str] = {}
    for instruction in file.instructions:
        if instruction.verb == "from":
            words = instruction.words()
            base = bases[len(drafts)].lower() if len(drafts) < len(bases) else ""
            parent = numbers.get(base)
            name = words[2].value if len(words) == 3 else ""
            draft = Draft(name, parent, drafts[parent] if parent is not None else None, defaults)
            if parent is None and (_WINDOWS.search(base) or (file.escape == "`" and not _LINUX.match(base))):
                draft.shell = ()
            if "$" in words[0].value:  # another value of the argument may name any of the stages
                draft.needs.update(numbers.values())
            numbers |= {name.lower(): len(drafts)} if name else {}
            drafts.append(draft)
        elif not drafts:
            if instruction.verb == "arg":
                defaults |= _assigned(instruction, defaults, defaults)
            continue
        drafts[-1].instructions.append(instruction)
        if instruction.verb not in ("from", "onbuild"):
            _follow(instruction, drafts[-1], text, file.escape, numbers, len(drafts) - 1)
        elif instruction.trigger and instruction.trigger.verb == "run":
            drafts[-1].triggers.append(instruction.trigger)
    yield from drafts


def _follow(
    instruction: Instruction, draft: Draft, text: str, escape: str, numbers: dict[str, int], number: int
) -> None:
    """Apply one instruction to the state of its stage."""
    verb = instruction.verb
    if verb == "run":
        run = draft.run(instruction, text)
        draft.runs.append(run)
        draft.roots.update(roots(run))
        for mount in run.mounts:
            other = _need(mount.origin, draft, numbers, number)
            if other is not None:
                draft.takes.append((other, mount.source))
    elif verb in ("copy", "add"):
        copy = _copy(instruction, draft, escape)
        draft.copies.append(copy)
        other = _need(copy.origin, draft, numbers, number)
        if other is not None:
            draft.takes += [(other, word.value) for word in copy.sources]
            if copy.target == "/" and any(word.value in _WHOLE for word in copy.sources):
                draft.whole.add(other)
    elif verb in ("env", "arg"):
        _set(instruction, draft)
    elif verb == "user":
        user = _plain(instruction.args, draft.environment, escape) or None
        draft.user = "root" if user and user.partition(":")[0] in draft.roots else user
    elif verb == "workdir":
        draft.folder = _absolute(_plain(instruction.args, draft.environment, escape), draft.folder)
        if draft.folder:
            draft.workdirs[instruction.start] = (draft.user, draft.folder)
    elif verb in ("cmd", "entrypoint", "healthcheck"):
        draft.start_commands.append(start_command_of(instruction, draft.shell))
    elif verb == "shell":
        draft.shell = tuple(word.value for word in exec_form(instruction.args) or ())


def _need(origin: str, draft: Draft, numbers: dict[str, int], number: int) -> int | None:
    """Return the earlier stage with a name or number, after adding it to ``draft.needs``; None if there is none."""
    other = numbers.get(origin.lower())
    if other is None and is_number(origin) and int(origin) < number:
        other = int(origin)
    if other is not None and other != number:
        draft.needs.add(other)
        return other
    return None


def _set(instruction: Instruction, draft: "Draft") -> None:
    """Add the variables of an ENV or ARG to a stage.

    All values of one instruction are expanded with the variables set before it, and an ARG does not override ENV
    (Dockerfile reference, "Environment replacement" and "Using ARG variables").
    """
    found = _assigned(instruction, draft.environment, draft.defaults)
    if instruction.verb == "env":
        draft.by_env = draft.by_env | found.keys()
    else:
        found = {name: value for name, value in found.items() if name not in draft.by_env}
    if found:
        draft.environment = draft.environment | found


def _assigned(instruction: Instruction, known: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an ENV or ARG sets; ``defaults`` has the values for an ARG without one."""
    found: dict[str, str] = {}
    for name, value in instruction.pairs():
        if value is not None:
            found[name.value] = _plain(value, known, instruction.escape)
        elif name.value in defaults:
            found[name.value] = defaults[name.value]
    return found


def _plain(word: Traced, environment: Mapping[str, str], escape: str) -> str:
    """Return a word unquoted and with known variables expanded; as written if it cannot be expanded."""
    if not word.value:
        return ""

    def value(name: str) -> Expansion | None:
        known = environment.get(name)
        return None if known is None else Expansion(Traced(known, ()))

    try:
        return expand(word, value, escape).text.value
    except ValueError:
        return word.value


def _absolute(path: str, folder: str | None) -> str | None:
    if path.startswith("/"):
        return normpath(path)
    if "$" in path:
        return None
    return None if folder is None else normpath(join(folder, path))


def _copy(instruction: Instruction, draft: Draft, escape: str) -> Copy:
    origin = next((flag.value.value for flag in instruction.flags if flag.name == "from"), "")
    items = exec_form(instruction.args)
    written = [item.text for item in items] if items is not None else instruction.words()
    words = written if items is not None else list(map(instruction.unquoted, written))
    if len(words) < 2:
        return Copy(instruction, origin, (), instruction.args, None)
    target = _plain(written[-1], draft.environment, escape)
    absolute = _absolute(target, draft.folder)
    return Copy(instruction, origin, tuple(words[:-1]), words[-1], absolute)
