"""Make what is known of tags from the library of official images, and from the releases of curl."""

import json
import re
import textwrap
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from source import WIDTH, Misuse, scalar

OTHERS = ("curl",)
"""Images of ``published.yaml`` that are not official."""
TAGS_WIDTH = 130
WINDOWS = re.compile(r"windows|nanoserver|ltsc")
FLOATING = ("latest", "stable", "mainline", "lts", "current")
NAMED_ALIKE = {"debian": ("stable", "latest")}
"""Floating tags of an entry of their own, and the tag that names the same release (wiki.debian.org/DebianReleases)."""
MOST_NAMES = 4


def floating_tags(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the versions that the floating tags of each official image stand for."""
    text = ""
    for path in sorted(files):
        found, name = _versions(files[path]), path.partition("/")[2]
        word, other = NAMED_ALIKE.get(name, ("", ""))
        found |= {word: found[other]} if other in found else {}
        versions = ", ".join(f"{word}: {json.dumps(version)}" for word, version in found.items())
        text += f"{scalar(name)}: {{{versions}}}\n" if versions else ""
    return text


def _versions(library: str) -> dict[str, str]:
    """Return the version of each floating tag: of the tags of its entry the shortest that is a version of two numbers,
    else the shortest that is a version. If none is, what they begin with is taken in their place (``v1.19-1``)."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", library)):
        fields = re.findall(r"(?m)^(?:Shared)?Tags:(.*(?:\n[ \t].*)*)", entry)
        tags = [tag.strip() for field in fields for tag in field.split(",")]
        begun = [match for match in (re.match(r"v?(\d+(?:\.\d+)*)(?=-|$)", tag) for tag in tags) if match]
        versions = [match[1] for match in begun if match[0] == match.string] or [match[1] for match in begun]
        version = min([one for one in versions if one.count(".") == 1] or versions, key=len, default="")
        found = {word: version for word in FLOATING if word in tags and version} | found
    return {word: found[word] for word in FLOATING if word in found}


def published_versions(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the versions that tags of each official image began with; those of other images stay."""
    found: dict[str, set[str]] = {name: set(data[name]) for name in OTHERS}
    for path, text in files.items():
        fields = re.findall(r"(?m)^(?:Shared)?Tags:(.*(?:\n[ \t].*)*)", re.sub(r"(?m)^#.*\n?", "", text))
        firsts = {tag.strip().partition("-")[0] for field in fields for tag in field.split(",")}
        found[path.partition("/")[2]] = {first for first in firsts if re.match(r"v?\d", first)}
    return "".join(_versions_of(name, versions) for name, versions in sorted(found.items()) if versions)


def official_tags(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the tags of the images that the data has: what stands before the first dash, by what stands
    behind it. Tags for Windows are left out."""
    text = ""
    for name in sorted(name for name in data if name[0] != "_"):
        library = re.sub(r"(?m)^#.*\n?", "", files.get(f"library/{name}", ""))
        fields = re.findall(r"(?m)^(?:Shared)?Tags:(.*(?:\n[ \t].*)*)", library)
        behind: dict[str, set[str]] = {}
        for tag in (tag.strip() for field in fields for tag in field.split(",")):
            first, _, rest = tag.partition("-")
            if first and not WINDOWS.search(tag):
                behind.setdefault(rest, set()).add(first)
        if not behind:
            lines.append(f"! {name}: has no tags any more")
            continue
        alike: dict[tuple[str, ...], list[str]] = {}
        for rest, firsts in sorted(behind.items()):
            alike.setdefault(tuple(sorted(firsts, key=_by_number)), []).append(rest)
        text += f"{scalar(name)}:\n" + "".join(_row_of_tags(rests, firsts) for firsts, rests in alike.items())
    return text


def _by_number(word: str) -> tuple[bool, list[int], str]:
    """Return the key that sorts versions by their numbers, and before other words."""
    return not word[:1].isdigit(), [int(part) for part in re.findall(r"\d+", word)], word


def _row_of_tags(behind: list[str], firsts: tuple[str, ...]) -> str:
    fill = textwrap.TextWrapper(TAGS_WIDTH, break_long_words=False, break_on_hyphens=False)
    fill.initial_indent, fill.subsequent_indent = "  - behind: ", "      "
    listed = fill.fill(f"[{', '.join(map(scalar, behind))}]")
    fill.initial_indent = fill.subsequent_indent = " " * 6
    return f"{listed}\n    tags: >-\n{fill.fill(' '.join(firsts))}\n"


def curl_releases(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the published versions with those of curl that were released since the data's day."""
    releases = re.findall(r"(?m)^- (\d+\.\d+\.\d+): (\w+ \d+ \d{4})$", "".join(files.values()))
    since = date.fromisoformat(data["_about"]["since"])
    new = {version for version, day in releases if datetime.strptime(f"{day} +0000", "%B %d %Y %z").date() >= since}
    if not new:
        raise Misuse(f"docs/VERSIONS.md has no release since {since}")
    found = {name: set(versions) for name, versions in data.items() if name[0] != "_"} | {"curl": new}
    return "".join(_versions_of(name, versions) for name, versions in sorted(found.items()))


def _versions_of(name: str, versions: set[str]) -> str:
    listed = f"[{', '.join(json.dumps(version) for version in sorted(versions))}]"
    folded = textwrap.fill(listed, WIDTH, initial_indent="  ", subsequent_indent="   ", break_on_hyphens=False)
    return f"{scalar(name)}:\n{folded}\n"


def compare_tags(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each image that changed, with the numbers and the first names of its tags."""
    for image in dict.fromkeys((*new, *(name for name in old if name[0] != "_"))):
        before, after = (
            {tag: {**row, "tags": ""} for row in map(_row, data.get(image, [])) for tag in row["tags"]}
            for data in (old, new)
        )
        differ = [tag for tag in after if before.get(tag, after[tag]) != after[tag]]
        kinds = ((after.keys() - before, "new"), (before.keys() - after, "gone"), (set(differ), "with other facts"))
        shown = [(len(tags), kind, sorted(tags, key=lambda tag: (len(tag), tag))) for tags, kind in kinds if tags]
        said = ", ".join(f"{count} {kind} ({', '.join(tags[:MOST_NAMES])})" for count, kind, tags in shown)
        if said:
            yield f"{'+' if not before else '-' if not after else '~'} {image}: tags: {said}"


def compare_words(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of ``compare_tags`` for data that has the parts of tags."""
    before, after = ({name: _whole(rows) for name, rows in data.items() if name[0] != "_"} for data in (old, new))
    yield from compare_tags(before, after)


def _whole(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{first}-{rest}".removesuffix("-") for row in rows for first in row["tags"].split() for rest in row["behind"]
    ]


def _row(row: dict[str, Any] | str) -> dict[str, Any]:
    return {"tags": [row]} if isinstance(row, str) else row
