"""The end of the text reports: the number of references in each state, and why some need review."""

from collections import Counter

from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import untagged
from echo_migrate.model import Result
from echo_migrate.reports import AT_UPSTREAM, RunReport, Summary, left_out, plural, printable, statuses, summary

_MOST_REASONS = 6
"""The number of reasons that are listed, most frequent first; --verbose lists all."""

_FEW_REASONS = 3
"""The number of reasons up to which those of a single reference are listed, too; of more, they are counted together:
their findings tell them, and there is no order among them."""

_NARROWEST = 24
"""The minimum width of a text in columns, even if the terminal is narrower."""

_MOST_ALSO = 3
"""The number of further reasons that are listed for references with more than one."""


def closing(results: list[Result], run: RunReport) -> str:
    """Return the summary, with the reasons why references need review, and the next commands to run."""
    counts = summary(results)
    chosen = [printable(run.configuration)] if run.configuration else []
    if not counts.references:
        lines = [f"No image references in {plural(counts.files, 'file')}."]
    else:
        listed = "" if run.verbose else " (echo-migrate inventory lists them)"
        head = f"{plural(counts.references, 'image reference')} in {plural(counts.files, 'file')}{listed}"
        lines = _wrapped("", head, run.width)
        lines += _states(results, counts, run)
    asked = statuses(results)
    if asked:
        listed = ", ".join(f"{count} {status.replace('-', ' ')}" for status, count in asked.items())
        lines += _wrapped("At the registry: ", listed, run.width)
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
    back = run.provider == UPSTREAM
    tags = "a tag" if counts.by_convention == 1 else "tags"
    unverified = f" ({counts.by_convention} with {tags} not verified)" if counts.by_convention else ""
    rows = (
        (counts.migrated, done + unverified),
        (counts.hardened, AT_UPSTREAM if back else "already hardened"),
        (counts.no_replacement, "not known" if back else f"not offered by {printable(run.title)}"),
        (counts.first_party, "private or built here"),
        (counts.needs_person, _review(results, counts.needs_person)),
        (counts.ignored, "ignored"),
    )
    width = len(str(counts.references))
    lines: list[str] = []
    for (count, words), state in zip(rows, _DETAILED, strict=True):
        if not count and words != done + unverified:
            continue
        row = f"  {count:>{width}} {words}"
        if not run.verbose and state in _IN_A_LINE:
            row = _listed(f"{row}: ", _IN_A_LINE[state](results), run.width)
        lines.append(row)
        if count and state and (run.verbose or state == "needs-person"):
            lines += _reasons(results, state, width, run)
    return lines


_DETAILED = ("", "", "no-replacement", "first-party", "needs-person", "ignored")
"""The state of each row, in order, or "" if its reasons are not listed."""


def _not_offered(results: list[Result]) -> Counter[str]:
    """Return how often each image is named that the provider does not offer."""
    moves = (move for result in results for move in result.outcomes if move.state == "no-replacement")
    return Counter(printable(move.upstream or untagged(move.image.shown)) for move in moves)


def _ignored(results: list[Result]) -> Counter[str]:
    """Return how many references are ignored for each reason."""
    moves = (move for result in results for move in result.outcomes if move.state == "ignored")
    return Counter(printable(move.reasons[0].kind) for move in moves if move.reasons)


_IN_A_LINE = {"no-replacement": _not_offered, "ignored": _ignored}
"""What is listed behind the number of references in a state."""


def _listed(head: str, counts: Counter[str], width: int) -> str:
    """Return a line with names and how often each occurs, most frequent first, as many as fit into a width."""
    ordered = counts.most_common()
    names = [name if count == 1 else f"{name} ({count})" for name, count in ordered]
    for number in range(len(names), 0, -1):
        line = head + ", ".join([*names[:number], *["…"] * (number < len(names))])
        if len(line) <= width:
            return line
    return head.rstrip(": ")


def _review(results: list[Result], count: int) -> str:
    """Return how many references that need review have an unsafe fix, and how many need an edit first."""
    fixes = sum(bool(move.edits) for result in results for move in result.outcomes if move.state == "needs-person")
    words = "need review" if count != 1 else "needs review"
    parts = [f"{fixes} {'has' if fixes == 1 else 'have'} an unsafe fix"] if fixes else []
    parts += [f"{count - fixes} {'needs' if count - fixes == 1 else 'need'} an edit by hand"] if count > fixes else []
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
    single = sum(count == 1 for count in found.values())
    if not run.verbose and single > 1 and len(found) > _FEW_REASONS:
        listed = [(reason, count) for reason, count in listed if count > 1]
    longest = max((len(message) for (message, _), _ in listed), default=0)
    inside = " " * (width + 4)
    below = f"{inside}{'':>{width}}  "
    aligned = all(len(below) + longest + 3 + len(remedy) <= run.width for (_, remedy), _ in listed)
    lines = []
    for (message, remedy), count in listed:
        text = f"{message:<{longest}}   {remedy}" if aligned else ": ".join(filter(None, (message, remedy)))
        head = f"{inside}{count:>{width}}  "
        lines += [f"{head}{text}".rstrip()] if aligned else _wrapped(head, text, run.width)
        if run.verbose:
            lines += [f"{below}  {times} × {printable(name)}" for name, times in names[message, remedy].items()]
    also = Counter(
        printable(reason.brief)
        for result in results
        for move in result.outcomes
        if move.state == state
        for reason in dict.fromkeys(move.reasons[1:])
    )
    left = found.total() - sum(count for _, count in listed)
    more = len(found) - len(listed)
    if more:
        why = f"for {plural(more, 'more reason')}: see -v" if listed else "for a reason of their own: see above, or -v"
        lines.append(f"{inside}{left:>{width}}  {why}")
    if also:
        said = ", ".join(f"{said} ({count})" for said, count in also.most_common(_MOST_ALSO))
        lines += _wrapped(f"{inside}{'':>{width}}  some of these also: ", said, run.width)
    return lines


def _wrapped(head: str, text: str, width: int) -> list[str]:
    """Return a head with text behind it in lines of a width, the text of all lines in one column."""
    indent = " " * len(head)
    lines = in_lines(text, width - len(head))
    return [
        f"{before}{line}".rstrip() for before, line in zip((head, *[indent] * len(lines)), lines or [""], strict=False)
    ]


def in_lines(text: str, width: int) -> list[str]:
    """Return a text in lines of a width, broken only between words."""
    width = max(width, _NARROWEST)
    if text and len(text) <= width and text == " ".join(text.split()):
        return [text]  # as most texts
    from textwrap import wrap

    return wrap(text, width, break_long_words=False, break_on_hyphens=False)


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
        wanted = "more with --unsafe-fixes" if safe else "fixable with `echo-migrate fix --unsafe-fixes`"
        offers += [f"{unsafe} {wanted} (review with --diff)"] if unsafe else []
        head = f"{plural(len(findings), 'finding')} in {plural(files, 'file')}"
        lines += _wrapped("", ": ".join(filter(None, (head, ", ".join(offers)))), run.width)
    if run.written and unsafe:
        left_over = f"{plural(unsafe, 'fix', 'fixes')} left for --unsafe-fixes: review them with --diff first"
        lines += _wrapped("", left_over, run.width)
    if counts.migrated and run.login:
        lines += _wrapped(f"Pulling from {printable(run.title)} needs a login: ", printable(run.login), run.width)
    return lines
