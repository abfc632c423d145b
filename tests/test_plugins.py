"""Plugins: an example is installed for real and does its part; a broken one is one message, and the run goes on."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "plugin"
DOCUMENT = (ROOT / "docs" / "plugins.md").read_text()


def run(site: Path, folder: Path, *words: str) -> tuple[int, str, str]:
    """Return the exit code, and what is printed to both outputs, with plugins installed in ``site``."""
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "echo_migrate", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    source = tmp_path_factory.mktemp("source") / "plugin"
    subprocess.run(["cp", "-r", EXAMPLE, source], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", folder, source], check=True)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM node:22-slim\nUSER 1\n")
    (folder / "base.images").write_text("# ours\npython:3.13-slim\n")
    return folder


def broken(folder: Path, kind: str, name: str, code: str, version: str = "0.1") -> Path:
    """Return a folder with an installed plugin whose module has this code."""
    metadata = folder / f"echo_migrate_{name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: echo-migrate-{name}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[echo_migrate.{kind}]\n{name} = {name}_plugin:it\n")
    (folder / f"{name}_plugin.py").write_text(code)
    return folder


def test_a_rule_and_a_format(site: Path, tree: Path) -> None:
    code, printed, told = run(site, tree, "check", "--output-format", "concise")
    assert (code, told) == (1, "")
    assert [line for line in printed.splitlines() if "image:" not in line and ":1:1: " in line] == [
        "Dockerfile:1:1: warning[acme-label] no label com.acme.team: add the team that answers for it"
    ]
    assert "base.images:2:1: warning[unhardened-image] python:3.13-slim -> reg.echohq.com/python:3.13-slim" in printed
    assert "acme-label" not in run(site, tree, "check", "--ignore", "acme-label")[1]
    assert run(site, tree, "explain", "acme-label")[1].startswith("# acme-label\n\nA final image without Acme's label.")
    found = json.loads(run(site, tree, "check", "--select", "acme-label", "--output-format", "rdjson")[1])
    assert found["diagnostics"][0]["code"]["url"] == "https://docs.acme.example/images"


def test_a_provider_and_a_report(site: Path, tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM node:22-slim\nLABEL com.acme.team=web\n")
    assert run(site, tree, "check", "--provider", "acme", "--output-format", "tally", "--fail-on", "error")[:2] == (
        0,
        "needs-person 2\n",
    )
    (tree / "Dockerfile").write_text("FROM node:22\n")
    assert run(site, tree, "fix", "--provider", "acme")[0] == 0
    assert (tree / "Dockerfile").read_text() == "FROM images.acme.example/nodejs:22\n"
    assert "Acme, from:" in run(site, tree, "providers")[1]
    assert re.search(r"(?m)^acme +\d", run(site, tree, "compare")[1])


def test_processes_of_a_run_have_the_plugins(site: Path, tree: Path) -> None:
    for number in range(210):
        (tree / f"{number}.Dockerfile").write_text("FROM scratch\n")
    printed = run(site, tree, "check", "--jobs", "2", "--select", "acme-label", "--output-format", "concise")[1]
    assert printed.count("[acme-label]") == 211


BROKEN = [
    ("rules", "import nothing.there", "ModuleNotFoundError: No module named 'nothing'"),
    ("rules", "raise SystemExit(3)", "SystemExit: 3"),
    ("rules", "it = 1", "is no rule {name}: the decorator rule makes one, named for its module"),
    ("rules", "x = 1", "AttributeError: module '{name}_plugin' has no attribute 'it'"),
    ("rules", "1 +", "SyntaxError: invalid syntax ({name}_plugin.py, line 1)"),
    ("formats", "it = 1", "is no format: NAME must be a compiled pattern"),
    (
        "formats",
        "import re\nclass it: NAME = re.compile('x')",
        "is no format: has no candidate, recognise, parse, verify",
    ),
    ("providers", "it = '/none.yaml'", "MappingError: /none.yaml: cannot be read: no such file or directory"),
    ("providers", "it = 1", "TypeError: expected str, bytes or os.PathLike object, not int"),
]


def test_each_broken_plugin_is_one_message(tmp_path: Path, tree: Path) -> None:
    site = tmp_path / "site"
    for number, (kind, code, _) in enumerate(BROKEN):
        broken(site, kind, f"b{number}", code)
    exit_code, printed, told = run(site, tree, "check")
    assert exit_code == 1
    assert sorted(told.splitlines()) == [
        f"echo-migrate: plugin b{number} of echo-migrate-b{number} 0.1: {says.format(name=f'b{number}')}"
        for number, (_, _, says) in enumerate(BROKEN)
    ]
    assert "node:22-slim -> reg.echohq.com/node:22-slim" in printed


RULE = """
from echo_migrate import Finding, Image, rule
@rule(on=Image, level="error")
def it(image, context):
    {body}
it = it._replace(id="{name}")
"""
FAILING = [
    ("yield 1 / 0", "ZeroDivisionError: division by zero"),
    ("yield 'x'", "TypeError: yields what is no finding within the text"),
    ("yield Finding(0, 10**9, 'x')", "TypeError: yields what is no finding within the text"),
    ("return 3", "TypeError: 'int' object is not iterable"),
    ("raise SystemExit(7)", "SystemExit: 7"),
]


def test_a_rule_that_fails_is_told_once(tmp_path: Path, tree: Path) -> None:
    (tree / "b.Dockerfile").write_text("FROM node:22-slim\nFROM python:3.13\n")
    site = tmp_path / "site"
    for number, (body, _) in enumerate(FAILING):
        broken(site, "rules", f"f{number}", RULE.format(body=body, name=f"f{number}"))
    code, printed, told = run(site, tree, "check")
    assert code == 1
    assert sorted(told.splitlines()) == [
        f"echo-migrate: plugin f{number} of echo-migrate-f{number} 0.1: {says}"
        for number, (_, says) in enumerate(FAILING)
    ]
    assert printed.count("reg.echohq.com/") >= 3


FORMAT = """
import re
class it:
    NAME = re.compile("base.images")
    candidate = staticmethod(lambda path: path.endswith(".images"))
    recognise = staticmethod(lambda path, text: candidate(path))
    parse = staticmethod(lambda source, request: [][0])
    verify = staticmethod(lambda before, after, edits: None)
    {more}
"""


def test_a_format_that_fails_leaves_one_file_unread(tmp_path: Path, tree: Path) -> None:
    more = "recognise = staticmethod(lambda path, text: path.endswith('.images'))"
    site = broken(tmp_path / "site", "formats", "bad", FORMAT.format(more=more))
    code, printed, told = run(site, tree, "check", "--output-format", "concise")
    assert (code, told) == (2, "")
    assert (
        "base.images:1:1: error[unreadable-file] this file was left unread: plugin bad of echo-migrate-bad 0.1 failed: "
        "IndexError: list index out of range" in printed
    )
    assert "Dockerfile:1:6: warning[unhardened-image]" in printed


def test_a_format_that_cannot_tell_its_files_has_none(tmp_path: Path, tree: Path) -> None:
    site = broken(tmp_path / "site", "formats", "bad", FORMAT.format(more=""))
    code, printed, told = run(site, tree, "check", "--output-format", "concise")
    says = "echo-migrate: plugin bad of echo-migrate-bad 0.1: NameError: name 'candidate' is not defined\n"
    assert (code, told) == (1, says)
    assert "Dockerfile:1:6: warning[unhardened-image]" in printed


EXITS = "staticmethod(lambda *_: exec('raise SystemExit(3)'))"


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (f"candidate = recognise = {EXITS}", 1, "SystemExit: 3"),
        (
            f"recognise = staticmethod(lambda path, text: path.endswith('.images'))\n    parse = {EXITS}",
            2,
            "failed: SystemExit: 3",
        ),
    ],
)
def test_a_format_that_exits_ends_no_run(tmp_path: Path, tree: Path, more: str, code: int, says: str) -> None:
    site = broken(tmp_path / "site", "formats", "bad", FORMAT.format(more=more))
    exit_code, printed, told = run(site, tree, "check", "--output-format", "concise")
    assert exit_code == code
    assert f"plugin bad of echo-migrate-bad 0.1{':' if code == 1 else ''} {says}" in printed + told
    assert "Dockerfile:1:6: warning[unhardened-image]" in printed


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("return 1", "TypeError: its report is no text"),
    ],
)
def test_a_report_that_fails_is_told(tmp_path: Path, tree: Path, code: str, says: str) -> None:
    site = broken(tmp_path / "site", "reports", "bad", f"def it(results, run): {code}")
    exit_code, printed, told = run(site, tree, "check", "--output-format", "bad", "--output", "json:a.json")
    assert (exit_code, printed) == (2, "")
    assert told == f"echo-migrate: plugin bad of echo-migrate-bad 0.1 failed: {says}\n"
    assert json.loads((tree / "a.json").read_text())["findings"]


def test_no_plugin_takes_the_place_of_what_is_there(tmp_path: Path, tree: Path) -> None:
    site = tmp_path / "site"
    rule = "from echo_migrate import Image, rule\n@rule(on=Image, level='note')\ndef it(image, context): yield\n"
    for number, (kind, name) in enumerate(
        [("rules", "unhardened-image"), ("formats", "compose"), ("providers", "echo"), ("reports", "json")]
    ):
        broken(site, kind, f"p{number}", f"{rule}it = it._replace(id='{name}')" if kind == "rules" else "it = '/x'")
        entry = site / f"echo_migrate_p{number}-0.1.dist-info" / "entry_points.txt"
        entry.write_text(entry.read_text().replace(f"p{number} =", f"{name} ="))
    code, printed, told = run(site, tree, "check", "--output-format", "json")
    assert code == 1
    assert json.loads(printed)["summary"]["references"] == 1
    assert sorted(line.partition("0.1: ")[2] for line in told.splitlines()) == [
        "there is a format of this name",
        "there is a provider of this name",
        "there is a report of this name",
        "there is a rule of this name",
    ]


def test_the_tree_that_is_read_brings_no_plugins(tmp_path: Path, tree: Path) -> None:
    broken(tree, "rules", "bad", "raise SystemExit('run')")
    env = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "echo_migrate", "check"]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_a_message_quotes_cannot_act(tmp_path: Path, tree: Path) -> None:
    site = broken(tmp_path / "site", "rules", "bad", "raise ValueError('a\\x1b[31m\\n::error::b')")
    told = run(site, tree, "check")[2]
    assert told == "echo-migrate: plugin bad of echo-migrate-bad 0.1: ValueError: a?[31m ::error::b\n"


def test_the_page_shows_the_example() -> None:
    shown = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".toml", ".yaml")]
    assert len(shown) == 6
    for path in shown:
        assert path.read_text().strip() in DOCUMENT
