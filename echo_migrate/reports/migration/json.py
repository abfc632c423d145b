"""The report as data: every figure with what it counts, and every row."""

from typing import Any

from echo_migrate.reports import as_json, reasons
from echo_migrate.reports.migration import Document
from echo_migrate.reports.migration.figures import ORDER, Figure, Group
from echo_migrate.reports.migration.images import Images
from echo_migrate.reports.migration.rows import ReportRow
from echo_migrate.reports.migration.scans import FATES, Risk


def rendered(asked: Document) -> str:
    """Return the report as JSON; ``migration.schema.json`` describes it."""
    report = asked.report
    data = {
        "version": 1,
        "about": dict(report.about),
        "total": figure(report.total),
        "files": figure(report.files),
        "in_scope": figure(report.scope),
        "left": figure(report.left),
        "percent_hardened": report.share,
        "states": {state: figure(one) for state, one in report.states.items()},
        "groups": {dimension: list(map(_group, groups)) for dimension, groups in report.groups.items()},
        "blockers": [
            {
                "reason": one.message,
                "remedies": list(one.remedies),
                "lift": one.lift,
                "rules": [rule for rule, _ in one.links],
                "total": figure(one.total),
                "alone": figure(one.alone),
            }
            for one in report.blockers
        ],
        "ended": [
            {
                "line": one.line,
                "date": one.date or None,
                "follower": one.follower or None,
                "total": figure(one.total),
                "left": figure(one.left),
            }
            for one in report.ended
        ],
        "evidence": {name: figure(one) for name, one in report.evidence},
        "verified": {name: figure(one) for name, one in report.verified},
        "proofs": {name: figure(one) for name, one in report.proofs},
        "steps": [
            {
                "title": one.title,
                "why": one.why,
                "commands": list(one.commands),
                "references": figure(one.figure),
                "files": figure(one.files),
                "who": {name: figure(count) for name, count in one.who},
            }
            for one in asked.steps
        ],
        "savings": {
            "lines": figure(asked.savings.lines),
            "files": figure(asked.savings.files),
            "edits": [
                {"what": one.what, "minutes": [one.low, one.high], "references": figure(one.figure)}
                for one in asked.savings.efforts
            ],
            "hours": list(map(float, asked.savings.hours)),
            "assumptions": list(asked.savings.assumptions),
        },
        "images": _images(asked.images),
        "risk": asked.risk and _risk(asked.risk),
        "trend": [
            {"date": one.date, "commit": one.revision or None, "states": dict(zip(ORDER, one.states, strict=True))}
            for one in asked.trend
        ],
        "not_read": report.not_read,
        "unread": list(report.unread),
        "references": list(map(row, report.rows)),
    }
    return as_json(data) + "\n"


def figure(one: Figure) -> dict[str, Any]:
    """Return a figure as data: the count, and the values that the rows it is the sum of have."""
    return {"count": one.number, "unit": one.unit, "where": [list(pair) for pair in one.where]}


def row(one: ReportRow) -> dict[str, Any]:
    """Return a row as data."""
    fields = one._asdict() | {"reasons": reasons(one.reasons), "owners": list(one.owners)}
    fields["ended"] = [end._asdict() for end in one.ended]
    fields["changed"] = list(one.changed)
    fields["verified"] = list(one.verified)
    return fields | {"values": {name: list(values) for name, values in one.values().items() if values}}


def _risk(found: Risk) -> dict[str, Any]:
    images = [
        {
            "before": one.before,
            "after": one.after or None,
            "after_scanned": one.scanned,
            "references": figure(one.figure),
            "vulnerabilities": [row._asdict() for row in one.rows],
        }
        for one in found.images
    ]
    totals = {fate: found.total(fate) for fate in FATES if fate != "found"}
    return {"totals": totals, "images": images, "unmatched": list(found.unmatched), "notes": list(found.notes)}


def _images(found: Images) -> dict[str, Any]:
    pairs = [
        {
            "before": one.before,
            "after": one.after,
            "references": figure(one.figure),
            "old": one.old._asdict(),
            "new": one.new._asdict(),
        }
        for one in found.pairs
    ]
    sums: dict[str, Any] = {field: list(found.sums(field)) for field in ("size", "packages") if found.known(field)}
    if found.known("user"):
        sums["no_longer_root"] = found.no_longer_root
    if found.known("shell"):
        sums["without_shell"] = found.without_shell
    return {"sums": sums, "pairs": pairs, "alike": found.alike, "not_known": found.others}


def _group(one: Group) -> dict[str, Any]:
    states = {state: figure(count) for state, count in one.states.items() if count.number}
    return {"name": one.name, "total": figure(one.total), "left": figure(one.left), "states": states}
