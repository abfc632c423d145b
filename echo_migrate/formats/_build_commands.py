"""Which Dockerfile a build command reads, where the command is plain enough to say it.

Follows docs.docker.com, "docker buildx build" (``--file`` is relative to the working folder, and the last one counts).
Only commands of shell scripts and of recipes of makefiles are read, and of these only those whose words are all plain:
what a variable adds, another program makes of a command, or a link leads to could be another Dockerfile.
"""

import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.tree import real, top
from echo_migrate.shell.commands import Command

Build = tuple[int, int, str]
"""The span of a build command, and how the path of its Dockerfile ends."""

_BUILD = r"\bdocker[ \t]+(?:(?:buildx|image|builder)[ \t]+)?build(?![\w.:=/-])"
_NAMES = lazy_regex(
    rf"(?m){_BUILD}(?:[^\n\\;&|<>]|\\\r?\n)*|^[ \t]*#[^\n]*|^[ \t]*(?:-[ \t]+)?file:[^\n]*",
    needs=("docker", "#", "file"),
)
"""Where the name of a Dockerfile is one that is read: by a build, or by a step of a workflow."""

_NAMED = lazy_regex(r"(?i)(?:docker|container)file", needs=("dockerfile", "containerfile"))
_OTHERWISE = lazy_regex(
    r"(?<![\w-])(?:cd|chdir|pushd|alias|unalias|shopt|docker[ \t]*\(|function[ \t]+docker)(?![\w-])"
    r"|(?m:^[ \t]*(?:override[ \t]+)?define\b|^\.ONESHELL\b)"
)
"""What changes where a command runs, or what it is. Text of ``define`` in a makefile may go on where it is used."""

_PASSED_ON = frozenset(("script", "substitution"))
"""What a command is inside of whose output another one gets, or that is a text which another one runs."""

_PLAIN = lazy_regex(r"[\w./:=@-]+")
_FILLED = lazy_regex(r"(?:[\w./:=@,-]|\$\w+|\$\{\w+\}|\$\(\w+\))+|\"(?:[\w./:=@,-]|\$\w+|\$\{\w+\}|\$\(\w+\))+\"")
_TAKES = lazy_regex(r"-t|--(?:build-arg|tag|label|platform|cache-from|cache-to)")
_SHORT = frozenset(("-f", "-q", "-t"))
_STEP = lazy_regex(r"[\w.-]+")
_LOCAL = lazy_regex(r"[\w./-]+")
_REMOTE = lazy_regex(r"[\w.-]+@|github\.com/|\w+://")
_AFTER = lazy_regex(r"[ \t]*(?:\r?\n|\Z|;|&&|\|\|)")


def builds_in(path: str, text: str) -> list[Build]:
    """Return the plain build commands of a script or a makefile, in their order, whose Dockerfile is in the tree."""
    if "docker" not in text or "build" not in text or _OTHERWISE.search(text) or makes_dockerfiles(text):
        return []
    found: list[Build] = []
    for command in _commands(path, text):
        ending = _ending(text[command.start : command.end]) if _AFTER.match(text, command.end) else ""
        if ending and _in_tree(path, ending):
            found.append((command.start, command.end, ending))
    return found


def makes_dockerfiles(text: str) -> bool:
    """Return whether a text names a Dockerfile otherwise than to build it: one may be made at the path of another."""
    return _NAMED.search(_NAMES.sub("", text)) is not None


def is_local(path: str) -> bool:
    """Return whether a path of a build is written whole, and is one of a file or a folder."""
    return bool(_LOCAL.fullmatch(path)) and path[0] not in "-/" and not _REMOTE.match(path)


def _commands(path: str, text: str) -> Iterator[Command]:
    """Yield the commands of docker that a script or a recipe runs as they are written."""
    from echo_migrate.formats import makefile, script
    from echo_migrate.shell.makefiles import recipes
    from echo_migrate.shell.parser import read

    whole = [Traced.of(text, 0, len(text))] if script.candidate(path) else []
    for place in recipes(text) if makefile.candidate(path) else whole:
        line = text.rfind("\n", 0, place.start) + 1
        if text[max(0, line - 3) : line].endswith(("\\\n", "\\\r\n")):
            continue  # the value of a variable that goes on
        one = read(place) if "docker" in place.value else None
        for command in one.commands if one and one.certain else ():
            if command.name == "docker" and not command.via and _PASSED_ON.isdisjoint(command.inside):
                yield command


def _ending(written: str) -> str:
    """Return how the path of the Dockerfile of a plain command ends, "" if the command is not plain."""
    words = written.replace("\\\r\n", " ").replace("\\\n", " ").split()
    build = words.index("build") if "build" in words[:3] else len(words)
    files: list[str] = []
    before = ""
    for word in words[build + 1 :]:
        option, equals, value = word.partition("=")
        taken = _TAKES.fullmatch(before) or (equals and _TAKES.fullmatch(option))
        if not (_FILLED if taken else _PLAIN).fullmatch(word) or _REMOTE.match(word):
            return ""
        if word[0] == "-" and word[:2] != "--" and word not in _SHORT:
            return ""
        if option in ("-f", "--file"):
            files.append(value)
        elif before in ("-f", "--file"):
            files[-1] = word
        before = word
    steps = files[0].removeprefix("./").split("/") if len(files) == 1 else []
    while steps[:1] == [".."]:
        del steps[0]
    plain = len(steps) > 1 and all(_STEP.fullmatch(step) and step not in (".", "..") for step in steps)
    return "/" + "/".join(steps) if plain and is_local(words[-1]) else ""


def _in_tree(path: str, ending: str) -> bool:
    """Return whether a file with an ending is in the folder of a file or in one above it, and no link leads to any."""
    folder, root = os.path.dirname(real(path)), real(top(path))
    found = False
    while True:
        each = folder + ending
        if os.path.lexists(each):
            if real(each) != each or not os.path.isfile(each):
                return False
            found = True
        if len(folder) <= len(root):
            return found
        folder = os.path.dirname(folder)
