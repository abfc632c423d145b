"""What a check found, told to a pull request: one comment, kept up to date, and suggestions on its lines.

``run`` is the command. It never fails a job for what GitHub does: whether one fails is for the findings to say.
"""

import os

import click

from echo_migrate.cli.github import artifact
from echo_migrate.cli.github import event as events
from echo_migrate.cli.github.api import API, MISSING
from echo_migrate.cli.github.comment import LONGEST_SUMMARY, View, body
from echo_migrate.cli.github.diff import Diff, diff
from echo_migrate.cli.github.event import Event, Unusable
from echo_migrate.cli.github.post import Client, Pull, first_line
from echo_migrate.cli.github.suggestions import lines_of, plan
from echo_migrate.cli.patience import Failed
from echo_migrate.files.git import top_of
from echo_migrate.reports import printable

_TOLD = ("migrate", "needs-person", "no-replacement")


def run(
    report: str,
    inventory: str,
    proofs: str,
    comment: str,
    suggestions: int,
    event: str,
    note: tuple[str, ...],
    name: str,
    distrust: bool,
) -> int:
    """Tell the pull request of an event, and the job's summary. Returns the exit code."""
    try:
        known = events.read(event)
        known = known._replace(remote=known.remote or distrust)
        if known.number and not known.remote:
            _at_the_top()
        results = artifact.read(report, inventory, ours=not known.remote)
        believed = proofs and not known.remote and not known.fork
        proven = artifact.proofs(proofs) if believed else ()
    except Unusable as error:
        raise click.UsageError(printable(str(error))) from None
    if known.remote:
        results = artifact.distrusted(results)
        note = (*note, "From a run on the code of the pull request: names are as that run wrote them.")
    if proofs and not believed:
        note = (*note, "The proofs are not shown: they are claims of a pull request from a fork.")
    view = View(results, notes=(*note, results.configuration) if results.configuration else note, proofs=proven)
    token, repository = os.environ.get("GITHUB_TOKEN", ""), os.environ.get("GITHUB_REPOSITORY", "")
    if comment != "never" and (known.number or known.branch):
        if token and repository:
            service = _service(token, repository, first_line(name))
            view = _told(service, known, view, comment == "always", suggestions)
        else:
            _say("notice", "no token: nothing is written to the pull request, the job's summary has it all")
    _summarise(view)
    return 0


def _at_the_top() -> None:
    """Refuse to take paths from a folder of a repository that GitHub does not take them from. Raises ``Unusable``."""
    top = top_of(".")
    if top and os.path.realpath(top) != os.path.realpath("."):
        raise Unusable(f"GitHub names files from the top of a repository: check and tell in {top}")


def _service(token: str, repository: str, mark: str) -> Client:
    try:
        return Client(token, repository, os.environ.get("GITHUB_API_URL") or API, mark)
    except ImportError:
        raise click.UsageError(MISSING) from None


def _told(service: Client, known: Event, view: View, all: bool, most: int) -> View:
    """Write to the pull request what there is to say. Returns what was said, as far as it came."""
    pull: Pull | None = None
    try:
        number = known.number or service.find(known.branch, known.head)
        pull = service.pull(number) if number else None
        if pull is None or not pull.open or pull.head != known.head:
            _say("notice", _passed(pull))
            return view
        diffs = {path: diff(patch) for path, patch in pull.files.items()}
        view = _seen(view, pull, diffs, all, known.remote)
        if not known.remote:
            planned = plan(view.report, diffs, ".", most)
            service.suggest(number, known.head, planned)
            view = view._replace(suggested=len(planned))
    except Failed as error:
        if not _refused(error) or pull is None:
            return view
    try:
        done = service.comment(number, body(view), create=_worth(view, all))
        _say("debug", f"comment: {done}")
    except Failed as error:
        _refused(error)
    return view


def _passed(pull: Pull | None) -> str:
    """Return why nothing is said of a revision any more."""
    if pull is None:
        return "no open pull request has this revision: it has moved on, or is closed; nothing is written"
    if not pull.open:
        return "the pull request is closed: nothing is written to it"
    return "the pull request has moved on: a newer run speaks for it"


def _worth(view: View, all: bool) -> bool:
    """Return whether what there is to say is worth a new comment: notes alone are not, unless all is wanted."""
    return bool(view.proofs) or any(all or one.safe or one.level != "note" for one in view.findings)


def _seen(view: View, pull: Pull, diffs: dict[str, Diff], all: bool, remote: bool) -> View:
    """Return the view narrowed to a pull request: its files, and the references on lines that it adds."""
    added = frozenset(
        one
        for one in view.report.references
        if one.state in _TOLD and one.path in diffs and _adds(diffs[one.path], one.path, one.line, remote)
    )
    notes = [*view.notes]
    if pull.partial:
        notes.append(f"The pull request changes more files than GitHub lists: the first {len(pull.files)} are told.")
    blind = sum(not pull.files[path] for path in {one.path for one in view.report.findings} & pull.files.keys())
    if blind:
        notes.append(f"GitHub shows no diff of {blind} of the files below: their lines are not told apart.")
    return view._replace(files=None if all else frozenset(pull.files), added=added, notes=tuple(notes))


def _adds(known: Diff, path: str, line: int, remote: bool) -> bool:
    """Return whether a line of the checkout is one that the pull request adds; numbers differ where the base has
    moved on."""
    if not known.adds(line) or remote:
        return known.adds(line)
    there = lines_of(".", path)[line - 1 : line]
    return [*map(_bare, there)] == [*map(_bare, known.around(line, line) or ())]


def _bare(line: str) -> str:
    """Return a line without what not everybody counts to it: a byte order mark, a carriage return."""
    return line.removeprefix("\ufeff").rstrip("\r")


def _refused(error: Failed) -> bool:
    """Say what GitHub did not do. Returns whether it is of use to go on asking."""
    if error.rate:
        _say("warning", f"{error}, its rate limit: the pull request may not be up to date, the job's summary is")
        return False
    if error.status == 403:
        _say(
            "notice",
            "GitHub does not let this token write to the pull request: it is from a fork, or the workflow lacks "
            "`pull-requests: write`. The job's summary has it all.",
        )
        return False
    _say("warning", f"{error}: the pull request may not be up to date, the job's summary is")
    return error.status == 422


def _summarise(view: View) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(body(view, LONGEST_SUMMARY))


def _say(level: str, message: str) -> None:
    """A line of the log; where GitHub reads it, one that stands out."""
    message = printable(message)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        title = "" if level == "debug" else " title=echo-migrate"
        click.echo(f"::{level}{title}::{message.replace('%', '%25')}")
    elif level != "debug":
        click.echo(f"echo-migrate: {message}", err=True)
