"""Makefiles: the images that the commands of recipes run, pull and set.

After the GNU make manual 4.4, "Recipe Syntax" and "Splitting Recipe Lines": a recipe's line begins with a tab, a
backslash at its end joins the next one, and the shell is handed both.
"""

import re
from collections.abc import Iterable

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.model import Ignore, Image

NAME = re.compile(r"(?!)")
_NAME = re.compile(r"(?i)(?:gnu)?makefile(?:[._-].+)?|.+\.mk")
_RECIPE = lazy_regex(r"(?m)^\t[ \t]*[-@+]*((?:[^\\\n]|\\\r?\n|\\[^\n])+)")
_VARIABLE = lazy_regex(r"\$(?:\(([^()]*)\)|\{([^{}]*)\}|\$(?P<own>\{?))")
_WORD = lazy_regex(r"\w")
_OTHER = lazy_regex(r"\W")


def candidate(path: str) -> bool:
    return bool(_NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """By name, and a word in it that is a program for containers."""
    return candidate(path) and calls(text)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Ignore]:
    """Return the images of a makefile's recipes, what runs them, and ignore comments; never raises."""
    text = source.text
    places = [Traced.of(text, *match.span(1)) for match in _RECIPE.finditer(text) if calls(match[1])]
    scripts = [place._replace(value=_as_shells(place.value)) for place in places]
    found = named(text, scripts) if scripts else []
    services = [service for _, service in found if service] if Container in request.kinds else []
    return [*(image for image, _ in found), *services, *in_yaml(text)] if found else []


def _as_shells(recipe: str) -> str:
    """Return a recipe's line as a shell is to read it, with as many characters in it.

    What make fills in is a variable of the shell; of ``$$`` the shell sees one dollar.
    """
    return _VARIABLE.sub(_as_variable, recipe).replace("\\\r\n", "\\\n ")


def _as_variable(match: "re.Match[str]") -> str:
    name = match[1] if match[1] is not None else match[2]
    if name is not None:
        return f"${{{_OTHER.sub('_', name)}}}"
    following = match.string[match.end() : match.end() + 1]
    return "${_" if match["own"] else "$_" if _WORD.match(following) else "_$"


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why the second text, made from the first by ``edits``, must not take its place: another line would
    change, or a recipe would name other images."""
    touched = {before.text.count("\n", 0, edit.start) for edit in edits}
    old, new = before.text.split("\n"), after.text.split("\n")
    if len(old) != len(new) or any(
        a != b for line, (a, b) in enumerate(zip(old, new, strict=True)) if line not in touched
    ):
        return "something else than an image would change"
    if len(parse(before)) != len(parse(after)):
        return "the recipes would no longer read as they do"
    return None
