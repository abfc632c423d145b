"""The end of the text reports: the number of references in each state, and why some need review."""

from collections import Counter

from echo_migrate.model import Result
from echo_migrate.reports import RunReport, Summary, left_out, plural, printable, statuses, summary

_MOST_REASONS = 6
"""The number of reasons that are listed, most frequent first; --verbose lists all."""

_MOST_ALSO = 2
"""The number of further reasons that are listed for references with more than one."""

_WIDEST_REASON = 68
"""The width in columns to which messages are padded, so that the remedies are aligned."""


def closing(results: list[Result], run: RunReport) -> str:
    """Return the summary, with the reasons why references need review, and the next commands to run."""
    counts = summary(results)
    chosen = [printable(run.configuration)] if run.configuration else []
    if not counts.references:
        lines = [f"No image references in {plural(counts.files, 'file')}."]
    else:
        listed = "" if run.verbose else " (echo-migrate inventory lists them)"
        lines = [f"{plural(counts.references, 'image reference')} in {plural(counts.files, 'file')}{listed}"]
        lines += _states(results, counts, run)
    asked = statuses(results)
    if asked:
        listed = ", ".join(f"{count} {status.replace('-', ' ')}" for status, count in asked.items())
        lines.append(f"At the registry: {listed}")
    lines += _not_read(results, run)
    return "\n".join([*lines, *chosen, *_findings(results, counts, run)]) + "\n"


def _not_read(results: list[Result], run: RunReport) -> list[str]:
    """Return a line about the files that have no reader; with --verbose, each of them too."""
    left = left_out(results)
    files = [f"    {result.not_read}: {printable(result.source.path)}" for result in results if result.not_read]
    return [f"  {left}", *(files if run.verbose else ())] if left else []


def fixed(result: Result, run: RunReport) -> int:
    """Return how many findings of a changed file are fixed, or would be if nothing is written."""
    if run.written:
        return sum(one.applied for one in result.findings)
    return sum(bool(one.fix and not one.refused and (one.fix.safe or run.unsafe)) for one in result.findings)


def would_fix(results: list[Result], run: RunReport) -> str:
    """Return a line about what a patch fixes."""
    changed = [result for result in results if result.fixed is not result.source]
    fixes = sum(fixed(result, run) for result in changed)
    said = f"Would fix {fixes} in {plural(len(changed), 'file')}." if changed else "Nothing to fix."
    return "\n".join(filter(None, (said, printable(run.configuration)))) + "\n"


def _states(results: list[Result], counts: Summary, run: RunReport) -> list[str]:
    done = "migrated" if run.written else "ready to migrate"
    tags = "a tag" if counts.by_convention == 1 else "tags"
    unverified = f" ({counts.by_convention} with {tags} not verified)" if counts.by_convention else ""
    rows = (
        (counts.migrated, done + unverified),
        (counts.hardened, "already hardened"),
        (counts.no_replacement, f"not offered by {printable(run.title)}"),
        (counts.first_party, "private or built here"),
        (counts.needs_person, _review(results, counts.needs_person)),
        (counts.ignored, "ignored"),
    )
    width = len(str(counts.references))
    lines: list[str] = []
    for (count, words), state in zip(rows, _DETAILED, strict=True):
        lines += [f"  {count:>{width}} {words}"] if count or words == done + unverified else []
        if count and state and (run.verbose or state in ("needs-person", "ignored")):
            lines += _reasons(results, state, width, run)
    return lines


_DETAILED = ("", "", "no-replacement", "first-party", "needs-person", "ignored")
"""The state of each row, in order, or "" if its reasons are not listed."""


def _review(results: list[Result], count: int) -> str:
    """Return how many references that need review have an unsafe fix, and how many need an edit first."""
    fixes = sum(bool(move.edits) for result in results for move in result.outcomes if move.state == "needs-person")
    words = "need review" if count != 1 else "needs review"
    parts = [f"{fixes} by an unsafe fix"] if fixes else []
    parts += [f"{count - fixes} by an edit first"] if count > fixes else []
    return f"{words}: {', '.join(parts)}"


def _reasons(results: list[Result], state: str, width: int, run: RunReport) -> list[str]:
    """Return the first reason of the references in a state, each with its count and remedy."""
    found: Counter[tuple[str, str]] = Counter()
    names: dict[tuple[str, str], Counter[str]] = {}
    for move in (move for result in results for move in result.outcomes if move.state == state):
        reason = move.reasons[0] if move.reasons else None
        key = (printable(reason.kind), printable(reason.remedy)) if reason else ("", "")
        found[key] += 1
        names.setdefault(key, Counter())[move.image.shown] += 1
    listed = found.most_common(None if run.verbose else _MOST_REASONS)
    longest = min(max((len(message) for (message, _), _ in listed), default=0), _WIDEST_REASON)
    inside = " " * (width + 4)
    below = f"{inside}{'':>{width}}    "
    lines = []
    for (message, remedy), count in listed:
        head = f"{inside}{count:>{width}}  "
        written = (f"{head}{message:<{longest}}   {remedy}".rstrip(), f"{head}{message}   {remedy}")
        fitting = next(([line] for line in written if len(line) <= run.width), None)
        lines += fitting or [head + message, below + remedy]
        if run.verbose:
            lines += [f"{below}{times} × {printable(name)}" for name, times in names[message, remedy].items()]
    also = Counter(
        printable(reason.kind)
        for result in results
        for move in result.outcomes
        if move.state == state
        for reason in move.reasons[1:]
    )
    lines += [f"{inside}{count:>{width}}  of these also: {said}" for said, count in also.most_common(_MOST_ALSO)]
    left = found.total() - sum(count for _, count in listed)
    more = len(found) - len(listed)
    if more:
        lines.append(f"{inside}{left:>{width}}  for {plural(more, 'more reason')}: see -v")
    return lines


def _findings(results: list[Result], counts: Summary, run: RunReport) -> list[str]:
    """Return the number of findings, and how many of them ``fix`` can fix."""
    findings = [one for result in results for one in result.findings]
    left = [one for one in findings if not (one.applied and run.written)]
    waiting = [one.fix.safe for one in left if one.fix and not one.refused]
    safe, unsafe = sum(waiting), len(waiting) - sum(waiting)
    lines = []
    if run.written and len(findings) > len(left):
        changed = sum(result.fixed is not result.source for result in results)
        mended = len(findings) - len(left)
        lines.append(f"Fixed {mended} in {plural(changed, 'file')}, {len(left)} remain{'s' * (len(left) == 1)}.")
    elif findings:
        files = len({result.source.path for result in results if result.findings})
        offers = [f"{safe} fixable with `echo-migrate fix`"] if safe else []
        offers += [f"{unsafe}{' more' * bool(safe)} with `fix --unsafe-fixes` (review with --diff)"] if unsafe else []
        head = f"{plural(len(findings), 'finding')} in {plural(files, 'file')}"
        lines.append(": ".join(filter(None, (head, ", ".join(offers)))))
    if run.written and unsafe:
        lines.append(f"{plural(unsafe, 'fix', 'fixes')} left for --unsafe-fixes: review them with --diff first")
    if counts.migrated and run.login:
        lines.append(f"Pulling from {printable(run.title)} needs a login: {printable(run.login)}")
    return lines
