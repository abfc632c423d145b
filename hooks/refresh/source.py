"""Read the checkouts that the data files are made from, and write the scalars of YAML."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import yaml

from echo_migrate.files.git import git

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_TEXT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_RESOLVERS = {
    first: [(tag, form) for tag, form in forms if tag in _NO_TEXT]
    for first, forms in _SAFE.yaml_implicit_resolvers.items()
}
LOADER = type("Loader", (_SAFE,), {"yaml_implicit_resolvers": _RESOLVERS})
"""Reads all scalars but null as text: ``3.10`` is a version, and a date stays as it is written."""
WIDTH = 118
"""How long a line of a data file may be."""
AT_ONCE = 500
"""How many files one call of git reads."""


class Misuse(Exception):
    """A source that cannot be read, or a file that is not made from it; the message says why."""


class File(NamedTuple):
    """A data file: its source's repository and paths, and the functions that make its text and compare its data.

    ``history`` is true if it is also made from what the source had since the day that the data states, and ``dated`` if
    its date is that of the source, which is then the only one or the one that changes most often.
    """

    name: str
    repository: str
    pattern: str
    make: Callable[[dict[str, Any], dict[str, str], list[str]], str]
    compare: Callable[[dict[str, Any], dict[str, Any]], Iterator[str]]
    history: bool = False
    dated: bool = True


def read_source(folder: str, file: File, since: str = "") -> tuple[str, str, dict[str, str]]:
    """Return the commit at HEAD, its day (UTC), and the texts of the files that a data file is made from, by path: each
    with the texts behind it that it had on a day and since then, if one is given."""
    inside = os.path.join(os.path.abspath(folder), ".git")
    place = f"--git-dir={inside if os.path.exists(inside) else os.path.dirname(inside)}"

    def ask(*words: str) -> bytes:
        answer = git(folder, place, *words)
        if answer is None:
            raise Misuse(f"git {words[0]} fails in {folder}: it is no repository, or lacks files")
        return answer

    below = file.pattern.partition("/")[0]
    seconds, commit = ask("rev-list", "--max-count=1", "--timestamp", "HEAD").decode().split()
    sizes, paths = {}, {}
    for entry in os.fsdecode(ask("ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", below)).split("\0"):
        kind, _, path = entry.partition("\t")
        if kind.startswith("100") and re.fullmatch(file.pattern, path):
            _, _, blob, size = kind.split()
            paths[path], sizes[blob] = blob, int(size)
    if not paths:
        raise Misuse(f"{folder} has no files in {below}/: it is not a checkout of {file.repository}")
    texts, blobs = {}, list(sizes)
    for start in range(0, len(blobs), AT_ONCE):
        content, at = ask("show", "--no-textconv", *blobs[start : start + AT_ONCE]), 0
        for blob in blobs[start : start + AT_ONCE]:
            texts[blob], at = content[at : at + sizes[blob]].decode(errors="replace"), at + sizes[blob]
    day = datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
    earlier: dict[str, dict[str, None]] = {}
    if since:
        begin = f"{since}T00:00:00Z"
        if not ask("rev-list", "--first-parent", "--max-count=1", f"--before={begin}", commit):
            raise Misuse(f"{folder} has no commit before {since}: clone it with --shallow-since of a day before")
        raw = ("--first-parent", "-m", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--format=")
        for line in os.fsdecode(ask("log", *raw, f"--since={begin}", commit, "--", below)).splitlines():
            change, _, path = line.partition("\t")
            _, _, before, after, _ = change.split()
            if re.fullmatch(file.pattern, path):
                there = dict.fromkeys(blob for blob in (before, after) if blob.strip("0"))
                earlier.setdefault(path, {}).update(there)
    found = {path: texts[blob] for path, blob in paths.items()}
    for path, old in earlier.items():
        found[path] = f"{found.get(path, '')}\n\n{ask('show', '--no-textconv', *old).decode(errors='replace')}"
    return commit, day, found


def parse(path: str, text: str) -> dict[str, Any]:
    """Return the data of a file of a source. Raises ``Misuse`` if it has none."""
    try:
        data = yaml.load(text, LOADER)
    except yaml.YAMLError as error:
        raise Misuse(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise Misuse(f"{path} has no data")
    return data


@cache
def scalar(value: str) -> str:
    """Return a text as a YAML scalar, in double quotes where it would not be read as this text without them."""
    plain = re.fullmatch(r"(?!-* )(?=.*\w)[\w./-]([\w ./+()-]*[\w./+()-])?", value, re.ASCII)
    loader: Any = yaml.SafeLoader("")
    read_as = loader.resolve(yaml.ScalarNode, value, (True, False)) if plain else ""
    return value if read_as == "tag:yaml.org,2002:str" or value == "--" else json.dumps(value, ensure_ascii=False)
