"""The work for one repository: its files are laid out in a folder, and read."""

import json
import os
from typing import Any, NamedTuple

from echo_migrate import __version__
from echo_migrate.engine.discover import discover
from echo_migrate.engine.run import not_entered, run, with_missing_logins
from echo_migrate.files import git
from echo_migrate.files.logins import remote
from echo_migrate.files.plugins import distributions
from echo_migrate.files.remote import revision_of
from echo_migrate.files.scratch import GitFailed, obtained
from echo_migrate.fleet.repositories import Repository
from echo_migrate.reports.inventory import render
from echo_migrate.reports.migration.trees import owners_of
from echo_migrate.rules._rule import Settings


class Failed(Exception):
    """A repository could not be read; the message is the reason."""


class Plan(NamedTuple):
    """What is asked of each repository: the settings of a check, files to skip, and all of it that decides a result as
    text, whose first line is ``program``."""

    settings: Settings
    exclude: tuple[str, ...]
    identity: str


def program() -> str:
    """Return the version of this program and those of its plugins, which decide a result too: a line of text."""
    return ", ".join((__version__, *distributions()))


def revision(repository: Repository) -> str:
    """Return the commit of a repository's HEAD. Raises ``Failed``."""
    local = repository.url.startswith("file://")
    commit = (local and revision_of(git.path_of(repository.url))) or git.head(
        repository.url, remote(repository.url).environment
    )
    if not commit:
        raise Failed("git cannot read it, or it has no commit: try git ls-remote")
    return commit


def inventory(repository: Repository, commit: str, plan: Plan, folder: str) -> dict[str, Any]:
    """Return what ``inventory`` finds in a repository at a commit, with its name and the commit. Raises ``Failed``.

    ``folder`` is an empty folder for its files. It becomes the working folder, so that paths are those of the
    repository: this is for a process of its own. No configuration of the repository holds.
    """
    try:
        obtained(folder, remote(repository.url), commit)
    except GitFailed as error:
        raise Failed(str(error)) from None
    os.chdir(folder)
    found = discover((".",), plan.exclude)
    settings = plan.settings._replace(named=(".",))
    results = zip(found.files, run(found.files, settings, 1), strict=True)
    done = [*not_entered(found, settings), *with_missing_logins(results, settings)]
    listed = json.loads(render("json", done, settings.catalog.login))
    owners = owners_of((one.source.path for one in done if one.outcomes), (".",))
    return {"repository": repository.name, "revision": commit, "inventory": listed, "owners": owners}
