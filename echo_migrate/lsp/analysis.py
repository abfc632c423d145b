"""The check of an open text: its result, and where that is in the editor."""

import os
from collections.abc import Callable
from typing import NamedTuple

from echo_migrate.engine.run import check_safely, unreadable
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.formats import dockerfile, recognised
from echo_migrate.lsp.positions import Positions
from echo_migrate.model import Migration, Result
from echo_migrate.rules._rule import Settings


class Configuration(NamedTuple):
    """What a folder's configuration file says: the settings, the globs of files to leave out, and whether one is;
    ``error`` is why the file cannot be used."""

    settings: Settings
    exclude: tuple[str, ...]
    excluded: Callable[[str, str], bool]
    error: str = ""


class Opened(NamedTuple):
    """A text that is open in the editor, as the editor last told it."""

    uri: str
    version: int | None
    language: str
    text: str


class Analysis(NamedTuple):
    """A text of one version with its result; None for one that no format recognises, or that is left out."""

    uri: str
    version: int | None
    source: Source
    positions: Positions
    settings: Settings
    result: Result | None

    def at(self, offset: int) -> Migration | None:
        """Return the reference that is written at an offset."""
        moves = self.result.outcomes if self.result else ()
        return next((move for move in moves if move.image.start <= offset <= move.image.end), None)


def analyse(opened: Opened, path: str, configuration: Configuration, encoding: str) -> Analysis:
    """Return the analysis of a text that lies, or will lie, at a path."""
    uri, version, language, text = opened
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a pair
    settings = configuration.settings
    lead = int(text.startswith("\ufeff"))
    positions = Positions(text[lead:], encoding, lead)
    source = Source(path, text[lead:], b"\xef\xbb\xbf" * lead)
    if configuration.excluded(path, os.path.dirname(path)):
        return Analysis(uri, version, source, positions, settings, None)
    try:
        source = Source.of(path, text.encode())
    except Unreadable as error:
        result: Result | None = unreadable(path, str(error), settings) if recognised(path, "") else None
    else:
        result = check_safely(source, settings, otherwise=dockerfile if language == "dockerfile" else None)
    return Analysis(uri, version, source, positions, settings, result)
