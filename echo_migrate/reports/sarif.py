"""SARIF 2.1.0 (OASIS, 27 March 2020), for code scanning: rules with their pages, findings, fixes."""

import os
from typing import Any
from urllib.parse import quote

from echo_migrate import __version__
from echo_migrate.engine.fingerprints import fingerprints
from echo_migrate.model import Finding, Fix, Result
from echo_migrate.reports import RunReport, as_json, printable
from echo_migrate.rules import RULES, link, page
from echo_migrate.rules._rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def report(results: list[Result], run: RunReport) -> str:
    used = sorted({finding.rule for result in results for finding in result.findings})
    places = {id: place for place, id in enumerate(used)}
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "echo-migrate",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(RULES[id]) for id in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                **({"properties": {"configuration": run.configuration}} if run.configuration else {}),
                "results": [
                    _result(result, finding, mark, places[finding.rule])
                    for result in results
                    for finding, mark in fingerprints(result)
                ],
            }
        ],
    }
    return as_json(document) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    text = page(rule.id)
    why = text.partition("## Why\n")[2].partition("\n## ")[0].strip()
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": why or rule.summary},
        "helpUri": link(rule.id),
        "help": {"text": f"{rule.summary} See: echo-migrate explain {rule.id}", "markdown": text},
        "defaultConfiguration": {"level": rule.level, "enabled": rule.default},
        "properties": {"tags": ["containers", *rule.also]},
    }


def _result(result: Result, finding: Finding, mark: str, place: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": finding.level,
        "message": {"text": printable(finding.message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(result.source.path)},
                    "region": _region(result, finding.start, finding.end),
                }
            }
        ],
        "partialFingerprints": {"echoMigrate/v1": mark},
    }
    if finding.fix:
        found["fixes"] = [_fix(result, finding.fix)]
    return found


def _fix(result: Result, fix: Fix) -> dict[str, Any]:
    title = fix.title if fix.safe else f"{fix.title} (not a safe fix)"
    replacements = [
        {"deletedRegion": _region(result, edit.start, edit.end), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    location = {"uri": _uri(result.source.path)}
    changes = [{"artifactLocation": location, "replacements": replacements}]
    return {"description": {"text": title}, "artifactChanges": changes}


def _region(result: Result, start: int, end: int) -> dict[str, int]:
    line, column = result.source.position(start)
    end_line, end_column = result.source.position(end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(path: str) -> str:
    """Return a relative path as a relative reference, an absolute one as a file URI (RFC 3986, RFC 8089)."""
    drive, path = os.path.splitdrive(path)
    quoted = quote(path.removeprefix("./").encode("utf-8", "surrogateescape"))
    return f"file://{drive and f'/{drive}'}{quoted}" if path.startswith("/") else quoted
