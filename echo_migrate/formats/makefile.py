"""Makefiles: the images that commands in recipes run, pull and set.

Follows the GNU make manual 4.4, "Recipe Syntax" and "Splitting Recipe Lines": a recipe line begins with a tab, a
trailing backslash joins the next line, and both are passed to the shell.
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
    """Return whether a file is a makefile by name and may call a container CLI."""
    return candidate(path) and calls(text)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Ignore]:
    """Return the images, containers and ignore comments in the recipes of a makefile; never raises."""
    text = source.text
    places = [Traced.of(text, *match.span(1)) for match in _RECIPE.finditer(text) if calls(match[1])]
    scripts = [place._replace(value=_as_shells(place.value)) for place in places]
    found = named(text, scripts) if scripts else []
    services = [service for _, service in found if service] if Container in request.kinds else []
    return [*(image for image, _ in found), *services, *in_yaml(text)] if found else []


def _as_shells(recipe: str) -> str:
    """Return a recipe line as the shell reads it, with the same length.

    Variables of make become shell variables, and ``$$`` becomes a single dollar sign with a padding character.
    """
    return _VARIABLE.sub(_as_variable, recipe).replace("\\\r\n", "\\\n ")


def _as_variable(match: "re.Match[str]") -> str:
    name = match[1] if match[1] is not None else match[2]
    if name is not None:
        return f"${{{_OTHER.sub('_', name)}}}"
    following = match.string[match.end() : match.end() + 1]
    return "${_" if match["own"] else "$_" if _WORD.match(following) else "_$"


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
