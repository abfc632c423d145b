"""Makefiles: the images that commands in recipes run, pull and set."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.expansion import MOST_READS, Expansion, expand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced, Unreadable, contents
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._makefile_includes import included
from echo_migrate.formats._templates import without_comments
from echo_migrate.images.reference import LONGEST, is_open, parsed, with_values
from echo_migrate.model import Ignore, Image, SharedSpans
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell import container_commands
from echo_migrate.shell.makefiles import INCLUDE, MOST_INCLUDED, recipes

NAME = lazy_regex(r"(?!)")
_NAME = lazy_regex(r"(?i)(?:gnu)?makefile(?:[._-].+)?|.+\.mk")
_OF_TARGETS = r"(?:[^\s:#=$][^:#=\n]{0,200}:[ \t]*)?(?:(?:export|override|private) +){0,2}"
"""What may stand before the name of a variable: targets for which alone it has its value, and words of make."""

_DEFAULT = lazy_regex(rf"(?m)^ *{_OF_TARGETS}([A-Za-z_]\w*)[ \t]*\?=", needs=("?=",))
_ASSIGNED = lazy_regex(
    rf"(?m)^ *{_OF_TARGETS}([A-Za-z_]\w*)[ \t]*(?:\?|:{{1,3}})?=[ \t]*+"
    r"((?:[^#\n\\]*[^#\n\\ \t\r])?)[ \t\r]*(?:#[^\n]*)?$"
)
_USED = r"\$[({]([A-Za-z_]\w*)[)}]"
_MENTIONED = lazy_regex(r"(?<![\w$])(?<!\$[({])[A-Za-z_]\w*")
_PROGRAM = lazy_regex(r"(?:sudo +)?(?:[\w./-]*/)?(?:docker|podman|nerdctl)")
_COMMAND = lazy_regex(
    r"(?m)^ *(?:override +)?([A-Za-z_]\w*)[ \t]*(?:\?|:{1,3})?=[ \t]*+"
    r"((?:sudo +)?(?:[\w./-]*(?:docker|podman|nerdctl)|\$[({]\w+[)}])(?>(?:[^#\n\\]|\\\r?\n|\\[^\n])*))"
)
"""A variable whose value is the beginning of a command, by its first word: to run or pull an image."""

_BEGINS = lazy_regex(
    r"(?:^|&&|\|\|?|;|[({`!]|\b(?:do|elif|else|exec|if|sudo|then|time|until|while)(?=\s)"
    r"|(?<![^\s;])[A-Za-z_]\w*=[\w./:-]*(?=\s))\s*\$[({]([A-Za-z_]\w*)[)}](?=\s|$|;|\))"
)
"""Where a command may begin with a variable."""

_INNER = r"(?>(?:[^(){}\n]|\([^(){}\n]*\)|\{[^(){}\n]*\})*)"
_QUIET = lazy_regex(rf"[-@+]*|\$[({{]if[ \t]+\$(?:\({_INNER}\)|\{{{_INNER}\}})[ \t]*(?:,[-@+]*){{1,2}}[)}}]")
"""The value of a variable that only says whether make prints a command or heeds its failure: signs, or a condition with
signs alone for both of its results."""
_AT_FIRST = lazy_regex(r"[ \t]*\$[({]([A-Za-z_]\w*)[)}][ \t]*[-@+]*")
"""A variable that a recipe begins with."""

_RUNS = lazy_regex(r"(?:sudo +)?(?:[\w./-]*/)?(?:docker|podman|nerdctl) +(?:container +|image +)?(?:run|create|pull)\b")
_MOST_COMMANDS = 100
_LONGEST_COMMAND = 2000
"""How many uses of such variables are read as what they stand for, and how long that may be."""

_FOUND = lazy_regex(
    r"\$\((?:shell|or|notdir|firstword)\b(?!.{0,300}(?:compose|\b(?:docker|podman|nerdctl)-))"
    r".{0,150}\b(?:command -v|which|type|hash|echo)\b.{0,150}\b(?:docker|podman|nerdctl)(?![\w-]).{0,150}\)"
)
"""What finds out which of the programs is there; not what finds ``docker-compose``, too."""

_SET = lazy_regex(
    r"(?<![\w$({-])([A-Za-z_]\w*)[ \t]*[?:+!]{0,3}=(?![\"']?\$[({]\1[)}])|(?<!\w)define[ \t]+([A-Za-z_]\w*)"
)
"""Where a variable is given a value other than its own, in any way that make or a shell has."""

_SHARED = lazy_regex(r"(?m)^[ \t]*(?:-?include|sinclude|export)\b")
_DEEPEST = 10
"""A value may name another variable, whose value may name a third."""

_LARGEST = 500_000
_MOST_VALUES = 1000
"""How many bytes each makefile that is read beside one may have, and how many variables all."""

_VARIABLE = lazy_regex(r"\$(?:\(([^()]*)\)|\{([^{}]*)\}|\$(?P<own>\{?))")
_WORD = lazy_regex(r"\w")
_OTHER = lazy_regex(r"\W")


def candidate(path: str) -> bool:
    return bool(_NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a makefile by name and may call a container CLI."""
    return candidate(path) and (calls(text) or any(f"({name})" in text or f"{{{name}}}" in text for name in _usual()))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Ignore]:
    """Return the images, containers and ignore comments in the recipes of a makefile; never raises."""
    text = source.text
    values = _values(text)
    included, settings = _included(source.path) if INCLUDE.search(text) else ({}, {})
    programs = _programs(text, values) - (settings.keys() - _each(settings, _PROGRAM, _FOUND))
    commands = _Commands(text, programs)
    quiet = _each(settings, _QUIET)
    unset: Values = {name: [] for name in quiet if name not in values}
    quiet = _set_on_lines(text, values | unset, _QUIET) - (settings.keys() - quiet)
    begun = (commands.within(_without_quiet(one, quiet)) for one in recipes(text))
    places = [one._replace(value=_as_shells(one.value, programs)) for one in begun]
    scripts = [place for place in places if calls(place.value)]
    given = _given(text, values) if scripts else {}
    others = {name: value for name, value in included.items() if name not in values}
    found = named(text, scripts, {name: Expansion(Traced(value, ())) for name, value in others.items()} | given)
    held = {name: value for name, value in given.items() if name not in commands.known}
    all_found = [image for image, _ in found]
    unread = commands.unread(places, all_found)
    shared = SharedSpans((*_shared(source, held, all_found), *commands.used_elsewhere(source), *unread))
    images: dict[tuple[int, int], Image] = {}
    for image in (shared.of(_with_values(image, others)) for image in all_found):
        before = images.get((image.start, image.end))  # a command in a variable may be used several times
        images[image.start, image.end] = _together(before, image) if before else image
    services = [
        service._replace(image=images[image.start, image.end])
        for image, service in found
        if service and Container in request.kinds
    ]
    return [*images.values(), *services, *in_yaml(text)] if found else []


def _usual() -> list[str]:
    """Return the names of variables that stand for a program where a file gives them no value."""
    names: list[str] = container_commands.data()["variables"]
    return names


Values = dict[str, list[tuple[int, int, str]]]


def _values(text: str) -> Values:
    """Return the values that variables are given on lines of their own, with their places."""
    found: Values = {}
    for match in _ASSIGNED.finditer(text):
        found.setdefault(match[1], []).append((*match.span(2), match[2]))
    return found


def _programs(text: str, values: Values) -> frozenset[str]:
    """Return the variables that stand for docker or its like; not one that is set in another way than on lines of its
    own, too."""
    return _set_on_lines(text, values | {name: [] for name in _usual() if name not in values}, _PROGRAM, _FOUND)


def _each(settings: Mapping[str, list[str]], *patterns: re.Pattern[str]) -> AbstractSet[str]:
    """Return the variables of which each value matches a pattern."""
    return {
        name
        for name, given in settings.items()
        if all(any(pattern.fullmatch(value) for pattern in patterns) for value in given)
    }


def _set_on_lines(text: str, values: Values, *patterns: re.Pattern[str]) -> frozenset[str]:
    """Return the variables of which each value matches a pattern, and that are set on lines of their own alone."""
    known = _each({name: [value for _, _, value in given] for name, given in values.items()}, *patterns)
    given = Counter(one or other for one, other in _SET.findall(without_comments(text))) if known else Counter[str]()
    return frozenset(name for name in known if given[name] == len(values[name]))


def _without_quiet(recipe: Traced, quiet: AbstractSet[str]) -> Traced:
    """Return a recipe without a variable at first that only says whether make prints it, with the same length."""
    match = _AT_FIRST.match(recipe.value) if quiet else None
    if not match or match[1] not in quiet:
        return recipe
    return recipe._replace(value=" " * match.end() + recipe.value[match.end() :])


def _together(one: Image, other: Image) -> Image:
    """Return an image that is read in two places as one that may be changed where it may in both."""
    return one._replace(
        local=one.local or other.local,
        not_editable=one.not_editable or other.not_editable,
        platform=one.platform or other.platform,
        mounts=tuple(dict.fromkeys((*one.mounts, *other.mounts))),
        unsafe_reasons=tuple(dict.fromkeys((*one.unsafe_reasons, *other.unsafe_reasons))),
        needs_login=one.needs_login or other.needs_login,
    )


class _Commands:
    """The variables whose value is the beginning of a command, each given once and mentioned nowhere but in uses: what
    they stand for is read where a command of a recipe begins with one."""

    def __init__(self, text: str, programs: AbstractSet[str]) -> None:
        found = {match[1]: Traced.of(text, *match.span(2)) for match in _COMMAND.finditer(text)}
        mentions = Counter(_MENTIONED.findall(without_comments(text))) if found else Counter[str]()
        found = {name: value for name, value in found.items() if mentions[name] == 1 and name not in programs}
        self.known: dict[str, Traced] = {}
        for _ in range(_DEEPEST):
            self.uses = Counter[str]()
            waiting = [(name, self.within(value)) for name, value in found.items() if name not in self.known]
            begun = {name: value for name, value in waiting if _RUNS.match(_as_shells(value.value, programs))}
            self.known |= {name: value for name, value in begun.items() if len(value.value) <= _LONGEST_COMMAND}
            if not begun:
                break
        inner = (match[1] for name in self.known for match in _BEGINS.finditer(found[name].value))
        self.uses = Counter(name for name in inner if name in self.known)

    def within(self, recipe: Traced) -> Traced:
        """Return a recipe with what its variables stand for."""
        parts, position = list[Traced](), 0
        for match in _BEGINS.finditer(recipe.value) if self.known else ():
            value = self.known.get(match[1])
            if value and self.uses.total() < _MOST_COMMANDS:
                self.uses[match[1]] += 1
                parts += [recipe.cut(position, match.start(1) - 2), value]
                position = match.end(1) + 1
        return Traced.join([*parts, recipe.cut(position, len(recipe.value))]) if parts else recipe

    def used_elsewhere(self, source: Source) -> Iterator[tuple[int, int, Reason]]:
        """Yield the places of the variables that are used in other places too, each with that as a reason."""
        uses = Counter(re.findall(_USED, without_comments(source.text))) if self.known else Counter[str]()
        apart = bool(self.known) and (source.path.endswith(".mk") or _SHARED.search(source.text) is not None)
        for name, value in self.known.items():
            if apart or uses[name] != self.uses[name]:
                yield from ((start, end, because("variable-shared", name=name)) for start, end in value.spans)

    def unread(self, places: list[Traced], images: list[Image]) -> Iterator[tuple[int, int, Reason]]:
        """Yield the places of the variables that hold an image and stand in more recipes, given as ``within`` returns
        them, than that image is found in: what is in quotes is for another program."""
        names: dict[tuple[int, int], str] = {}
        for name, value in self.known.items():
            names |= {span: names.get(span, name) for span in value.spans}
        stands = Counter(span for place in places for span in place.spans if span in names) if names else {}
        spans = sorted(stands)
        found = Counter(image.start for image in images)
        for at in found:
            start, end = spans[max(0, bisect_right(spans, (at + 1,)) - 1)] if spans else (0, 0)
            if start <= at < end and found[at] < stands[start, end]:
                yield start, end, because("variable-shared", name=names[start, end])


def _given(text: str, values: Values) -> dict[str, Expansion]:
    """Return the variables that the file gives one value and mentions nowhere else but in uses."""
    mentions = Counter(_MENTIONED.findall(without_comments(text)))
    given: dict[str, Expansion] = {}
    for name, ((start, end, value), *_) in values.items():
        if mentions[name] == 1 and value:
            with suppress(ValueError):
                place = Traced.of(text, start, end)
                whole = expand(place._replace(value=_as_shells(value, frozenset())), given.get, escape="\0")
                if len(whole.text.spans) <= MOST_READS:
                    given[name] = whole
    return given


def _shared(source: Source, given: dict[str, Expansion], images: list[Image]) -> list[tuple[int, int, Reason]]:
    """Return the places of the values that are not, or not only, those of images here, each with that as a reason."""
    places = sorted((image.start, image.end) for image in images)
    begins = [start for start, _ in places]
    apart = source.path.endswith(".mk") or _SHARED.search(source.text) is not None
    elsewhere = set(given if apart else ())
    for match in re.finditer(_USED, without_comments(source.text)):
        at = bisect_right(begins, match.start()) - 1
        if at < 0 or match.end() > places[at][1]:
            elsewhere.add(match[1])
    words = {name for name, value in given.items() if " " not in value.text.value}  # a command in one is no default
    reasons = dict.fromkeys(words.intersection(_DEFAULT.findall(source.text)), "variable-overridden")
    reasons |= dict.fromkeys(elsewhere, "variable-shared")
    return [
        (start, end, because(reasons[name], name=name))
        for name in given
        if name in reasons
        for start, end in given[name].text.spans
    ]


def _with_values(image: Image, others: dict[str, str]) -> Image:
    """Return an image whose name is in variables with that name, to be changed where it is, if other makefiles give it
    to them."""
    if not image.templated or not others:
        return image
    name = _resolved(image.ref.value, others)
    if is_open(name) or parsed(name) is None:
        return image
    return image._replace(resolved=name, not_editable=because("set-elsewhere", value=name))


def _resolved(value: str, given: dict[str, str]) -> str:
    """Return a value with the variables in it replaced, as far as they are given."""
    known = {f"$({name})": one for name, one in given.items()} if is_open(value) else {}
    for _ in range(_DEEPEST):
        if not is_open(value) or len(value) > LONGEST:
            break
        value = with_values(known, value.replace("${", "$(").replace("}", ")"))
    return value


@of_a_run(256)
def _included(path: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the variables that the makefiles that one includes, which are in its tree, give one value that is known;
    and all that they set with their values, ``?`` for each that is not known. Make looks for all of them in the folder
    in which it runs."""
    waiting, seen = [path], dict[str, Values]()
    settings: dict[str, list[str]] = {}
    while waiting and len(seen) <= MOST_INCLUDED:
        here = waiting.pop()
        if here in seen:
            continue
        seen[here] = {}
        with suppress(Unreadable):
            text = Source.of(here, contents(here, _LARGEST)).text
            if here != path:
                seen[here] = _values(text)
                for name, times in Counter(one or other for one, other in _SET.findall(without_comments(text))).items():
                    known = [value for _, _, value in seen[here].get(name, ())]
                    settings.setdefault(name, []).extend(known if len(known) == times else ["?"])
            waiting += included(path, text)
    if len(seen) > MOST_INCLUDED:
        return {}, settings
    given: dict[str, list[str]] = {}
    for values in seen.values():
        for name, all_given in values.items():
            given.setdefault(name, []).extend(value for _, _, value in all_given)
    single = {name: one[0] for name, one in given.items() if len(one) == 1 and 0 < len(one[0]) <= LONGEST}
    if len(single) > _MOST_VALUES:
        return {}, settings
    whole = {name: _resolved(value, single) for name, value in single.items()}
    closed = {name: value for name, value in whole.items() if not is_open(value)}
    return closed, settings | {name: [value] for name, value in closed.items() if "?" not in settings.get(name, "?")}


def _as_shells(recipe: str, programs: AbstractSet[str]) -> str:
    """Return a recipe line as the shell reads it, with the same length.

    Variables of make become shell variables, those that stand for a program ``docker``, and ``$$`` becomes a single
    dollar sign with a padding character.
    """

    def variable(match: "re.Match[str]") -> str:
        name = match[1] if match[1] is not None else match[2]
        whole = match.string[match.end() : match.end() + 1].isspace()
        if name in programs and whole and len(match[0]) >= len(_DOCKER):
            return _DOCKER.ljust(len(match[0]))
        if name is not None:
            return f"${{{_OTHER.sub('_', name)}}}"
        following = match.string[match.end() : match.end() + 1]
        return "${_" if match["own"] else "$_" if _WORD.match(following) else "_$"

    return _VARIABLE.sub(variable, recipe).replace("\\\r\n", "\\\n ")


_DOCKER = "docker"


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other line may change,
    and the number of nodes in recipes must stay the same."""
    touched = {before.text.count("\n", 0, edit.start) for edit in edits}
    old, new = before.text.split("\n"), after.text.split("\n")
    if len(old) != len(new) or any(
        a != b for line, (a, b) in enumerate(zip(old, new, strict=True)) if line not in touched
    ):
        return "something else than an image would change"
    if len(parse(before)) != len(parse(after)):
        return "the recipes would no longer read as they do"
    return None
