"""Why a build or a container failed: the line of the Dockerfile, what the builder said, and the most likely cause."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cache
from typing import Literal, NamedTuple, cast

from echo_migrate.dockerfile.parser import Instruction, read
from echo_migrate.files.data import read_data

_STEP = re.compile(
    r"(?m)^(?:(?:\[\d+/\d+\] )?STEP \d+(?:/\d+)?:|Step \d+/\d+ ?:|(?:#\d+ +|[ >]*)\[[^\]\n]*\d{1,4}/\d{1,4}\])"
    r" *([A-Za-z]+ [^\n]*?):?$"
)
_MARKED = re.compile(r"(?m)^ *(\d+) \| >>> ")
_FAILED = re.compile(r"(?m)^ > \[[^\]\n]*\d{1,4}/\d{1,4}\] *([A-Za-z]+ [^\n]*?):?$")
_NUMBERED = re.compile(r"^#\d+ (?:[\d.]+ )?")
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_SHA = re.compile(r"sha256:[0-9a-f]{64}")
_RULE = re.compile(r"-{3,}|={3,}")
_UNHELPFUL = re.compile(
    r"(?i)(?:error: )?(?:executor failed running|failed to solve|process \"|the command '|subprocess exited|"
    r"building at step|exit status|exit code|while running runtime).*"
)
_OF_THE_START = ("entrypoint-differs", "privileged-port")
_MOST_LINES = 400
_LONGEST = 300

Pull = Literal["", "login", "unreachable", "missing", "network"]


class Cause(NamedTuple):
    """A likely cause, with the rules and reasons that predict it."""

    id: str
    title: str
    pull: Pull
    patterns: tuple[re.Pattern[str], ...]
    rules: frozenset[str]
    reasons: frozenset[str]


class Failure(NamedTuple):
    """A failure: the line of the Dockerfile (0 if it is not known), what was said, and the most likely cause."""

    line: int
    instruction: str
    message: str
    cause: Cause | None


@cache
def causes() -> tuple[Cause, ...]:
    """Return the causes that are known, in their order."""
    rows = {id: row for id, row in read_data("failures.yaml").items() if id[0] != "_"}
    return tuple(
        Cause(
            id,
            row["title"],
            cast(Pull, row.get("pull", "")),
            tuple(re.compile(one, re.IGNORECASE) for one in row["patterns"]),
            frozenset(row.get("rules", ())),
            frozenset(row.get("reasons", ())),
        )
        for id, row in rows.items()
    )


def of_build(log: str, dockerfile: str) -> Failure:
    """Return why a build failed."""
    lines = _lines(log)
    text = "\n".join(lines)
    found = read(dockerfile).instructions
    one = _marked(text, dockerfile, found) or _named(text, found)
    cause, said = _cause(lines, pulls=one is None or one.verb == "from")
    line = dockerfile.count("\n", 0, one.start) + 1 if one else 0
    shown = " ".join(dockerfile[one.start : one.end].split())[:_LONGEST] if one else ""
    return Failure(line, shown, said, cause)


def of_container(*texts: str) -> Failure:
    """Return why a container failed, by the builder's message and the container's output."""
    lines = [line for text in texts for line in _lines(text)]
    cause, said = _cause(lines, pulls=False)
    return Failure(0, "", said, cause)


def _lines(log: str) -> list[str]:
    """Return the last lines of a log, without what the builder puts around them: of several steps at once, those of the
    one that failed."""
    if named := _FAILED.search(log):
        step = named[0].removeprefix(" > ").rstrip(":")
        numbers = tuple(
            f"{line.partition(' ')[0]} " for line in log.split("\n") if line.endswith(step) and line[0] == "#"
        )
        own = [line for line in log.split("\n") if line.startswith(numbers)] if numbers else []
        log = "\n".join((*own, log[named.start() :]))
    shown = (_NUMBERED.sub("", line) if not _STEP.match(line) else line for line in _COLOUR.sub("", log).split("\n"))
    kept = [line.rstrip()[: 4 * _LONGEST] for line in shown if line.strip()]
    return kept[-_MOST_LINES:]


def _cause(lines: list[str], pulls: bool) -> tuple[Cause | None, str]:
    """Return the most likely cause, and the line that tells it: else the last line that tells something."""
    for line in reversed(lines):
        if _STEP.match(line) or _FAILED.match(line):
            continue
        for cause in causes():
            if (pulls or cause.pull in ("", "network")) and any(pattern.search(line) for pattern in cause.patterns):
                return cause, _short(line)
    told = [line for line in lines if not (_UNHELPFUL.fullmatch(line) or _RULE.fullmatch(line) or _STEP.match(line))]
    return None, _short((told or lines or [""])[-1])


def _short(line: str) -> str:
    line = _SHA.sub("sha256:…", line.strip())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _marked(text: str, dockerfile: str, found: Iterable[Instruction]) -> Instruction | None:
    """Return the instruction at the line that BuildKit marks."""
    marks = _MARKED.findall(text)
    if not marks:
        return None
    line = int(marks[0])
    return next((one for one in found if dockerfile.count("\n", 0, one.end) + 1 >= line), None)


def _named(text: str, found: Iterable[Instruction]) -> Instruction | None:
    """Return the instruction that the builder names as the failed one: its variables may be filled in."""
    named = _FAILED.findall(text) or _STEP.findall(text)[-1:]
    if not named:
        return None
    verb, _, rest = named[-1].partition(" ")
    alike = [(_likeness(one.args.value, rest), -one.start, one) for one in found if one.verb == verb.lower()]
    return max(alike)[2] if alike else None


def _likeness(*texts: str) -> float:
    """Return how much two texts are alike, white space aside."""
    one, other = (" ".join(text.split())[:_LONGEST] for text in texts)
    return SequenceMatcher(None, one, other).ratio()


def predicted(failure: Failure, rules: Iterable[tuple[str, int]], reasons: Iterable[tuple[str, str]]) -> str:
    """Return the finding (rule, line) or reason (id, message) that says a failure beforehand, "" if none does.

    A finding on the failed line comes first; one of a rule, or a reason, that is about the cause comes next. Where a
    line failed, what is about the start is only on that line.
    """
    about = failure.cause.rules if failure.cause else frozenset[str]()
    listed = [one for one in rules if one[0] not in _OF_THE_START or failure.line in (0, one[1])]
    for rule, line in sorted(listed, key=lambda one: (one[1] != failure.line, one[0] not in about)):
        if rule in about:
            return f"{rule} on line {line}"
    ids = failure.cause.reasons if failure.cause else frozenset[str]()
    return next((message for id, message in reasons if id in ids), "")
