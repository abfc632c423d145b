"""What is read from and written to GitHub, through PyGithub: patient, and never twice.

Limits (docs.github.com, "Rate limits for the REST API" and "Best practices"): a request that is refused for its rate
says when to come back, in ``retry-after`` or ``x-ratelimit-reset``. A request that creates something is only repeated
once a look shows that it is not there. The program is one of several that may run for a pull request at once: what
they all made is brought down to the oldest.
"""

import hashlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from echo_migrate.cli.github.suggestions import Suggestion, marker

if TYPE_CHECKING:
    from github.GithubException import GithubException
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest

ACTIONS = "github-actions[bot]"
_MOST_FILES = 3_000  # docs.github.com, "List pull requests files"
_TRIES = 4
_LONGEST_WAIT = 120
_TIMEOUT = 20
T = TypeVar("T")


def first_line(name: str) -> str:
    """Return the first line of the comment: with its author, what makes a comment ours.

    Each job of a workflow has a comment of its own, and so has each ``name`` in a job: one of a matrix does not write
    over another's.
    """
    parts = (os.environ.get("GITHUB_WORKFLOW", ""), os.environ.get("GITHUB_JOB", ""), name)
    key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"<!-- echo-migrate:comment {key} -->"


class Failed(Exception):
    """GitHub did not do what was asked. ``status`` is 0 where it did not answer, and ``rate`` says that it was asked
    too often; the message is in our words alone."""

    def __init__(self, message: str, status: int = 0, rate: bool = False) -> None:
        super().__init__(message)
        self.status, self.rate = status, rate


class Pull(NamedTuple):
    """A pull request as it is now, and its files: path and patch, empty where GitHub shows none. ``partial``: there are
    more files than GitHub lists."""

    number: int
    head: str
    open: bool
    files: dict[str, str]
    partial: bool = False


class Client:
    """A repository at GitHub, or at a GitHub Enterprise server, as the holder of a token sees it.

    ``mark`` is the first line of the comment that is kept.
    """

    def __init__(self, token: str, repository: str, api: str, mark: str) -> None:
        from github import Auth, Github

        self._github = Github(
            auth=Auth.Token(token),
            base_url=api.rstrip("/"),
            per_page=100,
            retry=None,  # it would wait as long as a server asks, and repeat what creates
            timeout=_TIMEOUT,
            user_agent="echo-migrate",
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        self._repository = self._github.get_repo(repository, lazy=True)
        self._pulls: dict[int, PullRequest] = {}
        self._author = ""
        self._mark = mark

    def find(self, branch: str, head: str) -> int:
        """Return the open pull request from a branch (owner:name) whose newest revision is ``head``, or 0."""
        pulls = _patiently(lambda: list(self._repository.get_pulls(state="open", head=branch)))
        return next((pull.number for pull in pulls if pull.head.sha == head), 0)

    def pull(self, number: int) -> Pull:
        pull = self._pull(number)
        files = _patiently(lambda: list(pull.get_files()))
        # files that are removed have no new lines
        shown = {file.filename: file.patch or "" for file in files if file.status != "removed"}
        return Pull(number, pull.head.sha, pull.state == "open", shown, len(files) >= _MOST_FILES)

    def suggest(self, number: int, head: str, suggestions: list[Suggestion]) -> None:
        """Post those suggestions that do not stand on this pull request's lines already, as one review."""
        pull = self._pull(number)

        def fresh() -> list[Suggestion]:
            known = self._suggested(pull)
            return [one for one in suggestions if one.key not in known]

        def post() -> None:
            review = {
                "commit_id": head,
                "event": "COMMENT",
                "body": "Safe fixes for this pull request's lines. Each can be accepted as it stands.",
                "comments": [_review_comment(one) for one in wanted],
            }
            pull.requester.requestJsonAndCheck("POST", f"{pull.url}/reviews", input=review)

        wanted = fresh()
        if wanted:
            _patiently(post, lambda: not fresh() or None)
            for comments in self._suggested(pull).values():
                for comment in comments[1:]:  # another run's, at the same time
                    _patiently(comment.delete, gone=True)

    def comment(self, number: int, body: str, create: bool) -> str:
        """Make the comment read ``body``; what was done: created, updated, unchanged, or none (not to be created)."""
        pull = self._pull(number)
        body = f"{self._mark}\n{body}"
        mine = self._comments(pull)
        done = "created"
        if mine:
            done = "unchanged" if _same(mine[0].body, body) else "updated"
        elif not create:
            return "none"
        else:
            _patiently(lambda: pull.create_issue_comment(body), lambda: next(iter(self._comments(pull)), None))
            mine = self._comments(pull)
        for extra in mine[1:]:
            _patiently(extra.delete, gone=True)
        if mine and not _same(mine[0].body, body):
            oldest = mine[0]
            _patiently(lambda: oldest.edit(body))
        return done

    def _pull(self, number: int) -> "PullRequest":
        if number not in self._pulls:
            self._pulls[number] = _patiently(lambda: self._repository.get_pull(number))
        return self._pulls[number]

    def _comments(self, pull: "PullRequest") -> "list[IssueComment]":
        """Our comments, the oldest first: they begin with the marker, and are by whom the token is of."""
        author = self._whoami()
        comments = _patiently(lambda: list(pull.get_issue_comments()))
        ours = [one for one in comments if _is_by(one, author) and (one.body or "").startswith(self._mark)]
        return sorted(ours, key=lambda one: one.id)

    def _suggested(self, pull: "PullRequest") -> dict[str, list[Any]]:
        """Our review comments by key, the oldest first.

        Those whose lines are no longer in the diff have no ``line``, and cannot be accepted: they are history.
        """
        author = self._whoami()
        found: dict[str, list[Any]] = {}
        start, end = marker("\0").split("\0")
        for one in sorted(_patiently(lambda: list(pull.get_review_comments())), key=lambda one: one.id):
            key = (one.body or "").rstrip().rpartition(start)[2].removesuffix(end)
            ours = _is_by(one, author) and (one.body or "").rstrip().endswith(marker(key))
            if ours and one.line is not None:
                found.setdefault(key, []).append(one)
        return found

    def _whoami(self) -> str:
        """Return the login that the token writes as. Only GraphQL tells it of every kind of token."""
        if not self._author:
            try:
                _, data = _patiently(lambda: self._github.requester.graphql_query("query { viewer { login } }", {}))
                login = data["data"]["viewer"]["login"]
                self._author = ACTIONS if login == ACTIONS.removesuffix("[bot]") else login
            except (Failed, KeyError, TypeError):
                self._author = ACTIONS
        return self._author


def _is_by(comment: Any, author: str) -> bool:
    """Whose a comment is; nobody's, where its author has left GitHub."""
    return comment.user is not None and comment.user.login == author


def _review_comment(one: Suggestion) -> dict[str, Any]:
    place: dict[str, Any] = {"path": one.path, "body": one.body, "line": one.last, "side": "RIGHT"}
    return place if one.first == one.last else place | {"start_line": one.first, "start_side": "RIGHT"}


def _same(there: str, body: str) -> bool:
    """Return whether a comment reads so already; GitHub may give line ends back otherwise."""
    return there.replace("\r\n", "\n").strip() == body.strip()


def _patiently(call: Callable[[], T], there: Callable[[], T | None] | None = None, gone: bool = False) -> T:
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
                wait, unsure = _asked_to_wait(error), False
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


def _asked_to_wait(error: "GithubException") -> float | None:
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
