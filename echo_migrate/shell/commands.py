"""The commands of a shell script, as words that know where they were written.

What is read is the text as a shell gets it, so that a Dockerfile's continuations and comments are gone already. Words
of ``sudo``, ``env``, ``xargs`` and their like, and scripts behind ``sh -c``, are read as the commands they run.
"""

from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced

SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))

BUILT_IN = frozenset(
    (
        *(":", ".", "[", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit"),
        *("export", "false", "fg", "getopts", "hash", "jobs", "local", "read", "readonly", "return", "set"),
        *("shift", "source", "test", "times", "trap", "true", "type", "ulimit", "umask", "unset", "wait"),
        *("echo", "kill", "printf", "pwd"),
    )
)
"""What a POSIX shell or bash runs itself, without a program (POSIX.1-2017, 1.6 Built-In Utilities; bash(1))."""

WRAPPERS: dict[str, tuple[str, int]] = {
    "sudo": ("CDRTUghprtu", 0),
    "doas": ("Cu", 0),
    "env": ("CSu", 0),
    "xargs": ("EILPadns", 0),
    "timeout": ("ks", 1),
    "nice": ("n", 0),
    "ionice": ("cn", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "time": ("fo", 0),
    "exec": ("a", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "eatmydata": ("", 0),
    "chroot": ("", 1),
    "gosu": ("", 1),
    "su-exec": ("", 1),
    "stdbuf": ("eio", 0),
    "retry": ("dtu", 0),
}
"""Commands that run the command behind them: their short options with a value, and how many words of their own come
first (their manual pages; sudo 1.9, GNU coreutils 9, findutils 4.9)."""

_ALWAYS = frozenset(("group", "script", "subshell"))
"""Constructs around a command that always runs."""

_ASSIGNMENT = lazy_regex(r"[A-Za-z_]\w*=")


class Word(NamedTuple):
    """A word with its quotes and escapes taken away; what expands stands as written, and is not ``known``.

    ``start`` and ``end`` are where the whole word stands in the source, quotes included.
    """

    text: Traced
    known: bool
    start: int
    end: int

    @property
    def value(self) -> str:
        return self.text.value

    @property
    def quoted(self) -> bool:
        """Whether it begins with a quote, so that it stays one word whatever it expands to."""
        return not self.text.spans or self.start < self.text.start


class Redirect(NamedTuple):
    """A redirection: ``>``, ``>>``, ``<``, ``2>`` … and the file."""

    operator: str
    target: Word


class Command(NamedTuple):
    """A simple command; ``words`` begin with its name and are empty where variables are only assigned.

    ``name`` is what is run, without its folder. ``operator`` joins it to what stands before it ("" for the first).
    ``inside`` are the constructs around it, from the outermost (if, for, while, case, function, subshell, substitution,
    script). ``via`` are the wrappers that run it. ``host`` is the number of the command in whose words it is
    substituted. ``editable`` says that words can be inserted behind its words as they stand.
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

    @property
    def always(self) -> bool:
        """Whether it runs wherever its script gets to: neither a construct around it nor ``||`` decides that."""
        return self.operator != "||" and _ALWAYS.issuperset(self.inside)

    @property
    def arguments(self) -> list[str]:
        """The words behind the name."""
        return [word.text.value for word in self.words[1:]]


class Script(NamedTuple):
    """The commands of a script in their order.

    ``certain`` is False where the grammar did not understand all of it. ``errexit`` says that the first failure ends
    it (``set -e``). ``tail`` is where ``&& command`` can be appended to a last command that is a simple
    one, None if nowhere. ``background`` says that some command is not waited for (``&``), ``defines`` that it has
    functions.
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
) -> Command:
    """Return the command that words are, without the wrappers that run it."""
    via: tuple[str, ...] = ()
    name = words[0].text.value.rpartition("/")[2] if words else ""
    if name in WRAPPERS:
        words, via, assignments = _unwrapped(words, assignments)
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
    )


def _unwrapped(
    words: tuple[Word, ...], assignments: tuple[tuple[str, Word], ...]
) -> tuple[tuple[Word, ...], tuple[str, ...], tuple[tuple[str, Word], ...]]:
    """Return the words of the command that ``sudo``, ``env`` and their like run, what runs it, and its variables."""
    via: tuple[str, ...] = ()
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
                return words, via, assignments  # it only tells where a command is
            if value.startswith("-") and len(value) > 1:
                i += 2 if not value.startswith("--") and value[-1] in valued else 1
            elif _ASSIGNMENT.match(value):
                given = (*given, _pair(words[i]))
                i += 1
            elif own:
                own -= 1
                i += 1
            else:
                break
        if i >= len(words):
            break
        other = wrapper == "sudo" and any(word.value.startswith(("-u", "--user")) for word in words[1:i])
        words, via, assignments = words[i:], (*via, "sudo -u" if other else wrapper), given
    return words, via, assignments


def _pair(word: Word) -> tuple[str, Word]:
    """``name=value`` as name and value."""
    name, _, value = word.value.partition("=")
    text = word.text.cut(len(name) + 1, len(word.value)) if word.text.spans else Traced(value, ())
    return name, word._replace(text=text)


def sets_errexit(command: Command) -> bool:
    """Return whether a ``set`` makes the first failure end the script."""
    words = command.arguments[: command.arguments.index("--")] if "--" in command.arguments else command.arguments
    return any(
        (word.startswith("-") and not word.startswith("--") and "e" in word)
        or (word == "errexit" and words[max(0, i - 1)].startswith("-"))
        for i, word in enumerate(words)
    )
