"""Make ``mappings/images/official.yaml`` from the Dockerfiles of Docker official images.

What a Dockerfile states (USER, ENTRYPOINT, CMD, EXPOSE) is taken with what the images state that it is built on, down
to an operating system's. A row is for maintained tags alone, those of a line (1.30) with all its versions. A tag whose
Dockerfile is not in the checkouts has none.
"""

import json
import os
import re
import textwrap
from functools import cache, partial, reduce
from pathlib import Path
from typing import NamedTuple

from source import WIDTH

from echo_migrate.dockerfile.parser import Instruction, read
from echo_migrate.files.git import git

BY_HAND = Path(__file__).parents[2] / "mappings" / "images" / "upstream.yaml"
SYSTEMS = {
    "almalinux": ("redhat", "dnf"),
    "alpine": ("alpine", "apk"),
    "debian": ("debian", "apt-get"),
    "oraclelinux": ("redhat", "microdnf"),
    "ubuntu": ("ubuntu", "apt-get"),
}
"""The images of operating systems, whose facts are in upstream.yaml, with their families and package managers."""

WINDOWS = re.compile(r"windows|nanoserver")
_VARIABLE = re.compile(r"\$\{?(\w+)(?::?-([^}]*))?\}?")
_FIELD = re.compile(r"(?m)^([A-Za-z]+):[ \t]*(.*(?:\n[ \t].*)*)")


class Facts(NamedTuple):
    """What an image states. None is not known."""

    family: str
    manager: str
    user: str | None = "root"
    entrypoint: tuple[str, ...] | None = ()
    cmd: tuple[str, ...] | None = ()
    ports: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A build of an image: its tags, and where its Dockerfile is."""

    tags: tuple[str, ...]
    repository: str
    commit: str
    path: str


class Sources(NamedTuple):
    """The checkouts: that of official-images, and the folder with the others."""

    official: str
    folder: str

    def library(self, image: str) -> list[Entry]:
        return _library(self, image)

    def text(self, entry: Entry) -> str | None:
        """Return a Dockerfile, of the commit that is named or else of HEAD, there in a folder of the line if lines have
        folders, or None if there is no checkout with it."""
        folder = os.path.join(self.folder, entry.repository)
        line = re.match(r"\d+\.\d+", entry.tags[0])
        places = [
            f"{entry.commit}:{entry.path}",
            f"HEAD:{entry.path}",
            *([f"HEAD:{line[0]}/{entry.path}"] if line else []),
        ]
        found = (show(folder, place) for place in places if os.path.isdir(folder))
        return next((text for text in found if text is not None), None)


@cache
def _library(sources: Sources, image: str) -> list[Entry]:
    text = show(sources.official, f"HEAD:library/{image}") or ""
    blocks = re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text))
    above: dict[str, str] = {}
    found = []
    for block in blocks:
        fields = above | dict(_FIELD.findall(block))
        if "Tags" not in block:
            above = fields
        elif "windows" not in fields.get("Architectures", "").partition(",")[0]:
            tags = [tag.strip() for key in ("Tags", "SharedTags") for tag in fields.get(key, "").split(",")]
            repository = fields.get("GitRepo", "").removeprefix("https://github.com/").removesuffix(".git")
            path = os.path.normpath(os.path.join(fields.get("Directory", "."), fields.get("File", "Dockerfile")))
            found.append(Entry(tuple(filter(None, tags)), repository, fields.get("GitCommit", ""), path))
    return found


@cache
def show(folder: str, what: str) -> str | None:
    inside = os.path.join(folder, ".git")
    data = git(folder, f"--git-dir={os.path.realpath(inside if os.path.exists(inside) else folder)}", "show", what)
    return None if data is None else data.decode(errors="replace")


@cache
def facts_of(sources: Sources, reference: str, depth: int = 0) -> Facts | None:
    """Return what an image states, by its name and tag, or None if a Dockerfile on the way is not there."""
    name, _, tag = reference.removeprefix("docker.io/").removeprefix("library/").partition(":")
    if name in SYSTEMS:
        return Facts(*SYSTEMS[name])
    entries = sources.library(name) if depth < 9 and "/" not in name else []
    entry = next((one for one in entries if (tag or "latest") in one.tags), None)
    if entry is None:  # a checkout that is older than the list names an earlier version: the same words, of any line
        words = tag.partition("-")[2]
        alike = [
            one for one in entries if any(other.partition("-")[2] == words and other[0].isdigit() for other in one.tags)
        ]
        found = [_read(sources, text, depth) if (text := sources.text(one)) else None for one in alike]
        return reduce(_agreed, found) if found else None
    text = sources.text(entry)
    return _read(sources, text, depth) if text else None


def _read(sources: Sources, text: str, depth: int) -> Facts | None:
    stages: dict[str, Facts | None] = {}
    defaults: dict[str, str] = {}
    found: Facts | None = None
    name, own_cmd = "", False
    for instruction in read(text).instructions:
        words = [word.value for word in instruction.words()]
        if instruction.verb == "arg" and not stages:
            defaults |= {key.value: value.value.strip("\"'") for key, value in instruction.pairs() if value}
        elif instruction.verb == "from":
            base = _VARIABLE.sub(partial(_default, defaults), words[0])
            found = stages[base] if base in stages else facts_of(sources, base, depth + 1)
            name, own_cmd = (words[2] if len(words) > 2 else f"{len(stages)}"), False
        elif found:
            found = _with(found, instruction, words, own_cmd)
            own_cmd = own_cmd or instruction.verb == "cmd"
        stages[name] = found
    return found


def _default(defaults: dict[str, str], match: "re.Match[str]") -> str:
    return defaults.get(match[1], match[2] or "")


def _with(facts: Facts, instruction: Instruction, words: list[str], own_cmd: bool) -> Facts:
    """Return the facts after an instruction; what a variable decides is not known."""
    verb, value = instruction.verb, instruction.args.value.strip()
    if verb == "user":
        return facts._replace(user=None if "$" in value else value)
    if verb in ("entrypoint", "cmd"):
        started = _words(value)
        if verb == "cmd":
            return facts._replace(cmd=started)
        return facts._replace(entrypoint=started, cmd=facts.cmd if own_cmd else ())
    if verb == "expose" and "$" not in value:
        return facts._replace(ports=tuple(dict.fromkeys((*facts.ports, *(one.removesuffix("/tcp") for one in words)))))
    return facts


def _words(value: str) -> tuple[str, ...] | None:
    try:
        return tuple(json.loads(value)) if value.startswith("[") and "$" not in value else None
    except ValueError:
        return None


def rows(sources: Sources, image: str) -> list[tuple[list[str], Facts]]:
    """Return the rows of an image: the tags of its builds that state the same."""
    found: dict[str, Facts | None] = {}
    for entry in sources.library(image):
        text = None if any(WINDOWS.search(tag) for tag in entry.tags) else sources.text(entry)
        facts = _read(sources, text, 0) if text else None
        for pattern in dict.fromkeys(map(_pattern, entry.tags)):
            found[pattern] = _agreed(found[pattern], facts) if pattern in found else facts
    grouped: dict[Facts, list[str]] = {}
    for pattern, facts in found.items():
        if facts:
            grouped.setdefault(facts, []).append(pattern)
    return [(sorted(patterns), facts) for facts, patterns in grouped.items()]


def _agreed(one: Facts | None, other: Facts | None) -> Facts | None:
    """Return what two builds of a line state alike."""
    if one is None or other is None or one.family != other.family:
        return None
    return one._replace(
        user=one.user if one.user == other.user else None,
        entrypoint=one.entrypoint if one.entrypoint == other.entrypoint else None,
        cmd=one.cmd if one.cmd == other.cmd else None,
        ports=one.ports if one.ports == other.ports else (),
    )


def _pattern(tag: str) -> str:
    """Return the pattern of a tag in its line: its words, with any version that begins with the first two numbers."""
    version, dash, words = tag.partition("-")
    line = re.match(r"v?\d+\.\d+(?=[._]|$)", version)
    return f"{line[0]}*{dash}{words}" if line and dash else f"{line[0]}[._]*" if line and line[0] != version else tag


def text_of(image: str, found: list[tuple[list[str], Facts]]) -> str:
    """Return the block of an image."""
    text = f"{image}:\n"
    for tags, facts in found:
        text += _folded("tags", tags)
        text += f"    family: {facts.family}\n    manager: {facts.manager}\n    shell: true\n" if facts.family else ""
        if facts.user is not None:
            text += f"    user: {facts.user if not facts.user.isdecimal() else json.dumps(facts.user)}\n"
            text += "    uid: 0\n" if facts.user == "root" else ""
        text += f"    entrypoint: {_list(facts.entrypoint)}\n" if facts.entrypoint is not None else ""
        text += f"    cmd: {_list(facts.cmd)}\n" if facts.cmd is not None else ""
        text += f"    ports: {_list(facts.ports)}\n" if facts.ports else ""
    return text


def text_of_all(sources: Sources, paths: list[str]) -> str:
    """Return the blocks of all images that are neither systems nor described by hand; ``paths`` are their files in
    ``library/``."""
    by_hand = {line.partition(":")[0] for line in BY_HAND.read_text().splitlines() if re.match(r"[a-z]", line)}
    text = ""
    for path in sorted(paths):
        image = path.partition("/")[2]
        found = rows(sources, image) if image not in SYSTEMS and image not in by_hand else []
        text += text_of(image, found) if found else ""
    return text


def _list(values: list[str] | tuple[str, ...]) -> str:
    plain = re.compile(r"[A-Za-z/][\w./-]*")
    return "[" + ", ".join(one if plain.fullmatch(one) else json.dumps(one) for one in values) + "]"


def _folded(key: str, values: list[str]) -> str:
    """Return a list as the first key of a row, folded if it is too long for a line."""
    line = f"  - {key}: {_list(values)}\n"
    if len(line) <= WIDTH:
        return line
    inner = textwrap.fill(_list(values)[1:-1], WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return f"  - {key}: [\n{textwrap.indent(inner, ' ' * 8)}\n      ]\n"
