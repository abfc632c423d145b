"""Control flow: whether a command is certain to run, whether its failure fails the script, and whether later RUNs
depend on what an earlier one leaves. Every safe fix in a RUN relies on these; if the answer is not certain, it is the
one that allows no fix.
"""

from collections.abc import Callable, Iterable

from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.workspace import of_the_last
from echo_migrate.shell.commands import SHELLS, Command, Script, ShellArguments, undoes_errexit
from echo_migrate.shell.grammar import PIPES
from echo_migrate.shell.package_managers import Call, Manager, does

_ENDING = frozenset((".", "eval", "exec", "exit", "return", "source"))
_REDEFINING = frozenset((".", "alias", "eval", "source", "trap"))
_IN_TURN = frozenset(("", ";", "\n"))
_MAY_NOT_RUN = frozenset(("setsid", "xargs"))
"""Wrappers whose success says nothing of the command: setsid may not wait for it, xargs not start it."""

_SHELL_LETTERS = frozenset("celouvx")
_SHELL_SETTINGS = frozenset(("errexit", "nounset", "pipefail", "verbose", "xtrace"))
_SHELL_NAMES = frozenset(("--login", "--norc", "--noprofile", "--posix"))
"""The options of a shell that runs the script it is given, and ends with its status (bash(1), dash(1))."""


def outer(script: Script) -> list[Command]:
    """Return the top-level commands: those not in a condition, a loop, a function, a group or a substitution."""
    return [command for command in script.commands if not command.inside]


def can_be_appended_to(run: Run) -> bool:
    """Return whether ``&& command`` can be appended: it runs only if all commands before it succeed, and the RUN fails
    as before. The last command must be a simple one, joined by ``&&``, or by ``;`` under ``set -e``, or the only one.
    """
    script = run.script
    if script is None or script.tail is None or _is_tricky(script):
        return False
    commands = outer(script)
    if not commands or commands[-1].name in _ENDING or "exec" in commands[-1].via:
        return False
    operator = commands[-1].operator
    return operator == "&&" or len(commands) == 1 or (script.errexit and operator in _IN_TURN)


def _is_tricky(script: Script) -> bool:
    """Return whether a script may redefine commands, itself or in a file that it sources, or sets a trap."""
    return script.defines or any(command.name in _REDEFINING for command in script.commands)


def runs_before_the_end(command: Command, script: Script) -> bool:
    """Return whether a command appended after the last one runs only if this command ran and succeeded."""
    commands = outer(script)
    if command not in commands:
        return False
    place = commands.index(command)
    later = {one.operator for one in commands[place + 1 :]}
    if later <= {"&&"}:
        return "||" not in {one.operator for one in commands}
    return script.errexit and later <= {"&&", *_IN_TURN} and command.operator in _IN_TURN


class _Flow:
    """What follows from a failure of each command of a script, found once for all of them.

    ``set -e`` applies only to the last command of an ``&&`` list (POSIX, Shell Command Language, set -e). A command
    that is passed to a shell (``sh -c``) fails that shell, which must fail the RUN.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.numbers = {id(command): number for number, command in enumerate(script.commands)}
        self._tricky = script.background or _is_tricky(script)
        self._after_an_end = _after_an_end(script.commands)
        self._failing: set[int] = set()  # what fails its own script if it fails
        self._needed: set[int] = set()  # what fails its own script if it is passed over: ``false && command``
        undone = any(map(undoes_errexit, script.commands))
        beside: dict[int | None, list[int]] = {}
        for number, command in enumerate(script.commands):
            beside.setdefault(command.host, []).append(number)
        for host, numbers in beside.items():
            exits = script.errexit if host is None else not undone and _exits_on_errors(script.commands[host])
            self._follow(numbers, exits)

    def _follow(self, numbers: list[int], errexit: bool) -> None:
        """Go through the statements of one script, from the last to the first."""
        failed = passed = True  # whether the script fails if a statement fails there, or is passed over after that
        behind = ""
        for number in reversed(numbers):
            command = self.script.commands[number]
            for operator in reversed(command.then):
                goes_on = passed if operator == "&&" else False
                failed, passed, behind = goes_on or (errexit and operator in _IN_TURN), goes_on, operator
            self._failing.update((number,) if failed else ())
            self._needed.update((number,) if passed else ())
            operator = command.operator
            if operator == "||":
                ends = _fails_itself(command) and behind not in PIPES
                passed = failed = ends and (command.name == "exit" or failed)
            else:
                passed = passed and operator == "&&"
                failed = passed or (errexit and operator in _IN_TURN)
            behind = operator

    def fails(self, number: int) -> bool:
        """Return whether the RUN fails if a command of the script does."""
        command = self.script.commands[number]
        host = None if command.host is None else self.script.commands[command.host]
        around = () if host is None else (*host.inside, "script")
        if self._tricky or number not in self._failing or command.inside != around or command.operator in PIPES:
            return False
        if not _MAY_NOT_RUN.isdisjoint(command.via):
            return False
        return host is None or (_runs_what_it_is_given(host) and self.fails(command.host or 0))

    def must_succeed(self, number: int) -> bool:
        """Return whether the RUN succeeds only if a command of the script runs and succeeds."""
        command = self.script.commands[number]
        if not command.always or number in self._after_an_end or not self.fails(number):
            return False
        if command.operator == "&&" and number not in self._needed:
            return False
        return command.host is None or self.must_succeed(command.host)


@of_the_last
def _flow(script: Script) -> _Flow:
    """Return that of a script: rules ask for one command of it after the other."""
    return _Flow(script)


def _after_an_end(commands: tuple[Command, ...]) -> set[int]:
    """Return the commands behind one that may end their script with success: ``exit 0``, ``exec x``, ``return``."""
    homes: list[int | None] = []  # the shell that reads the script of each command
    ended: set[int | None] = set()
    found: set[int] = set()
    for number, command in enumerate(commands):
        host, own = None if command.host is None else commands[command.host], command.via
        if host is not None and command.inside.count("script") > host.inside.count("script"):
            home, own = command.host, command.via[len(host.via) :]
        else:
            home = None if command.host is None else homes[command.host]
        homes.append(home)
        if home in ended:
            found.add(number)
        replaced = "exec" in own or (command.name == "exec" and len(command.words) > 1)
        if replaced or command.name == "return" or (command.name == "exit" and not _fails_itself(command)):
            ended.add(home)
    return found


def _fails_itself(command: Command) -> bool:
    """Return whether a command certainly fails, behind one that failed: ``false``, ``exit`` with no status or one other
    than 0. In parentheses, ``exit`` would not end the script, and ``!`` turns its status."""
    if command.via or (command.operator == "||" and not _plainly_inside(command)):
        return False
    if command.name == "false":
        return True
    status = (command.arguments or ["" if command.operator == "||" else "0"])[0]
    literal = status.isdecimal() and status.isascii() and len(status) <= 3 and int(status) % 256 != 0
    return command.name == "exit" and (literal or (command.operator == "||" and status in ("", "$?")))


def _plainly_inside(command: Command) -> bool:
    """Return whether there is nothing around a command, in the shell that runs it, but braces."""
    own: list[str] = []
    for construct in reversed(command.inside):
        if construct == "script":
            break
        own.append(construct)
    return set(own) <= {"group"}


def _exits_on_errors(shell: Command) -> bool:
    """Return whether a shell that gets a script is called with ``-e``."""
    return shell.name in SHELLS and ShellArguments(shell).errexit


def _runs_what_it_is_given(shell: Command) -> bool:
    """Return whether a shell runs its script (``-n`` would only parse it), and is one that is known (not ``su``'s)."""
    given = ShellArguments(shell)
    plain = given.letters <= _SHELL_LETTERS and given.settings <= _SHELL_SETTINGS
    return shell.name in SHELLS and plain and _SHELL_NAMES.issuperset(given.others)


def fails_the_run(command: Command, script: Script) -> bool:
    """Return whether the RUN fails if this command does: no construct around it or command after it continues.

    ``command`` is one of those of the script itself, not a copy.
    """
    flow = _flow(script)
    number = flow.numbers.get(id(command))
    return number is not None and flow.fails(number)


def must_succeed(command: Command, script: Script) -> bool:
    """Return whether a RUN succeeds only if a command does: it certainly runs, or what keeps it from running fails the
    RUN as it would.

    ``command`` is one of those of the script itself, not a copy.
    """
    flow = _flow(script)
    number = flow.numbers.get(id(command))
    return script.certain and number is not None and flow.must_succeed(number)


def named_later(run: Run, stage: Stage, folders: Iterable[str]) -> bool:
    """Return whether something may depend on what a RUN leaves in one of the folders, or in any cache: a mount of the
    RUN itself, a COPY from its stage, or a later RUN whose mounts or commands (other than ``rm -f``) name it."""
    wanted = ("cache", *folders)
    mounts = [mount.target for mount in run.mounts]
    if any(word in text for text in (*mounts, *stage.taken) for word in wanted):
        return True

    def names(one: Run) -> bool:
        return any(word in text for text in _named(one) for word in wanted)

    return stage.order.followed(run, stage, ("names", wanted), names)


def _named(run: Run) -> list[str]:
    """Return the mounts and arguments of a RUN that may name existing files."""
    texts = [mount.target for mount in run.mounts]
    if run.script is None or not run.script.certain:
        texts.append(run.instruction.args.value)
    for command in run.commands:
        texts += [word for word in command.arguments if "/" in word and word[:1] != "-" and not command.forced]
    return texts


def counts_on_the_cache(run: Run, stage: Stage, call: Call) -> bool:
    """Return whether the RUN of a call, or a later one, uses the cache of the manager (``dnf -C``, ``uv --offline``) or
    would have to rebuild packages without it."""
    manager, name = call.manager, call.command.name

    def asks(one: Run) -> bool:
        return _asks_for_the_cache(one, manager, name)

    def cleans(one: Run) -> bool:
        return any(other.manager is manager and other.action == "clean" for other in one.calls)

    def again(one: Run) -> bool:
        return any(other.manager is manager for other in one.calls)

    def removes(one: Run) -> bool:
        return any(other.action == "remove" and other.manager.system for other in one.calls)

    def later(what: str, holds: Callable[[Run], bool]) -> bool:
        return stage.order.followed(run, stage, (what, manager.name, name), holds)

    if asks(run) or later("asks", asks) or later("cleans", cleans):
        return True
    return (removes(run) or later("removes", removes)) and later("again", again)


def _asks_for_the_cache(run: Run, manager: Manager, name: str) -> bool:
    if not set(manager.keeping).isdisjoint(run.environment):
        return True
    for command in (command for command in run.commands if command.name == name):
        if not set(manager.keeping).isdisjoint(command.variables):
            return True
        options = [word for word in command.arguments if word[:1] == "-"]
        if any(option.partition("=")[0] in manager.keeping for option in options):
            return True
        if any(option[1:2] != "-" and letter in option for option in options for letter in manager.keeping_letters):
            return True
    return False


def lists_are_missed(run: Run, stage: Stage, manager: Manager) -> bool:
    """Return whether a later RUN may depend on the package lists that a RUN leaves."""
    return stage.order.followed(run, stage, ("lists", manager.name), lambda later: not fetches_its_own(later, manager))


def fetches_its_own(run: Run, manager: Manager) -> bool:
    """Return whether a RUN certainly works without the package lists of an earlier one: it installs nothing with the
    manager or updates first, and runs no unknown command that might install something."""
    if run.script is None or not run.script.certain or run.script.defines:
        return False
    calls = {call.command.start: call for call in run.calls}
    sure = run.mounted(manager.lists)
    chained = False
    for command in run.script.commands:
        call = calls.get(command.start)
        chained = chained and command.operator == "&&"
        if call and call.manager is manager and call.action == "update" and not command.inside and not _narrowed(call):
            sure = sure or command.operator in _IN_TURN
            chained = chained or command.operator == "&&"
        elif sure or chained:
            continue
        elif not _is_plain(command, call, manager):
            return False
    return True


def _narrowed(call: Call) -> bool:
    """Return whether an update may fetch only some lists (``-o Dir::Etc::sourcelist=…``), or into another root
    (``chroot``)."""
    elsewhere = call.opaque or call.command.via not in ((), ("sudo",))
    return elsewhere or any(option[:2] == "-o" or option.startswith("--option") for option in call.options)


def _is_plain(command: Command, call: Call | None, manager: Manager) -> bool:
    """Return whether a command is known not to need the package lists."""
    if not command.words:
        return True
    if call:
        return not call.manager.system or call.action in ("remove", "clean")
    if command.name == "find" and any(word.startswith(("-exec", "-ok")) for word in command.arguments):
        return False
    if not command.forced and any(folder in word for word in command.arguments for folder in manager.lists):
        return False
    word = command.words[0]
    return word.known and word.value in (command.name, f"/bin/{command.name}", f"/usr/bin/{command.name}") and (
        does(command, "plain") or does(command, "check") or does(command, "download")
    )  # fmt: skip
