"""A stand-in for GitHub on loopback: it keeps what is written to it, and refuses what GitHub refuses.

Every request is held to GitHub's own OpenAPI document; what is not in it is a violation, which fails the test. Links
and ``url``s carry the stand-in's own host, as a GitHub Enterprise server's do.
"""

import hashlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

DOCUMENT = json.loads((Path(__file__).parent / "schemas" / "github-openapi.json").read_text())
VIEWER = {"query": "query { viewer { login } }", "variables": {}}
REPOSITORY = "acme/shop"


class Fault(NamedTuple):
    """An answer in place of the right one. ``done``: what was asked is done all the same; ``drop``: nothing is said."""

    method: str
    path: str
    status: int = 500
    headers: dict[str, str] = {}  # noqa: RUF012 - never written to
    message: str = "Server Error"
    done: bool = False
    drop: bool = False


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class GitHub:
    """One repository with pull requests. ``tokens`` maps a token to a login, ``readers`` may not write.

    ``prefix`` is the path below which all of it lies, as an Enterprise server has its API. ``repositories`` are bare
    repositories by owner, which have the branches of pull requests.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.repositories: dict[str, Path] = {}
        self.organisations: dict[str, list[dict[str, Any]]] = {}
        self.tokens = {"ghs_writer": "github-actions[bot]", "ghs_reader": "github-actions[bot]", "ghp_eve": "eve"}
        self.readers = {"ghs_reader"}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: list[dict[str, Any]] = []
        self.reviews: list[dict[str, Any]] = []
        self.review_comments: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.violations: list[str] = []
        self.between: dict[tuple[str, str], Callable[[], None]] = {}
        self._ids = 100
        self._closed_until = 0.0
        self._lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}{prefix}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET" and path != "/graphql"]

    def open(self, number: int, head: str, files: list[dict[str, Any]], branch: str = "acme:topic") -> None:
        url = f"{self.url}/repos/{REPOSITORY}"
        self.pulls[number] = {
            "url": f"{url}/pulls/{number}",
            "issue_url": f"{url}/issues/{number}",
            "number": number,
            "state": "open",
            "head": {"sha": head, "label": branch, "ref": branch.partition(":")[2]},
            "files": files,
        }

    def add_comment(self, number: int, login: str, body: str) -> dict[str, Any]:
        self._ids += 1
        url = f"{self.url}/repos/{REPOSITORY}/issues/comments/{self._ids}"
        made = {"id": self._ids, "url": url, "body": body, "user": {"login": login}, "number": number}
        self.comments.append(made)
        return made

    def outdate(self) -> None:
        """As GitHub shows review comments whose lines have left the diff: without a place in it."""
        for one in self.review_comments:
            one |= {"original_line": one["line"], "line": None, "position": None}

    # what is asked

    def answer(self, method: str, target: str, body: Any, token: str) -> tuple[int, Any, dict[str, str]]:
        path, query = urlsplit(target).path, {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
        with self._lock:
            if token not in self.tokens:
                raise Refused(401, "Bad credentials")
            if path == "/graphql":
                if body != VIEWER:
                    self.violations.append(f"an unknown query: {body}")
                return 200, {"data": {"viewer": {"login": self.tokens[token]}}}, {}
            self._hold(method, path, query, body)
            if method != "GET" and token in self.readers:
                raise Refused(403, "Resource not accessible by integration")
            if path.startswith("/orgs/") and path.split("/")[2] in self.organisations:
                return self._page(path, query, self.organisations[path.split("/")[2]])
            rest = path.removeprefix(f"/repos/{REPOSITORY}")
            for pattern, name in _ROUTES:
                match = re.fullmatch(pattern, f"{method} {rest}")
                if match:
                    numbers = [int(number) for number in match.groups()]
                    status, found = getattr(self, name)(*numbers, query=query, body=body, login=self.tokens[token])
                    return self._page(path, query, found) if isinstance(found, list) else (status, found, {})
            raise Refused(404, "Not Found")

    def _hold(self, method: str, path: str, query: dict[str, str], body: Any) -> None:
        """Hold a request to the document."""
        for template, operations in DOCUMENT["paths"].items():
            names = re.findall(r"\{(\w+)\}", template)
            match = re.fullmatch(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template)), path)
            if not match or method.lower() not in operations:
                continue
            operation = operations[method.lower()]
            values = [(("path", name), value) for name, value in zip(names, match.groups(), strict=True)]
            values += [(("query", name), value) for name, value in query.items()]
            known = {(one["in"], one["name"]): one for one in map(_resolved, operation.get("parameters", ()))}
            for place, value in values:
                if place not in known:
                    self.violations.append(f"{method} {path}: {place} is no parameter")
                elif known[place]["schema"].get("type") == "integer" and not value.isdigit():
                    raise Refused(422, f"{place} is no number")
            wanted = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if wanted is not None:
                for error in Draft202012Validator({**wanted, "components": DOCUMENT["components"]}).iter_errors(body):
                    self.violations.append(f"{method} {path}: {error.message}")
                    raise Refused(422, error.message)
            elif body is not None:
                self.violations.append(f"{method} {path}: takes no body")
            return
        self.violations.append(f"{method} {path}: is not in the document")
        raise Refused(404, "Not Found")

    def _page(self, path: str, query: dict[str, str], found: list[Any]) -> tuple[int, Any, dict[str, str]]:
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        headers = {}
        if page * size < len(found):
            others = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
            last = -(-len(found) // size)
            base = f"{self.url}{path}?{others}&page="
            headers["Link"] = f'<{base}{page + 1}>; rel="next", <{base}{last}>; rel="last"'
        return 200, found[(page - 1) * size : page * size], headers

    # what it does

    def _of(self, number: int) -> dict[str, Any]:
        if number not in self.pulls:
            raise Refused(404, "Not Found")
        return self.pulls[number]

    def list_pulls(self, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        state, head, base = query.get("state", "open"), query.get("head"), query.get("base")
        found = [one for one in map(self._now, self.pulls.values()) if state in (one["state"], "all")]
        found = [one for one in found if head is None or one["head"]["label"] == head]
        found = [one for one in found if base is None or one["base"]["ref"] == base]
        found.sort(key=lambda one: one["number"], reverse=query.get("direction") == "desc")
        return 200, [_shown(one) for one in found]

    def _now(self, pull: dict[str, Any]) -> dict[str, Any]:
        """An open pull request has what its branch has, and is closed if that is deleted."""
        owner, _, branch = pull["head"]["label"].partition(":")
        if pull["state"] == "open" and owner in self.repositories:
            try:
                pull["head"]["sha"] = self._tip(owner, branch)
            except Refused:
                pull["state"] = "closed"
        return pull

    def _tip(self, owner: str, branch: str) -> str:
        words = ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
        done = subprocess.run(words, cwd=self.repositories[owner], capture_output=True, check=False)
        if done.returncode:
            raise Refused(422, "Validation Failed")
        return done.stdout.decode().strip()

    def open_pull(self, body: Any, login: str, **_: Any) -> tuple[int, Any]:
        owner, _, branch = body["head"].rpartition(":")
        owner = owner or REPOSITORY.partition("/")[0]
        self._tip(REPOSITORY.partition("/")[0], body["base"])
        label = f"{owner}:{branch}"
        there = [one for one in self.pulls.values() if (one["state"], one["head"]["label"]) == ("open", label)]
        if not body.get("title") or any(one["base"]["ref"] == body["base"] for one in there):
            raise Refused(422, "A pull request already exists")
        _check_length(body["body"])
        number = len(self.pulls) + 1
        self.open(number, self._tip(owner, branch), [], label)
        self.pulls[number]["head"]["user"] = {"login": owner}
        self.pulls[number] |= {"title": body["title"], "body": body["body"], "user": {"login": login}}
        self.pulls[number] |= {"base": {"ref": body["base"]}, "merged_at": None, "labels": [], "reviewers": []}
        return 201, _shown(self.pulls[number])

    def edit_pull(self, number: int, body: Any, **_: Any) -> tuple[int, Any]:
        _check_length(body.get("body", ""))
        self._of(number).update(body)
        return 200, _shown(self._now(self.pulls[number]))

    def label(self, number: int, body: Any, **_: Any) -> tuple[int, Any]:
        self._of(number)["labels"] += [{"name": name} for name in body["labels"]]
        return 200, self.pulls[number]["labels"]

    def ask_review(self, number: int, body: Any, **_: Any) -> tuple[int, Any]:
        pull = self._of(number)
        if pull["user"]["login"] in body["reviewers"]:
            raise Refused(422, "Review cannot be requested from pull request author.")
        pull["reviewers"] += [*body["reviewers"], *body["team_reviewers"]]
        return 201, _shown(pull)

    def pull(self, number: int, **_: Any) -> tuple[int, Any]:
        return 200, _shown(self._of(number))

    def files(self, number: int, **_: Any) -> tuple[int, Any]:
        return 200, self._of(number)["files"][:3000]

    def list_comments(self, number: int, **_: Any) -> tuple[int, Any]:
        self._of(number)
        return 200, [one for one in self.comments if one["number"] == number]

    def comment(self, number: int, body: Any, login: str, **_: Any) -> tuple[int, Any]:
        self._of(number)
        _check_length(body["body"])
        return 201, self.add_comment(number, login, body["body"])

    def edit(self, id: int, body: Any, **_: Any) -> tuple[int, Any]:
        _check_length(body["body"])
        one = next((one for one in self.comments if one["id"] == id), None)
        if one is None:
            raise Refused(404, "Not Found")
        one["body"] = body["body"]
        return 200, one

    def delete(self, id: int, **_: Any) -> tuple[int, Any]:
        return self._delete(self.comments, id)

    def list_review_comments(self, number: int, **_: Any) -> tuple[int, Any]:
        return 200, [one for one in self.review_comments if one["number"] == number]

    def delete_review_comment(self, id: int, **_: Any) -> tuple[int, Any]:
        return self._delete(self.review_comments, id)

    def review(self, number: int, body: Any, login: str, **_: Any) -> tuple[int, Any]:
        pull = self._of(number)
        if body.get("commit_id") != pull["head"]["sha"]:
            raise Refused(422, "commit_id is not part of the pull request")
        if body.get("event") == "COMMENT" and not body.get("body"):
            raise Refused(422, "body is missing")
        patches = {one["filename"]: one.get("patch", "") for one in pull["files"]}
        for one in body["comments"]:
            _check_length(one["body"])
            ranges = _ranges(patches.get(one["path"], ""))
            first, last = one.get("start_line", one["line"]), one["line"]
            if "start_line" in one and not (first < last and one["side"] == one["start_side"] == "RIGHT"):
                raise Refused(422, "start_line must precede the end line")
            if not any(low <= first and last <= high for low, high in ranges):
                raise Refused(422, "pull_request_review_thread.line must be part of the diff")
        self._ids += 1
        self.reviews.append({"id": self._ids, "body": body["body"], "user": {"login": login}})
        for one in body["comments"]:
            self._ids += 1
            url = f"{self.url}/repos/{REPOSITORY}/pulls/comments/{self._ids}"
            made = one | {"id": self._ids, "url": url, "user": {"login": login}, "number": number}
            self.review_comments.append(made)
        return 200, self.reviews[-1]

    def _delete(self, listed: list[dict[str, Any]], id: int) -> tuple[int, Any]:
        if not any(one["id"] == id for one in listed):
            raise Refused(404, "Not Found")
        listed[:] = [one for one in listed if one["id"] != id]
        return 204, None


_ROUTES = (
    (r"GET /pulls", "list_pulls"),
    (r"POST /pulls", "open_pull"),
    (r"GET /pulls/(\d+)", "pull"),
    (r"PATCH /pulls/(\d+)", "edit_pull"),
    (r"POST /pulls/(\d+)/requested_reviewers", "ask_review"),
    (r"POST /issues/(\d+)/labels", "label"),
    (r"GET /pulls/(\d+)/files", "files"),
    (r"GET /pulls/(\d+)/comments", "list_review_comments"),
    (r"POST /pulls/(\d+)/reviews", "review"),
    (r"DELETE /pulls/comments/(\d+)", "delete_review_comment"),
    (r"GET /issues/(\d+)/comments", "list_comments"),
    (r"POST /issues/(\d+)/comments", "comment"),
    (r"PATCH /issues/comments/(\d+)", "edit"),
    (r"DELETE /issues/comments/(\d+)", "delete"),
)


def _shown(pull: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pull.items() if key not in ("files", "reviewers")}


def _resolved(parameter: dict[str, Any]) -> dict[str, Any]:
    name = parameter.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["parameters"][name] if name else parameter


def _check_length(body: str) -> None:
    if len(body) > 65_536:
        raise Refused(422, "Body is too long (maximum is 65536 characters)")


def _ranges(patch: str) -> list[tuple[int, int]]:
    """The new lines of a patch's hunks, as their headers say."""
    found = re.findall(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", patch, re.MULTILINE)
    return [(int(start), int(start) + int(count or 1) - 1) for start, count in found]


def handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = urlsplit(self.path).path
            prefix = github.prefix.removesuffix("/v3") if path.endswith("/graphql") else github.prefix
            if not path.startswith(f"{prefix}/"):
                github.violations.append(f"{self.command} {path}: is outside of {prefix}")
            path, target = path.removeprefix(prefix), self.path.removeprefix(prefix)
            github.requests.append((self.command, path))
            token = self.headers.get("Authorization", "").split(" ")[-1]
            fault = next(
                (one for one in github.faults if one.method == self.command and re.search(one.path, path)), None
            )
            if fault:
                github.faults.remove(fault)
            before = github.between.pop((self.command, path), None)
            if before:
                before()
            try:
                status, found, headers = (
                    (0, None, {}) if fault and not fault.done else github.answer(self.command, target, body, token)
                )
            except Refused as error:
                status, found, headers = error.status, {"message": error.message}, {}
            if time.monotonic() < github._closed_until:
                github.violations.append(f"{self.command} {path}: came back before retry-after")
            if fault:
                after = {name.lower(): value for name, value in fault.headers.items()}.get("retry-after", "0")
                github._closed_until = time.monotonic() + int(after)
                status, found, headers = fault.status, {"message": fault.message}, fault.headers
            if fault and fault.drop:
                self.close_connection = True
                return
            data = b"" if status in (204, 304) else json.dumps(found).encode()
            etag = f'"{hashlib.sha256(data).hexdigest()}"'
            if self.command == "GET" and status == 200 and self.headers.get("If-None-Match") == etag:
                status, data = 304, b""
            self.send_response(status)
            for name, value in ({"ETag": etag, "Content-Type": "application/json"} | headers).items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


_REGISTERED = (
    *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path"),
    *("notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
)


def commands(output: str) -> list[tuple[str, str]]:
    """The workflow commands that a runner takes of a stream: name, and the line.

    As github.com/actions/runner has it in ActionCommand.cs and ActionCommandManager.cs: ``::name …::`` begins a line,
    ``##[name …]`` stands anywhere in one; none counts between ``stop-commands`` and its token.
    """
    found, token = [], ""
    for line in output.splitlines():
        name = _command(line, (token,) if token else _REGISTERED)
        if token:
            token = "" if name else token
        elif name == "stop-commands":
            token = line.rpartition("::")[2]
        elif name:
            found.append((name, line))
    return found


def _command(line: str, registered: tuple[str, ...]) -> str:
    forms = [line.strip()[2:].partition("::")] if line.strip().startswith("::") else []
    forms += [line.partition("##[")[2].partition("]")] if "##[" in line else []
    names = [head.partition(" ")[0].lower() for head, end, _ in forms if end]
    return next((name for name in names if name in registered), "")


def git(folder: Path, *words: str) -> str:
    """Git, as its author a test."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def commit(folder: Path, files: dict[str, str | bytes | None]) -> str:
    """Write files (None: remove) and commit them. Returns the revision."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD").strip()


def changed(folder: Path, base: str, head: str) -> list[dict[str, Any]]:
    """The files of a pull request as GitHub lists them, with the patches that git makes."""
    words = git(folder, "diff", "-M", "--name-status", "-z", base, head).split("\0")
    kinds = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}
    found = []
    while words and words[0]:
        kind = words.pop(0)
        names = [words.pop(0) for _ in range(2 if kind[0] in "RC" else 1)]
        patch = git(folder, "diff", "-M", base, head, "--", *names)
        start = patch.find("\n@@ ")
        file = {"filename": names[-1], "status": kinds[kind[0]]}
        file |= {"previous_filename": names[0]} if len(names) > 1 else {}
        found.append(file | ({"patch": patch[start + 1 :].removesuffix("\n")} if start >= 0 else {}))
    return found
