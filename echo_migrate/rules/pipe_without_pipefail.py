"""A pipe whose left side can fail without failing the build."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import takewhile
from posixpath import basename

from echo_migrate.dockerfile.layers import sh_expands_braces
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import Run, exec_form
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import does

_PIPES = ("|", "|&")
_HARMLESS = frozenset(
    (":", "apt-mark", "arch", "basename", "date", "df", "dirname", "dpkg", "dpkg-query", "du", "echo", "env", "find")
    + ("getent", "hostname", "id", "ldd", "locale", "ls", "nproc", "printf", "ps", "pwd", "rpm", "scanelf", "seq")
    + ("true", "uname", "whoami", "yes")
)
"""Commands that do not fail, that only list things, or whose failure is expected if the reader stops (``yes``)."""
_FINDS = ("egrep", "fgrep", "grep")
_FILTERS = frozenset(
    (
        "awk",
        "base64",
        "cat",
        "cut",
        "gawk",
        "head",
        "rev",
        "sed",
        "sort",
        "tac",
        "tail",
        "tee",
        "tr",
        "uniq",
        "wc",
        *_FINDS,
    )
)
"""Commands that only pass on the input of a pipe."""
_GRAMMAR = lazy_regex(r"\b(?:do|done|elif|else|fi|if|then|until|while)\b")
_CONDITION = ("elif", "if", "until", "while")
_DECLARES = lazy_regex(r"(?:declare|export|local|readonly|typeset)\b")
_UNKNOWN = "sh is dash in this image, which does not know pipefail: set SHELL to /bin/bash"
_ELSEWHERE = ("function", "not")
"""Constructs whose surrounding code decides what a failure means."""


@rule(on=Stage, level="note", default=False, also=("DL4006",))
def pipe_without_pipefail(stage: Stage, context: Context) -> Iterator[Finding]:
    shells = [step for one in stage.lineage for step in one.instructions if step.verb == "shell"]
    for run in stage.every_run:
        shell = _shell_with_it(shells, run, stage) if run.shell_form else None  # an exec form names its own shell
        if shell and run.script and _is_unknown(shell, stage, context):
            yield Finding(run.instruction.start, run.instruction.end, _UNKNOWN)
        elif run.script and run.script.certain and not shell:
            found = next(_unnoticed(run, context.source.text), None)
            if found:
                left, last = found
                message = f"a failure of {left.name} goes unnoticed, only the exit code of {last.name} counts: "
                message += _remedy(run, left, stage, context)
                yield Finding(left.start, left.end, message)


def _shell_with_it(shells: list[Instruction], run: Run, stage: Stage) -> Instruction | None:
    """Return the last SHELL before a RUN, or of its stage for that of an ONBUILD, if it sets pipefail."""
    above = bisect_left(shells, stage.place(run.instruction.start), key=lambda step: step.start)
    return shells[above - 1] if above > 0 and "pipefail" in shells[above - 1].args.value else None


def _is_unknown(shell: Instruction, stage: Stage, context: Context) -> bool:
    """Return whether a SHELL is dash, which does not know pipefail before 0.5.13 and ends with an error."""
    effective, words = context.effective(stage), exec_form(shell.args)
    if effective is None or not words or basename(words[0].value) not in ("dash", "sh"):
        return False
    return effective.base.family in ("debian", "ubuntu") and not sh_expands_braces(stage, effective.base)


def _remedy(run: Run, left: Command, stage: Stage, context: Context) -> str:
    """Return how to set pipefail, in a form that the shell of the base image supports."""
    if _own_interpreter(run) or "script" in left.inside:
        return "write set -o pipefail before it"
    effective = context.effective(stage)
    if effective and effective.base.family == "alpine":
        return 'add SHELL ["/bin/ash", "-o", "pipefail", "-c"] above'
    return 'add SHELL ["/bin/bash", "-o", "pipefail", "-c"] above (sh may lack pipefail)'


def _own_interpreter(run: Run) -> str:
    """Return the line of a heredoc that names its interpreter, to which SHELL does not apply, or ""."""
    body = run.instruction.heredocs[0].value if run.instruction.heredocs else ""
    return body.partition("\n")[0] if body.startswith("#!") else ""


def _unnoticed(run: Run, text: str) -> Iterator[tuple[Command, Command]]:
    """Yield the commands of a RUN whose failure a pipe hides, each with the last command of the pipe."""
    if "pipefail" in _own_interpreter(run):
        return
    commands = run.commands
    for i, right in enumerate(commands):
        if any(word.value == "pipefail" for word in right.words):
            return
        if right.operator in _PIPES:
            left = next((one for one in reversed(commands[:i]) if one.host == right.host), None)
            if left and left.words and not _cannot_fail(left):
                rest = _rest(commands, i)
                if not _misses(rest) and _counts(commands, i, left, run, text):
                    yield left, rest[-1]


def _rest(commands: tuple[Command, ...], i: int) -> list[Command]:
    """Return a command and the commands that follow it in its pipe."""
    beside = [one for one in commands[i:] if one.host == commands[i].host]
    return beside[:1] + list(takewhile(lambda one: one.operator in _PIPES, beside[1:]))


def _misses(rest: list[Command]) -> bool:
    """Return whether a pipe fails if it has no input: its last command is ``grep``, or a check (``sha256sum -c``)."""
    last = rest[-1]
    return (last.name in _FINDS or does(last, "check")) and all(one.name in _FILTERS for one in rest[:-1])


def _cannot_fail(command: Command) -> bool:
    if command.name == "cat":
        return not command.arguments
    return command.name in _HARMLESS or (command.operator in _PIPES and command.name in _FILTERS)


def _counts(commands: tuple[Command, ...], i: int, left: Command, run: Run, text: str) -> bool:
    """Return whether the build fails if the pipe fails: it is not a condition, and nothing handles its failure."""
    if not set(_ELSEWHERE).isdisjoint(left.inside) or _asked(left, run, text) or _excused(commands, i):
        return False
    if "substitution" not in left.inside:
        return True
    host = left.host
    # the exit code of a substitution counts only in an assignment that is not part of a command
    if host is None or commands[host].words or _DECLARES.match(text, commands[host].start):
        return False
    return _counts(commands, host, commands[host], run, text)


def _excused(commands: tuple[Command, ...], i: int) -> bool:
    """Return whether an ``||`` after a command, in the same list, handles its failure."""
    for later in commands[i + 1 :]:
        if later.host == commands[i].host:
            if later.operator == "||":
                return True
            if later.operator not in ("&&", *_PIPES):
                break
    return False


def _asked(command: Command, run: Run, text: str) -> bool:
    """Return whether a command is part of the condition of an ``if`` or a loop."""
    if {"if", "while"}.isdisjoint(command.inside):
        return False
    before = _GRAMMAR.findall(text, run.instruction.start, command.start)
    return bool(before) and before[-1] in _CONDITION
