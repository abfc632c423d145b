"""Requests to GitHub through PyGithub: patient, and never twice.

Limits (docs.github.com, "Rate limits for the REST API" and "Best practices"): a request that is refused for its rate
says when to come back, in ``retry-after`` or ``x-ratelimit-reset``. A request that creates something is only repeated
once a look shows that it is not there.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from github import Github
    from github.GithubException import GithubException

API = "https://api.github.com"
MISSING = "this command needs the extra: install echo-migrate[github]"
_TRIES = 4
_LONGEST_WAIT = 120
_TIMEOUT = 20
T = TypeVar("T")


class Failed(Exception):
    """GitHub did not do what was asked. ``status`` is 0 where it did not answer, and ``rate`` says that it was asked
    too often; the message is in our words alone."""

    def __init__(self, message: str, status: int = 0, rate: bool = False) -> None:
        super().__init__(message)
        self.status, self.rate = status, rate


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


def patiently(call: Callable[[], T], there: Callable[[], T | None] | None = None, gone: bool = False) -> T:
    """Return what a call gives, made again while GitHub asks to wait or does not answer. Raises ``Failed``.

    With ``there``, the call creates something: it is not repeated if that finds what may have been created after all.
    With ``gone``, it removes something, and what is not there any more is no failure.
    """
    from github.GithubException import GithubException
    from requests.exceptions import RequestException

    failure = Failed("GitHub did not answer")
    for attempt in range(_TRIES):
        wait: float | None = 2.0**attempt
        unsure = True
        try:
            return call()
        except GithubException as error:
            if gone and error.status == 404:
                return cast(T, None)
            failure = Failed(f"GitHub answered with {error.status}", error.status)
            if error.status < 500:
                wait, unsure = asked_to_wait(error), False
                failure.rate = wait is not None
        except RequestException as error:
            failure = Failed(f"GitHub could not be asked ({type(error).__name__})")
        except (AssertionError, RuntimeError):  # what PyGithub raises for a link or redirect to another host
            raise Failed("GitHub could not be asked (its answer leads to another host)") from None
        if wait is None or wait > _LONGEST_WAIT or attempt == _TRIES - 1:
            break
        time.sleep(wait)
        if there is not None and unsure and (found := there()) is not None:
            return found
    raise failure


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
