"""What other programs read: each output against the published schema of its format, and hostile names parsed back."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import xmlschema
import yaml
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner
from jsonschema import Draft202012Validator, validators

from echo_migrate import reports
from echo_migrate.engine import fix
from echo_migrate.files.source import Source, apply
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model import Finding, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run, copy_project
from tests.standin import commit, git

ROOT = Path(__file__).parent.parent
SCHEMAS = Path(__file__).parent / "schemas"
README = (ROOT / "README.md").read_text()
TEXT = (
    "\ufeff# é\r\nFROM python:3.12 AS a\nFROM 'redis:7-alpine' \nENV DB_PASSWORD=7f3a9c-geheim\n"
    "RUN echo é; apt-get install x\n"
    "FROM python:3.12@sha256:" + "0" * 64 + "\nFROM ${V}\nFROM gcr.io/distroless/static\nRUN true\nCMD true\n"
)
NAMES = ["Dockerfile", "a b/100%::é,\n::error::x\x1b[31m\r/Dockerfile", "/abs/Dockerfile", "\udcff/Dockerfile"]
RUN = reports.RunReport("check", "echo", "Echo", "docker login reg.echohq.com")
GITLAB = {  # docs.gitlab.com/ci/testing/code_quality, "Code Quality report format"
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["description", "check_name", "fingerprint", "location", "severity"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^.]"},
                    "lines": {"type": "object", "required": ["begin"]},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def results() -> list[Result]:
    settings = Settings(catalog.load(), tuple(RULES.values()), today="2026-11-24")
    found = [fix.fix_source(Source.of(name, TEXT.encode()), dockerfile, settings) for name in NAMES]
    assert {finding.level for result in found for finding in result.findings} == {"note", "warning", "error"}
    return found


def validate(schema: Any, document: Any) -> None:
    validators.validator_for(schema, Draft202012Validator)(schema).validate(document)


def both(result: Result) -> list[tuple[Result, Finding]]:
    return [(result, finding) for finding in result.findings]


def test_sarif(results: list[Result]) -> None:
    text = reports.render("sarif", results, RUN)
    document = json.loads(text)
    validate(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()), document)
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    listed = [pair for result in results for pair in both(result)]
    assert len(run["results"]) == len(listed)
    for found, (result, finding) in zip(run["results"], listed, strict=True):
        rule = run["tool"]["driver"]["rules"][found["ruleIndex"]]
        assert rule["id"] == found["ruleId"] == finding.rule
        assert rule["help"]["markdown"].startswith(f"# {finding.rule}")
        place = found["locations"][0]["physicalLocation"]
        path = unquote(place["artifactLocation"]["uri"].removeprefix("file://"), errors="surrogateescape")
        assert path == result.source.path
        assert not re.search(r"[\s\x00-\x1f]", place["artifactLocation"]["uri"])
        for repair in found.get("fixes", ()):
            lines = result.source.text.split("\n")
            starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
            changed = result.source.text
            for one in sorted(
                repair["artifactChanges"][0]["replacements"],
                key=lambda one: (-one["deletedRegion"]["startLine"], -one["deletedRegion"]["startColumn"]),
            ):
                region = one["deletedRegion"]
                begin = starts[region["startLine"] - 1] + region["startColumn"] - 1
                end = starts[region["endLine"] - 1] + region["endColumn"] - 1
                changed = changed[:begin] + one["insertedContent"]["text"] + changed[end:]
            assert finding.fix is not None
            assert changed == apply(result.source.text, finding.fix.edits)
    marks = [one["partialFingerprints"]["echoMigrate/v1"] for one in run["results"][: len(results[0].findings)]]
    assert len(marks) == len(set(marks))


def test_gitlab(results: list[Result]) -> None:
    issues = json.loads(reports.render("gitlab", results[:2], RUN))
    validate(GITLAB, issues)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == sum(len(r.findings) for r in results[:2])


def test_rdjson(results: list[Result]) -> None:
    document = json.loads(reports.render("rdjson", results, RUN))
    validate(json.loads((SCHEMAS / "rdjson.json").read_text()), document)
    raw = (TEXT.removeprefix("\ufeff")).encode().split(b"\n")
    for found in document["diagnostics"][: len(results[0].findings)]:
        for suggestion in found.get("suggestions", ()):
            start, end = suggestion["range"]["start"], suggestion["range"]["end"]
            line = raw[start["line"] - 1]
            new = line[: start["column"] - 1] + suggestion["text"].encode() + line[end["column"] - 1 :]
            assert b"reg.echohq.com/" in new or b"-y" in new or b"rm -rf" in new, new
    assert any(found.get("suggestions") for found in document["diagnostics"])


def test_junit(results: list[Result]) -> None:
    text = reports.render("junit", results, RUN)
    xmlschema.XMLSchema(str(SCHEMAS / "jenkins-junit.xsd")).validate(ElementTree.fromstring(text))
    suites = ElementTree.fromstring(text)
    assert len(suites) == len(results)
    failures = sum(int(suite.attrib["failures"]) for suite in suites)
    assert failures == len(suites.findall(".//failure"))
    assert failures == sum(finding.level != "note" for result in results for finding in result.findings)
    clean = Result(Source("Dockerfile", ""), (), (), Source("Dockerfile", ""))
    assert 'failures="0"' in reports.render("junit", [clean], RUN)


def test_github_commands_are_parsed_back_whatever_the_names(results: list[Result]) -> None:
    text = reports.render("github", results, RUN)
    assert "\x1b" not in text
    lines = text.splitlines()
    commands = [match for line in lines if (match := re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line))]
    assert len(commands) == len(lines) - 1, "each line is one command, but for the summary"
    levels = [match[1] for match in commands]
    assert levels == sorted(levels, key=["error", "warning", "notice"].index)
    assert all(levels.count(level) <= 10 for level in levels)
    assert "more findings" in commands[-1][3]
    named = set()
    for match in commands[:-1]:
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        for code, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
            properties = {key: value.replace(code, character) for key, value in properties.items()}
        named.add(properties["file"])
        assert properties["title"] in RULES
        assert int(properties["line"]) <= int(properties["endLine"])
    assert named <= {reports.printable(name) for name in NAMES}


def test_github_says_all_where_there_is_room(results: list[Result]) -> None:
    few = [results[0]._replace(findings=results[0].findings[:3])]
    text = reports.render("github", few, RUN)
    assert text.count("\n") == 4
    assert "more findings" not in text


@pytest.mark.parametrize("format", [*reports.FORMATS, *reports.ALSO])
def test_no_output_has_a_credential(results: list[Result], format: str) -> None:
    assert "geheim" not in reports.render(format, results, RUN)


def test_one_run_feeds_all(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    wanted = [f"{name}:out.{name}" for name in reports.FORMATS]
    done = run("check", *[word for output in wanted for word in ("--output", output)])
    assert done.returncode == 1
    assert all((tmp_path / f"out.{name}").stat().st_size for name in reports.FORMATS)


def test_statistics(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM node:22\nFROM redis:7-alpine\n")
    done = run("check", "--statistics", "--select", "unhardened-image", "--output", "json:out.json")
    assert done.stdout.decode().splitlines() == [
        "     3       2 fixable  warning  unhardened-image",
        "1 file, 3 image references: 2 ready to migrate (1 not verified), 0 hardened, 0 not offered, "
        "0 private or built here, 1 need review, 0 ignored; pulling needs: docker login reg.echohq.com",
    ]
    assert len(json.loads((tmp_path / "out.json").read_text())["findings"]) == 3


def test_the_format_may_come_from_the_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "echo-migrate.toml").write_text('output-format = "sarif"\n')
    assert json.loads(run("check").stdout)["version"] == "2.1.0"


def test_the_documented_lines_for_each_ci_do_what_they_say(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    section = (ROOT / "docs" / "ci.md").read_text()
    lines: list[str] = re.findall(r"\| `(echo-migrate [^`]*)` \|", section)
    assert len(lines) == 6
    for line in lines:
        done = run(*line.split()[1:])
        assert done.returncode == 1, line
        assert not done.stderr, line
    names = ("echo-migrate.sarif", "gl-code-quality-report.json", "echo-migrate.xml")
    assert all((tmp_path / name).stat().st_size for name in names)


def test_the_gitlab_job_is_one(tmp_path: Path, index: dict[str, str]) -> None:
    """Its script, run as it stands on a checkout that is hostile, whose job names files of it to pip and Python."""
    path = ROOT / "hooks" / "gitlab-ci.yml"
    words = ["--builtin-schema", "vendor.gitlab-ci", str(path), str(ROOT / "hooks" / "gitlab-propose.yml")]
    checked = CliRunner().invoke(check_jsonschema, words)
    assert checked.exit_code == 0, checked.output
    job = yaml.safe_load(path.read_text())["echo-migrate"]
    copy_project(tmp_path / "project")
    trap = "import pathlib\npathlib.Path(__file__).with_name('it-ran').touch()\n"
    checkout = tmp_path / "checkout"
    files: dict[str, str | bytes | None] = {f"{name}.py": trap for name in ("pip", "venv", "json", "hatchling")}
    files |= {"echo_migrate/__init__.py": trap, "Dockerfile": "FROM node:22-slim\nCMD npm start\n"}
    commit(checkout, files | {"pip.conf": "[install]\nconstraint = nowhere.txt\n"})
    hostile = {"PYTHONPATH": ".", "PIP_CONFIG_FILE": "pip.conf", "PIP_CONSTRAINT": "no.txt", "PIP_CACHE_DIR": "cache"}
    environment = os.environ | index | {name: str(checkout / file) for name, file in hostile.items()}
    environment |= {"CI_PROJECT_DIR": str(checkout), "TMPDIR": str(tmp_path), "ECHO_MIGRATE": str(tmp_path / "project")}
    environment["ECHO_MIGRATE_COMMIT"] = commit(tmp_path / "project", {})
    script = ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])]
    ran = subprocess.run(script, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    report = job["artifacts"]["reports"]["codequality"]
    written = (checkout / report).read_text()
    validate(GITLAB, json.loads(written))
    assert f"```console\n$ cat {report}\n{written.strip()}\n```" in (ROOT / "docs" / "ci.md").read_text()
    assert git(checkout, "status", "--porcelain") == f"?? {report}\n", "nothing else is left there, and nothing ran"
