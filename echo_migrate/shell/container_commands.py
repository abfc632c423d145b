"""Images named in command lines, found with the data in ``mappings/places/scripts.yaml`` (keys documented there)."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell.commands import Command, Word

_FILE = "places/scripts.yaml"
_SCHEME = "docker://"
_WITH_TRANSPORTS = ("buildah", "podman", "skopeo")
_CONTEXT = "docker-image://"
_WHOLE = lazy_regex(r"(?:\$\w+|\$\{[^{}]*\}|\$[@*#?!-])+")
_SUBSTITUTED = lazy_regex(r"\$\(|`|\[@\]|\$@|\$\{@")

Expands = Callable[[str], Literal["word", "options", ""]]
"""Returns what an unquoted variable expands to: "word" for one word that is not an option, "options" for options or
nothing, "" if unknown."""


class Option(NamedTuple):
    """An option of a command and its value, if it has one; or a variable that expands to options."""

    name: str
    value: Word | None


class ImageWord(NamedTuple):
    """A word that names an image, and the command or option that it belongs to."""

    word: Word
    where: str


class Invocation(NamedTuple):
    """What a command line asks a container CLI to do.

    ``places`` are the words that name images, ``made`` those that name its outputs. If it ``runs`` an image,
    ``options`` are the options before the image and ``behind`` the words after it. ``argument`` is true if the images
    are build arguments of a build, and ``inspected`` if they are only copied or inspected, not run. ``opens`` is true
    if it starts a process in a running container, of the words ``behind`` its name; ``loads`` if it adds images without
    pulling them. ``unsure`` are the words of a command of which it is not certain which one names the image. ``pulled``
    is who pulls the images: "" for who runs the script, a "cluster", a "service" of a cloud, or "cloud-run".
    """

    places: tuple[ImageWord, ...] = ()
    made: tuple[Word, ...] = ()
    options: tuple[Option, ...] = ()
    behind: tuple[Word, ...] = ()
    runs: bool = False
    argument: bool = False
    inspected: bool = False
    opens: bool = False
    loads: bool = False
    unsure: tuple[Word, ...] = ()
    pulled: str = ""


NOTHING = Invocation()


@lru_cache
def data() -> dict[str, Any]:
    """Return the data of the file, with each command under its name and all its aliases."""
    found: dict[str, Any] = read_data(_FILE)
    commands = {
        owner: {name: row for first, row in rows.items() for name in (first, *row.get("also", ()))}
        for owner, rows in found["commands"].items()
    }
    return found | {"commands": commands}


def read(command: Command, expands: Expands) -> Invocation:
    """Return the invocation of a container CLI; ``NOTHING`` for other programs, unknown commands or global options."""
    owner = data()["programs"].get(command.name)
    if owner is None or not command.words:
        return NOTHING
    commands = data()["commands"][owner]
    name, rest = _command(command.words[1:], commands, expands)
    return _read(f"{command.name} {name}", rest, commands[name], expands) if name else NOTHING


def _command(
    words: tuple[Word, ...], commands: dict[str, dict[str, Any]], expands: Expands
) -> tuple[str, tuple[Word, ...]]:
    """Return the longest known command that the words begin with, and the words after it; "" if there is none. The
    options that all commands have may stand before each word of the name."""
    found, name = ("", words), ""
    while words:
        begun = _options(words, commands.get("", {}), expands)
        if begun is None or begun[1] >= len(words):
            break
        name = f"{name} {words[begun[1]].value}".lstrip()
        words = words[begun[1] + 1 :]
        if name in commands:
            found = name, words
        if not any(one.startswith(f"{name} ") for one in commands):
            break
    return found


def _read(where: str, words: tuple[Word, ...], row: dict[str, Any], expands: Expands) -> Invocation:
    """Return the invocation that a command makes of the words after its name."""
    return _invoked(where, words, row, expands)._replace(pulled=row.get("pulls", ""))


def _invoked(where: str, words: tuple[Word, ...], row: dict[str, Any], expands: Expands) -> Invocation:
    kind = row.get("image")
    inspected = bool(row.get("inspects"))
    made = tuple(_made(words, row))
    if kind == "option":
        found = [(option, word) for option in row.get("named", ("--image",)) for word in _values(words, (option,))]
        return Invocation(tuple(ImageWord(word, f"{where} {option}") for option, word in found), inspected=inspected)
    if kind == "argument":
        given = (*_arguments(words, where), *_contexts(words, where))
        return Invocation(given, made, argument=True)
    if kind == "scheme":
        named = [_pulled(word, where) for word in words if word.value.startswith(_SCHEME)]
        return Invocation(tuple(ImageWord(word, where) for word in named[:1]), inspected=inspected)
    if kind is None:
        opens = bool(row.get("opens"))
        begun = _options(words, row, lambda _: "word") if opens else None
        behind = words[begun[1] + 1 :] if begun else ()
        return Invocation(made=made, behind=behind, opens=opens, loads=bool(row.get("loads")))
    begun = _options(words, row, expands)
    if begun is None:
        return Invocation(unsure=words)
    if begun[1] >= len(words):
        return NOTHING
    options, at = begun
    if kind == "first":
        runs = bool(row.get("runs"))
        behind = words[at + 1 :] if runs else ()
        return Invocation(
            (ImageWord(_pulled(words[at], where), where),), (), options, behind, runs, inspected=inspected
        )
    rest = _positional(words, at, row, expands)
    if kind == "pairs":
        rest = [_cut(word, word.value.index("=") + 1) for word in rest[1:] if "=" in word.value]
    return Invocation(tuple(ImageWord(_pulled(word, where), where) for word in rest), (), options, inspected=inspected)


def _options(words: tuple[Word, ...], row: dict[str, Any], expands: Expands) -> tuple[tuple[Option, ...], int] | None:
    """Return the leading options, and how many words they take; None if that is not certain."""
    valued, flags = row.get("valued", ()), row.get("flags", ())
    found: list[Option] = []
    i = 0
    while i < len(words):
        word = words[i]
        value = word.value
        if value == "--":
            return tuple(found), i + 1
        if not value.startswith("-") or value == "-":
            if _one_word(word, expands):
                return tuple(found), i
            if word.quoted or expands(value) != "options":
                return None
            found.append(Option(value, None))
            i += 1
            continue
        i += 1
        name, equals, _ = value.partition("=")
        if value.startswith("--"):
            if equals:
                found.append(Option(name, _cut(word, len(name) + 1)))
            elif value in valued and i < len(words):
                found.append(Option(value, words[i]))
                i += 1
            elif value in flags:
                found.append(Option(value, None))
            else:
                return None
            continue
        for place, letter in enumerate(value[1:], 2):
            option = f"-{letter}"
            if option in flags:
                found.append(Option(option, None))
            elif option not in valued or (place == len(value) and i >= len(words)):
                return None
            elif place < len(value):
                found.append(Option(option, _cut(word, place + (value[place] == "="))))
                break
            else:
                found.append(Option(option, words[i]))
                i += 1
    return tuple(found), i


def _positional(words: tuple[Word, ...], at: int, row: dict[str, Any], expands: Expands) -> list[Word]:
    """Return the words from ``at`` on that are not options; an empty list if that is not certain."""
    found: list[Word] = []
    while at < len(words):
        found.append(words[at])
        begun = _options(words[at + 1 :], row, expands)
        if begun is None:
            return []
        at += 1 + begun[1]
    return found


def _one_word(word: Word, expands: Expands) -> bool:
    """Return whether a word always expands to exactly one word that is not an option."""
    value = word.value
    if word.known or not _WHOLE.fullmatch(value):
        return not _SUBSTITUTED.match(value)
    return not _SUBSTITUTED.search(value) and (word.quoted or expands(value) == "word")


def _made(words: tuple[Word, ...], row: dict[str, Any]) -> Iterator[Word]:
    """Yield the words that name the outputs of a command."""
    if row.get("makes") == "named":
        yield from _values(words, row["named"])
    elif row.get("makes") == "last" and len(words) > 1:
        yield words[-1]


def _values(words: tuple[Word, ...], options: "tuple[str, ...] | list[str]") -> Iterator[Word]:
    """Yield the values of the given options anywhere before ``--``."""
    for i, word in enumerate(words):
        name, equals, _ = word.value.partition("=")
        if word.value == "--":
            return
        if equals and name in options:
            yield _cut(word, len(name) + 1)
        elif word.value in options and i + 1 < len(words):
            yield words[i + 1]


def _arguments(words: tuple[Word, ...], where: str) -> Iterator[ImageWord]:
    """Yield the build arguments whose names and values both look like those of an image."""
    for word in _values(words, ("--build-arg",)):
        name, equals, value = word.value.partition("=")
        likely = any(part in data()["arguments"] for part in name.upper().split("_"))
        if equals and likely and (":" in value or "/" in value):
            yield ImageWord(_cut(word, len(name) + 1), f"{where} --build-arg {name}")


def _contexts(words: tuple[Word, ...], where: str) -> Iterator[ImageWord]:
    """Yield the images that are named contexts of a build (``--build-context name=docker-image://image``)."""
    for word in _values(words, ("--build-context",)):
        name, _, value = word.value.partition("=")
        if value.startswith(_CONTEXT):
            yield ImageWord(_cut(word, len(name) + 1 + len(_CONTEXT)), f"{where} --build-context {name}")


def after_scheme(text: Traced) -> Traced:
    """Return the reference in a text, which may have ``docker://`` before it (containers-transports(5))."""
    return _behind(text, len(_SCHEME)) if text.value.startswith(_SCHEME) else text


def _pulled(word: Word, where: str) -> Word:
    """Return a word without the transport, which the other programs take for a part of the name."""
    return word._replace(text=after_scheme(word.text)) if where.partition(" ")[0] in _WITH_TRANSPORTS else word


def _cut(word: Word, start: int) -> Word:
    """Return the word from ``start`` on; the rest of a quoted word still counts as quoted."""
    return word._replace(text=_behind(word.text, start))


def _behind(text: Traced, start: int) -> Traced:
    return text.cut(start, len(text.value)) if text.spans else text._replace(value=text.value[start:])
