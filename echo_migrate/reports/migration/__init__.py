"""The report of a migration: how far it is, what comes next, who owns what is left; as a page, Markdown and JSON."""

import os
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

from echo_migrate.formats import targets
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Result
from echo_migrate.registry.lock import Lock
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import Report, report
from echo_migrate.reports.migration.history import Record
from echo_migrate.reports.migration.images import Images, images
from echo_migrate.reports.migration.rows import Proofs, rows
from echo_migrate.reports.migration.savings import Savings, savings
from echo_migrate.reports.migration.scans import Risk, matched, risk
from echo_migrate.reports.migration.scans.data import Scan, Statement
from echo_migrate.reports.migration.scans.sbom import Sbom, of_purls
from echo_migrate.reports.migration.steps import Step, steps
from echo_migrate.reports.migration.trees import Trees
from echo_migrate.rules._rule import Settings

FORMATS = ("markdown", "html", "json")
SUFFIXES = {".htm": "html", ".html": "html", ".json": "json", ".md": "markdown"}


class Request(NamedTuple):
    """What a report is asked for: the words that its commands need to mean the same references, the date if one was
    given, the message about a configuration that chose the provider, the lock file if it is to be used, the path of a
    table of minutes, scans and bills of materials with the names of their files, VEX statements, the paths of
    downloaded advisories, and what was proven."""

    words: tuple[str, ...] = (".",)
    date: str = ""
    configuration: str = ""
    lock: Lock | None = None
    minutes: str = ""
    scans: tuple[tuple[str, Scan], ...] = ()
    statements: tuple[Statement, ...] = ()
    sboms: tuple[tuple[str, Sbom], ...] = ()
    feeds: tuple[str, ...] = ()
    proofs: Proofs = MappingProxyType({})


class Document(NamedTuple):
    """All that is rendered. ``trend`` are the records of a history, one a day, up to the report's own; ``risk`` is what
    scans and advisories tell, None without any, and ``images`` what is known of images before and after. ``subject`` is
    the name of the repository or folder that was read, and ``base`` the folder that all paths begin with; "" for none.
    """

    report: Report
    steps: Sequence[Step]
    savings: Savings
    trend: Sequence[Record] = ()
    risk: Risk | None = None
    images: Images = Images((), 0, 0)
    subject: str = ""
    base: str = ""

    def place(self, path: str) -> str:
        """Return the path of a row as it is shown: below what was read."""
        return path.removeprefix(self.base)


def document(results: list[Result], settings: Settings, request: Request) -> Document:
    """Return the report of results. Raises ``MinutesError`` for a table that cannot be used, and ``ScanError`` for
    advisories that cannot."""
    results = sorted(results, key=lambda result: result.source.path)
    known = settings.catalog
    built = targets(result.source.path for result in results)
    trees = Trees(settings.named)
    listed = rows(results, settings, request.lock, built, trees, request.proofs)
    about = (
        ("provider", f"{known.title} ({known.registry})"),
        ("paths", " ".join(settings.named)),
        *_places(results, trees),
        ("date", request.date),
        ("configuration", request.configuration),
    )
    made = report(listed, results, known.title, known.login, about)
    sboms = [*request.sboms, *_looked_into(known)] if request.feeds else list(request.sboms)
    matches, notes = matched(sboms, request.feeds) if request.feeds else ([], [])
    scans = [*request.scans, *matches]
    found = risk(listed, scans, request.statements)._replace(notes=tuple(notes)) if scans or notes else None
    counts = {name: one.total for _, one in request.sboms for name in one.image.names}
    (subject, base), saved = _subject(results, settings.named, trees), savings(listed, request.minutes)
    todo = steps(made, request.words)
    pairs = images(listed, known, counts)
    return Document(made, todo, saved, (), found, pairs, visible(subject), visible(base))


def render(format: str, asked: Document) -> str:
    """Return a report in one of ``FORMATS``. Raises ``click.UsageError`` for one whose library is missing."""
    text: str = import_module(f"{__name__}.{format}").rendered(asked)
    return text


def _looked_into(known: Catalog) -> list[tuple[str, Sbom]]:
    """Return the system's packages of the images whose layers were read, by name."""
    configs = known.answers.configs if known.answers else {}
    read = {name: config.contents for name, config in sorted(configs.items()) if config and config.contents}
    return [(name, of_purls(name, contents.purls)) for name, contents in read.items()]


def _subject(results: list[Result], named: Sequence[str], trees: Trees) -> tuple[str, str]:
    """Return the name of what was read, and the folder that all paths begin with."""
    paths = [result.source.path for result in results]
    base = f"{named[0].rstrip('/')}/" if len(named) == 1 and named[0] != "." else ""
    base = base if all(path.startswith(base) for path in paths) else ""
    read = list(dict.fromkeys(trees.of(path)[0] for path in paths))
    remote = read[0].remote if len(read) == 1 else None
    return remote.path if remote else os.path.basename(base.rstrip("/")), base


def _places(results: list[Result], trees: Trees) -> list[tuple[str, str]]:
    """Return the repository and the commit that all files are of, if there is one for all, and which files of owners
    were not used up to their end."""
    listed = list(dict.fromkeys(trees.of(result.source.path)[0] for result in results))
    late = [tree.owners.path for tree in listed if tree.owners and tree.owners.exhausted]
    told = [("owners", f"incomplete: {path} takes too long to read") for path in late]
    if len(listed) != 1:
        return told
    (tree,) = listed
    return [("repository", tree.remote.base if tree.remote else ""), ("commit", tree.revision), *told]
