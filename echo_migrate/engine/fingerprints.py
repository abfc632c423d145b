"""What a finding is called from one run to the next: by its rule and its line, wherever that line moves to."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from echo_migrate.model import Finding, Result
from echo_migrate.rules import first_id


def fingerprints(result: Result) -> Iterator[tuple[Finding, str]]:
    """Yield each finding of a file with its fingerprint: 16 hexadecimal digits.

    It is made of the rule, the text of the line without the white space around it, and how many findings of that rule
    on such a line come before it in the file; not of the path or the line's number. A digest, so that no text (a
    credential) is kept anywhere.
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
