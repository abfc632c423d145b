"""Package manager commands: the manager, the action (install, remove …) and the words that are packages.

The managers are defined in ``mappings/commands.yaml``.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command, Word

MOST_LISTED = 5
LONGEST_LISTED = 60
"""The length in characters up to which more than one package is listed."""
LONGEST_LIST = 4_000
"""The maximum length in characters of a variable that is read as a list of packages."""
ACTIONS = ("other", "run", "clean", "remove", "upgrade", "update", "install")
_CREDENTIALS = lazy_regex(r"(?<=://)[^/]*@|\?.*")
_NAME = lazy_regex(r"[\w.+*/@~${}-]+?(?=(?:[=<>~!\[]|:\w+$|@(?!/)|$))")
_BEHIND_A_NAME = "0123456789h"
"""The last characters of what may follow the name of a program: a version, or .sh."""

_OPEN = frozenset("*[")
"""Characters of which the pattern of a package's name has one."""

_ASKING = frozenset(("--version", "-V", "--help"))
_OPTIONS = lazy_regex(r"(?i)\$\{?\w*(?:arg|extra|flag|opt|param)")
"""A variable whose name suggests that it holds options; any other is assumed to hold packages."""
_VARIABLE = lazy_regex(r"\$\{?(\w+)\}?")


class Development:
    """How to leave out development dependencies: options, environment variables, words of a configuration file.
    ``manifest`` is the name of the file that declares them, and ``declares`` the words of which it then has one.
    ``later`` is the same of later major versions, which have another command: it is to be used instead. ``again`` are
    the commands that install them once more, and what to write then."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.unless: frozenset[str] = frozenset(row["unless"])
        self.environment: dict[str, str] = row.get("environment", {})
        self.settings: tuple[str, ...] = tuple(row.get("settings", ()))
        self.write: str = row["write"]
        self.manifest: str = row["manifest"]
        self.declares: tuple[str, ...] = tuple(row["declares"])
        self.later: dict[str, Any] = row.get("later", {})
        self.again: dict[str, Any] = row.get("again", {})


class Manager:
    """A package manager as defined in ``mappings/commands.yaml``. ``dashed`` tells that it has long options with one
    dash (``-tags``), and so no joined short ones, ``whole`` that an install needs the upgrade of all packages."""

    name: str
    system: bool
    actions: dict[str, str]
    valued: frozenset[str]
    answers: tuple[str, ...]
    letters: str
    cached: tuple[str, ...]
    moved: tuple[str, ...]
    recommended: tuple[str, ...]
    companions: dict[str, list[str]]
    brought: dict[str, list[str]]
    alone: frozenset[str]
    caches: tuple[str, ...]
    kept: tuple[str, ...]
    lists: tuple[str, ...]
    emptied: frozenset[str]
    environment: tuple[str, ...]
    settings: tuple[str, ...]
    pinned: str
    elsewhere: frozenset[str]
    old: tuple[str, ...]
    keeping: tuple[str, ...]
    keeping_letters: str
    dry: tuple[str, ...]
    cleaning: str
    families: frozenset[str]
    answering: tuple[str, ...]
    assumes: bool
    groups: frozenset[str]
    unnamed: frozenset[str]
    uncached: frozenset[str]
    copying: tuple[str, ...]
    ends: str
    dashed: bool
    whole: bool
    needs: dict[str, list[str]]
    development: Development | None

    def __init__(self, name: str, system: bool, row: dict[str, Any]) -> None:
        self.name = name
        self.system = system
        self.actions = {word: action for action in ACTIONS for word in row.get(action, ())}
        self.valued = frozenset(row.get("valued", ()))
        self.answers = tuple(row.get("answer", ()))
        self.letters = row.get("letters", "")
        self.cached = tuple(row.get("cached", ()))
        self.moved = tuple(row.get("moved", ()))
        self.recommended = tuple(row.get("recommended", ()))
        self.companions = row.get("companions", {})
        self.brought = row.get("brought", {})
        self.alone = frozenset(row.get("alone", ()))
        self.caches = tuple(row.get("caches", ()))
        self.kept = tuple(row.get("kept", ()))
        self.lists = tuple(row.get("lists", ()))
        self.emptied = frozenset(row.get("emptied", ()))
        self.environment = tuple(row.get("environment", ()))
        self.settings = tuple(row.get("settings", ()))
        self.pinned = row.get("pinned", "")
        self.elsewhere = frozenset(row.get("from", ()))
        self.old = tuple(row.get("old", ()))
        self.keeping = tuple(row.get("keeping", ()))
        self.keeping_letters = row.get("keeping letters", "")
        self.dry = tuple(row.get("dry", ()))
        self.cleaning = row.get("cleaning", "")
        self.families = frozenset(row.get("families", ()))
        self.answering = tuple(row.get("answering", ()))
        self.assumes = row.get("assumes", False)
        self.groups = frozenset(row.get("groups", ()))
        self.unnamed = frozenset(row.get("unnamed", ()))
        self.uncached = frozenset(row.get("uncached", ()))
        self.copying = tuple(row.get("copying", ()))
        self.ends = row.get("ends", "")
        self.whole = row.get("whole", False)
        self.dashed = any(
            len(option) > 3 and option[0] == "-" and "-" not in option[1:4]
            for option in (*row.get("valued", ()), *row.get("from", ()))
        )
        self.needs = row.get("needs", {})
        self.development = Development(row["development"]) if "development" in row else None

    def short(self, option: str) -> list[str]:
        """Return the short options in a word, up to one that takes a value: ``-y`` and ``-t`` of ``-yt sid``."""
        if option[:1] != "-" or option[1:2] == "-" or self.dashed:
            return []
        letters = [f"-{letter}" for letter in option[1:]]
        ends = next((i for i, one in enumerate(letters, 1) if one in self.valued), len(letters))
        return letters[:ends]

    def valued_in(self, option: str) -> tuple[str, str | None]:
        """Return the option of a word that takes a value ("" for none), and the value, None if it is the next word."""
        name, equals, value = option.partition("=")
        if name in self.valued:
            return name, value if equals else None
        short = self.short(option)
        if not short or short[-1] not in self.valued:
            return "", ""
        return short[-1], option[len(short) + 1 :] or None


class Call(NamedTuple):
    """A command that calls a package manager.

    ``verb`` is the word after which options are inserted, the last one of ``subcommand`` (``group install``). ``group``
    is the name given to the installed packages by ``apk add --virtual``. ``opaque``: some options are not known.
    """

    manager: Manager
    action: str
    verb: Word
    packages: tuple[Word, ...]
    options: tuple[str, ...]
    group: str
    opaque: bool
    command: Command
    subcommand: str = ""

    @property
    def unnamed(self) -> bool:
        """Whether its words are not the packages that it installs, but what these are needed for."""
        return self.subcommand in self.manager.unnamed

    @property
    def called(self) -> str:
        """The name of its command, which for some managers is one of several (``mamba``)."""
        name, known = self.command.name, data().managers
        if self.manager.system or known.get(name) is self.manager:
            return name
        first, space, rest = self.manager.name.partition(" ")
        return f"{name if space and name in known else first}{space}{rest}"

    @property
    def shown(self) -> str:
        """The name of the call in messages."""
        name = self.called
        return name if self.verb is self.command.words[0] else f"{name} {self.subcommand or self.verb.value}"

    def versioned(self) -> bool:
        """Return whether an option has the versions, or the file with them, also joined to its value (``-v1.2``)."""
        given = {name for one in self.options for name in (*self.manager.short(one), one.partition("=")[0])}
        return not self.manager.elsewhere.isdisjoint(given)

    def has(self, options: Iterable[str], letters: str = "") -> bool:
        """Return whether one of the options is given, also as ``--option=value`` or in a group of short options."""
        if not self.options:
            return False
        wanted = tuple(options)
        within = [word for word in wanted if not word.startswith("-")]
        return any(
            option in wanted
            or option.partition("=")[0] in wanted
            or (within and any(word in option for word in within))
            or (letters and option[:1] == "-" and option[1:2] != "-" and any(letter in option for letter in letters))
            for option in self.options
        )


class Data:
    """All managers by the words that call them, what is known of packages, and commands by kind."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.managers = {
            words: manager
            for kind in ("system", "language")
            for name, row in raw[kind].items()
            for manager in (Manager(name, kind == "system", row),)
            for words in row["commands"]
        }
        self.longest = max(words.count(" ") for words in self.managers) + 1
        self.heads = frozenset(words.partition(" ")[0] for words in self.managers if " " in words)
        self.purposes: dict[str, list[str]] = raw["packages"]
        self.of_one_release: list[dict[str, Any]] = raw["of one release"]
        self.compiled: dict[str, list[str]] = raw["compiled"]
        self.linked: dict[str, dict[str, str]] = raw["linked"]
        self.extras: dict[str, str] = raw["extras"]
        self.versioned: frozenset[str] = frozenset(raw["versioned"])
        self.perl_base: frozenset[str] = frozenset(raw["perl-base"])
        self.does = {kind: frozenset(names) for kind, names in raw["does"].items()}
        self.verbs = {kind: frozenset(words.partition(" ")[0] for words in names) for kind, names in self.does.items()}
        self.called = frozenset[str]().union(*self.verbs.values())


@lru_cache
def data() -> Data:
    """Return the package manager data, read once."""
    return Data(read_data("commands.yaml"))


def call(command: Command, value: Callable[[str], str | None] = lambda name: None) -> Call | None:
    """Return the package manager call of a command, or None if it makes none.

    ``value`` returns the value of a variable, which resolves the packages in ``$DEPS``.
    """
    if not command.words:
        return None
    known = data()
    head = command.name.rstrip("0123456789.") or command.name
    manager, length = known.managers.get(head), 1
    if head in known.heads:
        for count in range(2, min(known.longest, len(command.words)) + 1):
            joined = " ".join([head, *[word.value for word in command.words[1:count]]])
            if joined in known.managers:
                manager, length = known.managers[joined], count
    return _read(manager, command, command.words[length:], length, value) if manager else None


def _read(
    manager: Manager, command: Command, words: tuple[Word, ...], length: int, value: Callable[[str], str | None]
) -> Call | None:
    verb, action, group, subcommand = command.words[length - 1], manager.actions.get("*", ""), "", ""
    packages: list[Word] = []
    options: list[str] = []
    opaque = skip = False
    last = ""
    for word in words:
        text = word.value
        if skip:
            skip = False
            group = text if last in ("-t", "--virtual") else group
            options.append(text)
        elif text == manager.ends and action:
            break
        elif text.startswith("-") and len(text) > 1:
            named = not action and next((key for key in _prefixes(text) if key in manager.actions), None)
            if named and manager.actions[named]:
                action, verb = manager.actions[named], word
            options.append(text)
            last, joined = manager.valued_in(text)
            skip = joined is None
            if last in ("-t", "--virtual"):
                group = joined or ""
        elif not action and not word.known:
            opaque = True
        elif not action:
            subcommand = f"{subcommand} {text}".lstrip()
            action, verb = manager.actions.get(subcommand, ""), word
            if not action and not any(one.startswith(f"{subcommand} ") for one in manager.actions):
                return None
        elif word.known:
            packages.append(word)
        else:
            found = _variable_words(word, value)
            opaque = opaque or (found is None and bool(_OPTIONS.match(text)) and not word.quoted)
            packages += [word] if found is None else found
    if not action:
        bare = all(word.value[:1] == "-" and word.value not in _ASKING for word in words)
        action = manager.actions.get("", "") if bare else ""
    if not action:
        return None
    packages = [] if subcommand in manager.unnamed else packages
    return Call(manager, action, verb, tuple(packages), tuple(options), group, opaque, command, subcommand)


def _prefixes(option: str) -> Iterator[str]:
    """Yield an option and, for grouped short options (``-Syu``), its prefixes, longest first."""
    yield option
    if not option.startswith("--"):
        for end in range(len(option) - 1, 1, -1):
            yield option[:end]


def _variable_words(word: Word, value: Callable[[str], str | None]) -> list[Word] | None:
    match = _VARIABLE.fullmatch(word.value)
    text = value(match[1]) if match else None
    if text is None or len(text) > LONGEST_LIST or "$" in text or "`" in text:
        return None
    return [word._replace(text=word.text._replace(value=name), known=True) for name in text.split()]


def package_name(word: Word) -> str:
    """Return the name of a package without version, architecture and repository."""
    return _name_in(word.text.value)


@lru_cache(maxsize=4096)
def _name_in(text: str) -> str:
    match = None if text.startswith("git@") else _NAME.match(text)
    return match[0] if match else text


def used_for(word: Word) -> str:
    """Return the purpose of a package: "build", "shell", "network", "download", or "" for any other."""
    return _purpose(package_name(word))


@lru_cache(maxsize=4096)
def _purpose(name: str) -> str:
    return next((purpose for purpose, names, forms in _purposes() if name in names or forms.fullmatch(name)), "")


@lru_cache
def _purposes() -> list[tuple[str, frozenset[str], re.Pattern[str]]]:
    """Return the purposes of packages, with their names, and the pattern of others: one of all is slow to compile."""
    found = []
    for purpose, names in data().purposes.items():
        forms = [one for one in names if not _OPEN.isdisjoint(one)]
        written = [re.escape(one).replace(r"\*", ".*").replace(r"\[0\-9\]", r"\d") for one in forms]
        found.append((purpose, frozenset(names).difference(forms), lazy_regex("|".join(written) or "(?!)")))
    return found


def does(command: Command, kind: str) -> bool:
    """Return whether a command is of a kind (`does` in mappings/commands.yaml): build, check, download, install …"""
    name = command.name
    if name not in data().verbs[kind] and name[-1:] not in _BEHIND_A_NAME:
        return False
    return kind in _kinds_of(command)


def by_kind(commands: Iterable[Command]) -> dict[str, list[Command]]:
    """Return the commands of each kind that ``does`` has, without the kinds of which there is none."""
    called = data().called
    found: dict[str, list[Command]] = {}
    for command in commands:
        if command.name in called or command.name[-1:] in _BEHIND_A_NAME:
            for kind in _kinds_of(command):
                found.setdefault(kind, []).append(command)
    return found


def _kinds_of(command: Command) -> frozenset[str]:
    words = [word.text.value for word in command.words[1:3]]
    return _kinds(command.name, *words) if _ASKING.isdisjoint(words) else frozenset()


@lru_cache(maxsize=4096)
def _kinds(name: str, *words: str) -> frozenset[str]:
    """Return the kinds of a command, given its name and the two words after it."""
    name = name.removesuffix(".sh")
    forms = {name, name.rstrip("0123456789."), *[" ".join((name, *words[:count])) for count in (1, 2)]}
    return frozenset(kind for kind, known in data().does.items() if not known.isdisjoint(forms))


def listed(words: Iterable[Word]) -> str:
    """Return the first few package names as text for a message."""
    return joined(package_name(word) for word in words)


def joined(given: Iterable[str]) -> str:
    """Return the first few names as text for a message; of an address without its login and what follows ``?``."""
    names = list(dict.fromkeys(_CREDENTIALS.sub("", name) if "://" in name else name for name in given))
    count = min(len(names), MOST_LISTED)
    while count > 1 and len(", ".join(names[:count])) > LONGEST_LISTED:
        count -= 1
    shown = ", ".join(names[:count])
    return f"{shown} and {len(names) - count} more" if len(names) > count else shown
