"""Pull requests, with real git on bare repositories, against a stand-in for GitHub that keeps and refuses likewise."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.proof.compare import Row
from echo_migrate.proof.records import Proof, Records
from tests import registries
from tests.conftest import ROOT, Done, Run
from tests.git_http import smart_http
from tests.registries import Reply
from tests.standin import REPOSITORY, Fault, GitHub, commit, git
from tests.standin_gitlab import GitLab
from tests.test_fleet import made

ALL = "echo-migrate/all"
TOKEN = "ghs_writer"
AUTHOR = ("--author", "Echo Bot <bot@example.com>")
BASE: dict[str, Any] = {
    "api/Dockerfile": "FROM python:3.12\nRUN true\n",
    "web/Dockerfile": "FROM node:22\nFROM python:3.12\n",
    "compose.yml": "services:\n  db:\n    image: node:22-alpine\n",
    ".github/CODEOWNERS": "* @eve\n/api/ @acme/api bob@example.com\n",
    "notes.txt": "a\r\nb\r\n",
}


class World:
    """A repository at a GitHub of its own, a clone in which the program runs, and one in which a person works."""

    def __init__(self, folder: Path, github: GitHub, run: Run) -> None:
        self.folder, self.github, self._run = folder, github, run
        self.bare = folder / "server" / f"{REPOSITORY}{'.git' * isinstance(github, GitLab)}"
        self.clone, self.person, self.home = folder / "clone", folder / "person", folder / "home"
        self.home.mkdir()
        self.at_gitlab = isinstance(github, GitLab)
        named = {name.replace(".github", ".gitlab") if self.at_gitlab else name: text for name, text in BASE.items()}
        commit(self.person, named)
        git(folder, "clone", "-q", "--bare", str(self.person), str(self.bare))
        git(folder, "clone", "-q", self.bare.as_uri(), str(self.clone))
        git(self.person, "remote", "add", "origin", self.bare.as_uri())
        github.repositories["acme"] = self.bare

    def propose(self, *words: str, token: str = TOKEN, cwd: Path | None = None, **environment: str) -> Done:
        """Run the command. What it says must never hold the token."""
        given = {
            **(self._gitlab(token) if self.at_gitlab else self._github(token)),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
        }
        done = self._run("pull-request", *AUTHOR, *words, cwd=cwd or self.clone, env=given | environment)
        assert not token or token.encode() not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr, done.stderr
        return done

    def _github(self, token: str) -> dict[str, str]:
        server = (self.folder / "server").as_uri()
        where = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": self.github.url, "GITHUB_SERVER_URL": server}
        return {"GITHUB_TOKEN": token, "GITLAB_TOKEN": "", **where}

    def _gitlab(self, token: str) -> dict[str, str]:
        server = (self.folder / "server").as_uri()
        where = {"CI_PROJECT_PATH": REPOSITORY, "CI_API_V4_URL": self.github.url, "CI_SERVER_URL": server}
        return {"GITLAB_TOKEN": token, "GITHUB_TOKEN": "", **where}

    def said(self, *words: str, code: int = 0) -> str:
        """What is said, with numbers as GitHub writes them."""
        done = self.propose(*words)
        assert done.returncode == code, done.stderr
        return re.sub(r"!(?=\d)", "#", done.stderr.decode())

    def push(self, files: dict[str, Any], branch: str = "main") -> str:
        """A person's commit on a branch."""
        git(self.person, "fetch", "-q", "origin")
        git(self.person, "checkout", "-q", "-B", branch, f"origin/{branch}")
        made = commit(self.person, files)
        git(self.person, "push", "-q", "origin", branch)
        return made

    def tip(self, branch: str = ALL) -> str:
        """The commit of a branch, "" if there is none."""
        return git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}").strip()

    def file(self, path: str, branch: str = ALL) -> str:
        return git(self.bare, "show", f"{branch}:{path}")

    def body(self, number: int) -> str:
        return str(self.github.pulls[number]["body"])

    def tick(self, number: int, text: str, on: bool) -> None:
        """Click on the box of the line that has a text."""
        old, new = ("[ ]", "[x]") if on else ("[x]", "[ ]")
        lines = self.body(number).splitlines()
        place = next(at for at, line in enumerate(lines) if text in line and f"- {old}" in line)
        lines[place] = lines[place].replace(old, new, 1)
        self.github.pulls[number]["body"] = "\r\n".join(lines)  # as a browser sends it


@pytest.fixture
def world(tmp_path: Path, run: Run, request: pytest.FixtureRequest) -> Iterator[World]:
    github = getattr(request, "param", GitHub)()
    yield World(tmp_path, github, run)
    github.server.shutdown()
    github.server.server_close()
    assert github.violations == []


both = pytest.mark.parametrize("world", [GitHub, GitLab], indirect=True)


def state(folder: Path) -> dict[str, bytes]:
    """All bytes of a clone, its repository included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@both
def test_the_life_of_a_pull_request(world: World) -> None:
    git(world.clone, "checkout", "-q", "-b", "mine")  # and what is not committed there does not count
    (world.clone / "api" / "Dockerfile").write_text("FROM golang:1.24\n")
    before = state(world.clone)

    assert "#1 opened: Move 2 images to Echo" in world.said("--label", "images")
    assert state(world.clone) == before
    opened = world.github.pulls[1]
    assert opened["labels"] == [{"name": "images"}]
    assert sorted(opened["reviewers"]) == (["eve"] if world.at_gitlab else ["api", "eve"])  # GitLab asks people alone
    first = world.tip()
    assert git(world.bare, "log", "--format=%an <%ae>|%s", f"main..{ALL}") == (
        "Echo Bot <bot@example.com>|Move 2 images to Echo\n"
    )
    assert git(world.bare, "diff", "--name-only", "main", ALL).split() == ["api/Dockerfile", "web/Dockerfile"]
    assert world.file("api/Dockerfile") == "FROM reg.echohq.com/python:3.12\nRUN true\n"

    written = len(world.github.writes)
    assert "#1 is up to date" in world.said()
    assert (world.tip(), len(world.github.writes)) == (first, written)

    world.tick(1, "`node:22` →", on=False)
    world.tick(1, "`web/Dockerfile:2`", on=False)
    assert "#1 updated: Move 1 image to Echo" in world.said()
    assert git(world.bare, "diff", "--name-only", "main", ALL).split() == ["api/Dockerfile"]
    assert "Unticked:\n\n- [ ] `node:22` →" in world.body(1)
    world.tick(1, "in `web/Dockerfile`", on=True)
    world.said()
    assert world.file("web/Dockerfile") == "FROM node:22\nFROM reg.echohq.com/python:3.12\n"

    opened["title"] = "chore: hardened images"  # a person's, and stays
    base = world.push({"api/Dockerfile": "FROM python:3.13\nRUN false\n"})  # where ours changes it too
    assert "#1 updated" in world.said()
    assert world.file("api/Dockerfile") == "FROM reg.echohq.com/python:3.13\nRUN false\n"
    assert git(world.bare, "rev-parse", f"{ALL}^").strip() == base
    assert opened["title"] == "chore: hardened images"

    ours = world.tip()
    theirs = world.push({"api/README": "by hand\n"}, ALL)
    assert "#1 is left as it is: branch echo-migrate/all has commits of others" in world.said()
    assert world.tip() == theirs
    assert "This branch has commits of others" in world.body(1)
    message = git(world.person, "log", "-1", "--format=%B", ours)
    for amended in (("-m", message, "--author=b <b@c>"), ("-m", f"Reworded. {message}")):
        git(world.person, "reset", "-q", "--hard", ours)
        git(world.person, "commit", "-q", "--amend", *amended)
        git(world.person, "push", "-q", "--force", "origin", ALL)
        assert "has commits of others" in world.said()
    git(world.person, "push", "-q", "--force", "origin", f"{ours}:{ALL}")
    assert "#1 updated" in world.said()
    assert "commits of others" not in world.body(1)

    git(world.person, "fetch", "-q", "origin")
    git(world.person, "checkout", "-q", "main")
    git(world.person, "merge", "-q", "--no-ff", "-m", "merge", f"origin/{ALL}")
    git(world.person, "push", "-q", "origin", "main")
    world.github.pulls[1] |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
    written = len(world.github.writes)
    assert world.said() == ""
    assert len(world.github.writes) == written

    world.push({"job/Dockerfile": "FROM redis:7\n"})
    assert "#2 opened: Move 1 image to Echo" in world.said()
    assert "- [ ] `node:22` →" in world.body(2)
    world.github.pulls[2] |= {"state": "closed"}
    world.push({"notes.txt": "c\n", "job/Dockerfile": "# a line more\nFROM redis:7\n"})
    assert "#2 stays closed" in world.said()
    world.push({"more/Dockerfile": "FROM python:3.13\n"})
    assert "#3 opened: Move 2 images to Echo" in world.said()

    world.push({"more/Dockerfile": None, "job/Dockerfile": None})
    assert "#3 closed: nothing is left to move" in world.said()
    assert (world.github.pulls[3]["state"], world.tip()) == ("closed", "")
    assert [one["body"] for one in world.github.comments] == [
        "Nothing is left to move here: closed by echo-migrate. It opens a new pull request if something is."
    ]
    world.push({"more/Dockerfile": "FROM python:3.13\n", "job/Dockerfile": "FROM redis:7\n"})
    assert "#4 opened: Move 2 images to Echo" in world.said()  # nobody declined that


def test_a_branch_that_is_deleted_is_made_anew_where_that_was_asked_for(world: World) -> None:
    world.said()
    git(world.person, "push", "-q", str(world.bare), f":refs/heads/{ALL}")
    assert "#1 stays closed" in world.said()
    world.push({"job/Dockerfile": "FROM redis:7\n"})
    assert "#2 opened" in world.said()
    world.push({"api/README": "by hand\n"}, ALL)
    assert "delete it to have it made anew" in world.said()
    git(world.person, "push", "-q", str(world.bare), f":refs/heads/{ALL}")
    assert "#3 opened" in world.said()
    assert "commits of others" not in world.body(3)


def test_a_dry_run_prints_all_of_it_and_writes_nothing(world: World) -> None:
    before = state(world.clone)
    done = world.propose("--dry-run", "--label", "images", token="")
    assert done.returncode == 1
    shown = done.stdout.decode()
    head, _, rest = shown.partition("\n\n")
    assert head.splitlines() == [
        "branch    echo-migrate/all",
        "author    Echo Bot <bot@example.com>",
        "label     images",
        "reviewer  @acme/api",
        "reviewer  @eve",
    ]
    assert rest.startswith("Move 2 images to Echo\n\npython:3.12 -> reg.echohq.com/python:3.12\n")
    patch = shown[shown.index("diff --git") : shown.index("\n**3 image")]
    subprocess.run(["git", "apply", "--check"], cwd=world.clone, input=patch.encode(), check=True)
    assert "- [x] `node:22` → `reg.echohq.com/node:22` (1 place)" in shown
    assert (state(world.clone), world.github.requests, world.tip()) == (before, [], "")
    assert world.propose("--dry-run", "notes.txt", token="").returncode == 0


def test_proofs_of_the_very_texts_are_in_the_description(world: World) -> None:
    """As ``prove`` records them; those that a repository has count for nothing unless they are named."""
    moved = {"api/Dockerfile": "FROM reg.echohq.com/python:3.12\nRUN true\n"}
    moved |= {"web/Dockerfile": "FROM reg.echohq.com/node:22\nFROM reg.echohq.com/python:3.12\n"}
    folder = str(world.clone / "proven")
    for path, text in moved.items():
        before, after = (hashlib.sha256(one.encode()).hexdigest() for one in (BASE[path], text))
        found = Proof(path, "differs", "user", (Row("user", "root", "app"),), before, after)
        Records([folder]).keep(found._replace(date="2026-11-20T00:00:00Z", by="ada@ci"))
    assert "### Proofs" not in world.propose("--dry-run", token="").stdout.decode()
    shown = world.propose("--dry-run", "--proofs", "proven", token="").stdout.decode()
    assert "on 2026-11-20, with" in shown
    assert "| `api/Dockerfile` | **differs** | `user` |\n| `web/Dockerfile` | **differs** | `user` |\n" in shown
    assert "no proof" not in shown
    inside = world.propose("--dry-run", "--proofs", "../proven", cwd=world.clone / "api", token="").stdout.decode()
    assert "1 changed Dockerfile has no proof of this change" in inside  # of another path
    cache = world.folder / "cache"
    own = ("--dry-run", "--proofs", str(cache / "echo-migrate" / "proofs"))
    assert b"are of places on this machine" in world.propose(*own, token="", XDG_CACHE_HOME=str(cache)).stderr
    world.said("--proofs", "proven")
    world.tick(1, "`node:22` →", on=False)
    assert "#1 updated" in world.said("--proofs", "proven")
    assert "| `api/Dockerfile` | **differs** |" in world.body(1)
    assert "`web/Dockerfile` | **differs**" not in world.body(1)  # this is another text
    assert "1 changed Dockerfile has no proof of this change" in world.body(1)


SPLITS = {
    "service": ["echo-migrate/service/api", "echo-migrate/service/web"],
    "image": ["echo-migrate/image/node", "echo-migrate/image/python"],
    "owner": ["echo-migrate/owner/acme-api-", "echo-migrate/owner/eve-"],
}


@pytest.mark.parametrize("split", SPLITS)
def test_a_pull_request_for_each(world: World, split: str) -> None:
    shown = world.propose("--dry-run", "--split", split, token="").stdout.decode()
    branches = re.findall(r"(?m)^branch    (.*)$", shown)
    assert [branch[: len(wanted)] for branch, wanted in zip(branches, SPLITS[split], strict=True)] == SPLITS[split]
    added = re.findall(r"(?m)^\+FROM (.*)$", shown)
    assert sorted(added) == ["reg.echohq.com/node:22", "reg.echohq.com/python:3.12", "reg.echohq.com/python:3.12"]
    assert (
        re.findall(r"(?m)^Move .*$", shown)
        == {
            "service": ["Move 1 image to Echo in api", "Move 2 images to Echo in web"],
            "image": ["Move node to Echo", "Move python to Echo"],
            "owner": ["Move 1 image to Echo for acme/api", "Move 2 images to Echo for eve"],
        }[split]
    )


@both
def test_groups_that_are_gone_are_closed(world: World) -> None:
    assert len(re.findall("opened", world.said("--split", "service"))) == 2
    assert "closed" not in world.said("--split", "service", "web")  # the other one was not looked at
    said = world.said()
    assert len(re.findall("closed: nothing is left", said)) == 2
    assert "#3 opened" in said
    assert [world.tip(branch) for branch in SPLITS["service"]] == ["", ""]


def test_a_description_has_which_configuration_chose_the_registry_and_not_where_it_lies(world: World) -> None:
    text = "registry = 'harbor.example.com/echo'\nmapping = 'ci/rows.yaml'\n"
    commit(world.clone, {"echo-migrate.toml": text, "ci/rows.yaml": "images:\n  acme/base: base\n"})
    world.said()
    assert "mapping ci/rows.yaml&#58; images come from harbor.example.com/echo" in world.body(1)
    assert str(world.folder) not in world.body(1)
    assert world.file("api/Dockerfile") == "FROM harbor.example.com/echo/python:3.12\nRUN true\n"


@both
def test_a_hook_that_refuses_is_quoted_and_nothing_is_opened(world: World) -> None:
    hook = world.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found' >&2\necho '::error::x' >&2\nexit 1\n")
    hook.chmod(0o755)
    said = world.said(code=2)
    assert "refused: [remote rejected] (pre-receive hook declined); GH013: Repository rule violations found" in said
    assert "exempt echo-migrate/**" in said
    assert not any(line.startswith("::") for line in said.splitlines())
    assert (world.tip(), world.github.pulls) == ("", {})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("POST", "/pulls$", 403, message="not permitted"), "Allow GitHub Actions to create"),
        (Fault("GET", "/pulls$", 404, message="Not Found"), "there is no such repository for this token"),
    ],
)
def test_what_github_refuses_has_a_remedy_and_the_next_run_goes_on(world: World, fault: Fault, says: str) -> None:
    world.github.faults.append(fault)
    assert says in world.said(code=2)
    tip = world.tip()
    assert "#1 opened" in world.said()
    assert tip in ("", world.tip())


@pytest.mark.parametrize("world", [GitLab], indirect=True)
@pytest.mark.parametrize(
    ("faults", "says", "code"),
    [
        ([Fault("GET", "/merge_requests$", 401)], "GITLAB_TOKEN is not valid there", 2),
        ([Fault("POST", "/merge_requests$", 403)], "the scopes api and write_repository", 2),
        ([Fault("POST", "/merge_requests$", 503, done=True)], "!1 opened", 0),
        ([Fault("GET", "/merge_requests$", 429, headers={"Retry-After": "1"})], "!1 opened", 0),
        ([Fault("GET", "/merge_requests$", 429, headers={"Retry-After": "9999"})], "GitLab answered with 429", 2),
        ([Fault("GET", "/merge_requests$", 302, headers={"Location": "http://127.0.0.1:9/"})], "another address", 2),
        ([Fault("PUT", "/merge_requests/1$", 400)], "labels were not added: GitLab answered with 400", 0),
    ],
)
def test_what_gitlab_refuses(world: World, faults: list[Fault], says: str, code: int) -> None:
    world.github.faults += faults
    done = world.propose("--label", "images")
    assert (done.returncode, says in done.stderr.decode()) == (code, True), done.stderr
    assert len(world.github.pulls) == (code == 0)


def test_two_tokens_need_a_remote_that_tells_which(world: World) -> None:
    url = git(world.clone, "config", "remote.origin.url").strip()
    git(world.clone, "config", "remote.origin.url", "https://elsewhere.example/acme/shop")
    assert "set one token alone" in world.propose(GITLAB_TOKEN="glpat-x").stderr.decode()
    assert world.github.requests == []
    git(world.clone, "config", "remote.origin.url", url)
    assert "#1 opened" in world.propose(GITLAB_TOKEN="glpat-x").stderr.decode()


def test_reviews_and_labels_that_are_refused_end_nothing(world: World) -> None:
    world.github.faults += [Fault("POST", "/labels$", 403), Fault("POST", "/requested_reviewers$", 422)]
    said = world.said("--label", "images")
    assert "#1 opened" in said
    assert "labels were not added: GitHub answered with 403" in said
    assert "reviews were not asked for" in said


@both
def test_branches_can_lie_in_a_fork(world: World) -> None:
    fork = world.folder / "server" / "bot" / f"shop{'.git' * world.at_gitlab}"
    git(world.folder, "clone", "-q", "--bare", str(world.bare), str(fork))
    world.github.repositories["bot"] = fork
    assert "#1 opened" in world.said("--fork", "bot/shop")
    assert world.github.pulls[1]["head"]["label"] == f"bot:{ALL}"
    assert world.tip() == ""
    assert "#1 is up to date" in world.said("--fork", "bot/shop")


def test_the_clones_own_configuration_starts_nothing_and_leads_nowhere(world: World) -> None:
    """What would run in any other git: hooks, filters, a signing program, another address of the remote."""
    mark, program = world.folder / "ran", world.folder / "evil.sh"
    program.write_text(f"#!/bin/sh\necho ran >>{mark}\ncat\n")
    program.chmod(0o755)
    signer = world.folder / "sign.sh"
    signer.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\necho x\necho '-----END PGP SIGNATURE-----'\n"
    )
    signer.chmod(0o755)
    (world.home / ".gitconfig").write_text(f"[gpg]\n\tprogram = {signer}\n")
    world.push({".gitattributes": "* filter=evil ident text eol=crlf\n", "x/Dockerfile": "# $Id$\nFROM redis:7\n"})
    for name, value in {
        **{f"filter.evil.{kind}": str(program) for kind in ("clean", "smudge", "process")},
        "commit.gpgSign": "true",
        "gpg.program": str(program),
        "core.hooksPath": str(world.folder / "hooks"),
        "core.fsmonitor": str(program),
        "remote.origin.url": f"ext::{program}",
        "remote.origin.receivepack": str(program),
        f"url.ext::{program}.insteadOf": (world.folder / "server").as_uri(),
        "credential.helper": f"!{program}",
    }.items():
        git(world.clone, "config", name, value)
    (world.folder / "hooks").mkdir()
    for hook in ("pre-push", "reference-transaction", "post-index-change", "commit-msg", "pre-commit"):
        os.link(program, world.folder / "hooks" / hook)
    before = state(world.clone)
    assert "#1 opened: Move 3 images to Echo" in world.said()
    assert not mark.exists()
    assert state(world.clone) == before
    assert git(world.bare, "cat-file", "commit", ALL).count("\ngpgsig -----BEGIN PGP SIGNATURE-----\n") == 1
    assert world.file("x/Dockerfile") == "# $Id$\nFROM reg.echohq.com/redis:7\n"
    assert git(world.bare, "diff", "--name-only", "main", ALL).split() == [
        "api/Dockerfile",
        "web/Dockerfile",
        "x/Dockerfile",
    ]
    subprocess.run(["git", "status"], cwd=world.clone, capture_output=True, check=False)
    assert mark.exists()  # it would have run
    git(world.clone, "config", "--file", str(world.home / ".gitconfig"), "gpg.program", "/bin/false")
    world.push({"y/Dockerfile": "FROM redis:7\n"})
    assert "the commit could not be signed, as commit.gpgSign asks for" in world.said(code=2)


@both
def test_a_fleet_has_its_pull_requests_one_after_the_other(world: World) -> None:
    forge = "gitlab" if world.at_gitlab else "github"
    name = "path_with_namespace" if world.at_gitlab else "full_name"
    rows: list[dict[str, Any]] = [
        {name: "acme/gone"},
        {name: REPOSITORY, "archived": False},
        {name: "acme/old", "archived": True},
    ]
    rows += [{name: f"acme/none{number}"} for number in range(98)]  # more than a page has
    world.github.organisations["acme"] = rows
    if isinstance(world.github, GitLab):
        world.github.groups["acme"] = rows
    else:
        world.bare.rename(f"{world.bare}.git")
        world.bare.symlink_to(f"{world.bare.name}.git")

    def fleet(*words: str, code: int = 2) -> str:
        environment = (world._gitlab(TOKEN) if world.at_gitlab else world._github(TOKEN)) | {"HOME": str(world.home)}
        words = ("fleet", f"{forge}:acme", "--store", "store", *words)
        done = world._run(*words, "--today", "2026-11-27", cwd=world.folder, env=environment)
        assert done.returncode == code, done.stderr
        assert TOKEN.encode() not in done.stdout + done.stderr
        assert TOKEN not in "".join(path.read_text() for path in (world.folder / "store").rglob("*.json"))
        return re.sub(r"!(?=\d)", "#", done.stderr.decode())

    world.github.faults.append(Fault("GET", "/pulls$|/merge_requests$", 429, headers={"Retry-After": "1"}))
    said = fleet("--pull-request", *AUTHOR, "--label", "images")
    assert "acme/shop: #1 opened: Move 2 images to Echo" in said
    assert "acme/gone: git cannot read it" in said
    assert "acme/old" not in said
    assert world.github.pulls[1]["labels"] == [{"name": "images"}]
    assert world.file("api/Dockerfile") == "FROM reg.echohq.com/python:3.12\nRUN true\n"
    assert str(world.folder) not in world.body(1)
    rows[:] = rows[1:2]
    world.tick(1, "`node:22` →", on=False)
    assert fleet("--pull-request", *AUTHOR, code=0) == "echo-migrate: acme/shop: #1 updated: Move 1 image to Echo\n"
    world.push({"api/Dockerfile": None, "web/Dockerfile": None})
    assert "acme/shop: #1 closed: nothing is left to move" in fleet("--pull-request", *AUTHOR, code=0)
    world.github.faults.append(Fault("GET", "/orgs/|/groups/", 404))
    assert "acme: could not be listed" in fleet()


def test_a_look_refreshes_the_pull_requests_of_what_has_changed(world: World) -> None:
    made(world.folder / "calm", {"Dockerfile": "FROM redis:8\n"})
    (world.folder / "list").write_text(f"calm\n{world.bare.as_uri()} shop\n")
    environment = world._github(TOKEN) | {"HOME": str(world.home), "GITHUB_REPOSITORY": "acme/another"}

    def look(*words: str, code: int = 0) -> tuple[str, str]:
        day = ("--store", "store", "--today", "2026-11-27")
        read = world._run("fleet", "list", *day, cwd=world.folder, env=environment)
        assert (read.returncode, read.stderr) == (0, b"")
        done = world._run("watch", *day, "--pull-request", *AUTHOR, *words, cwd=world.folder, env=environment)
        assert done.returncode == code, done.stderr
        assert TOKEN.encode() not in done.stdout + done.stderr
        return done.stdout.decode(), done.stderr.decode()

    assert look() == ("First look: the next one tells what has changed since.\n", "")
    world.push({"job/Dockerfile": "FROM redis:7\n"})
    assert "give the options of fleet" in look("--provider", "docker", code=2)[1]
    world.github.faults.append(Fault("POST", "/pulls$", 403))
    told = "1 a new reference that can move\n  shop job/Dockerfile:1 redis:7 (to reg.echohq.com/redis:7)\n"
    out, err = look(code=2)
    assert (out, "shop: the pull request could not be opened" in err) == (told, True)
    assert "give the same ones" in look("--exclude", "web", code=2)[1]
    nothing = "Nothing has changed.\n"
    world.github.faults.append(Fault("POST", "/pulls$", 403))
    out, err = look(code=2)  # what is due is tried again, and what was told is not told again
    assert (out, "shop: the pull request could not be opened" in err) == (nothing, True)
    world._run("watch", "--store", "store", cwd=world.folder)  # a look without pull requests leaves them due
    assert look("--label", "images") == (nothing, "echo-migrate: shop: #1 opened: Move 3 images to Echo\n")
    assert world.github.pulls[1]["labels"] == [{"name": "images"}]
    written = len(world.github.writes)
    assert look() == ("Nothing has changed.\n", "")

    git(world.person, "fetch", "-q", "origin")
    git(world.person, "merge", "-q", "--no-ff", "-m", "merge", f"origin/{ALL}")
    git(world.person, "push", "-q", "origin", "main")
    world.github.pulls[1] |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
    out, err = look()
    assert (out.startswith("4 moved to a hardened image"), err) == (True, "")
    assert len(world.github.writes) == written
    world.push({"job/Dockerfile": "FROM redis:7\n"})
    out, err = look("-q", code=1)
    assert out == "1 back from a hardened image\n  shop job/Dockerfile:1 reg.echohq.com/redis:7 -> redis:7\n"
    assert err == "echo-migrate: shop: #2 opened: Move 1 image to Echo\n"
    world.push({"job/Dockerfile": None})
    assert look() == ("Nothing has changed.\n", "echo-migrate: shop: #2 closed: nothing is left to move\n")
    assert world.github.pulls.keys() == {1, 2}


def test_the_token_goes_to_the_forge_by_tls_and_nowhere_else(world: World) -> None:
    authority = registries.make_authority(world.folder)
    (world.home / ".gitconfig").write_text(f"[http]\n\tsslCAInfo = {authority.authority}\n")
    with registries.StandIn(smart_http(world.folder / "server", f"x-access-token:{TOKEN}"), authority) as forge:
        done = world.propose(GITHUB_SERVER_URL=forge.url)
        assert b"#1 opened" in done.stderr
        assert forge.requests
        assert all(request.authorization for request in forge.requests)  # it is not sent on being asked alone
        assert world.propose(GITHUB_SERVER_URL=forge.url.replace("https://", "http://")).returncode == 2
        asked = len(forge.requests)
        moved = Reply(301, headers={"Location": f"{forge.url}/elsewhere/info/refs?service=git-upload-pack"})
        with registries.StandIn(lambda _: moved, authority) as other:
            done = world.propose(GITHUB_SERVER_URL=other.url)
            assert (done.returncode, len(other.requests)) == (2, 1)
        assert len(forge.requests) == asked


def test_a_shallow_clone_is_enough(world: World) -> None:
    for number in range(3):
        world.push({"notes.txt": str(number)})
    git(world.folder, "clone", "-q", "--depth=1", world.bare.as_uri(), "shallow")
    world.clone = world.folder / "shallow"
    assert "#1 opened" in world.said()
    world.push({"notes.txt": "later"})  # which this clone does not have
    assert "#1 updated" in world.said()
    assert git(world.bare, "rev-list", "--count", f"main..{ALL}").strip() == "1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--author", "nobody"), "'nobody' is not NAME <ADDRESS>"),
        (("--base", "nowhere"), "the repository has no branch nowhere"),
        (("--fork", "../x"), "'../x' is not OWNER/NAME"),
        (("-",), "a pull request is for files of a repository"),
        (("nothing",), "nothing: no such file or folder"),
    ],
)
def test_misuse_is_said_in_a_line(world: World, words: tuple[str, ...], says: str) -> None:
    assert says in " ".join(world.said(*words, code=2).split())


def test_without_a_token_a_repository_or_an_author_nothing_is_asked(world: World, tmp_path: Path, run: Run) -> None:
    assert b"set GITHUB_TOKEN" in world.propose(token="").stderr
    git(world.clone, "config", "remote.origin.url", "https://evil.example/acme/shop")
    done = world.propose(GITHUB_REPOSITORY="", GITHUB_SERVER_URL="")
    assert (done.returncode, b"is not a repository at github.com" in done.stderr) == (2, True)
    unnamed = {"HOME": str(world.home), "XDG_CONFIG_HOME": str(world.home), "GIT_CONFIG_NOSYSTEM": "1"}
    assert (
        b"no author for commits: give --author" in run("pull-request", "--dry-run", cwd=world.clone, env=unnamed).stderr
    )
    world.clone = tmp_path / "empty"
    world.clone.mkdir()
    assert "is in no git repository" in world.said(code=2)
    assert world.github.requests == []


PAGE: dict[str, Any] = {"api/Dockerfile": 'FROM python:3.12\nCMD ["python", "-m", "api"]\n'}


def test_the_page_shows_what_a_dry_run_prints(tmp_path: Path, run: Run) -> None:
    commit(tmp_path / "tree", PAGE | {"compose.yml": "services:\n  web:\n    image: node:22-alpine\n"})
    shown = run("pull-request", "--dry-run", *AUTHOR, cwd=tmp_path / "tree").stdout.decode()
    page = (ROOT / "docs" / "pull-requests.md").read_text()
    assert page.partition("$ echo-migrate pull-request --dry-run\n")[2].partition("````")[0] == shown
