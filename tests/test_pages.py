"""Every case of every page, as written and with CRLF line ends."""

from pathlib import Path

import pytest

from echo_migrate.engine.check import examine
from echo_migrate.engine.fix import fix_source
from echo_migrate.engine.registry_login import login_results, with_logins
from echo_migrate.files.source import Source
from echo_migrate.formats import recognised
from echo_migrate.model import Result
from echo_migrate.rules import RULES, page
from echo_migrate.rules._rule import Settings
from tests.pages import PAGES, Case, cases, settings

CASES = [case for path in PAGES for case in cases(path)]


@pytest.mark.parametrize("newline", ["\n", pytest.param("\r\n", marks=pytest.mark.uncovered)], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, newline: str, request: pytest.FixtureRequest) -> None:
    asked = settings(case)
    source = Source.of(case.path, case.text.replace("\n", newline).encode())
    format = recognised(source.path, source.text)
    if case.rule == "registry-login":  # asked of a whole run, when all its files are read: from a folder of its own
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
        Path(case.path).parent.mkdir(parents=True, exist_ok=True)
        Path(case.path).write_bytes(source.data)
        results = _run(case.path, asked)
        said = [
            "{}:{} {} {}".format(*result.source.position(found.start), found.rule, found.message)
            for result in results
            for found in result.findings
        ]
        assert said == case.says
        assert not any(result.refused for result in results)
        fixed = [result.fixed for result in results if result.fixed is not result.source]
        assert (fixed[0].text if fixed else source.text) == case.fixed.replace("\n", newline)
        if fixed:
            Path(case.path).write_bytes(fixed[0].data)
            again = [found for result in _run(case.path, asked) for found in result.findings]
            assert not [found for found in again if found.fix]
        return
    assert format is not None
    result = fix_source(source, format, asked)
    said = ["{}:{} {} {}".format(*source.position(f.start), f.rule, f.message) for f in result.findings]
    assert result.refused is None
    assert said == case.says
    assert result.fixed.text == case.fixed.replace("\n", newline)

    edited = {
        line
        for finding in result.findings
        if finding.applied and finding.fix
        for edit in finding.fix.edits
        for line in range(source.position(edit.start)[0], source.position(edit.end)[0] + 1)
    }
    lines = zip(source.text.split("\n"), result.fixed.text.split("\n"), strict=True)
    assert {number for number, (old, new) in enumerate(lines, 1) if old != new} <= edited

    again, _ = examine(result.fixed, format, asked)
    assert not [f for f in again if f.fix and (f.fix.safe or asked.unsafe)]


def _run(path: str, asked: Settings) -> list[Result]:
    """What a run says of a file, if files of the run use images of the provider."""
    source = Source.read(path)
    format = recognised(path, source.text)
    result = fix_source(source, format, asked) if format else None
    if asked.add_logins:
        found = with_logins(result, path, asked, used=True)
        return [found] if found else []
    in_use = any(one.state == "hardened" for one in (result.outcomes if result else ()))
    return list(login_results([result] if result else [], [path], asked, in_use))


def test_every_rule_has_a_page_with_a_finding_and_a_silence() -> None:
    for id, rule in RULES.items():
        own = [case for case in CASES if case.rule == id]
        assert page(id).startswith(f"# {id}\n\n{rule.summary}\n"), id
        assert any(case.says for case in own), id
        assert {section for section in page(id).splitlines() if section.startswith("## ")} == {
            "## What",
            "## Why",
            "## Fix safety",
            "## Cases",
        }, id
        alone = [case for case in own if not any(option.startswith("--select") for option in case.options)]
        assert rule.fixable == any(case.fixed != case.text for case in alone), id
