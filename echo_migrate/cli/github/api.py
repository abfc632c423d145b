"""Requests to GitHub through PyGithub: patient, and never twice.

Limits (docs.github.com, "Rate limits for the REST API" and "Best practices"): a request that is refused for its rate
says when to come back, in ``retry-after`` or ``x-ratelimit-reset``.
"""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from echo_migrate.cli import patience
from echo_migrate.cli.patience import Failed, Trouble
from echo_migrate.files import logins

if TYPE_CHECKING:
    from github import Github
    from github.GithubException import GithubException

API = "https://api.github.com"
MISSING = "this command needs the extra: install echo-migrate[github]"
_TIMEOUT = 20
T = TypeVar("T")


def address() -> str:
    """Return the address of the interface of the server that the environment names."""
    server = logins.github()
    return os.environ.get("GITHUB_API_URL") or (API if server == logins.GITHUB else f"{server}/api/v3")


def connect(token: str, api: str) -> "Github":
    """Return GitHub, or a GitHub Enterprise server, as the holder of a token sees it. Raises ``ImportError``."""
    from github import Auth, Github

    return Github(
        auth=Auth.Token(token),
        base_url=api.rstrip("/"),
        per_page=100,
        retry=None,  # it would wait as long as a server asks, and repeat what creates
        timeout=_TIMEOUT,
        user_agent="echo-migrate",
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def patiently(
    call: Callable[[], T],
    there: Callable[[], T | None] | None = None,
    gone: bool = False,
    longest: float = patience.LONGEST,
) -> T:
    """Return what a call gives, made again while GitHub asks to wait or does not answer. Raises ``Failed``.

    With ``there``, the call creates something: it is not repeated if that finds what may have been created after all.
    With ``gone``, it removes something, and what is not there any more is no failure.
    """
    try:
        return patience.patiently(call, _trouble, there, longest)
    except Failed as error:
        if gone and error.status == 404:
            return cast(T, None)
        raise


def _trouble(error: Exception) -> Trouble | None:
    """Return what an exception of PyGithub means."""
    from github.GithubException import GithubException
    from requests.exceptions import RequestException

    if isinstance(error, GithubException):
        failure = Failed(f"GitHub answered with {error.status}", error.status)
        if error.status >= 500:
            return Trouble(failure)
        wait = asked_to_wait(error)
        failure.rate = wait is not None
        return Trouble(failure, wait, unsure=False)
    if isinstance(error, RequestException):
        return Trouble(Failed(f"GitHub could not be asked ({type(error).__name__})"))
    if isinstance(error, AssertionError | RuntimeError):  # what PyGithub raises for a link or redirect to another host
        return Trouble(Failed("GitHub could not be asked (its answer leads to another host)"), None)
    return None


def asked_to_wait(error: "GithubException") -> float | None:
    """Return the seconds after which a request that was refused for its rate may be made again; None for other
    refusals.

    A secondary limit may be told in the message alone: then it is a minute, as GitHub's document has it.
    """
    if error.status not in (403, 429):
        return None
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1
    return 60.0 if error.status == 429 or "rate limit" in str(error.data).lower() else None
