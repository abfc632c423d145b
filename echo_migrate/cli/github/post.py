"""The comment and the suggestions on a pull request, kept up to date.

The program is one of several that may run for a pull request at once: what they all made is brought down to the oldest.
"""

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.cli.github.api import connect, patiently
from echo_migrate.cli.github.suggestions import Suggestion, marker
from echo_migrate.cli.patience import Failed, reads

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest

ACTIONS = "github-actions[bot]"
_MOST_FILES = 3_000  # docs.github.com, "List pull requests files"


def first_line(name: str) -> str:
    """Return the first line of the comment: with its author, what makes a comment ours.

    Each job of a workflow has a comment of its own, and so has each ``name`` in a job: one of a matrix does not write
    over another's.
    """
    parts = (os.environ.get("GITHUB_WORKFLOW", ""), os.environ.get("GITHUB_JOB", ""), name)
    key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"<!-- echo-migrate:comment {key} -->"


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
        self._github = connect(token, api)
        self._repository = self._github.get_repo(repository, lazy=True)
        self._pulls: dict[int, PullRequest] = {}
        self._author = ""
        self._mark = mark

    def find(self, branch: str, head: str) -> int:
        """Return the open pull request from a branch (owner:name) whose newest revision is ``head``, or 0."""
        pulls = patiently(lambda: list(self._repository.get_pulls(state="open", head=branch)))
        return next((pull.number for pull in pulls if pull.head.sha == head), 0)

    def pull(self, number: int) -> Pull:
        pull = self._pull(number)
        files = patiently(lambda: list(pull.get_files()))
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
            patiently(post, lambda: not fresh() or None)
            for comments in self._suggested(pull).values():
                for comment in comments[1:]:  # another run's, at the same time
                    patiently(comment.delete, gone=True)

    def comment(self, number: int, body: str, create: bool) -> str:
        """Make the comment read ``body``; what was done: created, updated, unchanged, or none (not to be created)."""
        pull = self._pull(number)
        body = f"{self._mark}\n{body}"
        mine = self._comments(pull)
        done = "created"
        if mine:
            done = "unchanged" if reads(mine[0].body, body) else "updated"
        elif not create:
            return "none"
        else:
            patiently(lambda: pull.create_issue_comment(body), lambda: next(iter(self._comments(pull)), None))
            mine = self._comments(pull)
        for extra in mine[1:]:
            patiently(extra.delete, gone=True)
        if mine and not reads(mine[0].body, body):
            oldest = mine[0]
            patiently(lambda: oldest.edit(body))
        return done

    def _pull(self, number: int) -> "PullRequest":
        if number not in self._pulls:
            self._pulls[number] = patiently(lambda: self._repository.get_pull(number))
        return self._pulls[number]

    def _comments(self, pull: "PullRequest") -> "list[IssueComment]":
        """Our comments, the oldest first: they begin with the marker, and are by whom the token is of."""
        author = self._whoami()
        comments = patiently(lambda: list(pull.get_issue_comments()))
        ours = [one for one in comments if _is_by(one, author) and (one.body or "").startswith(self._mark)]
        return sorted(ours, key=lambda one: one.id)

    def _suggested(self, pull: "PullRequest") -> dict[str, list[Any]]:
        """Our review comments by key, the oldest first.

        Those whose lines are no longer in the diff have no ``line``, and cannot be accepted: they are history.
        """
        author = self._whoami()
        found: dict[str, list[Any]] = {}
        start, end = marker("\0").split("\0")
        for one in sorted(patiently(lambda: list(pull.get_review_comments())), key=lambda one: one.id):
            key = (one.body or "").rstrip().rpartition(start)[2].removesuffix(end)
            ours = _is_by(one, author) and (one.body or "").rstrip().endswith(marker(key))
            if ours and one.line is not None:
                found.setdefault(key, []).append(one)
        return found

    def _whoami(self) -> str:
        """Return the login that the token writes as. Only GraphQL tells it of every kind of token."""
        if not self._author:
            try:
                _, data = patiently(lambda: self._github.requester.graphql_query("query { viewer { login } }", {}))
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
