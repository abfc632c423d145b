"""The forges that the environment names, and the logins that it has for them: never those that a clone names.

``GITHUB_SERVER_URL`` and ``CI_SERVER_URL`` are what workflows of GitHub and jobs of GitLab have.
"""

import base64
import os

from echo_migrate.files.remote import parsed
from echo_migrate.files.scratch import Remote

GITHUB, GITLAB = "https://github.com", "https://gitlab.com"


def github() -> str:
    """Return GitHub's server, without a slash at its end."""
    return (os.environ.get("GITHUB_SERVER_URL") or GITHUB).rstrip("/")


def gitlab() -> str:
    """Return GitLab's server, without a slash at its end."""
    return (os.environ.get("CI_SERVER_URL") or GITLAB).rstrip("/")


def path_at(url: str, server: str) -> str:
    """Return the path of the repository that a URL names at a server, without ``.git``; "" if it is not there."""
    if url.startswith(f"{server}/"):
        return url.removeprefix(f"{server}/").strip("/").removesuffix(".git")
    place, host = parsed(url), server.partition("://")[2].partition("/")[0].lower()
    name, _, port = host.partition(":")
    known = place and place.host == name and (place.port or f":{port}") == f":{port}"
    return place.path if place and known else ""


def named(url: str) -> bool:
    """Return whether a URL is one of a forge that the environment names."""
    return any(path_at(url, server) for server in (github(), gitlab()))


def remote(url: str) -> Remote:
    """Return the remote of a URL, with the login for it if the environment has one."""
    for server, user, token in _logins():
        if token and url.startswith(f"{server}/"):
            return with_login(url, user, token)
    return Remote(url)


def with_login(url: str, user: str, token: str) -> Remote:
    """Return a remote that is accessed with a token."""
    return Remote(url, f"Authorization: Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}")


def _logins() -> tuple[tuple[str, str, str], ...]:
    return (
        (github(), "x-access-token", os.environ.get("GITHUB_TOKEN", "")),
        (gitlab(), "oauth2", os.environ.get("GITLAB_TOKEN", "")),
    )
