"""The description of a pull request: written for who reviews it, and read again for the choices that they made.

Names are those of the repository: each goes through ``code`` or ``prose``, so that none can write Markdown, HTML, a
mention or a link. What is read again are keys of hexadecimal digits, and nothing else.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from echo_migrate.cli.proofs import bounded
from echo_migrate.cli.pull_request.moves import Group, Move, digest
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Migration
from echo_migrate.proof.records import Proof
from echo_migrate.reports import code, cut, plural, prose

LONGEST = 60_000
"""Bytes of a description. GitHub takes 65,536 characters."""

_LONGEST_NAME = 200
_MOST_IMAGES = 100
_MOST_FILES = 20
"""Of an image, the files with a box of their own."""

_MOST_REASONS = 12
_MOST_CHOICES = 1_000
_MOST_BUILDS = 3
_MOST_PROOFS = 50

_CHOICE = re.compile(r"(?m)^ {0,4}- \[([ xX])\] [^\n]*<!-- echo-migrate:choice ([0-9a-f]{16}) -->[ \t]*\r?$")
_STATE = re.compile(r"<!-- echo-migrate:state ([0-9a-f]{16}|none) ([0-9a-f,]*) -->")
_NOTE = re.compile(r"<!-- echo-migrate:note -->.*?<!-- echo-migrate:end -->\n*", re.DOTALL)
_BUILD_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,100}")


class Memory(NamedTuple):
    """What a description remembers: the keys of what is left out, and the digest of what it proposed."""

    left_out: frozenset[str] = frozenset()
    digest: str = ""


def remembered(body: str) -> Memory:
    """Return what a description remembers: its boxes as they are ticked now, and what had no box in it."""
    boxes = dict(reversed([(key, mark == " ") for mark, key in _CHOICE.findall(body)]))  # of two, the first counts
    found = _STATE.search(body)
    kept = {key for key in (found[2].split(",") if found else ()) if len(key) == 16}
    left = {key for key in kept if boxes.get(key, True)} | {key for key, open in boxes.items() if open}
    return Memory(frozenset(left), found[1].replace("none", "") if found else "")


def noted(body: str, note: str) -> str:
    """Return a description with a note at its top, in place of the one that it had; without one for ""."""
    rest = _NOTE.sub("", body)
    head = f"<!-- echo-migrate:note -->\n> **{prose(note)}**\n<!-- echo-migrate:end -->\n\n" if note else ""
    return head + rest


class View(NamedTuple):
    """What a description is made of: the moves that are made, those that are left out by a choice, and the references
    of the group that stay for other reasons. ``remote`` is where its branch can be fetched from. ``proofs`` are of the
    texts as they are before and after, None if none were asked for, and ``unproven`` the Dockerfiles without one."""

    group: Group
    made: tuple[Move, ...]
    left_out: tuple[Move, ...]
    others: tuple[Migration, ...]
    choices: frozenset[str]
    catalog: Catalog
    configuration: str = ""
    remote: str = "origin"
    proofs: tuple[Proof, ...] | None = None
    unproven: int = 0


def body(view: View) -> str:
    """Return the description, of at most ``LONGEST`` bytes."""
    blocks = [
        _headline(view),
        *([f"> {prose(view.configuration)}"] if view.configuration else []),
        "### What moves",
        *_boxes(view),
        "### Why it is safe",
        _why(view),
        *_proofs(view),
        *_left(view),
        "### How to try it",
        _how(view),
    ]
    state = _state(digest(view.made), view.choices)
    return _bounded(blocks, LONGEST - len(state) - 2) + f"\n\n{state}\n"


def is_noted(body: str) -> bool:
    """Return whether a description has a note."""
    return bool(_NOTE.search(body))


def closing(view: View) -> str:
    """Return the description of a pull request that proposes nothing any more; what is left out keeps its boxes."""
    blocks = ["**Nothing is left to move here.**", *_left_out(view)]
    state = _state("", view.choices)
    return _bounded(blocks, LONGEST - len(state) - 2) + f"\n\n{state}\n"


def _bounded(blocks: list[str], room: int) -> str:
    """Return the blocks, as many as there is room for."""
    kept = []
    for block in blocks:
        room -= len(block.encode("utf-8", "surrogatepass")) + 2
        if room < 100:
            kept.append("More than fits here: `echo-migrate fix --diff .` prints all of it.")
            break
        kept.append(block)
    return "\n\n".join(kept)


def _state(proposed: str, left_out: Iterable[str]) -> str:
    return f"<!-- echo-migrate:state {proposed or 'none'} {','.join(sorted(left_out)[:_MOST_CHOICES])} -->"


def _headline(view: View) -> str:
    files = len({move.path for move in view.made})
    where = f" of {code(_short(view.group.name))}" if view.group.name else ""
    count = plural(len(view.made), "image reference")
    verb = "moves" if len(view.made) == 1 else "move"
    return (
        f"**{count}{where} in {plural(files, 'file')} {verb} to {prose(view.catalog.title)}.** "
        "Untick a box, and the next run leaves that image, or that file, as it is. Tick it, and it is back."
    )


def _boxes(view: View) -> Iterator[str]:
    """Yield the images with their files, each with a box; those that are left out come last."""
    images = [[*group] for _, group in groupby(sorted(view.made, key=_image), _image)]
    for number, moves in enumerate(images):
        if number == _MOST_IMAGES:
            yield f"And {plural(len(images) - number, 'more image')}."
            break
        yield "\n".join(_rows(moves))
    yield from _left_out(view)


def _left_out(view: View) -> Iterator[str]:
    """Yield what a choice leaves out, each with a box to take it back."""
    left = {(move.image_key if move.image_key in view.choices else move.file_key): move for move in view.left_out}
    if left:
        yield "Unticked:"
        yield "\n".join(
            _box(False, _image_text(move) + ("" if key == move.image_key else f" in {_code(move.path)}"), key)
            for key, move in [*left.items()][:_MOST_IMAGES]
        )


def _rows(moves: list[Move]) -> Iterator[str]:
    """Yield the line of an image, and below it those of its files."""
    yield _box(True, f"{_image_text(moves[0])} ({plural(len(moves), 'place')})", moves[0].image_key)
    files = [[*group] for _, group in groupby(sorted(moves), lambda move: move.path)]
    for places in files[:_MOST_FILES]:
        lines = ",".join(str(move.line) for move in places[:10])
        yield "  " + _box(True, _code(f"{places[0].path}:{lines}"), places[0].file_key)
    if len(files) > _MOST_FILES:
        yield f"  - and {plural(len(files) - _MOST_FILES, 'more file')}"


def _box(ticked: bool, text: str, key: str) -> str:
    return f"- [{'x' if ticked else ' '}] {text} <!-- echo-migrate:choice {key} -->"


def _image_text(move: Move) -> str:
    return f"{_code(move.shown)} → {_code(move.target)}"


def _image(move: Move) -> tuple[str, str]:
    return move.reference, move.target


def _why(view: View) -> str:
    """Return what was looked at before these moves were called safe."""
    title, made = prose(view.catalog.title), view.made
    confirmed = sum(move.confirmed for move in made)
    seen = sum(move.basis == "seen" and not move.confirmed for move in made)
    others = len(made) - confirmed - seen
    rows = [
        (confirmed, "there for the account that asked the registry"),
        (seen, f"known from public evidence to be offered by {title}"),
        (others, "offered by another hardened vendor too, with tags not verified: confirm with `--online`"),
    ]
    images = [f"- Targets: {', '.join(f'{count} {text}' for count, text in rows if count)}."]
    return "\n".join(
        [
            "- Versions stay, and so does the distribution. Where a user, shell, program, port or entrypoint that is"
            " needed would be missing, the image is not moved.",
            *images,
            "- Each file was read again after the change: only image references differ, and a second run"
            " changes nothing.",
        ]
    )


def _proofs(view: View) -> Iterator[str]:
    """Yield what building and running showed of the changed Dockerfiles."""
    if view.proofs is None or not (view.proofs or view.unproven):
        return
    yield "### Proofs"
    if view.proofs:
        days = sorted({one.date[:10] for one in view.proofs})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        yield (
            f"Builds before and after were compared on {when}, with each Dockerfile as it is here. What they copy, the"
            " images themselves, and the target, platform, arguments and network of the build are not compared with"
            " those of today."
        )
        if unstarted := sum(one.verdict == "same" and not one.passes for one in view.proofs):
            yield f"{unstarted} of {len(view.proofs)} {'was' if unstarted == 1 else 'were'} built and not started."
        if broken := sum(one.verdict == "broken" for one in view.proofs):
            yield f"**{broken} of {len(view.proofs)} broke something: untick what moves there.**"
        yield bounded(view.proofs, LONGEST // 4, _MOST_PROOFS)
    if view.unproven:
        count = f"{plural(view.unproven, 'changed Dockerfile')} {'has' if view.unproven == 1 else 'have'}"
        yield f"{count} no proof of this change: `echo-migrate prove --preset migrate` makes one."


def _left(view: View) -> Iterator[str]:
    """Yield what stays as it is, and why."""
    states = Counter[str](one.state for one in view.others)
    title = prose(view.catalog.title)
    told = (
        ("needs-person", "needs review" if states["needs-person"] == 1 else "need review"),
        ("no-replacement", f"not offered by {title}"),
        ("first-party", "private or built here"),
        ("ignored", "ignored"),
    )
    counts = [f"{states[state]} {words}" for state, words in told if states[state]]
    if not counts:
        return
    yield "### What is left"
    yield f"{', '.join(counts)}. `echo-migrate check .` lists them."
    reasons = Counter(
        (one.reasons[0].kind, one.reasons[0].remedy)
        for one in view.others
        if one.state == "needs-person" and one.reasons
    )
    if reasons:
        rows = [
            f"| {count} | {prose(_short(kind))} | {prose(_short(remedy))} |"
            for (kind, remedy), count in reasons.most_common(_MOST_REASONS)
        ]
        yield "\n".join(["| | needs review because | what to do |", "|---|---|---|", *rows])


def _how(view: View) -> str:
    """Return commands that build what changes; paths that a shell could read otherwise are not named."""
    login = view.catalog.login
    paths = sorted({move.path for move in view.made if move.path.rpartition("/")[2].lower() == "dockerfile"})
    folders = [path.rpartition("/")[0] or "." for path in paths]
    builds = [f"docker build {folder}" for folder in folders if folder == "." or _BUILD_PATH.fullmatch(folder)]
    lines = [
        f"git fetch {view.remote} {view.group.branch} && git switch --detach FETCH_HEAD",
        *([login] if login and "\n" not in login and "`" not in login else []),
        *builds[:_MOST_BUILDS],
    ]
    return "\n".join(["```sh", *lines, "```"])


def _code(text: str) -> str:
    return code(_short(text))


def _short(text: str) -> str:
    return cut(text, _LONGEST_NAME)
