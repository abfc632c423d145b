"""Pull requests for a fleet: the life that ``pull-request`` gives those of one repository, for one after the other.

One at a time: what a forge takes of requests is counted by the hour, and it says when to come back.
"""

import contextlib
import io
import os
from collections.abc import Iterator

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say
from echo_migrate.cli.patience import AN_HOUR
from echo_migrate.cli.pull_request import keep
from echo_migrate.cli.pull_request.forge import ForgeFailed
from echo_migrate.cli.pull_request.forges import forge_of
from echo_migrate.files import git, logins
from echo_migrate.files.scratch import GitFailed, obtained
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import Store
from echo_migrate.fleet.work import scratch, worked
from echo_migrate.fleet.worker import SECONDS, Outcome

_OF_ONE = ("GITHUB_REPOSITORY", "CI_PROJECT_PATH")
"""Variables that name the repository of a workflow or job, which are none of the fleet's."""

_WAITS = 4
"""How often the pull requests of a repository may wait for a forge as long as it is waited for."""


def proposed(outcomes: list[Outcome], options: Options, store: Store) -> frozenset[str]:
    """Have the pull requests of each repository that was read. Returns the names of those of which not all was done;
    what was done, and what failed, is said. Raises ``NotWritten``."""
    failed = set()
    for one in propose(outcomes, options, store):
        if one.error:
            failed.add(one.repository.name)
            say(f"{one.repository.name}: {one.error}")
    return frozenset(failed)


def propose(outcomes: list[Outcome], options: Options, store: Store) -> Iterator[Outcome]:
    """Have the pull requests of each repository that was read. Yields the outcome of each, as it is done; what was done
    is said. Raises ``NotWritten``."""
    given = options.copy()
    given["paths"], given["preset"], given["output"], given["stdin_filename"] = (), "migrate", (), ""
    given["mapping"] = given["mapping"] and os.path.abspath(given["mapping"])
    given["quiet"], given["fork"] = True, ""
    given["jobs"] = 1  # a process that ends with this one has none of its own

    def work(outcome: Outcome, folder: str) -> Outcome:
        for name in _OF_ONE:
            os.environ.pop(name, None)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            error = _kept(outcome, folder, given)
        for line in said.getvalue().splitlines():
            told = line.removeprefix("echo-migrate: ")
            say(f"{outcome.repository.name}: {told}")
        return outcome._replace(error=error)

    with scratch(store) as folder:
        yield from worked(outcomes, work, folder, 1, SECONDS + _WAITS * AN_HOUR)


def _kept(outcome: Outcome, folder: str, options: Options) -> str:
    """Have the pull requests of a repository; return what went wrong."""
    try:
        obtained(folder, logins.remote(outcome.repository.url), outcome.revision)
        os.chdir(folder)
        url = _forge_url(outcome.repository)
        code = keep(options, lambda: forge_of(url, longest=AN_HOUR), "")
    except (GitFailed, ForgeFailed, click.UsageError) as error:
        return str(error)
    return "not all of its pull requests could be kept up to date" if code else ""


def _forge_url(repository: Repository) -> str:
    """Return where a repository lies at a forge: a clone on this machine says it by its remote ``origin``."""
    if not repository.url.startswith("file://") or logins.named(repository.url):
        return repository.url
    inside = git.place(git.path_of(repository.url))
    said = git.git(os.sep, f"--git-dir={inside}", "config", "remote.origin.url") if inside else b""
    return os.fsdecode(said or b"").strip() or repository.url
