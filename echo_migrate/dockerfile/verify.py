"""Verification that a changed Dockerfile may replace the original."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import zip_longest

from echo_migrate.dockerfile.parser import Instruction, read
from echo_migrate.dockerfile.run import script_of
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source
from echo_migrate.shell.commands import Command, printed_by, reads_a_pipe
from echo_migrate.shell.parser import run_by

_SUBSTITUTES = lazy_regex(r"\$\(|`|<\(")


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may.

    The number and kinds of instructions must stay the same. Instructions that no edit touches, heredoc bodies outside
    RUN, comments, and the words of a FROM after its image must be unchanged. A RUN must keep all its commands and words
    in order, and must parse as shell. Finally, the second reader must agree.
    """
    from echo_migrate.dockerfile.second_reader import mismatch

    old, new = read(before.text), read(after.text)
    if new.broken and not old.broken:
        return f"the changed file {new.broken.reason}"
    if list(map(_kinds, old.instructions)) != list(map(_kinds, new.instructions)):
        return "an instruction would appear, vanish or become another"
    if [comment.text.value for comment in old.comments] != [comment.text.value for comment in new.comments]:
        return "a comment would change"
    places = sorted(edits)
    starts = [edit.start for edit in places]
    for one, other in zip(old.instructions, new.instructions, strict=True):
        first, last = bisect_left(starts, one.start), bisect_right(starts, one.end)
        touched = first < last or (first and places[first - 1].end >= one.start)
        if not touched and before.text[one.start : one.end] != after.text[other.start : other.end]:
            return f"{one.verb.upper()} would change, which no edit touches"
        if _kept(one) != _kept(other):
            return f"more of {one.verb.upper()} would change than its image"
        if touched and not _runs_all_of(one, before.text, other, after.text):
            return "a RUN would no longer run all that it does"
    return mismatch(before, old) or mismatch(after, new)


def _kinds(instruction: Instruction) -> tuple[str, ...]:
    inner = instruction.trigger
    return (instruction.verb, inner.verb if inner else "", *[flag.name for flag in (inner or instruction).flags])


def _kept(instruction: Instruction) -> tuple[object, ...]:
    """Return the parts of an instruction that no fix may change."""
    inner = instruction.trigger or instruction
    words = [word.value for word in inner.words()[1:]] if inner.verb == "from" else []
    bodies = [body.value for body in inner.heredocs] if inner.verb != "run" else []
    return (words, bodies)


def _runs_all_of(one: Instruction, before: str, other: Instruction, after: str) -> bool:
    """Return whether a changed RUN keeps every command of the old one, and every word of each, in order."""
    old, new = one.trigger or one, other.trigger or other
    texts = [[step.args.value, *[body.value for body in step.heredocs]] for step in (old, new)]
    if old.verb != "run" or texts[0] == texts[1]:
        return True
    was, now = script_of(old, None, before), script_of(new, None, after)
    if not was or not now or not was.certain or not now.certain:
        return False
    left = iter(now.commands)
    passing = [_passes_a_script(*pair) for pair in zip_longest(was.commands, was.commands[1:])]
    return all(
        any(_within(command, candidate, passes) for candidate in left)
        for command, passes in zip(was.commands, passing, strict=True)
    )


def _passes_a_script(one: Command, following: Command | None) -> bool:
    """Return whether a command passes a script to a shell: as an argument, or printed into the one after it."""
    piped = following is not None and reads_a_pipe(following) and one.inside == following.inside
    return run_by(one) is not None or (piped and printed_by(one) is not None)


def _within(one: Command, other: Command, handed: bool) -> bool:
    """Return whether ``other`` has all words of ``one``, in order, and the same operator, constructs and wrappers.

    For a command that passes a script to a shell, only the first word is compared, and substitutions match each other:
    the commands inside are compared separately.
    """
    rest = iter([word.value for word in other.words])
    words = all(any(_same(word.value, candidate) for candidate in rest) for word in one.words[: 1 if handed else None])
    return words and (one.operator, one.inside, one.via) == (other.operator, other.inside, other.via)


def _same(old: str, new: str) -> bool:
    return old == new or bool(_SUBSTITUTES.search(old) and _SUBSTITUTES.search(new))
