"""The repositories of a GitHub organisation, or of a GitLab group, as its forge lists them.

``github:NAME`` and ``gitlab:GROUP/SUBGROUP``; archived ones, which nobody can change, are left out. Pages are asked for
by number: a link to the next one could lead to another host.
"""

import os
from collections.abc import Callable
from typing import Any

import click

from echo_migrate.cli.patience import AN_HOUR, Failed
from echo_migrate.files import logins
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.fleet.repositories import FleetError, Repository

_PAGE = 100
_MOST_PAGES = 1_000
_NAME = lazy_regex(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9_.-]{1,255}(?:/[A-Za-z0-9_.-]{1,255}){0,20}")
Page = Callable[[int], list[dict[str, Any]]]
_TOKENS = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}


def is_one(text: str) -> bool:
    """Return whether a list is named by its forge."""
    return text.partition(":")[0] in _TOKENS and not os.path.lexists(text)


def members(text: str) -> list[Repository]:
    """Return the repositories of ``github:NAME`` or ``gitlab:GROUP``, by name. Raises ``FleetError`` and
    ``click.UsageError``."""
    forge, _, name = text.partition(":")
    token = os.environ.get(_TOKENS[forge], "")
    if not _NAME.fullmatch(name):
        raise FleetError(f"{name!r} is no name of an organisation or group")
    if not token:
        raise click.UsageError(f"{text}: set {_TOKENS[forge]}, with which its repositories can be listed and read")
    server, page = (
        (logins.github(), _at_github(token, name)) if forge == "github" else (logins.gitlab(), _at_gitlab(token, name))
    )
    try:
        found = _all(page)
    except Failed as error:
        raise FleetError(f"{text}: could not be listed: {error}") from None
    paths = [str(one.get("full_name") or one.get("path_with_namespace")) for one in found if not one.get("archived")]
    if not paths:
        raise FleetError(f"{text}: has no repositories")
    return sorted(Repository(path, f"{server}/{path}.git") for path in paths if _NAME.fullmatch(path))


def _all(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(1, _MOST_PAGES + 1):
        rows = page(number)
        found += [row for row in rows if isinstance(row, dict)]
        if len(rows) < _PAGE:
            break
    return found


def _at_github(token: str, name: str) -> Page:
    from echo_migrate.cli.github.api import MISSING, address, connect, patiently

    try:
        requester = connect(token, address()).requester
    except ImportError:
        raise click.UsageError(MISSING) from None

    def page(number: int) -> list[dict[str, Any]]:
        given = {"per_page": _PAGE, "page": number, "sort": "full_name"}
        _, rows = patiently(
            lambda: requester.requestJsonAndCheck("GET", f"/orgs/{name}/repos", parameters=given), longest=AN_HOUR
        )
        return rows if isinstance(rows, list) else []

    return page


def _at_gitlab(token: str, name: str) -> Page:
    from echo_migrate.cli.pull_request.gitlab import MISSING, Client

    try:
        client = Client(token, AN_HOUR)
    except ImportError:
        raise click.UsageError(MISSING) from None

    def page(number: int) -> list[dict[str, Any]]:
        given = {"per_page": _PAGE, "page": number, "order_by": "id", "sort": "asc"}
        given |= {"include_subgroups": "true", "archived": "false", "with_shared": "false", "simple": "true"}
        path = f"/groups/{name.replace('/', '%2F')}/projects"
        rows = client.patiently(lambda: client.asked("get", path, given))
        return rows if isinstance(rows, list) else []

    return page
