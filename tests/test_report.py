"""The report: every figure is the sum of its rows, in every form; owners, services, purposes and links."""

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import cmarkgfm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files import code_owners as code_owners_file
from echo_migrate.files.code_owners import CodeOwners, Grammar, code_owners
from echo_migrate.files.remote import parsed, remote_of, revision_of
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model.reasons import because
from echo_migrate.proof.context import context_of, digest
from echo_migrate.proof.records import Proof, Records, text_hash
from echo_migrate.reports import migration
from echo_migrate.reports.migration import Document, render
from echo_migrate.reports.migration.figures import Figure, Index, Report, report
from echo_migrate.reports.migration.rows import Ended, ReportRow
from echo_migrate.reports.migration.savings import savings
from echo_migrate.reports.migration.services import Resources
from echo_migrate.reports.migration.steps import steps
from echo_migrate.rules._rule import Settings
from tests.conftest import ROOT, Run
from tests.standin import commit
from tests.test_schemas import validator

HOSTILE = (
    "</script><script>fail()</script>",
    "<img src=x onerror=fail()>",
    "\"'`&;|<!--",
    "\u2028|\r\n\x1b[31m",
    "=1+1",
)
DAY = "2026-11-27"


def row(number: int = 1, **changes: Any) -> ReportRow:
    """A row as it may be."""
    values: dict[str, Any] = {
        "path": f"src/service-{number % 300}/Dockerfile",
        "line": number,
        "column": 6,
        "context": "FROM",
        "kind": "dockerfile",
        "service": f"service-{number % 300}",
        "owners": (f"@acme/team-{number % 40}",),
        "purpose": ("ships", "builds", "tests")[number % 3],
        "state": ("migrate", "needs-person", "hardened", "no-replacement", "first-party", "ignored")[number % 6],
        "upstream": ("python", "node", "redis")[number % 3],
        "reference": f"registry.example.com/group/python:3.{number % 90}-slim-bookworm",
        "target": f"reg.echohq.com/python:3.{number % 90}",
        "fix": "",
        "edit": ("own", "elsewhere")[number % 2] if number % 6 == 0 else "",
        "changed": (number, number + 1)[: 1 + number % 2] if number % 6 == 0 else (),
        "evidence": "seen",
        "verified": (),
        "proof": ("", "same", "broken")[number % 3] if number % 6 < 2 else "",
        "proven": "2026-11-01 by ann@host",
        "reasons": (because("drops-words", words="-bookworm", provider="Echo"), because("digest"))[: number % 3],
        "ended": (Ended("Debian 10", "2024-06-30", "12"),) if number % 7 == 0 else (),
        "rule": "unhardened-image",
        "link": f"https://github.com/acme/shop/blob/{'a' * 40}/src/service-{number % 300}/Dockerfile#L{number}",
    }
    return ReportRow(**(values | changes))


def document(rows: list[ReportRow]) -> Document:
    made = report(rows, [], "Echo", "docker login reg.echohq.com", [("paths", ".")])
    return Document(made, steps(made, (".",)), savings(rows), subject=HOSTILE[0], base="src/")


def meets(values: dict[str, Any], where: list[tuple[str, str]]) -> bool:
    return all(any(value in values.get(name, ()) for key, value in where if key == name) for name, _ in where)


def added_up(rows: list[dict[str, Any]], where: list[tuple[str, str]], unit: str) -> int:
    found = [one for one in rows if meets(one["values"], where)]
    lines = {(one["path"], line) for one in found for line in one["changed"]}
    return {"references": len(found), "files": len({one["path"] for one in found}), "lines": len(lines)}[unit]


def figures(data: Any) -> list[dict[str, Any]]:
    """All figures anywhere in a report's JSON."""
    if isinstance(data, dict):
        own = [data] if data.keys() == {"count", "unit", "where"} else []
        return own + [one for value in data.values() for one in figures(value)]
    return [one for value in data for one in figures(value)] if isinstance(data, list) else []


class Links(HTMLParser):
    """The figures of a page: the rows that each leads to, its unit and its number."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag == "a" and given.get("class") == "figure"
        if self.inside:
            self.found.append([(given["href"] or "")[1:], given.get("data-unit") or "references", ""])

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1][2] += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = False


TEXTS = st.sampled_from(("a", "b", *HOSTILE))
ROWS = st.builds(
    row,
    st.integers(1, 60),
    path=TEXTS,
    service=TEXTS,
    owners=st.lists(TEXTS, min_size=1, max_size=2, unique=True).map(tuple),
    upstream=TEXTS,
    fix=st.sampled_from(("", "unsafe")),
    evidence=st.sampled_from(("", "seen", "offered", "available")),
    verified=st.lists(st.sampled_from(("signature", "sbom")), unique=True).map(tuple),
)


@settings(max_examples=20)
@given(st.lists(ROWS, max_size=12))
def test_every_figure_is_the_sum_of_its_rows(rows: list[ReportRow]) -> None:
    data = json.loads(render("json", document(rows)))
    validator("migration").validate(data)
    counted = figures(data)
    assert len(counted) >= 9
    for one in counted:
        where = [(name, value) for name, value in one["where"]]
        assert one["count"] == added_up(data["references"], where, one["unit"]), one
    assert data["total"]["count"] == sum(one["count"] for one in data["states"].values()) == len(rows)
    for groups in data["groups"].values():
        for group in groups:
            assert group["total"]["count"] == sum(one["count"] for one in group["states"].values())


@settings(max_examples=20)
@given(st.lists(ROWS, max_size=12))
def test_every_number_of_the_page_leads_to_its_rows(rows: list[ReportRow]) -> None:
    text = render("html", document(rows))
    listed = json.loads(render("json", document(rows)))["references"]
    found = Links(text).found
    assert found or not rows
    for fragment, unit, number in found:
        where = [pair for pair in parse_qsl(fragment.replace("+", "%2B"), keep_blank_values=True) if pair[1]]
        assert int(number) == added_up(listed, where, unit), fragment


def test_a_step_has_each_reference_once() -> None:
    made = document([row(number, fix="unsafe" if number % 4 else "") for number in range(1, 200)])
    inside = [
        made.report.rows[number] for step in made.steps for number in Index(made.report.rows).meeting(step.figure.where)
    ]
    assert len(inside) == len(set(inside)) == sum(step.figure.number for step in made.steps)
    left = {"migrate", "needs-person", "no-replacement"}
    assert set(inside) == {one for one in made.report.rows if one.state in left}


def test_a_step_tells_whose_its_references_are() -> None:
    made = document([row(number) for number in range(1, 200)])
    for step in made.steps:
        assert sum(figure.number for _, figure in step.who) == step.figure.number, "one owner each"
        assert [figure.number for _, figure in step.who] == sorted((one.number for _, one in step.who), reverse=True)
    (unowned,) = document([row(3, owners=("(no owner)",), service="api")]).steps
    assert [(name, figure.number) for name, figure in unowned.who] == [("api", 1)]


def test_paths_are_shown_below_what_was_read(run: Run, tree: Path) -> None:
    text = run("report", "src").stdout.decode()
    assert "[`api/test/Dockerfile:1`]" in text
    data = json.loads(run("report", "src", "--output-format", "json").stdout)
    assert data["references"][0]["path"] == "src/api/Dockerfile"
    (tree / ".git" / "config").unlink()
    assert run("report", "src").stdout.startswith(b"# src: migration to Echo\n")
    assert run("report", "src", "deploy").stdout.startswith(b"# Migration to Echo\n")


def test_a_figure_of_several_values_has_one_of_them_in_each_dimension() -> None:
    rows = [row(number) for number in range(1, 50)]
    one = Index(rows).figure(("state", "migrate"), ("state", "hardened"), ("purpose", "ships"))
    assert one.number == sum(row.state in ("migrate", "hardened") and row.purpose == "ships" for row in rows) > 0
    assert Index([]).figure() == Figure(0, ())


TREE = {
    "src/api/Dockerfile": "FROM node:22 AS build\nRUN make\nFROM redis:7-alpine AS tests\nRUN make test\n"
    "FROM python:3.12-slim\nCOPY --from=build /a /a\nCOPY --from=nginx:1.30 /etc /etc\n"
    "RUN --mount=type=bind,from=golang:1.26,target=/go true\n",
    "src/api/test/Dockerfile": "FROM python:3.12\n",
    "compose.yaml": "services:\n  api:\n    build: src/api\n  cache:\n    image: redis:7-alpine\n",
    "deploy/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    name: no\n  name: web  # x\n"
    "spec:\n  template:\n    spec:\n      containers:\n        - name: main\n          image: node:18\n"
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
    "    - name: main\n      image: debian:buster\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
    "chart/values.yaml": "image:\n  repository: nginx\n  tag: '1.30'\n",
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: x\n    container: python:3.12\n    steps: []\n",
    ".github/CODEOWNERS": "* @acme/all\n/src/ @acme/api @bob # both\n/deploy/\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    commit(tmp_path, dict(TREE))
    (tmp_path / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = https://ann:s3cret@github.com/acme/shop.git\n'
    )
    return tmp_path


def test_of_a_tree(run: Run, tree: Path) -> None:
    done = run("report", "--output", "report.json", "--today", DAY)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert done.stderr == b"echo-migrate: report.json: 11 image references\n"
    data = json.loads((tree / "report.json").read_text())
    validator("migration").validate(data)
    found = [
        (one["path"], one["reference"], one["service"], one["purpose"], " ".join(one["owners"]))
        for one in data["references"]
    ]
    assert found == [
        (".github/workflows/ci.yml", "python:3.12", ".github/workflows", "tests", "@acme/all"),
        ("chart/values.yaml", "nginx:1.30", "chart", "ships", "@acme/all"),
        ("compose.yaml", "redis:7-alpine", "cache", "ships", "@acme/all"),
        ("deploy/web.yaml", "node:18", "web", "ships", "(no owner)"),
        ("deploy/web.yaml", "debian:buster", "deploy", "ships", "(no owner)"),
        ("src/api/Dockerfile", "node:22", "src/api", "builds", "@acme/api @bob"),
        ("src/api/Dockerfile", "redis:7-alpine", "src/api", "tests", "@acme/api @bob"),
        ("src/api/Dockerfile", "python:3.12-slim", "src/api", "ships", "@acme/api @bob"),
        ("src/api/Dockerfile", "nginx:1.30", "src/api", "ships", "@acme/api @bob"),
        ("src/api/Dockerfile", "golang:1.26", "src/api", "builds", "@acme/api @bob"),
        ("src/api/test/Dockerfile", "python:3.12", "src/api/test", "tests", "@acme/api @bob"),
    ]
    assert data["about"]["repository"] == "https://github.com/acme/shop"
    assert data["about"]["date"] == DAY
    revision = data["about"]["commit"]
    assert data["references"][3]["link"] == f"https://github.com/acme/shop/blob/{revision}/deploy/web.yaml#L12"
    assert [(one["line"], one["date"]) for one in data["ended"]] == [
        ("Debian 10", "2024-06-30"),
        ("Node.js 18", "2025-04-30"),
    ]


def test_two_runs_write_the_same_bytes_and_no_credential(run: Run, tree: Path) -> None:
    written = []
    for _ in range(2):
        names = ("report.html", "report.md", "report.json")
        done = run("report", "-q", *(word for name in names for word in ("--output", name)), "src", "deploy", "chart")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        written.append([(tree / name).read_bytes() for name in names])
        for name in names:
            (tree / name).unlink()
    assert written[0] == written[1]
    assert not any(b"s3cret" in data or b"ann" in re.findall(rb"https://([^/]*)", data) for data in written[0])
    assert b"2026" not in written[0][0].partition(b"<main>")[0], "no date but one that was given"


def test_commands_mean_the_same_references(run: Run, tree: Path) -> None:
    done = run("report", "src", "--provider", "docker", "--output-format", "json")
    commands = [command for step in json.loads(done.stdout)["steps"] for command in step["commands"]]
    assert "echo-migrate fix src --provider docker --unsafe-fixes --diff" in commands
    for command in commands:
        assert run(*command.split()[1:]).returncode in (0, 1), command


def test_markdown_is_printed_and_misuse_is_told(run: Run, tree: Path) -> None:
    text = run("report").stdout.decode()
    assert text.startswith("# acme/shop: migration to Echo\n")
    assert "| `src/api` | 5 |" in text
    assert run("report", "--output", "pdf:x").returncode == 2
    assert run("report", "--output", "html:page", "--output", "json:data", "-q").returncode == 0
    assert (tree / "page").read_text().startswith("<!doctype html>")
    assert json.loads((tree / "data").read_text())["version"] == 1
    (tree / "echo-migrate.toml").write_text('output-format = "sarif"\nexclude = ["chart"]\n')
    assert b"| `chart` |" not in run("report").stdout
    assert run("report", "nowhere").returncode == 2
    assert run("report", "--output", "no/such/folder.html").returncode == 2
    empty = run("report", "chart/Chart.yaml")
    assert empty.returncode == 0
    assert b"None has a hardened image yet" in empty.stdout


@pytest.mark.parametrize("format", ["html", "markdown", "json"])
def test_hostile_texts_are_texts(format: str) -> None:
    hostile = [
        row(number, path=text, service=text, owners=(text,), upstream=text, reference=text, target=text, context=text)
        for number, text in enumerate(HOSTILE, 1)
    ]
    text = render(format, document(hostile))
    if format == "markdown":
        text = cmarkgfm.github_flavored_markdown_to_html(text)
        assert text.count("<tr>") > len(hostile)
    scripts = 2 if format == "html" else 0  # the data, and the page's own
    assert format == "json" or (text.count("<script"), text.count("</script>"), text.count("<img")) == (
        scripts,
        scripts,
        0,
    )
    assert format == "html" or "\x1b" not in text


OWNERS: list[tuple[Grammar, str, dict[str, str]]] = [
    (
        "github",
        "# head\n* @all\n*.md @docs # tail\n/src/ @src\napps/ @apps\ndocs/* doc@example.com\n"
        "**/logs @logs\n/a/**/z @deep\n",
        {
            "x": "@all",
            "a/b/c.md": "@docs",
            "src/x/y": "@src",
            "lib/src/x": "@all",
            "lib/apps/x/y": "@apps",
            "docs/a": "doc@example.com",
            "docs/a/b": "@all",
            "deep/logs/x": "@logs",
            "a/z": "@deep",
            "a/b/c/z/y": "@deep",
        },
    ),
    (
        "github",
        "/apps @apps\n/apps/github\nwith\\ space/x @s\n!apps/b @no\n/apps/[ab] @no\nmid/dle @mid\n",
        {
            "apps/x": "@apps",
            "apps/github/x": "",
            "with space/x": "@s",
            "apps/b": "@apps",
            "x/mid/dle": "",
            "mid/dle/x": "@mid",
        },
    ),
    (
        "gitlab",
        "* @default\n[Docs][2] @docs\n*.md\n/README.md @readme\n^[Code]\n/src/ @code\n!/src/gen/\n"
        "[docs]\nguide/ @@maintainer\n",
        {
            "x": "@default",
            "a/b.md": "@default @docs",
            "README.md": "@default @readme",
            "src/a.c": "@default @code",
            "src/gen/a.c": "@default",
            "x/guide/a.md": "@default @@maintainer",
        },
    ),
    (
        "gitlab",
        "internal/README.md @any\n/docs @file\n/all/**/* @below\nlib/*.rb @rb me@example.com stray\n\\#x @hash\n",
        {
            "a/internal/README.md": "@any",
            "docs/x": "",
            "docs": "@file",
            "all/x/y": "@below",
            "q/lib/a.rb": "@rb me@example.com",
            "lib/x/a.rb": "",
            "#x": "@hash",
        },
    ),
]


@pytest.mark.parametrize(("grammar", "text", "expected"), OWNERS)
def test_owners(grammar: Grammar, text: str, expected: dict[str, str]) -> None:
    owners = CodeOwners(text, grammar)
    assert {path: " ".join(owners.of(path)) for path in expected} == expected


@given(st.text("ab*/?!#@[] \\\n", max_size=60), st.text("ab/", min_size=1, max_size=12))
def test_owners_of_any_file_are_owners(text: str, path: str) -> None:
    for grammar in ("github", "gitlab"):
        assert all("@" in owner for owner in CodeOwners(text, grammar).of(path))


@pytest.mark.parametrize(
    ("place", "text", "grammar"),
    [
        (".github/CODEOWNERS", "[a]\n* @x", "gitlab"),
        (".gitlab/CODEOWNERS", "* @x", "gitlab"),
        ("docs/CODEOWNERS", "* @x", "github"),
        ("CODEOWNERS", "^[A][1] @y\n* @x", "gitlab"),
    ],
)
def test_the_grammar_is_that_of_its_place_and_sections(tmp_path: Path, place: str, text: str, grammar: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(text)
    found = code_owners(str(tmp_path), None)
    assert found is not None
    assert (found.path, found.by_section) == (place, grammar == "gitlab")


def test_owners_come_from_the_tree_alone(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("* @x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "CODEOWNERS").symlink_to("../outside")
    assert code_owners(str(tmp_path / "in"), None) is None


def test_rules_that_take_too_long_end_and_are_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = CodeOwners("\n".join(f"/{'*a' * 40}{number}/** @x" for number in range(300)), "github")
    assert (many.of("a" * 200 + "/b"), many.exhausted) == ((), False)
    monkeypatch.setattr(code_owners_file, "_SECONDS", 0.0)
    late = CodeOwners("* @x", "github", "CODEOWNERS")
    assert (late.of("a"), late.exhausted) == ((), True)
    settings = Settings(catalog.load(), (), named=(str(tree),))
    source = Source.of(str(tree / "Dockerfile"), b"FROM python:3.12\n")
    made = migration.document([fix.fix_source(source, dockerfile, settings)], settings, migration.Request())
    assert dict(made.report.about)["owners"] == "incomplete: .github/CODEOWNERS takes too long to read"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://user:pass@github.com/acme/shop.git", "https://github.com/acme/shop"),
        ("https://a@b@github.com/acme/shop", "https://github.com/acme/shop"),
        ("git@gitlab.example.com:group/sub/shop.git", "https://gitlab.example.com/group/sub/shop"),
        ("ssh://git@codeberg.org:2222/acme/shop.git/", "https://codeberg.org/acme/shop"),
        ("http://gitea.local:3000/acme/shop", "http://gitea.local:3000/acme/shop"),
        ("git@ssh.dev.azure.com:v3/acme/shop/api", "https://dev.azure.com/acme/shop/_git/api"),
        ("https://dev.azure.com/acme/my%20shop/_git/api", "https://dev.azure.com/acme/my%20shop/_git/api"),
        ("/srv/git/shop.git", ""),
        ("../shop", ""),
        ("file:///srv/git/shop", ""),
        ("https://github.com/../../x", ""),
        ("javascript://github.com/%0aalert(1)/x", ""),
        ('https://github.com/a"><b/c', ""),
        ("ext::sh -c touch% x", ""),
        ("", ""),
    ],
)
def test_a_remote_is_its_web_address(url: str, base: str) -> None:
    found = parsed(url)
    assert (found.base if found else "") == base


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ('[core]\n\tbare = false\n[remote "origin"] # x\n\turl = git@github.com:a/b.git ; x\n', "a/b"),
        ('[remote "up"]\nurl="https://github.com/c/d"\n', "c/d"),
        ('[remote "up"]\nurl=https://x.com/c/d\n[remote "other"]\nurl=https://x.com/e/f\n', ""),
        ('[remote "origin"]\n\turl = https://x.com/a/b\n\turl = https://x.com/c/d\n[include]\n\tpath = evil\n', "a/b"),
        ('[url "x"]\nurl = https://x.com/a/b\n', ""),
    ],
)
def test_the_remote_is_read_from_the_configuration(tmp_path: Path, config: str, path: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(config)
    found = remote_of(str(tmp_path))
    assert (found.path if found else "") == path


def test_the_commit_is_read_without_git(tmp_path: Path) -> None:
    folder = tmp_path / ".git"
    (folder / "refs" / "heads").mkdir(parents=True)
    commit, other = "a1" * 20, "b2" * 20

    def head(text: str) -> str:
        (folder / "HEAD").write_text(text)
        return revision_of(str(tmp_path))

    assert head(f"{commit}\n") == commit
    (folder / "packed-refs").write_text(f"# pack-refs\n{other} refs/heads/x/main\n{commit} refs/heads/main\n")
    assert head("ref: refs/heads/main\n") == commit
    (folder / "refs" / "heads" / "main").write_text(f"{other}\n")
    assert head("ref: refs/heads/main\n") == other
    (tmp_path / "secret").write_text("c3" * 20)
    (folder / "refs" / "heads" / "out").symlink_to(tmp_path / "secret")
    for hostile in ("ref: refs/heads/out\n", "ref: refs/heads/../../../secret\n", "ref: /etc/passwd\n", "x" * 40, ""):
        assert head(hostile) == ""
    assert revision_of(str(tmp_path / "nowhere")) == ""


def test_without_the_library_the_other_formats_work(run: Run, tree: Path) -> None:
    (tree / "block").mkdir()
    (tree / "block" / "jinja2.py").write_text("raise ImportError\n")
    blocked = {"PYTHONPATH": f"{tree / 'block'}:{ROOT}"}
    done = run("report", "src", "--output", "x.html", env=blocked)
    assert (done.returncode, b"echo-migrate[report]" in done.stderr) == (2, True)
    assert run("report", "src", "--output", "x.md", env=blocked).returncode == 0


def test_what_a_lock_file_has_is_shown_if_asked_for(run: Run, tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM python:3.12\n")
    entry = {"status": "available", "digest": "sha256:" + "0" * 64, "verified": ["signature", "sbom"], "date": DAY}
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
    (tree / ".echo-migrate.lock").write_text(f'version = 1\n[images]\n"reg.echohq.com/python:3.12" = {{ {pairs} }}\n')
    data: dict[str, Any] = json.loads(run("report", "Dockerfile", "--output-format", "json", "--locked").stdout)
    assert {name: one["count"] for name, one in data["verified"].items()} == {"sbom": 1, "signature": 1}
    assert {name: one["count"] for name, one in data["evidence"].items()} == {"available": 1}
    assert json.loads(run("report", "Dockerfile", "--output-format", "json").stdout)["verified"] == {}


def test_what_was_proven_is_shown_if_records_are_named(run: Run, tree: Path) -> None:
    """Of a change that is not written yet, and of the text that it left; not once the build context is another one."""
    folder, before, after = tree / "api", "FROM python:3.12\nCOPY a /\n", "FROM reg.echohq.com/python:3.12\nCOPY a /\n"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "Dockerfile").write_text(before)
    path = "api/Dockerfile"
    seen = digest(context_of(str(folder / "Dockerfile"), before, str(folder)), [str(tree / "proofs")])
    was, becomes = (text_hash(Source.of(path, text.encode())) for text in (before, after))
    images = (("python:3.12", "x"), ("reg.echohq.com/python:3.12", "y"))
    added = ("reg.echohq.com/python:3.12",)
    proof = Proof(
        path, "same", "", (), was, becomes, seen, "d" * 64, images, added, "docker", f"{DAY}T10:00:00Z", "ann@<host>",
        places=((5, 5),),
    )  # fmt: skip
    Records([str(tree / "proofs")]).keep(proof)

    def shown(text: str, *words: str) -> Any:
        (folder / "Dockerfile").write_text(text)
        data = json.loads(run("report", "api", "--output-format", "json", *words).stdout)
        validator("migration").validate(data)
        (one,) = data["references"]
        counts = {name: figure["count"] for name, figure in data["proofs"].items()}
        assert counts == ({one["proof"]: 1} if one["proof"] else {})
        return one["state"], one["proof"], one["proven"]

    named = ("--proofs", "proofs")
    assert shown(before, *named) == ("migrate", "same", f"{DAY} by ann@<host>")
    then = f"{DAY} by ann@<host>, before the move was written; later changes are not compared"
    assert shown(after, *named) == ("hardened", "same", then)
    assert shown(before)[1:] == ("", "")
    (folder / "a").write_text("2")
    assert shown(before, *named)[1] == "stale"
    Records([str(tree / "proofs")]).keep(proof._replace(reason="it was not started"))
    (folder / "a").write_text("1")
    assert shown(before, *named)[1] == "not-started"
    Records([str(tree / "proofs")]).keep(proof._replace(added=("reg.echohq.com/node:22",)))
    assert [shown(text, *named)[1:] for text in (before, after)] == [("", "")] * 2, "it is of another image"
    Records([str(tree / "proofs")]).keep(proof._replace(places=((70, 80),)))
    assert [shown(text, *named)[1:] for text in (before, after)] == [("", "")] * 2, "it is of another stage"


def test_the_commands_mean_what_the_report_does(run: Run, tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM dhi.io/python:3.12\nFROM node:22\n")
    given = ("--no-config", "--from", "docker", "--fips")
    steps = json.loads(run("report", "Dockerfile", *given, "--output-format", "json").stdout)["steps"]
    commands = [shlex.split(one) for step in steps for one in step["commands"]]
    meant = [words for words in commands if words[1] != "match"]
    assert meant
    for words in meant:
        assert {*words} > {*given}


def test_a_report_has_no_rows_of_stages(run: Run, tree: Path) -> None:
    made: Report = document([]).report
    assert (made.share, made.total.number) == (None, 0)
    data = json.loads(run("report", "src/api", "--output-format", "json").stdout)
    assert all(one["context"] != "COPY --from" or one["reference"] == "nginx:1.30" for one in data["references"])


def test_what_the_safe_fixes_save_is_a_range_by_a_table(run: Run, tree: Path) -> None:
    (tree / "Dockerfile").write_text("ARG BASE=python:3.12\nFROM ${BASE}\nFROM node:22\nFROM node:22 AS x\n")
    data = json.loads(run("report", "Dockerfile", "--output-format", "json").stdout)["savings"]
    assert [(one["references"]["count"], one["minutes"]) for one in data["edits"]] == [(2, [3, 8]), (1, [5, 15])]
    assert data["hours"] == [0.2, 0.5]
    (tree / "none").write_text("FROM node:22-alpine\n")
    assert json.loads(run("report", "none", "--output-format", "json").stdout)["savings"]["edits"] == []
    assert (data["lines"]["count"], data["files"]["count"]) == (3, 1)
    own = "classes:\n  own: {what: one word, minutes: [30, 60]}\n  elsewhere: {what: two, minutes: [0, 1.5]}\n"
    (tree / "m.yaml").write_text(f"{own}assumptions: [measured by us]\n")
    done = run("report", "Dockerfile", "--minutes", "m.yaml")
    assert b"would take 1.0 to 2.0 hours" in done.stdout
    assert b"measured by us" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "classes: {}\n", "a: &a [*a]\n", "\0", "[" * 50_000, "- " * 50_000),
        "classes: {own: {what: x, minutes: [2, 1]}, elsewhere: {what: x, minutes: [1, 2]}}\nassumptions: [x]\n",
        "classes: {own: {what: x, minutes: [1, 1e9]}, elsewhere: {what: x, minutes: [1, 2]}}\nassumptions: [x]\n",
        "classes: {own: {what: x, minutes: [.nan, 1]}, elsewhere: {what: x, minutes: [1, 2]}}\nassumptions: [x]\n",
        "classes: {own: {what: x, minutes: [1, 2]}, elsewhere: {what: x, minutes: [1, 2]}}\n",
    ],
)
def test_what_is_no_table_of_minutes_is_told(run: Run, tree: Path, text: str) -> None:
    (tree / "m.yaml").write_text(text)
    done = run("report", "src", "--minutes", "m.yaml")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"m.yaml: " in done.stderr


def test_a_resource_is_looked_for_once_in_each_document() -> None:
    third = "metadata:  # b\n    labels: {}\n    name: 'b'\n"
    text = f"metadata:\n  name: a\nimage: x\n---\nspec: {{}}\n---\n{third}---\nmetadata:\nx:\n"
    found = Resources(text)
    names = [found.around(offset) for offset in range(len(text))]
    assert list(dict.fromkeys(names)) == ["a", "", "b"]
    many = Resources("image: x\n" * 100_000)
    assert {many.around(offset) for offset in range(0, 900_000, 9)} == {""}
    assert len(many.names) == 1


def test_a_command_names_only_what_is_an_image() -> None:
    names = ("--config=x", "$(touch x)", "`x`", "a;b", "a b", "ghcr.io/acme/tool")
    rows = [row(3, upstream=name) for name in names]
    (step,) = document(rows).steps
    assert step.commands == ("echo-migrate match ghcr.io/acme/tool --provider all",)
    (step,) = document(rows[:-1]).steps
    assert step.commands == ("echo-migrate inventory .",)
