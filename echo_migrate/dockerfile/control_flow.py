"""Control flow: whether a command is certain to run, whether its failure fails the script, and whether later RUNs
depend on what an earlier one leaves. Every safe fix in a RUN relies on these; if the answer is not certain, it is the
one that allows no fix.
"""

from collections.abc import Callable, Iterable
from itertools import takewhile

from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import SHELLS, Command, Script, handed
from echo_migrate.shell.package_managers import Call, Manager, does

_ENDING = frozenset((".", "eval", "exec", "exit", "return", "source"))
_IN_TURN = frozenset(("", ";", "\n"))


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
    return script.defines or any(command.name in (".", "eval", "source", "trap") for command in script.commands)


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


def fails_the_run(command: Command, script: Script) -> bool:
    """Return whether the RUN fails if this command does: no construct around it or command after it continues.

    ``set -e`` applies only to the last command of an ``&&`` list (POSIX, Shell Command Language, set -e). A command
    that is passed to a shell (``sh -c``) fails that shell, which must fail the RUN.
    """
    host = None if command.host is None else script.commands[command.host]
    around = () if host is None else (*host.inside, "script")
    if command.inside != around or command.operator in ("|", "|&") or script.background or _is_tricky(script):
        return False
    if host is not None and (not fails_the_run(host, script) or _is_lenient(host)):
        return False
    commands = [one for one in script.commands if one.host == command.host]
    errexit = script.errexit if host is None else _exits_on_errors(host)
    if command not in commands:
        return False
    for number, one in enumerate(commands[commands.index(command) + 1 :]):
        if one.operator == "||":
            return one.name == "false" or (one.name == "exit" and one.arguments[:1] != ["0"])
        if one.operator != "&&":
            return errexit and number == 0 and one.operator in _IN_TURN
    return True


def _exits_on_errors(shell: Command) -> bool:
    """Return whether a shell that gets a script is called with ``-e``."""
    options = takewhile(lambda word: word[:1] == "-", shell.arguments)
    return shell.name in SHELLS and any("e" in word for word in options if word[:2] != "--")


_LENIENT = lazy_regex(r"(?<!&)&(?!&)|\(\s*\)|\b(?:function|trap)\s|\bset\s+\+")


def _is_lenient(shell: Command) -> bool:
    """Return whether a script that is passed to a shell may go on after an error: it runs something in the background,
    defines functions or a trap, or switches ``-e`` off."""
    script = handed(shell)
    return script is not None and _LENIENT.search(script.value) is not None


def must_succeed(command: Command, script: Script) -> bool:
    """Return whether a RUN succeeds only if a command does: it runs if all before it succeed, and fails the RUN."""
    if not script.certain or not fails_the_run(command, script):
        return False
    each: Command | None = command
    while each is not None:
        if not each.always or _may_be_left_out(each, script):
            return False
        each = None if each.host is None else script.commands[each.host]
    return True


def _may_be_left_out(command: Command, script: Script) -> bool:
    """Return whether a script may succeed without it: it has ended before, or goes on after a failure on the left of
    the ``&&`` before it."""
    beside = [one for one in script.commands if one.host == command.host]
    place = beside.index(command)
    ended = any(one.name in ("exec", "return") or "exec" in one.via or _succeeds(one) for one in beside[:place])
    skipped = command.operator == "&&" and any(one.operator in _IN_TURN for one in beside[place + 1 :])
    return ended or skipped


def _succeeds(command: Command) -> bool:
    """Return whether a command may end its script without an error."""
    return command.name == "exit" and command.arguments[:1] in ([], ["0"])


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
