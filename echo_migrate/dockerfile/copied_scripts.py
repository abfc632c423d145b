"""The scripts that a start command names, where their text is known: it stands in a heredoc, or in a file of the build
context that a COPY names."""

from collections.abc import Iterator, Sequence
from itertools import dropwhile
from posixpath import basename, join

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.expansion import heredoc_words
from echo_migrate.dockerfile.layers import within
from echo_migrate.dockerfile.programs import FOLDERS
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.workspace import of_a_run

_LONGEST = 100_000
"""The length in bytes up to which a file of the build context is read."""

_HIGHEST = 6
"""How many folders above that of a Dockerfile its build context is sought in."""


def script_at(path: str, stage: Stage, dockerfile: str) -> str | None:
    """Return the text of the script that a path names in a stage: one that begins with ``#!``. Return "" for a file
    that begins otherwise, and None if the file is not known.

    ``dockerfile`` is the path of the file with the stage; the build context is its folder or the next above it, within
    the repository, that has the file. A bare name is sought in the folders of programs.
    """
    for copy in reversed([copy for one in stage.lineage for copy in one.copies] if path[:1] not in ("", "$") else ()):
        if copy.origin:
            continue
        text = _heredoc(copy, path) if copy.instruction.heredocs else _file(copy, path, dockerfile)
        if text is not None:
            return None if _changed(path, stage) else text if text.startswith("#!") else ""
    return None


def program_of(words: Sequence[str] | None) -> str:
    """Return the program that the words of an exec form start, that behind an init such as tini; "" if there is
    none."""
    rest = list(words or ())
    while rest and basename(rest[0]) in INITS:
        rest = list(dropwhile(lambda word: word[:1] == "-", rest[1:]))
    return rest[0] if rest else ""


def interpreter_of(text: str) -> str:
    """Return the name of the program in the first line of a script, that which ``env`` starts; "" if there is none, or
    if it is not in a folder of programs, where a COPY may bring it."""
    words = [word for word in text[2:].partition("\n")[0].split() if word[:1] != "-" and "=" not in word]
    named = [word for word in words[:2] if basename(word) != "env"]
    folder, slash, name = named[0].rpartition("/") if named else ("", "", "")
    return name if not slash or folder in FOLDERS else ""


def _wanted(path: str) -> list[str]:
    return [path] if "/" in path else [join(folder, path) for folder in FOLDERS]


def _heredoc(copy: Copy, path: str) -> str | None:
    for (stripped, name), body in zip(
        heredoc_words(copy.instruction.args.value), copy.instruction.heredocs, strict=False
    ):
        if not {copy.target or "", join(copy.target or "", name)}.isdisjoint(_wanted(path)):
            return body.value.lstrip("\t") if stripped else body.value
    return None


def _file(copy: Copy, path: str, dockerfile: str) -> str | None:
    for written in _sources(copy, path):
        for above in range(_HIGHEST):
            found = dockerfile_at(dockerfile, "/".join([".."] * above) or ".", written)
            if found:
                return _text(found)
    return None


def _sources(copy: Copy, path: str) -> Iterator[str]:
    """Yield the files of the build context that a COPY may bring to a path."""
    target = copy.target or ""
    for source in [word.value.lstrip("/") for word in copy.sources]:
        if any(letter in source for letter in "$*?[:"):
            continue
        for wanted in _wanted(path) if target else ():
            if wanted in (target, join(target, basename(source))):
                yield source
            elif within(wanted, target.rstrip("/") or "/"):
                yield join(source, wanted[len(target.rstrip("/")) + 1 :])


@of_a_run(256)
def _text(path: str) -> str | None:
    """Return the text of a file; "" for one that is none, None if it cannot be read."""
    try:
        data = contents(path, _LONGEST)
    except Unreadable:
        return None
    return "" if b"\0" in data else data.decode("utf-8", "replace").replace("\r\n", "\n")


def _changed(path: str, stage: Stage) -> bool:
    """Return whether a command may write the file anew."""
    name = basename(path)
    runs = [run for one in stage.lineage for run in one.runs]
    return any(
        name in word
        for run in runs
        for command in run.commands
        if command.name not in ("chmod", "chown")
        for word in (*command.arguments, *[one.target.value for one in command.redirects])
    )
