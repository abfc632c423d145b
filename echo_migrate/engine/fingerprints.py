"""Fingerprints that identify a finding across runs by its rule and the text of its line, even if the line moves."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from echo_migrate.model import Finding, Result
from echo_migrate.rules import first_id


def fingerprints(result: Result) -> Iterator[tuple[Finding, str]]:
    """Yield each finding of a file with its fingerprint of 16 hexadecimal digits.

    It is computed from the rule, the text of the line with white space normalised, and the number of preceding findings
    of that rule on equal lines of the file; not from the path or line number. It is a digest, so that no text (which
    may be a credential) is stored.
    """
    seen: Counter[tuple[str, str]] = Counter()
    lines: dict[int, str] = {}
    for finding in result.findings:
        number, _ = result.source.position(finding.start)
        if number not in lines:
            lines[number] = _line(result.source.text, finding.start)
        key = (first_id(finding.rule), lines[number])
        written = "\0".join((*key, str(seen[key]))).encode("utf-8", "surrogateescape")
        seen[key] += 1
        yield finding, hashlib.sha256(written).hexdigest()[:16]


def _line(text: str, offset: int) -> str:
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return " ".join(text[begin : len(text) if end < 0 else end].split())
