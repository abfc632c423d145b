"""Refresh the data files of ``mappings/`` from checkouts of their sources, and report what changed.

    python hooks/refresh --endoflife DIR --official-images DIR --docker-catalog DIR --history DIR --curl DIR
        --sources DIR [--write]
    python hooks/refresh --age DAYS

A DIR is a checkout or a git directory, and its files are those of the commit at HEAD; that of ``--sources`` is a folder
of checkouts as OWNER/NAME (see ``official.py``), read with ``--official-images``. Exit code 0: no data changed, or it
was written; 1: data changed, or is too old; 2: misuse, or a source that cannot be read.
"""

import argparse
import re
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from ends import compare_entries, ends_of_life
from hardened import hardened_images
from official import Sources, text_of_all
from source import LOADER, File, Misuse, read_source
from tags import compare_tags, compare_words, curl_releases, floating_tags, official_tags, published_versions

from echo_migrate.files.write import NotWritten, replace

MAPPINGS = Path(__file__).parents[2] / "mappings"
MOST_LINES = 20


def main(words: list[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Refresh the data files from checkouts of their sources.")
    for option, files in FILES.items():
        names = " and ".join(f"mappings/{file.name}" for file in files)
        parser.add_argument(f"--{option}", dest=option, metavar="DIR", help=f"source of {names}")
    parser.add_argument("--sources", metavar="DIR", help="checkouts for mappings/images/official.yaml, as OWNER/NAME")
    parser.add_argument("--write", action="store_true", help="write the files; without it, only report")
    parser.add_argument("--age", metavar="DAYS", type=int, help="name the data files that are older than this")
    parser.add_argument("--today", metavar="DATE", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--mappings", metavar="DIR", type=Path, default=MAPPINGS, help="the folder of the data files")
    given = vars(parser.parse_args(words))
    folders = [(file, given[option]) for option, files in FILES.items() if given[option] for file in files]
    if given["sources"]:
        if not given["official-images"]:
            parser.error("--sources needs --official-images")
        folders.append((official_images(given["official-images"], given["sources"]), given["official-images"]))
    if given["age"] is None and not folders:
        parser.error("name a source, or an age")
    try:
        old = [] if given["age"] is None else too_old(given["mappings"], given["today"] - timedelta(given["age"]))
        made: dict[Path, tuple[bytes, bytes]] = {}
        changed = [refresh(given["mappings"], file, folder, made) for file, folder in folders]
        for path, (before, after) in made.items() if given["write"] else ():
            if after != before:
                replace(str(path), after, before)
    except (Misuse, NotWritten, OSError, yaml.YAMLError) as error:
        print(f"refresh: {error}", file=sys.stderr)
        return 2
    return 1 if old or (any(changed) and not given["write"]) else 0


def too_old(mappings: Path, oldest: date) -> list[str]:
    """Print and return the names of the data files whose date is before a day; a file without a date has no age."""
    found = []
    for path in sorted(mappings.rglob("*.yaml")):
        data = yaml.load(path.read_bytes(), LOADER)
        day = data.get("date") or data.get("_about", {}).get("date")
        if day and date.fromisoformat(day) < oldest:
            found.append(f"mappings/{path.relative_to(mappings).as_posix()}")
            print(f"{found[-1]}: of {day}, which is before {oldest}")
    return found


def refresh(mappings: Path, file: File, folder: str, made: dict[Path, tuple[bytes, bytes]]) -> bool:
    """Report what changes in a file, and return whether data does. ``made`` has the contents of each file before and
    after, to which those of this one are added."""
    path = mappings / file.name
    before, latest = made.get(path) or (path.read_bytes(),) * 2
    text = latest.decode()
    about = re.search(rf"github:{file.repository}@([0-9a-f]+)", text)
    day = re.search(r"(?m)^  date: (\S+)$", text)
    if not about or not day:
        raise Misuse(f"mappings/{file.name} does not state its source github:{file.repository}@… and its date")
    lines: list[str] = []
    data = yaml.load(text, LOADER)
    commit, today, files = read_source(folder, file, data["_about"]["since"] if file.history else "")
    if file.dated and today < day[1]:
        raise Misuse(f"{folder} is of {today}, mappings/{file.name} of {day[1]}: update the checkout")
    new = file.make(data, files, lines)
    lines += file.compare(data, yaml.load(new, LOADER))
    counts = Counter(line[0] for line in lines)
    said = f"{counts['+']} added, {counts['-']} removed, {counts['~']} changed"
    print(f"mappings/{file.name}: {said} ({about[1][:7]} of {day[1]}, now {commit[:7]} of {today})")
    lines.sort(key=lambda line: "!+-~".index(line[0]))
    print("".join(f"  {line}\n" for line in lines[:MOST_LINES]), end="")
    if lines[MOST_LINES:]:
        print(f"  and {len(lines) - MOST_LINES} more")
    head = re.split(r'(?m)^(?=[A-Za-z0-9"])', text, maxsplit=1)[0]
    head = head.replace(about[0], f"github:{file.repository}@{commit}", 1)
    head = head.replace(day[0], f"  date: {today}", 1) if file.dated else head
    made[path] = before, (head + new).encode()
    return any(counts[sign] for sign in "+-~")


def official_images(official: str, sources: str) -> File:
    """Return the data file of what the Dockerfiles of official images state, made from two folders of checkouts."""

    def make(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
        text = text_of_all(Sources(official, sources), list(files))
        if not text:
            raise Misuse(f"{sources} has no checkout of a repository that {official} names")
        return text

    return File("images/official.yaml", *_TAGS, make, compare_tags)


_ENDS = "endoflife-date/endoflife.date", r"products/[^/]+\.md"
_TAGS = "docker-library/official-images", r"library/[^/]+"
_CATALOG = "docker-hardened-images/catalog", r"image/[^/]+/[^/]+/[^/]+\.yaml"
_CURL = "curl/curl", r"docs/VERSIONS\.md"
FILES = {
    "endoflife": (File("eol.yaml", *_ENDS, ends_of_life, compare_entries),),
    "official-images": (File("tags/floating.yaml", *_TAGS, floating_tags, compare_entries),),
    "history": (
        File("published.yaml", *_TAGS, published_versions, compare_tags, history=True),
        File("tags/official.yaml", *_TAGS, official_tags, compare_words, history=True),
    ),
    "curl": (File("published.yaml", *_CURL, curl_releases, compare_tags, dated=False),),
    "docker-catalog": (File("images/docker.yaml", *_CATALOG, hardened_images, compare_tags),),
}


if __name__ == "__main__":
    sys.exit(main())
