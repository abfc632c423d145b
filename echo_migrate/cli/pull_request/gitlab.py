"""Merge requests at GitLab, or at a server of one's own, through python-gitlab.

The server, and with it who gets the token, is the one that the environment names, never one that a clone names.

Interface: docs.gitlab.com, "Merge requests API", "Notes API", "Users API" and "Rate limits"; a personal, project
or group token is taken as ``Authorization: Bearer``, which no redirect to another host passes on.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from echo_migrate.cli.patience import LONGEST, Failed, Trouble, patiently
from echo_migrate.cli.pull_request.forge import ForgeFailed, Pull, done, tried
from echo_migrate.files import logins
from echo_migrate.files.code_owners import Grammar
from echo_migrate.files.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from requests import Response

MISSING = "this command needs the extra: install echo-migrate[gitlab]"
_TIMEOUT = 20
_PAGE = 100
_MOST_PAGES = 100
_MOST_REVIEWERS = 15
"""More is nobody's review; the free tier takes one, the last one that is named."""

_PATH = lazy_regex(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9_.-]{1,255}(?:/[A-Za-z0-9_.-]{1,255}){1,20}")
_PERSON = lazy_regex(r"@[A-Za-z0-9_.-]{1,255}")
_SCOPES = "the token needs the scopes api and write_repository, and at least the role Developer"
_REMEDIES = {
    401: "GITLAB_TOKEN is not valid there (or has expired)",
    403: _SCOPES,
    404: f"there is no such project for this token: check the path; {_SCOPES}",
    409: "there is one from this branch already",
    422: "GitLab does not accept it: is the base branch there?",
}
_STATES = {"opened": "open", "locked": "open", "merged": "merged"}
T = TypeVar("T")


def project_of(url: str) -> str:
    """Return the path of the project that a remote is. Raises ``ForgeFailed`` if that is not at the server."""
    path = logins.path_at(url, logins.gitlab())
    if not _PATH.fullmatch(path):
        host = logins.gitlab().partition("://")[2]
        raise ForgeFailed(
            f"the remote origin is not a project at {host}: set CI_PROJECT_PATH=GROUP/NAME, and CI_SERVER_URL if it is"
            " at another server"
        )
    return path


class Client:
    """GitLab as the holder of a token sees it; ``longest`` is how long to wait for an answer, in seconds. Raises
    ``ImportError``."""

    def __init__(self, token: str, longest: float) -> None:
        import gitlab
        from requests import Session

        self._longest = longest
        self._headers: Mapping[str, str] = {}
        session = Session()
        session.max_redirects = 0
        session.hooks["response"].append(self._see)  # python-gitlab does not keep the headers of an answer
        url = os.environ.get("CI_API_V4_URL", "").removesuffix("/api/v4") or logins.gitlab()
        self._gitlab = gitlab.Gitlab(
            url, oauth_token=token, timeout=_TIMEOUT, session=session, user_agent="echo-migrate"
        )

    def _see(self, answer: "Response", **_: object) -> None:
        self._headers = answer.headers

    def asked(self, verb: str, path: str, given: dict[str, Any]) -> Any:
        """Make a request once, and return its answer: when it is repeated is for ``patiently`` to say."""
        query, body = (given, None) if verb == "get" else (None, given)
        return self._gitlab.http_request(verb, path, query_data=query, post_data=body, max_retries=0).json()

    def patiently(self, call: Callable[[], T], there: Callable[[], T | None] | None = None) -> T:
        """Return what a call gives. Raises ``Failed``."""
        return patiently(call, self._trouble, there, self._longest)

    def _trouble(self, error: Exception) -> Trouble | None:
        """Return what an exception of python-gitlab means."""
        from gitlab.exceptions import GitlabError, RedirectError
        from requests.exceptions import RequestException, TooManyRedirects

        if isinstance(error, TooManyRedirects | RedirectError):
            return Trouble(Failed("GitLab could not be asked (its answer leads to another address)"), None)
        if isinstance(error, GitlabError):
            status = error.response_code or 0
            failure = Failed(f"GitLab answered with {status}", status, rate=status == 429)
            if status >= 500:
                return Trouble(failure)
            return Trouble(failure, _asked_to_wait(self._headers) if failure.rate else None, unsure=False)
        if isinstance(error, RequestException):
            return Trouble(Failed(f"GitLab could not be asked ({type(error).__name__})"))
        if isinstance(error, KeyError | TypeError | AttributeError):  # of an answer that is no such object
            return Trouble(Failed("GitLab could not be asked (its answer is not that of its interface)"), None)
        return None


class GitLab:
    """One project; ``fork`` is the path of the one that branches are pushed to, "" for the same."""

    grammar: Grammar = "gitlab"

    def __init__(self, token: str, project: str, fork: str = "", longest: float = LONGEST) -> None:
        for path in filter(None, (project, fork)):
            if not _PATH.fullmatch(path):
                raise ForgeFailed(f"{path!r} is not GROUP/NAME")
        self._client = Client(token, longest)
        self._project, self._fork = project, fork
        self._ids: dict[str, int] = {}
        urls = [f"{logins.gitlab()}/{path}.git" for path in (project, fork or project)]
        self.source, self.pushed = (logins.with_login(url, "oauth2", token) for url in urls)

    def newest(self, branch: str, base: str) -> Pull | None:
        return next(iter(self._listed(state="all", source_branch=branch, target_branch=base)), None)

    def ours(self, base: str, prefix: str) -> list[Pull]:
        found = self._listed(state="opened", target_branch=base)
        return [pull for pull in found if pull.branch.startswith(prefix)]

    def create(self, branch: str, base: str, title: str, body: str) -> Pull:
        given: dict[str, Any] = {"source_branch": branch, "target_branch": base, "title": title, "description": body}
        given |= {"remove_source_branch": True}
        if self._fork:
            given["target_project_id"] = self._id(self._project)
        made = self._done(
            "the merge request could not be opened",
            lambda: self._client.asked("post", _requests(self._fork or self._project), given),
            lambda: next((one for one in self._rows(state="opened", source_branch=branch, target_branch=base)), None),
        )
        return _pull(made)

    def rewrite(self, pull: Pull, title: str, body: str) -> None:
        self._change(pull, "the description could not be written", {"title": title, "description": body})

    def introduce(self, pull: Pull, labels: tuple[str, ...], owners: list[str]) -> list[str]:
        left = []
        if labels:
            left += self._tried("labels were not added", lambda: self._put(pull, {"add_labels": ",".join(labels)}))
        names = [owner.removeprefix("@") for owner in owners if _PERSON.fullmatch(owner)][:_MOST_REVIEWERS]
        if names:
            what = "reviews were not asked for (is an owner not in the project?)"
            left += self._tried(what, lambda: self._put(pull, {"reviewer_ids": self._users(names)}))
        return left

    def close(self, pull: Pull, word: str) -> None:
        place = f"{_requests(self._project)}/{pull.number}/notes"
        self._tried("a comment could not be written", lambda: self._client.asked("post", place, {"body": word}))
        self._change(pull, "the merge request could not be closed", {"state_event": "close"})

    def _listed(self, **query: str) -> list[Pull]:
        return [_pull(row) for row in self._done("merge requests could not be listed", lambda: self._rows(**query))]

    def _rows(self, **query: str) -> list[dict[str, Any]]:
        """Return merge requests from the project that branches are pushed to, the newest first.

        Pages are asked for by number: a link to the next one could lead to another host.
        """
        found: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            given = {"scope": "all", "order_by": "created_at", "sort": "desc", "per_page": _PAGE, "page": page, **query}
            rows = self._client.asked("get", _requests(self._project), given)
            found += rows
            if len(rows) < _PAGE:
                break
        if not found:
            return []
        wanted = self._id(self._fork) if self._fork else None
        return [one for one in found if one["source_project_id"] == (wanted or one["target_project_id"])]

    def _id(self, path: str) -> int:
        if path not in self._ids:
            self._ids[path] = self._client.asked("get", f"/projects/{_quoted(path)}", {})["id"]
        return self._ids[path]

    def _users(self, names: list[str]) -> list[int]:
        rows = [
            self._client.asked("get", "/users", {"username": name}) for name in names
        ]  # a group of that name is none
        return [found[0]["id"] for found in rows if found]

    def _put(self, pull: Pull, given: dict[str, Any]) -> object:
        return self._client.asked("put", f"{_requests(self._project)}/{pull.number}", given)

    def _change(self, pull: Pull, what: str, given: dict[str, Any]) -> None:
        self._done(what, lambda: self._put(pull, given))

    def _done(self, what: str, call: Callable[[], T], there: Callable[[], T | None] | None = None) -> T:
        return done(what, lambda: self._client.patiently(call, there), _REMEDIES)

    def _tried(self, what: str, call: Callable[[], object]) -> list[str]:
        return tried(what, lambda: self._client.patiently(call))


def _quoted(path: str) -> str:
    return path.replace("/", "%2F")


def _requests(path: str) -> str:
    return f"/projects/{_quoted(path)}/merge_requests"


def _pull(row: dict[str, Any]) -> Pull:
    state = _STATES.get(row["state"], "closed")
    text = row["title"] or "", row["description"] or ""
    return Pull(row["iid"], state, row["source_branch"], row["sha"] or "", *text, mark="!")  # type: ignore[arg-type]


def _asked_to_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds after which a request that was refused for its rate may be made again: a minute, for which
    GitLab counts, where the answer does not say it."""
    after, reset = headers.get("Retry-After", ""), headers.get("RateLimit-Reset", "")
    if after.isdecimal():
        return float(after)
    return max(0.0, float(reset) - time.time()) + 1 if reset.isdecimal() else 60.0
