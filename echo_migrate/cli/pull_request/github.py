"""Pull requests at GitHub, or at a GitHub Enterprise server, through PyGithub.

The server, and with it who gets the token, is the one that the environment names, never one that a clone names.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from echo_migrate.cli.github.api import address, connect, patiently
from echo_migrate.cli.patience import LONGEST
from echo_migrate.cli.pull_request.forge import ForgeFailed, Pull, done, tried
from echo_migrate.files import logins
from echo_migrate.files.code_owners import Grammar
from echo_migrate.files.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

_NAME = lazy_regex(r"[A-Za-z0-9_-]{1,100}/(?!\.\.?$)[A-Za-z0-9_.-]{1,100}")
_MOST_REVIEWERS = 15  # docs.github.com, "Request reviewers for a pull request"
_WRITE = "the token needs contents: write and pull-requests: write"
_REMEDIES = {
    401: "GITHUB_TOKEN is not valid there (or has expired)",
    403: f"{_WRITE}; that of a workflow, the setting «Allow GitHub Actions to create and approve pull requests» too",
    404: f"there is no such repository for this token: check the name; {_WRITE}",
    422: "GitHub does not accept it: is the base branch there, and do both have a common history?",
}
_PERSON = lazy_regex(r"@[A-Za-z0-9-]{1,39}(?:/[A-Za-z0-9._-]{1,100})?")
"""A user, or a team of an organisation; addresses are owners too, but nobody can request a review by one."""

T = TypeVar("T")


def repository_of(url: str) -> str:
    """Return OWNER/NAME of a remote. Raises ``ForgeFailed`` if that is not at the server."""
    path = logins.path_at(url, logins.github())
    if not _NAME.fullmatch(path):
        host = logins.github().partition("://")[2]
        raise ForgeFailed(
            f"the remote origin is not a repository at {host}: set GITHUB_REPOSITORY=OWNER/NAME, and GITHUB_SERVER_URL"
            " if it is at another server"
        )
    return path


class GitHub:
    """One repository; ``fork`` is OWNER/NAME of the one that branches are pushed to, "" for the same."""

    grammar: Grammar = "github"

    def __init__(self, token: str, repository: str, fork: str = "", longest: float = LONGEST) -> None:
        for name in filter(None, (repository, fork)):
            if not _NAME.fullmatch(name):
                raise ForgeFailed(f"{name!r} is not OWNER/NAME")
        self._repository = connect(token, address()).get_repo(repository, lazy=True)
        self._fork, self._longest = fork, longest
        self._owner = (fork or repository).partition("/")[0]
        urls = [f"{logins.github()}/{name}" for name in (repository, fork or repository)]
        self.source, self.pushed = (logins.with_login(url, "x-access-token", token) for url in urls)
        self._pulls: dict[int, PullRequest] = {}

    def newest(self, branch: str, base: str) -> Pull | None:
        return next(iter(self._listed("all", base, f"{self._owner}:{branch}")), None)

    def ours(self, base: str, prefix: str) -> list[Pull]:
        return [pull for pull in self._listed("open", base) if pull.branch.startswith(prefix)]

    def create(self, branch: str, base: str, title: str, body: str) -> Pull:
        more: dict[str, Any] = {"head_repo": self._fork} if self._fork else {}
        head = f"{self._owner}:{branch}" if self._fork else branch

        def there() -> "PullRequest | None":
            found = self._repository.get_pulls(state="open", head=f"{self._owner}:{branch}", base=base)
            return next(iter(found), None)

        made = self._done(
            "the pull request could not be opened",
            lambda: self._repository.create_pull(base, head, title=title, body=body, **more),
            there,
        )
        return self._known(made)

    def rewrite(self, pull: Pull, title: str, body: str) -> None:
        self._done(
            "the description could not be written", lambda: self._pulls[pull.number].edit(title=title, body=body)
        )

    def introduce(self, pull: Pull, labels: tuple[str, ...], owners: list[str]) -> list[str]:
        known, left = self._pulls[pull.number], list[str]()
        names = [owner.removeprefix("@") for owner in owners if _PERSON.fullmatch(owner)][:_MOST_REVIEWERS]
        users = [name for name in names if "/" not in name]
        teams = [name.partition("/")[2] for name in names if "/" in name]
        if labels:
            # PyGithub posts a bare list, which GitHub's document has no longer
            left += self._tried(
                "labels were not added",
                lambda: known.requester.requestJsonAndCheck(
                    "POST", f"{known.issue_url}/labels", input={"labels": [*labels]}
                ),
            )
        if users or teams:
            left += self._tried(
                "reviews were not asked for (is an owner the author, or not in the repository?)",
                lambda: known.create_review_request(reviewers=users, team_reviewers=teams),
            )
        return left

    def close(self, pull: Pull, word: str) -> None:
        known = self._pulls[pull.number]
        self._tried("a comment could not be written", lambda: known.create_issue_comment(word))
        self._done("the pull request could not be closed", lambda: known.edit(state="closed"))

    def _listed(self, state: str, base: str, head: str = "") -> list[Pull]:
        more = {"head": head} if head else {}
        found = self._done(
            "pull requests could not be listed",
            lambda: [*self._repository.get_pulls(state=state, base=base, sort="created", direction="desc", **more)],
        )
        own = [pull for pull in found if pull.head.user is not None and pull.head.user.login == self._owner]
        return [self._known(pull) for pull in own]

    def _known(self, pull: "PullRequest") -> Pull:
        self._pulls[pull.number] = pull
        state = "merged" if pull.merged_at else "open" if pull.state == "open" else "closed"
        return Pull(pull.number, state, pull.head.ref, pull.head.sha, pull.title or "", pull.body or "")  # type: ignore[arg-type]

    def _done(self, what: str, call: Callable[[], T], there: Callable[[], T | None] | None = None) -> T:
        return done(what, lambda: patiently(call, there, longest=self._longest), _REMEDIES)

    def _tried(self, what: str, call: Callable[[], object]) -> list[str]:
        return tried(what, lambda: patiently(call, longest=self._longest))
