"""What has changed in a fleet since the last look, with real runs, feeds and a webhook."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.fleet.watch import CALLS, KINDS, Change
from tests.conftest import Done, Run
from tests.test_fleet import committed, made
from tests.test_schemas import validator

IMAGE = "reg.echohq.com/node:22"
BILL = {
    "bomFormat": "CycloneDX",
    "metadata": {"component": {"name": "reg.echohq.com/node", "version": "22"}},
    "components": [
        {"name": "openssl", "purl": "pkg:deb/debian/openssl@3.0.1-1?arch=amd64&distro=debian-12"},
        {"name": "zlib", "purl": "pkg:deb/debian/zlib@1.3?distro=debian-12"},
        {"name": "flask", "purl": "pkg:pypi/flask@1.0"},
    ],
}
ADVISORY = {
    "id": "DSA-1-1",
    "aliases": ["CVE-2026-0001"],
    "affected": [
        {"package": {"ecosystem": "Debian:12", "name": "openssl"}, "versions": ["3.0.0-1", "3.0.1-1"]},
        {
            "package": {"ecosystem": "Debian:12", "name": "zlib"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.4"}]}],
        },
        {
            "package": {"ecosystem": "Debian:11", "name": "zlib"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        },
    ],
}
VEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-0001"},
            "products": [{"@id": "pkg:oci/node?repository_url=reg.echohq.com/node"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        }
    ],
}


class Hook:
    """A webhook: what was posted, and the status it answers with."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.status = 204
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posted.append((self.path, json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/T0/secret?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    one = Hook()
    yield one
    one.server.shutdown()
    one.server.server_close()


class Fleet:
    """Two repositories, and a store that is looked at."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run, self.clones = run, folder / "clones"
        made(self.clones / "api", {"Dockerfile": f"FROM {IMAGE}\nCMD true\n", "old/Dockerfile": "FROM python:3.10\n"})
        made(self.clones / "web", {"Dockerfile": "FROM acme/node\n"})

    def read(self, today: str = "2026-01-01", *words: str) -> None:
        done = self.run("fleet", "clones", "--store", "store", "--today", today, *words)
        assert b"Traceback" not in done.stderr

    def look(self, *words: str) -> Done:
        done = self.run("watch", "--store", "store", *words)
        assert b"Traceback" not in done.stderr, done.stderr
        return done

    def told(self, *words: str) -> list[tuple[str, str, str]]:
        done = self.look("--output-format", "json", *words)
        document = json.loads(done.stdout)
        validator("watch").validate(document)
        found = document["changes"]
        return [(one["kind"], one["repository"], one["path"] or one["message"]) for one in found]


@pytest.fixture
def fleet(run: Run, tmp_path: Path) -> Fleet:
    return Fleet(run, tmp_path)


def test_what_has_changed_is_told_once(fleet: Fleet, tmp_path: Path) -> None:
    assert b"has no run yet" in fleet.look().stderr
    fleet.read()
    first = fleet.look()
    assert (first.returncode, first.stdout) == (0, b"First look: the next one tells what has changed since.\n")
    assert fleet.look().stdout == b"Nothing has changed.\n"

    fleet.read("2026-11-27")  # Python 3.10 has ended since
    done = fleet.look()
    assert done.returncode == 1
    assert done.stdout.startswith(b"1 end of life\n  api old/Dockerfile:1 python:3.10 (Python 3.10 reached end of life")
    assert fleet.told() == []

    (fleet.clones / "api" / "Dockerfile").write_text("# a line more\nFROM node:22\nCMD true\n")
    (fleet.clones / "api" / "new.Dockerfile").write_text("FROM redis:8\n")
    committed(fleet.clones / "api")
    fleet.read("2026-11-27")
    assert fleet.told() == [("drift", "api", "Dockerfile"), ("new", "api", "new.Dockerfile")]

    rows = tmp_path / "rows.yaml"
    rows.write_text("images:\n  acme/node: node\n")  # a catalog has it now
    fleet.read("2026-11-27", "--mapping", str(rows))
    assert ("offered", "web", "Dockerfile") in fleet.told()

    (fleet.clones / "api" / "Dockerfile").write_text(f"FROM {IMAGE}\n")
    committed(fleet.clones / "api")
    (fleet.clones / "web" / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    fleet.read("2026-11-27", "--mapping", str(rows))
    told = fleet.told()
    assert [one[:2] for one in told] == [("unread", "web"), ("hardened", "api")]
    fleet.read("2026-11-27", "--mapping", str(rows))
    assert fleet.told() == []


def test_what_changed_while_a_repository_could_not_be_read_is_told(fleet: Fleet) -> None:
    fleet.read()
    fleet.look()
    head = fleet.clones / "api" / ".git" / "HEAD"
    before = head.read_text()
    for _ in range(2):
        head.write_text("ref: refs/heads/none\n")
        fleet.read()
        fleet.look()
    head.write_text(before)
    (fleet.clones / "api" / "Dockerfile").write_text("FROM node:22\nCMD true\n")
    committed(fleet.clones / "api")
    fleet.read()
    assert fleet.told() == [("drift", "api", "Dockerfile")]


@pytest.mark.parametrize(("kind", "says"), [("", b"is not a regular file"), ("local://", b"could not be read")])
def test_a_store_that_cannot_be_read_is_not_taken_for_an_empty_one(
    run: Run, tmp_path: Path, kind: str, says: bytes
) -> None:
    made(tmp_path / "clones" / "api", {"Dockerfile": f"FROM {IMAGE}\n"})
    store = ("--store", f"{kind}{tmp_path}/store")
    run("fleet", "clones", *store)
    run("watch", *store)
    for name, commands in (("looked.json", ("watch",)), ("latest.json", ("watch", "report"))):
        (tmp_path / "store" / name).unlink()
        (tmp_path / "store" / name).mkdir()
        for command in commands:
            done = run(command, *store)
            assert (done.returncode, says in done.stderr, done.stdout) == (2, True, b"")
            assert b"has no" not in done.stderr


def test_a_result_that_is_gone_is_told(fleet: Fleet, tmp_path: Path) -> None:
    fleet.read()
    fleet.look()
    (fleet.clones / "web" / "Dockerfile").write_text("FROM node:22\n")
    committed(fleet.clones / "web")
    results = tmp_path / "store" / "results"
    before = set(results.rglob("*.json"))
    fleet.read()
    (new,) = set(results.rglob("*.json")) - before
    text = new.read_text()
    new.unlink()
    done = fleet.look()
    assert (done.returncode, b"web: its result is not in the store" in done.stderr) == (2, True)
    new.write_text(text)
    for one in before:
        one.unlink()
    assert fleet.told() == [("unread", "web", "the result of the last look is not in the store any more")]
    assert fleet.told() == []


def test_advisories_of_feeds_are_matched_to_packages(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.json").write_text(json.dumps(ADVISORY))
    (tmp_path / "feed" / "b.json").write_text(json.dumps({**ADVISORY, "id": "X-1", "aliases": [], "withdrawn": "2026"}))
    (tmp_path / "bill.json").write_text(json.dumps(BILL))
    (tmp_path / "vex.json").write_text(json.dumps(VEX))
    fleet.read()
    given = ("--sbom", "bill.json", "--feed", "feed")
    assert fleet.told(*given, "--feed", "vex.json") == []
    assert fleet.look("--sbom", "bill.json", "--feed", "vex.json").stderr == b""
    done = fleet.look(*given)
    assert done.returncode == 1
    assert done.stdout == (
        b"2 a new advisory\n"
        b"  reg.echohq.com/node:22 (CVE-2026-0001 in openssl 3.0.1-1)\n"
        b"  reg.echohq.com/node:22 (CVE-2026-0001 in zlib 1.3)\n"
    )
    assert done.stderr.endswith(b"node:22: not matched for lack of advisories: PyPI\n")
    assert fleet.look(*given).stdout == b"Nothing has changed.\n"
    for text, says in (
        ("[", b"is not valid JSON"),
        ("{}", b"is no JSON of CycloneDX or SPDX"),
        ('{"bomFormat": "CycloneDX"}', b"names no image"),
    ):
        (tmp_path / "bad.json").write_text(text)
        done = fleet.look("--sbom", "bad.json", "--feed", "feed")
        assert (done.returncode, says in done.stderr) == (2, True)
    assert b"give one for each image" in fleet.look("--feed", "feed").stderr


def test_a_webhook_is_posted_to_only_if_asked_and_nothing_is_lost(fleet: Fleet, hook: Hook) -> None:
    fleet.read()
    fleet.look("--webhook", hook.url)
    assert (
        b"wants an https URL"
        in fleet.run("watch", "--store", "store", env={"ECHO_MIGRATE_WEBHOOK": "http://x/"}).stderr
    )
    fleet.run("watch", "--store", "store", env={"ECHO_MIGRATE_WEBHOOK": hook.url})
    assert hook.posted == []  # nothing has changed
    fleet.read("2026-11-27")
    hook.status = 302
    done = fleet.look("--webhook", hook.url)
    assert done.returncode == 2
    assert b"answered with 302: what has changed is told again" in done.stderr
    assert b"secret" not in done.stderr
    hook.status = 204
    assert fleet.look("--webhook", hook.url).returncode == 1
    assert [path for path, _ in hook.posted] == ["/T0/secret?x=1"] * 2
    assert hook.posted[0] == hook.posted[1]
    validator("watch").validate(hook.posted[0][1])
    assert [one["kind"] for one in hook.posted[0][1]["changes"]] == ["ended"]
    for url in ("http://example.com/x", "file:///etc/passwd", "https://", "https://a:b/"):
        assert b"wants an https URL" in fleet.look("--webhook", url).stderr


@pytest.mark.parametrize("words", [("--label", "x"), ("--base", "x"), ("--author", "A <a@b>"), ("--split", "image")])
def test_options_of_pull_requests_want_pull_requests(run: Run, words: tuple[str, str]) -> None:
    for command in (("watch",), ("fleet", ".")):
        done = run(*command, "--store", "store", *words)
        assert (done.returncode, b"give --pull-request" in done.stderr) == (2, True), done.stderr


def test_the_schema_has_all_kinds_and_fields() -> None:
    change = validator("watch").schema["properties"]["changes"]["items"]  # type: ignore[index]
    assert tuple(change["properties"]["kind"]["enum"]) == KINDS
    assert set(KINDS[:5]) == CALLS
    assert change["required"] == [*Change._fields] == [*change["properties"]]
