"""The values that scripts, makefiles, code and pipelines give to the variables in a name, as far as a text says."""

import contextlib
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, islice, product
from operator import itemgetter

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import real, top
from echo_migrate.images.reference import ANY, VARIABLE, bare, familiar, untagged

VALUE = (
    r"((?:[\w./@:+\"'-]|\\[\"']|\$\{\{[^{}\n]{0,100}\}\}|\$\{[^{}\n]{0,200}\}|\$\(\w{1,100}\)|\$\w+"
    r"|\{\{[^{}\n]{0,100}\}\}|\{\w{1,100}\}|%\w{1,100}%){1,300})"
)
"""A name as it is written, with quotes and with variables of shells, make, templates and texts with fields."""

_ASSIGNED = lazy_regex(
    r"(?m)(?:^|(?<=[;&{(]))[ \t]*(?:-[ \t]+)?(?:(?:export|local|readonly|set|const|let|var|ENV|ARG|override)[ \t]+)?"
    rf"\$?\"?(\w+)\"?[ \t]*(?:[:?+]{{0,3}}=|:[ \t])[ \t]*({VALUE}?)(?=[\s;,&)#}}]|$)"
)
_LOOP = lazy_regex(r"\bfor[ \t]+(\w+)[ \t]+in[ \t]+([^;\n]{1,500})", needs=("for",))
_DEFINED = lazy_regex(
    r"(?m)^(?:define[ \t]+([\w.-]+)[^\n]*\n((?:(?!endef)[^\n]*\n)*)"
    r"|([\w.-]+)[ \t]*[:?]{0,3}=([^\n]*\$[({]?\d[^\n]*))"
)
_CALL = lazy_regex(
    r"\$[({]call[ \t]+([\w.-]+)[ \t]*,((?:[^(){}\n]|\([^()\n]{0,200}\)|\{[^{}\n]{0,200}\}){1,500})[)}]",
    needs=("call",),
)
"""A function of make and its text, and a call of one with its arguments, which are ``$(1)`` and so on there."""

_OTHER_VARIABLE = lazy_regex(
    r"(?i)\$env:(\w+)|\{\{-?[ \t]*(?:\.?Values\.|\.Env\.|\.?)(\w+)[ \t]*-?\}\}|(?<![$\w{])\{(\w+)\}|%(\w+)%"
)
"""Variables of PowerShell, templates, texts with fields and ``cmd``."""

_DEFAULT = re.compile(r":?[-=](.*)", re.DOTALL)
_NAME = re.compile(r"[\w.]+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_QUOTE = re.compile(r"\\?[\"']")
_MOST_VALUES = 20
_TAKES_IN = lazy_regex(r"(?m)(?:^|[;&|])[ \t]*+(?:-?include|sinclude|source|\.)[ \t]++[\"']?([^\s\"'$;&|#\0]+)")
_MOST_TAKEN_IN = 10
_LARGEST = 200_000
"""How many other files are read for the values of variables, and how many bytes each may have."""

_OWN = {
    "github.repository": f"{ANY}/{ANY}",
    "github.repository_owner": ANY,
    "CI_PROJECT_NAME": ANY,
    "CI_PROJECT_NAMESPACE": ANY,
    "CI_PROJECT_PATH": f"{ANY}/{ANY}",
    "CI_REGISTRY": "registry.gitlab.com",
    "CI_REGISTRY_IMAGE": f"registry.gitlab.com/{ANY}/{ANY}",
    "GITHUB_REPOSITORY": f"{ANY}/{ANY}",
    "GITHUB_REPOSITORY_OWNER": ANY,
    "ProjectName": ANY,
}
"""What CI systems and GoReleaser set for the repository that they run in (docs.github.com, "Contexts reference";
docs.gitlab.com, "Predefined CI/CD variables reference"; goreleaser.com, "Name templates")."""

_UNKNOWN = "$"
_LONGEST = 300
_DEEPEST = 20
"""How long the value of a variable may be, and how many variables it may be made of, one of the other."""

_DECLARED = lazy_regex(r"\s*(?:local|const|let|var)[ \t]")
_LOCAL = lazy_regex(r"(?m)^[ \t]*local[ \t]", needs=("local",))
_FUNCTION = lazy_regex(r"(?m)^(?:(?:    |\t)?(?:async[ \t]+)?(?P<own>def)\b|[A-Za-z@])")
_BLOCK = lazy_regex(r"(?m)^(?P<own>)\}")
_TASKS = lazy_regex(r"(?m)^(?:  )?(?P<own>)[A-Za-z\"'][^\n]*:[ \t]*\r?$")
_HAS_TASKS = lazy_regex(r"(?m)^(?:jobs|tasks):[ \t]*\r?$", needs=("jobs:", "tasks:"))
"""Where functions of Python begin, outermost blocks of other languages end, and jobs and tasks of YAML begin: one has
not the variables of another."""

_MATRIX = lazy_regex(r"(?m)^([ \t]*)matrix:[ \t]*\r?\n((?:\1[ \t]+[^\n]*\n?|[ \t]*\r?\n)*)", needs=("matrix:",))
_LISTED = lazy_regex(
    r"(?m)^[ \t]+(?:-[ \t]+)?([\w-]+):[ \t]*"
    r"(?:\[([^\[\]{}\n]{1,2000})\]"
    r"|(?:#[^\n]*)?\r?\n((?:[ \t]*-[ \t]+(?>(?:[^\s:#]|:(?=\S))+)[ \t]*(?:#[^\n]*)?(?:\r?\n|$)){1,200}))"
)
"""A list of values in a matrix, in brackets or one a line."""

_OF_A_TASK = 2
"""How far the variables of all tasks are indented at most; those of one are further."""

_OTHER_KEYS = frozenset(("image", "container", "tags"))
"""Keys of workflows that are no variables."""


def _taken_in(path: str, text: str) -> Iterator[str]:
    """Yield the texts of the files of the tree that a makefile includes, or a script sources."""
    below = real(top(path)).rstrip(os.sep) + os.sep
    for match in islice(_TAKES_IN.finditer(text), _MOST_TAKEN_IN):
        other = real(os.path.join(os.path.dirname(path), match[1]))
        with contextlib.suppress(Unreadable):
            if other.startswith(below):
                yield contents(other, _LARGEST).decode("utf-8", "replace")


def _given_to_builds(text: str) -> Iterator[tuple[int, str]]:
    """Yield the arguments of the calls of functions of make that build, each with its number."""
    defined = _DEFINED.finditer(text) if "call" in text else ()
    bodies = ((match[1] or match[3], match[2] or match[4] or "") for match in defined)
    building = {name for name, body in bodies if "build" in body}
    for match in _CALL.finditer(text) if building else ():
        if match[1] in building:
            yield from ((number, one.strip()) for number, one in enumerate(match[2].split(","), 1))


class Variables:
    """The values that a text, and the files that it takes in, give to variables."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.known: dict[tuple[str, int | None], list[str]] = {}
        self.depth = 0

    @cached_property
    def parts(self) -> list[tuple[int, bool]]:
        """Where the functions or tasks begin that have variables of their own, and whether each is one."""
        name = os.path.basename(self.path).lower()
        pattern = _BLOCK
        if name.endswith(".py"):
            pattern = _FUNCTION
        elif name.endswith((".yml", ".yaml")):
            pattern = _TASKS
            if not _HAS_TASKS.search(self.text):
                return []
        return [(match.start(), match["own"] is not None) for match in pattern.finditer(self.text)]

    @cached_property
    def passes(self) -> bool:
        """Whether a function or task may have a variable from what calls it, as in a shell and in a Taskfile."""
        return self.path.lower().endswith((".yml", ".yaml")) or _LOCAL.search(self.text) is not None

    def _part(self, place: int) -> int:
        return bisect_right(self.parts, place, key=itemgetter(0))

    def _owner(self, match: re.Match[str]) -> int | None:
        """Return the number of the part that alone has an assigned variable; None if all have it."""
        indent = len(match[0]) - len(match[0].lstrip(" \t"))
        number = self._part(match.start())
        if not indent or not self.parts:
            return None
        if self.path.endswith(".py"):
            return number if number and self.parts[number - 1][1] else None
        own = indent > _OF_A_TASK if self.path.lower().endswith((".yml", ".yaml")) else _DECLARED.match(match[0])
        return number if own else None

    @cached_property
    def assigned(self) -> dict[str, dict[int | None, list[str]]]:
        """The values of each variable as they are written, by the part that alone has them; None if all have them."""
        found: dict[str, dict[int | None, list[str]]] = {}

        def add(name: str, values: list[str], owner: int | None = None) -> None:
            found.setdefault(name, {}).setdefault(owner, []).extend(values)

        matrices = [match.span() for match in _MATRIX.finditer(self.text)]
        expressions = "${{" in self.text
        for match in _ASSIGNED.finditer(self.text):
            number = bisect_right(matrices, match.start(), key=itemgetter(0))
            if number and match.start() < matrices[number - 1][1]:
                add(f"matrix.{match[1]}", [match[2] or ""], self._part(match.start()))
            elif not (expressions and match[1] in _OTHER_KEYS):
                add(match[1], [match[2] or ""], self._owner(match))
        for match in (one for start, end in matrices for one in _LISTED.finditer(self.text, start, end)):
            lines = [line.split() for line in (match[3] or "").split("\n")]
            values = match[2].split(",") if match[2] else [words[1] for words in lines if words]
            add(f"matrix.{match[1]}", [value.strip() for value in values], self._part(match.start()))
        for match in _LOOP.finditer(self.text):
            add(match[1], match[2].split())
        for number, argument in _given_to_builds(self.text):
            add(str(number), [argument])
        for text in _taken_in(self.path, self.text):
            for match in _ASSIGNED.finditer(text):
                add(match[1], [match[2] or ""])
        return found

    def names(self, written: str, place: int | None) -> Iterator[str]:
        """Yield the names that a name with variables may be; of one whose registry or owner is not known, the last part
        alone below a sign for any. ``place`` is where it is written, None if that may be anywhere."""
        bare_word = _WORD.fullmatch(written)  # a variable of a program, or a name without a tag
        for value in (*self._values(written, place), *(self._of(written, place) if bare_word else ())):
            name = familiar(value.strip("/"))
            if name and _UNKNOWN not in untagged(name):
                yield f"{untagged(name)}:" if _UNKNOWN in name else name
            elif name and (last := untagged(name).rpartition("/")[2]) and not {_UNKNOWN, ANY} & set(last):
                yield f"{ANY}/{last}:"

    def _values(self, written: str, place: int | None) -> list[str]:
        """Return the values that a text may have, with a sign for each variable that is not known."""
        text = _OTHER_VARIABLE.sub(lambda match: f"${{{next(filter(None, match.groups()))}}}", written)
        text = _QUOTE.sub("", text)
        pieces: list[list[str]] = []
        position = 0
        for match in VARIABLE.finditer(text):
            pieces += [[text[position : match.start()]], self._values_of(match[0], place)]
            position = match.end()
        pieces.append([text[position:]])
        found = ("".join(each) for each in islice(product(*pieces), _MOST_VALUES))
        return [one if len(one) <= _LONGEST else _UNKNOWN for one in found]

    def _values_of(self, variable: str, place: int | None) -> list[str]:
        """Return the values that a variable may have: its default, and what it is assigned."""
        inner = bare(variable)
        name = _NAME.match(inner)
        default = _DEFAULT.fullmatch(inner, name.end() if name else 0)
        key = name[0] if name else ""
        if key in _OWN and key not in self.assigned:
            return [_OWN[key]]
        key = key if key.startswith("matrix.") else key.rpartition(".")[2]
        found = [*([default[1]] if default else []), *self._of(key, place)]
        return list(dict.fromkeys(found)) or [_UNKNOWN]

    def _of(self, name: str, place: int | None) -> list[str]:
        """Return the values that a variable is assigned where a place sees it; one that is made of itself, or of too
        many others, is not known."""
        assigned = self.assigned.get(name)
        if not assigned:
            return []
        part = None if place is None else self._part(place)
        if (name, part) not in self.known:
            seen: Iterable[list[str]] = [assigned[one] for one in (None, part) if one in assigned]
            if part is None or (self.passes and not seen):
                seen = assigned.values()
            values = list(islice(chain.from_iterable(seen), _MOST_VALUES))
            self.known[name, part] = [_UNKNOWN] if values else []
            if self.depth < _DEEPEST:
                self.depth += 1
                found = dict.fromkeys(one for value in values for one in self._values(value, place))
                self.known[name, part] = list(islice(found, _MOST_VALUES))
                self.depth -= 1
        return self.known[name, part]
