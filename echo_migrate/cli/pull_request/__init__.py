"""The command ``pull-request``: proposes the safe moves of a repository as pull requests, and keeps them up to date.

The change is made on the base branch as the forge has it, in a repository of its own beside the clone: the clone's
files, index, branches and configuration stay as they are.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Unpack, cast

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_bytes, print_patch, say, tell_configuration, tell_unread
from echo_migrate.cli.pull_request import owners
from echo_migrate.cli.pull_request.body import Memory, View, remembered
from echo_migrate.cli.pull_request.forge import Forge, ForgeFailed, Pull
from echo_migrate.cli.pull_request.forges import forge_of
from echo_migrate.cli.pull_request.life import Place, finish, update
from echo_migrate.cli.pull_request.moves import BRANCHES, Group, Grouping, Move, Split, grouped, moves_of, services
from echo_migrate.cli.pull_request.plan import Proposal, propose
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import configuration, settings_of
from echo_migrate.engine.run import fix_path
from echo_migrate.files.code_owners import CodeOwners, Grammar
from echo_migrate.files.git import git
from echo_migrate.files.scratch import GitFailed, Person, Scratch, scratch
from echo_migrate.files.tree import repository
from echo_migrate.formats import targets
from echo_migrate.model import Result
from echo_migrate.proof.records import Proof, Records, own_folder, text_hash
from echo_migrate.reports import printable
from echo_migrate.rules._rule import Settings


class Found(NamedTuple):
    """What a run over the base found: ``inside`` gives a path from the top, ``whole`` is true if all of the repository
    was looked at and could be read. ``configuration`` tells which file chose the registry, ``remote`` is where
    branches can be fetched from, and ``records`` are the proofs that the user named, if any."""

    results: list[Result]
    moves: list[Move]
    grouping: Grouping
    settings: Settings
    owners: CodeOwners
    inside: Callable[[str], str]
    wrong: bool
    whole: bool
    configuration: str = ""
    remote: str = "origin"
    records: Records | None = None


def run(**options: Unpack[Options]) -> int:
    """Propose, or print what would be proposed. Returns the exit code."""
    options["preset"], options["output"], options["stdin_filename"] = "migrate", (), ""
    paths = tuple(os.path.relpath(path) if os.path.isabs(path) else path for path in options["paths"])
    if "-" in paths:
        raise click.UsageError("a pull request is for files of a repository: give folders or files, not -")
    options["paths"] = paths
    options["mapping"] = options["mapping"] and os.path.abspath(options["mapping"])
    options["proofs"] = options["proofs"] and os.path.abspath(options["proofs"])
    if options["proofs"] and options["proofs"] == own_folder():
        raise click.UsageError("the proofs in the cache are of places on this machine: make them with --proofs FOLDER")
    tell_configuration(options)
    try:
        if options["dry_run"]:
            with scratch(".", _author(options["author"])) as made:
                return _print(made, _configuration(options), options)
        url = os.fsdecode(git(".", "config", "remote.origin.url") or b"").strip()
        return keep(options, lambda: forge_of(url, options["fork"]), _configuration(options))
    except (GitFailed, ForgeFailed) as error:
        say(str(error))
        return 2


def keep(options: Options, forge: Callable[[], Forge], chosen: str) -> int:
    """Have the pull requests of the repository that the working folder is in. ``chosen`` says which configuration chose
    the registry. Returns the exit code. Raises ``GitFailed`` and ``ForgeFailed``."""
    with scratch(".", _author(options["author"])) as made:
        return _propose(made, forge(), chosen, options)


def _configuration(options: Options) -> str:
    """Return which configuration chose the registry, without the folder that the clone is in, which is nobody's concern
    at a forge."""
    top = repository(os.getcwd())
    return configuration(options).replace(f"{top}{os.sep}", "") if top else configuration(options)


def _author(text: str) -> Person | None:
    try:
        return Person.of(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--author") from None


def _print(made: Scratch, chosen: str, options: Options) -> int:
    """Print all pull requests of the commit that is checked out. Returns 1 if there is one."""
    revision = os.fsdecode(git(".", "rev-parse", "--verify", "HEAD^{commit}") or b"").strip()
    if not revision:
        raise GitFailed("the repository has no commit yet")
    with _laid_out(made, revision):
        found = _found(made, options, None)._replace(configuration=chosen)
        author = made.author()
        proposals = [
            _proposal(found, group, moves, Memory()) for group, moves in grouped(found.moves, found.grouping).items()
        ]
    for one in proposals:
        head = [f"branch    {one.branch}", f"author    {printable(author)}"]
        head += [f"label     {printable(label)}" for label in options["label"]]
        head += [f"reviewer  {owner}" for owner in owners.by_share(map(found.owners.of, one.files))]
        print_bytes("\n".join([*head, "", one.message, "", ""]).encode("utf-8", "backslashreplace"))
        print_patch(one.patch, options["color"])
        print_bytes(f"\n{one.body}\n".encode())
    if not proposals and not options["quiet"]:
        say("nothing to propose: no safe move in what is committed")
    return 2 if found.wrong else int(bool(proposals))


def _propose(made: Scratch, forge: Forge, chosen: str, options: Options) -> int:
    """Have all pull requests at the forge. Returns 2 if a file could not be read, or a pull request not be written."""
    default, heads = made.branches(forge.source, *filter(None, (options["base"],)))
    base = options["base"] or default
    if base not in heads:
        raise GitFailed(f"the repository has no branch {base}" if base else "the repository has no default branch")
    _, branches = made.branches(forge.pushed, f"{BRANCHES}*")
    made.obtain(forge.source, heads[base])
    place = Place(made, forge, base, heads[base], branches, options["label"])
    failed = False
    with _laid_out(made, heads[base]):
        remote = forge.pushed.url if options["fork"] else "origin"
        found = _found(made, options, forge.grammar)._replace(configuration=chosen, remote=remote)
        groups = grouped(found.moves, found.grouping)
        opened = {pull.branch: pull for pull in forge.ours(base, BRANCHES)}
        for group, moves in groups.items():
            failed |= not _told(partial(_kept, place, found, group, moves))
        # what was not looked at, or could not be read, may have something left
        for branch in sorted(opened.keys() - {group.branch for group in groups}) if found.whole else ():
            failed |= not _told(partial(_finished, place, branch, opened[branch], found))
    if not groups and not opened and not options["quiet"]:
        say("nothing to propose: no safe move")
    return 2 if failed or found.wrong else 0


def _told(step: Callable[[], list[str]]) -> bool:
    """Take a step and say what it did. Returns whether it succeeded: a pull request that failed ends no other."""
    try:
        for line in step():
            say(line)
        return True
    except (GitFailed, ForgeFailed) as error:
        say(f"{error}{_remedy(error)}")
        return False


def _remedy(error: Exception) -> str:
    """Return what to do about a push that a remote refused, by what it said."""
    why = error.why.lower() if isinstance(error, GitFailed) else ""
    for words, remedy in _REMEDIES.items():
        if any(word in why for word in words.split("|")):
            return f": {remedy}"
    return ""


_REMEDIES = {
    "stale info|fetch first": "the branch has changed in the meantime: run again",
    "workflow": "the token needs the permission to change workflows, or exclude them: --exclude .github/workflows",
    "protected branch|gh006|gh013|rule violation": "a rule of the repository holds for this branch too: exempt"
    " echo-migrate/**",
    "denied|403|authentication failed|could not read username": "the token needs contents: write; in a repository of"
    " others, push to your fork: --fork OWNER/NAME",
    "hook declined|pre-receive": "the server does not take the commit: is an author or a signature required?",
}


def _kept(place: Place, found: Found, group: Group, moves: tuple[Move, ...]) -> list[str]:
    """Have the pull request of a group."""
    pull = place.forge.newest(group.branch, place.base)
    memory = remembered(pull.body) if pull else Memory()
    proposal = _proposal(found, group, moves, memory)
    if not proposal.files:
        return finish(place, group.branch, pull, proposal.closing)
    return update(place, proposal, pull, owners.by_share(map(found.owners.of, proposal.files)))


def _finished(place: Place, branch: str, pull: Pull, found: Found) -> list[str]:
    """Close a pull request whose group has nothing to move any more."""
    memory = remembered(pull.body)
    view = View(Group("", ""), (), (), (), memory.left_out, found.settings.catalog)
    return finish(place, branch, pull, propose(view, (), found.inside).closing)


@contextlib.contextmanager
def _laid_out(made: Scratch, revision: str) -> Iterator[None]:
    """Lay out a commit, and be in the folder of it that the working folder is of the clone."""
    made.check_out(revision)
    prefix = os.fsdecode(git(".", "rev-parse", "--show-prefix") or b"").rstrip("\n")
    folder = os.path.join(made.folder, prefix)
    if not os.path.isdir(folder):
        raise GitFailed(f"the base branch has no folder {prefix}")
    with contextlib.chdir(folder):
        yield


def _found(made: Scratch, options: Options, grammar: Grammar | None) -> Found:
    """Return what moves in the working folder, or in the paths that are given."""
    settings = settings_of(options)._replace(apply=True)
    listed, missing = results_of(options, settings)
    results = [*listed]
    unread = tell_unread(results)

    def inside(path: str) -> str:
        return os.path.relpath(os.path.realpath(path), made.folder)

    own = owners.read(made.folder, grammar)
    kind = cast(Split, options["split"] or "")
    grouping = Grouping(kind, own, services(results, inside) if kind == "service" else frozenset())
    moves = [move for result in results for move in moves_of(result, inside(result.source.path))]
    paths = [result.source.path for result in results]
    settings = settings._replace(targets=targets(paths))
    wrong = missing or unread
    whole = not wrong and not options["paths"] and inside(".") == "."
    proofs = Records([options["proofs"]]) if options.get("proofs") else None
    return Found(results, moves, grouping, settings, own, inside, wrong, whole, records=proofs)


def _proposal(found: Found, group: Group, moves: tuple[Move, ...], memory: Memory) -> Proposal:
    """Return the pull request of a group: its moves, without those that are left out."""
    wanted = [move for move in moves if not move.left_out(memory.left_out)]
    by_path: dict[str, set[str]] = {}
    for move in wanted:
        by_path.setdefault(move.path, set()).add(move.reference)
    results = {found.inside(result.source.path): result for result in found.results}
    narrowed = {path: _narrowed(results[path], references, found) for path, references in by_path.items()}
    made = tuple(sorted(move for path, result in narrowed.items() for move in moves_of(result, path)))
    others = tuple(
        one
        for path, result in (results | narrowed).items()
        for one in result.outcomes
        if found.grouping.of(path, one.upstream or "") == group and one.state not in ("migrate", "hardened", "local")
        if not (one.reasons and one.reasons[0].id == "unticked")
    )
    left_out = tuple(move for move in moves if move.left_out(memory.left_out))
    named = (found.settings.catalog, found.configuration, found.remote)
    view = View(group, made, left_out, others, memory.left_out, *named, *_proofs(narrowed, found.records))
    return propose(view, narrowed.values(), found.inside)


def _proofs(results: dict[str, Result], records: Records | None) -> tuple[tuple[Proof, ...] | None, int]:
    """Return the proof of each Dockerfile that changes, if there is one of both its texts, and how many have none.
    ``results`` are by path from the top; None if no proofs were named."""
    if records is None:
        return None, 0
    proofs, lacking = list[Proof](), 0
    for path, result in results.items():
        if result.kind == "dockerfile" and result.fixed is not result.source:
            texts = text_hash(result.source), text_hash(result.fixed)
            known = next(records.of(*texts, result.source.path), None)
            proofs += [known._replace(path=path)] if known else []
            lacking += known is None
    return tuple(proofs), lacking


def _narrowed(result: Result, references: set[str], found: Found) -> Result:
    """Return the result of a file in which these references alone move."""
    moving = {one.image.ref.value for one in result.outcomes if one.state == "migrate"}
    others = frozenset(moving - references)
    if not others:
        return result
    return fix_path(result.source.path, found.settings._replace(left_out=others)) or result
