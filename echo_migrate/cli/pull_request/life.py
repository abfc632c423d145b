"""The life of a pull request: opened, kept up to date, left alone, closed, opened again.

A branch is only ever replaced if its one commit is ours, and is where it was when that was looked at. Ours are commits
with a seal over what they are: their tree, parent, author and message. An amended, reworded, rebased or copied one has
another, as has what somebody adds on top.
"""

import hashlib
from typing import NamedTuple

from echo_migrate.cli.patience import reads
from echo_migrate.cli.pull_request.body import is_noted, noted, remembered
from echo_migrate.cli.pull_request.forge import Forge, Pull
from echo_migrate.cli.pull_request.plan import OUR_TITLES, Proposal
from echo_migrate.files.scratch import Commit, GitFailed, Scratch

TRAILER = "Echo-migrate"
OTHERS = "This branch has commits of others: it is not updated any more. Delete the branch to have it made anew."
NOTHING_LEFT = "Nothing is left to move here: closed by echo-migrate. It opens a new pull request if something is."


class Place(NamedTuple):
    """Where the life takes place: ``base`` is a branch at the forge, at the commit ``revision``; ``branches`` are those
    of ours that are there, each with its commit."""

    scratch: Scratch
    forge: Forge
    base: str
    revision: str
    branches: dict[str, str]
    labels: tuple[str, ...] = ()


def update(place: Place, proposal: Proposal, pull: Pull | None, owners: list[str]) -> list[str]:
    """Have the pull request of a proposal that has changes; ``pull`` is the newest one of its branch, and
    ``owners`` are asked for a review of a new one. Returns what was done. Raises ``GitFailed`` and ``ForgeFailed``."""
    at = place.branches.get(proposal.branch, "")
    if pull and pull.state == "closed" and _declined(pull, proposal, at):
        return [f"{pull.shown} stays closed: nothing has changed since; reopen it, or tick or untick a box there"]
    if at and not _replaceable(place, at, pull):
        return [_left_alone(place, pull, proposal.branch)]
    tree = place.scratch.tree(place.revision, proposal.files)
    pushed = _pushed(place, proposal, tree, at)
    if pull is None or pull.state != "open":
        made = place.forge.create(proposal.branch, place.base, proposal.title, proposal.body)
        left = place.forge.introduce(made, place.labels, owners)
        return [f"{made.shown} opened: {proposal.title}", *left]
    title = proposal.title if pull.title.startswith(OUR_TITLES) else pull.title
    written = not (reads(pull.body, proposal.body) and pull.title == title)
    if written:
        place.forge.rewrite(pull, title, proposal.body)
    return [f"{pull.shown} {'updated' if pushed or written else 'is up to date'}: {title}"]


def finish(place: Place, branch: str, pull: Pull | None, closing: str) -> list[str]:
    """Close the pull request of a branch that has nothing to propose any more, and delete the branch."""
    if pull is None or pull.state != "open":
        return []
    at = place.branches.get(branch, "")
    if at and not _replaceable(place, at, None):
        return [_left_alone(place, pull, branch)]
    # the description first: it says that nobody declined, also if this run ends here
    place.forge.rewrite(pull, pull.title, closing)
    place.forge.close(pull, NOTHING_LEFT)
    if at:
        place.scratch.push(place.forge.pushed, branch, "", at)
    return [f"{pull.shown} closed: nothing is left to move"]


def _declined(pull: Pull, proposal: Proposal, at: str) -> bool:
    """Return whether somebody closed a pull request for what is proposed again. Forges also close one whose branch is
    deleted, which is what a note asks for."""
    asked_for = is_noted(pull.body) and not at
    return remembered(pull.body).digest == proposal.digest and not asked_for


def _left_alone(place: Place, pull: Pull | None, branch: str) -> str:
    """Say, also in the description of an open pull request, that a branch has commits of others."""
    if pull is None or pull.state != "open":
        return f"branch {branch} has commits of others and is left as it is: delete it, or merge what it has"
    body = noted(pull.body, OTHERS)
    if not reads(pull.body, body):
        place.forge.rewrite(pull, pull.title, body)
    return f"{pull.shown} is left as it is: branch {branch} has commits of others; delete it to have it made anew"


def _replaceable(place: Place, at: str, pull: Pull | None) -> bool:
    """Return whether a branch has nothing to lose: its commit is ours, or all of it was merged."""
    if pull and pull.state == "merged" and pull.head == at:
        return True
    return is_sealed(_commit(place, at))


def _commit(place: Place, at: str) -> Commit:
    """Return a commit of the repository that branches are pushed to."""
    place.scratch.obtain(place.forge.pushed, at)
    return place.scratch.read(at)


def _pushed(place: Place, proposal: Proposal, tree: str, at: str) -> bool:
    """Have the branch with one commit on the base. Returns whether it was not like that already."""
    author = place.scratch.author()
    wanted = Commit(tree, (place.revision,), author, proposal.message.rstrip())
    message = f"{wanted.message}\n\n{TRAILER}: {seal(wanted)}\n"
    if at and _commit(place, at) == wanted._replace(message=message):
        return False
    made = place.scratch.commit(tree, place.revision, message)
    if not is_sealed(place.scratch.read(made)):
        raise GitFailed("the commit is not as it was to be made (does a setting of git change messages?)")
    place.scratch.push(place.forge.pushed, proposal.branch, made, at)
    return True


def seal(commit: Commit) -> str:
    """Return what is written into a commit of ours, below its message: it holds for this commit alone."""
    text = "\0".join((commit.tree, *commit.parents, commit.author, commit.message))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def is_sealed(commit: Commit) -> bool:
    """Return whether a commit is one of ours, as it was made."""
    before, _, last = commit.message.rstrip().rpartition("\n")
    bare = commit._replace(message=before.rstrip())
    return len(commit.parents) == 1 and last == f"{TRAILER}: {seal(bare)}"
