"""The Python interface: check and fix texts and trees from another program.

No call leaves anything behind for the next: what is read of a tree is kept for one call, so that a program that runs
for hours sees each change on disk. The limits of time and memory per file need signals, and so hold in the main thread
alone. Calls must not overlap in several threads.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import chain

from echo_migrate.engine.discover import discover
from echo_migrate.engine.run import check_safely, not_entered, run, unreadable, with_missing_logins
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.files.workspace import begin
from echo_migrate.images import catalog, providers
from echo_migrate.model import Result
from echo_migrate.rules import not_named, selected
from echo_migrate.rules._rule import Settings


class UnknownFormat(ValueError):
    """A text that no format recognises by its path and contents; the message names the path."""


def load_settings(
    provider: str = providers.PROVIDER,
    *,
    registry: str = "",
    mapping: str = "",
    rules: Iterable[str] = ("default",),
    ignore: Iterable[str] = (),
    seen_only: bool = False,
    today: str = "",
) -> Settings:
    """Return settings as the options of the command line set them; no configuration file is read.

    ``rules`` are ids, "default" or "all". ``today`` is the ISO date with which ends of life are compared, by default
    the local one. Raises ``ValueError`` for an unknown provider or rule, and for a mapping file that cannot be used.
    """
    if provider not in providers.providers():
        raise ValueError(f"no provider {provider!r} (known are {', '.join(providers.providers())})")
    names = tuple(rules)
    known = catalog.load(provider, registry, mapping)
    chosen = selected(names, ignore)
    return Settings(known, chosen, seen_only=seen_only, today=today or _today(), quiet=not_named(names))


def check_text(text: str, path: str = "Dockerfile", settings: Settings | None = None) -> Result:
    """Return the findings in a text, and what becomes of each image in it.

    ``path`` is where the text lies or will lie: it tells the format, and the files around it are read as for a file on
    disk. Offsets count code points after a byte order mark. Never raises for what the text has: a fault of it is a
    finding. Raises ``UnknownFormat``.
    """
    return _result(text, path, settings or load_settings())


def fix_text(text: str, path: str = "Dockerfile", settings: Settings | None = None, *, unsafe: bool = False) -> Result:
    """Return the result with the safe fixes applied in ``fixed``, and with ``unsafe`` the others too; nothing is
    written.

    ``refused`` is why a change did not pass verification, and then ``fixed`` is the text as it was. Raises
    ``UnknownFormat``.
    """
    return _result(text, path, (settings or load_settings())._replace(apply=True, unsafe=unsafe))


def check_paths(
    paths: Iterable[str], settings: Settings | None = None, *, exclude: Iterable[str] = (), jobs: int = 1
) -> Iterator[Result]:
    """Yield a result for each file below the paths that names images, and for each that should have been read and could
    not be (``unread``), as ``echo-migrate check`` does; nothing is written.

    ``exclude`` has globs. With ``jobs`` other than 1, large trees are read by that many processes, 0 for one a
    processor. Raises ``FileNotFoundError`` before the first result if a path does not exist.
    """
    paths, exclude = (paths,) if isinstance(paths, str) else tuple(map(os.fspath, paths)), tuple(exclude)
    found = discover(paths, exclude)
    if found.missing:
        raise FileNotFoundError(f"no such file or folder: {found.missing[0]}")
    settings = (settings or load_settings())._replace(named=paths, exclude=exclude)
    results = zip(found.files, run(found.files, settings, jobs), strict=True)
    return chain(not_entered(found, settings), with_missing_logins(results, settings))


def _result(text: str, path: str, settings: Settings) -> Result:
    begin()
    try:
        source = Source.of(path, text.encode("utf-8", "surrogateescape"))
    except Unreadable as error:
        return unreadable(path, str(error), settings)
    result = check_safely(source, settings)
    if result is None:
        raise UnknownFormat(f"{path}: no format recognises it")
    return result


def _today() -> str:
    from datetime import date

    return date.today().isoformat()
