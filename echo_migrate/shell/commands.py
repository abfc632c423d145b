"""The commands of a shell script, as words with source positions.

The input is the text that the shell receives: Dockerfile line continuations and comments are already removed. Wrappers
such as ``sudo``, ``env`` and ``xargs``, and scripts after ``sh -c``, are read as the commands they run.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell.wrappers import LOGIN_PLACES, LONG_VALUED, WRAPPERS, Account, account_by, account_with

SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))
MAKES = frozenset(("gmake", "make"))

BUILT_IN = frozenset(
    (
        *(":", ".", "[", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit"),
        *("export", "false", "fg", "getopts", "hash", "jobs", "local", "read", "readonly", "return", "set"),
        *("shift", "source", "test", "times", "trap", "true", "type", "ulimit", "umask", "unset", "wait"),
        *("echo", "kill", "printf", "pwd"),
    )
)
"""Commands that a POSIX shell or bash runs without an external program (POSIX.1-2017, 1.6 Built-In Utilities;
bash(1))."""

_ALWAYS = frozenset(("group", "script", "subshell"))
"""Constructs that always run the commands inside them."""

_ASSIGNMENT = lazy_regex(r"[A-Za-z_]\w*=")
_SHELL_FILES = frozenset(("init-file", "rcfile"))
"""Long options of bash whose value is the next word."""
_SHELL_LONG = _SHELL_FILES | {
    *("debugger", "dump-strings", "login", "noediting", "noprofile", "norc", "posix", "restricted", "verbose")
}
"""Long options of bash, which it also takes with one dash."""
INPUTS = frozenset(("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"))


class Word(NamedTuple):
    """A word without its quotes and escapes. Expansions are kept as written, and make the word not ``known``.

    ``start`` and ``end`` are the source offsets of the whole word, quotes included. ``whole`` is false if it is written
    in several pieces (``a"b"``, escapes).
    """

    text: Traced
    known: bool
    start: int
    end: int
    whole: bool = True

    @property
    def value(self) -> str:
        return self.text.value

    @property
    def quoted(self) -> bool:
        """Whether the word begins with a quote, so that it remains one word after expansion."""
        return not self.text.spans or self.start < self.text.start

    @property
    def verbatim(self) -> bool:
        """Whether it stands in the source as it is read between its quotes, so that an edit of it is one of the
        source."""
        return self.whole and bool(self.text.spans) and self.text.end == self.end - 1


made_word: Callable[[tuple[Traced, bool, int, int, bool]], Word] = partial(tuple.__new__, Word)
"""Makes a word of the tuple of its fields, as ``traced`` does."""


class Redirect(NamedTuple):
    """A redirection: the operator (``>``, ``>>``, ``<``, ``2>`` …) and its target file."""

    operator: str
    target: Word


class Command(NamedTuple):
    """A simple command. ``words`` begins with its name, and is empty for a bare variable assignment.

    ``name`` is the program without its directory. ``operator`` joins the command to the preceding one ("" for the
    first). ``inside`` lists the enclosing constructs, outermost first (if, for, while, case, function, subshell,
    substitution, script). ``via`` lists the wrappers that run it, and ``by`` is whose registry logins it reads, as far
    as these tell. ``host`` is the index of the command whose words contain its substitution. ``editable`` is true if
    words can be inserted after its words verbatim. ``exported`` are the variables that commands before it export, the
    last value of each last. ``shell`` is the name of the shell that expands its words, "" for none; that of ``su`` is
    not known. ``fed`` is true if something is piped or redirected to its input, or to that of a construct or shell
    around it. ``then`` are the operators of the statements behind it that are no commands (``[ -d x ]``, ``unset x``,
    ``> x``).
    """

    name: str
    words: tuple[Word, ...]
    operator: str
    inside: tuple[str, ...]
    via: tuple[str, ...]
    assignments: tuple[tuple[str, Word], ...]
    redirects: tuple[Redirect, ...]
    host: int | None
    start: int
    end: int
    editable: bool = True
    exported: tuple[tuple[str, Word], ...] = ()
    shell: str = "sh"
    fed: bool = False
    then: tuple[str, ...] = ()
    by: Account = ""

    @property
    def account(self) -> Account:
        """Whose registry logins it reads and writes."""
        return "unsure" if any(name in LOGIN_PLACES for name, _ in self.assignments) else self.by

    @property
    def variables(self) -> dict[str, str]:
        """The variables that the script sets for it, with their values as written."""
        return {name: word.value for name, word in (*self.exported, *self.assignments)}

    @property
    def always(self) -> bool:
        """Whether it runs whenever the script reaches it: neither an enclosing construct nor ``||`` makes it
        conditional."""
        return self.operator != "||" and _ALWAYS.issuperset(self.inside)

    @property
    def forced(self) -> bool:
        """Whether it is an ``rm -f``, which does not fail if a file is missing."""
        return self.name == "rm" and any("f" in word for word in self.arguments if word[:1] == "-")

    @property
    def without_options(self) -> str:
        """Its words that are no options, as one text."""
        return " ".join([word.text.value for word in self.words if word.text.value[:1] != "-"])

    @property
    def arguments(self) -> list[str]:
        """The words after the name."""
        return [word.text.value for word in self.words[1:]]


class Script(NamedTuple):
    """The commands of a script, in source order.

    ``certain`` is False if the grammar could not parse all of it. ``errexit`` is true if the first failure ends the
    script (``set -e``). ``tail`` is the offset at which ``&& command`` can be appended to the last command, or None if
    that command is not a simple one. ``background`` is true if a command runs in the background (``&``), and
    ``defines`` if the script defines functions, be it in a script that it passes to a shell.
    """

    commands: tuple[Command, ...]
    certain: bool
    errexit: bool
    tail: int | None
    background: bool = False
    defines: bool = False


NOTHING = Script((), True, False, None)
UNREADABLE = Script((), False, False, None)


def simple(
    words: tuple[Word, ...],
    operator: str,
    inside: tuple[str, ...],
    assignments: tuple[tuple[str, Word], ...],
    redirects: tuple[Redirect, ...],
    host: int | None,
    start: int,
    end: int,
    exported: tuple[tuple[str, Word], ...] = (),
    shell: str = "sh",
) -> Command:
    """Return the command made of the words, with any wrappers moved from its words to ``via``."""
    via: tuple[str, ...] = ()
    by: Account = ""
    name = words[0].text.value.rpartition("/")[2] if words else ""
    if name in WRAPPERS:
        words, via, assignments, by = _unwrapped(words, assignments)
        name = words[0].text.value.rpartition("/")[2]
    return Command(
        name=name,
        words=words,
        operator=operator,
        inside=inside,
        via=via,
        assignments=assignments,
        redirects=redirects,
        host=host,
        start=start,
        end=end,
        exported=exported,
        shell=shell,
        by=by,
    )


def _unwrapped(
    words: tuple[Word, ...], assignments: tuple[tuple[str, Word], ...]
) -> tuple[tuple[Word, ...], tuple[str, ...], tuple[tuple[str, Word], ...], Account]:
    """Return the words of the command that wrappers such as ``sudo`` and ``env`` run, those wrappers, its variables,
    and whose logins it reads."""
    via: tuple[str, ...] = ()
    by: Account = ""
    while (wrapper := words[0].value.rpartition("/")[2]) in WRAPPERS:
        valued, own = WRAPPERS[wrapper]
        given = assignments
        i = 1
        while i < len(words):
            value = words[i].value
            if value == "--":
                i += 1
                break
            if wrapper == "command" and value in ("-v", "-V"):
                return words, via, assignments, by  # it only looks the command up
            if value.startswith("-") and len(value) > 1:
                i += 2 if value in LONG_VALUED or (value[:2] != "--" and _waits(value, valued)) else 1
            elif _ASSIGNMENT.match(value):
                given = (*given, pair(words[i]))
                i += 1
            elif own:
                own -= 1
                i += 1
            else:
                break
        if i >= len(words):
            break
        other = wrapper == "sudo" and any(word.value.startswith(("-u", "--user")) for word in words[1:i])
        by = account_with(by, account_by(wrapper, [word.value for word in words[1:i]]))
        words, via, assignments = words[i:], (*via, "sudo -u" if other else wrapper), given
    return words, via, assignments, by


def _waits(option: str, valued: str) -> bool:
    """Return whether the value of a short option is the next word: that of ``-uroot`` is not."""
    return option[-1] in valued and not any(letter in valued for letter in option[1:-1])


def pair(word: Word) -> tuple[str, Word]:
    """Split a ``name=value`` word into its name and value."""
    name, _, value = word.value.partition("=")
    text = word.text.cut(len(name) + 1, len(word.value)) if word.text.spans else Traced(value, ())
    return name, word._replace(text=text)


def sets_errexit(command: Command) -> bool:
    """Return whether a ``set`` command enables ``errexit`` (``-e``)."""
    words = command.arguments[: command.arguments.index("--")] if "--" in command.arguments else command.arguments
    return any(
        (word.startswith("-") and not word.startswith("--") and "e" in word)
        or (word == "errexit" and words[max(0, i - 1)].startswith("-"))
        for i, word in enumerate(words)
    )


class ShellArguments:
    """The arguments of a shell, as bash(1) and dash(1) read them: the ``letters`` of its options after ``-``, the
    ``settings`` that ``-o`` names, its ``others`` (``+x``, ``--posix``), and ``operands``, the words that are no
    options. Each ``o`` takes a word (``-euo pipefail``), and ``-c`` takes the first operand, not the word behind it."""

    def __init__(self, command: Command) -> None:
        letters: set[str] = set()
        settings: set[str] = set()
        others: list[str] = []
        words = command.words
        i = 1
        while i < len(words):
            option = words[i].value
            if option in ("-", "--"):
                i += 1
                break
            if option[:1] not in ("-", "+"):
                break
            long = option[2:] if option[:2] == "--" else option[1:] if option[1:] in _SHELL_LONG else ""
            taking = long in _SHELL_FILES if long else option.count("o") + option.count("O")
            if long or option[:1] == "+":
                others.append(f"--{long}" if long else option)
            else:
                letters.update(option[1:])
                settings.update(word.value for word in words[i + 1 : i + 1 + taking])
            i += 1 + taking
        self.letters, self.settings = letters, settings
        self.others, self.operands = others, words[i:]

    @property
    def errexit(self) -> bool:
        """Whether the shell ends at the first failure (``-e``), and nothing among its options may undo that."""
        undone = any(one[:1] == "+" and not {"e", "o"}.isdisjoint(one) for one in self.others)
        return not undone and ("e" in self.letters or "errexit" in self.settings)


def as_command(words: Iterable[str]) -> Command:
    """Return the command of words that stand in no text: those of a SHELL, or of an image's entrypoint."""
    return simple(tuple(Word(Traced(word, ()), True, 0, 0) for word in words), "", (), (), (), None, 0, 0)


def undoes_errexit(command: Command) -> bool:
    """Return whether a command may turn ``-e`` off: ``set +e``, ``shopt -uo errexit``."""
    return command.name == "shopt" or (command.name == "set" and any(word[:1] == "+" for word in command.arguments))


def reads_input(command: Command) -> bool:
    """Return whether a command is a shell that reads its script from standard input (``bash -ex <<EOF``, ``su -``)."""
    if command.name == "su":
        options = [word for word in command.arguments if word[:1] == "-"]
        return not any(("c" in one and one[:2] != "--") or one.startswith("--command") for one in options)
    if command.name not in SHELLS:
        return False
    given = ShellArguments(command)
    own = not given.operands or given.operands[0].value in INPUTS or "s" in given.letters
    return own and "c" not in given.letters


def reads_a_pipe(command: Command) -> bool:
    """Return whether a command is a shell that reads its script from the command before it in a pipe."""
    return command.operator in ("|", "|&") and reads_input(command)


def reader_of(commands: list[Command], number: int | None) -> int | None:
    """Return the index of the shell that reads a heredoc of a command as its script: itself, or one behind it in its
    pipe if all before that only pass the heredoc on (``cat <<EOF | tee x | bash``)."""
    if number is None or reads_input(commands[number]):
        return number
    for at in range(number, len(commands) - 1):
        if not _passes_on(commands[at]) or commands[at + 1].operator not in ("|", "|&"):
            return None
        if reads_input(commands[at + 1]):
            return at + 1
    return None


def _passes_on(command: Command) -> bool:
    """Return whether a command prints its input as it is: ``cat``, and ``tee FILE``."""
    own = [word for word in command.arguments if word != "-"]
    return not command.redirects and (command.name == "tee" or (command.name == "cat" and not own))


def printed_by(command: Command) -> Traced | None:
    """Return the text that an ``echo`` of one word prints, or None if that is not known."""
    known = command.name == "echo" and len(command.words) == 2 and command.words[1].known
    return command.words[1].text if known and command.words[1].value[:1] != "-" and not command.redirects else None


def handed(command: Command) -> Word | None:
    """Return the word with the script that ``sh -c``, ``bash -lc``, ``su -c`` or ``eval`` passes to a shell, or
    None."""
    name = command.name
    if name == "eval" and len(command.words) == 2:
        return command.words[1]
    if name in SHELLS:
        given = ShellArguments(command)
        return given.operands[0] if given.operands and "c" in given.letters else None
    if name in ("runuser", "su"):
        for option, word in zip(command.words[1:], (*command.words[2:], command.words[0]), strict=False):
            if option.value.startswith("--command="):
                return pair(option)[1]
            if option.value[:1] == "-" and option.value[:2] != "--" and option.value.endswith("c"):
                return word
    return None


def within(script: Script, command: Command, number: int, editable: bool) -> Script:
    """Return a script as one that a command, the ``number``-th of the enclosing script, passes to a shell."""
    by = account_with(command.by, account_by(command.name, ()))
    return script._replace(
        commands=tuple(
            [
                one._replace(
                    inside=(*command.inside, "script", *one.inside),
                    via=(*command.via, *one.via),
                    host=number if one.host is None else one.host + number + 1,
                    editable=one.editable and editable,
                    fed=one.fed or command.fed,
                    by=account_with(by, one.by),
                    exported=(*command.exported, *command.assignments, *one.exported),
                )
                for one in script.commands
            ]
        )
    )
