"""The results of a check and of an inventory, read as what anybody may have written.

In the pair of workflows that serves forks, they come from a job that the author of the pull request controls. So
sizes are bounded, kinds are checked one by one, and what is not of the form is refused. The forms are
``reports/report.schema.json`` and ``reports/inventory/inventory.schema.json``; tests hold this reading to them.
"""

import json
import os
import stat
from typing import Any, NamedTuple, cast, get_args

from echo_migrate.cli.github.event import Unusable
from echo_migrate.files.patterns import slashed
from echo_migrate.files.source import Edit, reason_of
from echo_migrate.images import catalog, providers
from echo_migrate.images.reference import parse
from echo_migrate.model import LEVELS, STATES, Basis, Level, State
from echo_migrate.proof.records import Proof, printed
from echo_migrate.reports import Summary, cut
from echo_migrate.rules import RULES

LARGEST = 20_000_000
MOST = 50_000
_LONGEST = 2_000
_HIGHEST = 10**9


class ReportedFinding(NamedTuple):
    """A finding; ``safe`` is None without a fix, and where the fix was refused."""

    path: str
    rule: str
    level: Level
    message: str
    line: int
    column: int
    basis: Basis | None
    safe: bool | None
    edits: tuple[Edit, ...] = ()


class ReportedReference(NamedTuple):
    """An image reference, with what becomes of it."""

    path: str
    line: int
    column: int
    resolved: str
    target: str | None
    state: State
    reason: str


class Report(NamedTuple):
    """All that a comment is made of; ``whole`` is false where there is so much that only the counts were read.

    ``configuration`` says which file chose the provider, the registry or the mapping, "" if none did.
    """

    provider: str
    summary: Summary
    findings: tuple[ReportedFinding, ...]
    references: tuple[ReportedReference, ...]
    whole: bool = True
    configuration: str = ""


def read(report: str, inventory: str, ours: bool = False) -> Report:
    """Return the JSON files of a check and of an inventory (or none) as one. Raises ``Unusable``.

    Of what is too large, the counts are read if the results are ``ours``: an author can make them large, but no more.
    """
    document = _document(report, ours)
    listed = _document(inventory, ours) if inventory else {"version": 1, "references": []}
    try:
        lists = document["findings"], listed["references"]
        whole = not ours or not any(isinstance(one, list) and len(one) > MOST for one in lists)
        if not whole:
            document["findings"], listed["references"] = [], []
        if _count(document["version"]) != 1 or _count(listed["version"]) != 1:
            raise Unusable("the results are of a version that is not known here")
        counts = {name: _count(document["summary"][name]) for name in Summary._fields}
        return Report(
            _text(document["provider"]),
            Summary(**counts),
            tuple(_found(one) for one in _list(document["findings"])),
            tuple(_reference(one) for one in _list(listed["references"])),
            whole,
            _text(document.get("configuration") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable("the results are not what `echo-migrate check --output-format json` writes") from None


def proofs(path: str) -> tuple[Proof, ...]:
    """Return the proofs in a file of ``prove --output-format json``; none in an empty one. Raises ``Unusable``."""
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        return ()
    try:
        return tuple(printed(_document(path, ours=False)))
    except ValueError as error:
        raise error if isinstance(error, Unusable) else Unusable(f"{path}: {error}") from None


def distrusted(report: Report) -> Report:
    """Return the report without what its writer chose freely: no messages, no reasons, no edits, no targets elsewhere.

    What is left are names of files and images, and those targets that lie in the provider's own registry.
    """
    known = report.provider in providers.providers()
    registry = catalog.load(report.provider).registry if known else "\0"
    findings = tuple(one._replace(message=RULES[one.rule].summary, edits=()) for one in report.findings)
    references = tuple(
        one._replace(reason="", target=one.target if _lies_at(one.target, registry) else None)
        for one in report.references
    )
    provider = report.provider if known else "another provider"
    return report._replace(provider=provider, findings=findings, references=references, configuration="")


def _lies_at(target: str | None, registry: str) -> bool:
    """Return whether a text is a reference to an image of a registry."""
    try:
        return target is not None and parse(target).name.startswith(f"{registry}/")
    except ValueError:
        return False


def _document(path: str, ours: bool) -> dict[str, Any]:
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or (status.st_size > LARGEST and not ours):
            raise Unusable(f"{path}: is no regular file of at most {LARGEST // 1_000_000} MB")
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {reason_of(error)}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"{path}: is not JSON") from None
    if not isinstance(document, dict):
        raise Unusable(f"{path}: is no JSON object")
    return document


def _found(value: Any) -> ReportedFinding:
    if value["rule"] not in RULES:
        raise Unusable("the results name a rule that is not known here")
    fix = value["fix"]
    _look_at_reasons(value["reasons"])
    refused = None if value["refused"] is None else _text(value["refused"])
    return ReportedFinding(
        path=_path(value["path"]),
        rule=value["rule"],
        level=cast(Level, _one_of(value["level"], LEVELS)),
        message=_text(value["message"]),
        line=_count(value["line"]),
        column=_count(value["column"]),
        basis=_basis(value["basis"]),
        safe=None if fix is None or refused is not None else _flag(fix["safe"]),
        edits=_edits(fix["edits"]) if fix is not None else (),
    )


def _edits(value: Any) -> tuple[Edit, ...]:
    """Return the edits of a fix; none where one of them writes a book: it is found, and not suggested."""
    edits = tuple(_edit(one) for one in _list(value))
    return () if any(len(one.text) > _LONGEST for one in edits) else edits


def _edit(value: Any) -> Edit:
    start, end, text = _count(value["start"]), _count(value["end"]), value["text"]
    if end < start or not isinstance(text, str):
        raise ValueError("an edit ends before it begins, or has no text")
    return Edit(start, end, text)


def _basis(value: Any) -> Basis | None:
    return cast("Basis | None", _one_of(value, (*get_args(Basis), None)))


def _look_at_reasons(value: Any) -> None:
    """Raise for reasons that are not of the form. None is kept: the message has what a comment says."""
    for one in _list(value):
        for name in ("id", "message", "remedy"):
            _text(one[name])


def _reference(value: Any) -> ReportedReference:
    _look_at_reasons(value["reasons"])
    _basis(value["basis"])
    return ReportedReference(
        _path(value["path"]),
        _count(value["line"]),
        _count(value["column"]),
        _text(value["resolved"]),
        None if value["target"] is None else _text(value["target"]),
        cast(State, _one_of(value["state"], STATES)),
        _text(value["reason"]),
    )


def _path(value: Any) -> str:
    """Return a path as GitHub writes it: from the top of the repository, which is taken for the working folder."""
    path = os.path.normpath(_text(value))
    if os.path.isabs(path):
        path = os.path.relpath(path)
    return slashed(path)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return cut(value, _LONGEST)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST:
        raise ValueError("no count")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _one_of(value: Any, known: tuple[Any, ...]) -> Any:
    if value not in known or isinstance(value, bool):
        raise ValueError("a word that is not known")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError("no list of a size that is read")
    return value
