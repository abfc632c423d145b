"""Which forge a repository is at, and who accesses it: the environment says both, never a clone alone."""

import os

import click

from echo_migrate.cli.patience import LONGEST
from echo_migrate.cli.pull_request import github, gitlab
from echo_migrate.cli.pull_request.forge import Forge, ForgeFailed
from echo_migrate.files import logins

_NO_TOKEN = (
    "set GITHUB_TOKEN, with contents: write and pull-requests: write, or GITLAB_TOKEN, with api and write_repository;"
    " or use --dry-run"
)


def forge_of(url: str, fork: str = "", longest: float = LONGEST) -> Forge:
    """Return the forge of a repository. ``url`` is that of its remote, ``fork`` the repository to push to if that is
    another one, and ``longest`` how long to wait for an answer. Raises ``click.UsageError`` and ``ForgeFailed``.
    """
    from echo_migrate.cli.github.api import MISSING

    at_gitlab = _at_gitlab(url)
    try:
        if at_gitlab:
            path = os.environ.get("CI_PROJECT_PATH") or gitlab.project_of(url)
            return gitlab.GitLab(os.environ["GITLAB_TOKEN"], path, fork, longest)
        path = os.environ.get("GITHUB_REPOSITORY") or github.repository_of(url)
        return github.GitHub(os.environ["GITHUB_TOKEN"], path, fork, longest)
    except ImportError:
        raise click.UsageError(gitlab.MISSING if at_gitlab else MISSING) from None


def _at_gitlab(url: str) -> bool:
    """Return whether a repository is at GitLab: where both have a token, the host of its remote says it."""
    tokens = [bool(os.environ.get(name)) for name in ("GITHUB_TOKEN", "GITLAB_TOKEN")]
    if not any(tokens):
        raise click.UsageError(_NO_TOKEN)
    if not all(tokens):
        return tokens[1]
    servers = logins.github(), logins.gitlab()
    at = [bool(logins.path_at(url, server)) for server in servers]
    if at[0] == at[1]:
        hosts = " nor ".join(server.partition("://")[2] for server in servers)
        raise ForgeFailed(f"the remote origin is at neither {hosts}: set one token alone")
    return at[1]
