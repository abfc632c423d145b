"""Refresh the data files of ``mappings/`` from checkouts of their sources, and report what changed.

    python hooks/refresh.py --endoflife DIR --official-images DIR --docker-catalog DIR --history DIR --curl DIR
        --sources DIR [--write]
    python hooks/refresh.py --age DAYS

A DIR is a checkout or a git directory, and its files are those of the commit at HEAD; that of ``--sources`` is a folder
of checkouts (see ``hooks/official_images.py``), read with ``--official-images``. Exit code 0: no data changed, or it
was written; 1: data changed, or is too old; 2: misuse, or a source that cannot be read.
"""

import argparse
import json
import os
import re
import runpy
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from echo_migrate.files.git import git
from echo_migrate.files.write import NotWritten, replace

MAPPINGS = Path(__file__).parent.parent / "mappings"
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_TEXT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_RESOLVERS = {
    first: [(tag, form) for tag, form in forms if tag in _NO_TEXT]
    for first, forms in _SAFE.yaml_implicit_resolvers.items()
}
LOADER = type("Loader", (_SAFE,), {"yaml_implicit_resolvers": _RESOLVERS})
"""Reads all scalars but null as text: ``3.10`` is a version, and a date stays as it is written."""
MOST_LINES = 20
MOST_NAMES = 4
WIDTH = 118
AT_ONCE = 500
"""How many files one call of git reads."""
LONG_TERM = ("debian",)
"""Products whose extended support (``eoes``) is free; that of others is sold."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
OTHERS = ("curl",)
"""Images of ``published.yaml`` that are not official."""
TAGS_WIDTH = 130
WINDOWS = re.compile(r"windows|nanoserver|ltsc")
FLOATING = ("latest", "stable", "mainline", "lts", "current")
NAMED_ALIKE = {"debian": ("stable", "latest")}
"""Floating tags of an entry of their own, and the tag that names the same release (wiki.debian.org/DebianReleases)."""

SHELLS = {"bash", "busybox", "busybox-binsh", "dash"}
MANAGERS = {"apk-tools": "apk", "apt": "apt-get"}
EXCLUDED = {"curl", "gawk", "gcc", "git", "make", "patch", "tar", "unzip", "wget"}
"""What a definition may exclude (``!curl``) so that the program of this name is certainly not there."""
_BUILD = "ar as c++ cc g++ gcc ld make patch"
_BUSYBOX = """addgroup adduser bunzip2 bzip2 deluser free killall less nc netstat nslookup patch pgrep ping pkill ps
    telnet top unzip uptime watch wget xz"""
_ALIKE = """autoconf automake cmake curl dumb-init file git gosu jq less make nano openssl patch pkg-config rsync
    su-exec sudo tini unzip vim wget xz zip"""
_OTHERS = f"""adduser: addgroup adduser deluser; binutils: ar as ld; build-base: {_BUILD}; build-essential: {_BUILD};
    busybox: {_BUSYBOX};
    bzip2: bunzip2 bzip2; g++: c++ g++; gcc: cc gcc; gnupg: gpg; gpg: gpg; iproute2: ip; iputils-ping: ping;
    mercurial: hg; netcat-openbsd: nc; openssh-client: ssh; openssh-client-default: ssh; pkgconf: pkg-config;
    procps: free pgrep pkill ps top uptime watch; subversion: svn; xz-utils: xz"""
PROGRAMS = {name: [name] for name in _ALIKE.split()} | {
    package.strip(): programs.split() for package, programs in (one.split(":") for one in _OTHERS.split(";"))
}
"""What can be run where a package is installed: of its programs those that Dockerfiles call."""


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


def read_source(folder: str, file: File, since: str = "") -> tuple[str, str, dict[str, str]]:
    """Return the commit at HEAD, its day (UTC), and the texts of the files that a data file is made from, by path: each
    with the texts behind it that commits since a day had, if one is given."""
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
            _, _, _, blob, kind = change.split()
            if kind != "D" and re.fullmatch(file.pattern, path):
                earlier.setdefault(path, {})[blob] = None
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


def ends_of_life(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the products that the data has, each with its cycles in the order of the source."""
    text = ""
    for product, block in data.items():
        if product[0] == "_":
            continue
        page = files.get(f"products/{product}.md")
        if page is None:
            lines.append(f"! {product}: not in the source any more, kept as it is")
        title, cycles = (block["title"], block["cycles"]) if page is None else _cycles(product, block, page, lines)
        rows = "".join(f"    {json.dumps(cycle)}: {_end(end)}\n" for cycle, end in cycles.items())
        text += f"{product}:\n  title: {scalar(title)}\n  cycles:\n{rows}"
    return text


def _cycles(product: str, block: dict[str, Any], page: str, lines: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the title and the cycles of a product. An end that is no date, true or false is reported, and stays."""
    front = re.match(r"---\s*\n(.*?)^---\s*$", page, re.DOTALL | re.MULTILINE)
    matter = parse(f"products/{product}.md", front[1] if front else "")
    if not matter.get("releases"):
        raise Misuse(f"products/{product}.md has no releases")
    cycles: dict[str, Any] = {}
    for release in matter["releases"]:
        cycle, end, later = (release.get(key) or "" for key in ("releaseCycle", "eol", "eoes"))
        if end in ("true", "false"):
            cycles[cycle] = "ended" if end == "true" else ""
        elif _DATE.fullmatch(end):
            cycles[cycle] = [end, later] if product in LONG_TERM and _DATE.fullmatch(later) else end
        else:
            cycles[cycle] = block["cycles"].get(cycle, "")
            lines.append(f"! {product} {cycle}: {end or 'nothing'} is no date, {_end(cycles[cycle])} is kept")
    return matter.get("title", block["title"]), cycles


def _end(end: Any) -> str:
    return f"[{', '.join(end)}]" if isinstance(end, list) else end or '""'


def _compare_entries(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each entry of a block that was added, removed or changed."""
    before, after = _entries(old), _entries(new)
    yield from (f"+ {key}: {value}" for key, value in after.items() if key not in before)
    yield from (f"- {key}: {value}" for key, value in before.items() if key not in after)
    yield from (f"~ {key}: {before[key]} -> {value}" for key, value in after.items() if before.get(key, value) != value)


def _entries(data: dict[str, Any]) -> dict[str, str]:
    """Return the values of all blocks, those of cycles among them."""
    return {
        f"{name} {key}": _end(value)
        for name, block in data.items()
        if name[0] != "_"
        for key, value in {**block, **block.get("cycles", {})}.items()
        if key != "cycles"
    }


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


def official_images(official: str, sources: str) -> File:
    """Return the data file of what the Dockerfiles of official images state, made from two folders of checkouts."""
    script = runpy.run_path(str(Path(__file__).with_name("official_images.py")))

    def make(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
        text: str = script["text_of_all"](script["Sources"](official, sources), list(files))
        if not text:
            raise Misuse(f"{sources} has no checkout of a repository that {official} names")
        return text

    return File("images/official.yaml", *_TAGS, make, _compare_tags)


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


def hardened_images(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the facts of each image: definitions of the same facts are one row, with the programs that all
    of them have, and those that all of them lack."""
    images: dict[str, dict[str, list[tuple[list[str], set[str], set[str]]]]] = {}
    seen: set[tuple[str, str]] = set()
    for path in sorted(path for path, text in files.items() if re.search(r"(?m)^tags:", text)):
        definition = parse(path, files[path])
        image = definition.get("image", "").partition("/")[2]
        tags = [tag for tag in definition["tags"] if (image, tag) not in seen]
        lines += [f"! {image} {tag}: {path} has it too, not taken" for tag in definition["tags"] if tag not in tags]
        seen |= {(image, tag) for tag in tags}
        if image and tags:
            facts, has, lacks = _facts(path.split("/")[2].partition("-")[0], definition)
            images.setdefault(image, {}).setdefault(facts, []).append((tags, has, lacks))
    text = ""
    for image in sorted(images):
        rows = []
        for facts, parts in images[image].items():
            tags = sorted(tag for part in parts for tag in part[0])
            has = set.intersection(*(part[1] for part in parts))
            lacks = set.intersection(*(part[2] for part in parts)) - has
            rows.append((tags, facts + _list("programs", sorted(has)) + _list("lacks", sorted(lacks))))
        text += f"{scalar(image)}:\n"
        text += "".join(f"  - {_list('tags', tags).lstrip()}{rest}" for tags, rest in sorted(rows))
    return text


def _facts(family: str, definition: dict[str, Any]) -> tuple[str, set[str], set[str]]:
    """Return the text of what a definition states, apart from programs; those it has, and those it excludes."""
    contents, accounts = (definition.get(key) or {} for key in ("contents", "accounts"))
    packages = [one.partition("=")[0] for one in contents.get("packages") or []]
    built = [re.match(r"dhi\.io/pkg-([a-z-]+?):", one.get("name", "")) for one in contents.get("artifacts") or []]
    user = accounts.get("run-as") or ""
    numbers = {"root": "0"} | {one.get("name"): one.get("uid") or "" for one in accounts.get("users") or []}
    number = numbers.get(user, "")
    ports = [port.removesuffix("/tcp") for port in definition.get("ports") or []]
    certificates = any(one.startswith("ca-certificates") for one in packages)
    shell = not SHELLS.isdisjoint(packages)
    manager = next((MANAGERS[one] for one in packages if one in MANAGERS), "")
    end = (definition.get("dates") or {}).get("end-of-life")
    text = f"    family: {scalar(family)}\n    manager: {scalar(manager)}\n    shell: {'true' if shell else 'false'}\n"
    text += (f"    user: {scalar(user)}\n" if user else "") + (f"    uid: {number}\n" if number.isdecimal() else "")
    text += _list("entrypoint", definition.get("entrypoint") or [], always=True)
    text += _list("cmd", definition.get("cmd") or [], always=True) + _list("ports", ports)
    text += _list("packages", ["ca-certificates"] * certificates) + (f"    eol: {scalar(end)}\n" if end else "")
    if not shell:
        return text, set(), set()
    names = [*packages, *(match[1] for match in built if match)]
    has = {program for name in names for program in PROGRAMS.get(name, ())}
    return text, has, {name[1:] for name in packages if name[0] == "!"} & EXCLUDED


def _list(key: str, values: list[str], always: bool = False) -> str:
    """Return a list of a row, folded if it is too long for a line; nothing if it is empty and not ``always`` stated."""
    items = [f"{scalar(value)}, " for value in values[:-1]] + [scalar(value) for value in values[-1:]]
    line = f"    {key}: [{''.join(items)}]"
    if len(line) <= WIDTH or not items:
        return f"{line}\n" if items or always else ""
    folded = [" " * 8]
    for item in items:
        if len((folded[-1] + item).rstrip()) >= WIDTH:
            folded.append(" " * 8)
        folded[-1] += item
    return f"    {key}: [\n" + "".join(f"{line.rstrip()}\n" for line in folded) + "      ]\n"


def _compare_tags(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
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


def _compare_words(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of ``_compare_tags`` for data that has the parts of tags."""
    before, after = ({name: _whole(rows) for name, rows in data.items() if name[0] != "_"} for data in (old, new))
    yield from _compare_tags(before, after)


def _whole(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{first}-{rest}".removesuffix("-") for row in rows for first in row["tags"].split() for rest in row["behind"]
    ]


def _row(row: dict[str, Any] | str) -> dict[str, Any]:
    return {"tags": [row]} if isinstance(row, str) else row


_ENDS = "endoflife-date/endoflife.date", r"products/[^/]+\.md"
_TAGS = "docker-library/official-images", r"library/[^/]+"
_CATALOG = "docker-hardened-images/catalog", r"image/[^/]+/[^/]+/[^/]+\.yaml"
_CURL = "curl/curl", r"docs/VERSIONS\.md"
FILES = {
    "endoflife": (File("eol.yaml", *_ENDS, ends_of_life, _compare_entries),),
    "official-images": (File("tags/floating.yaml", *_TAGS, floating_tags, _compare_entries),),
    "history": (
        File("published.yaml", *_TAGS, published_versions, _compare_tags, history=True),
        File("tags/official.yaml", *_TAGS, official_tags, _compare_words, history=True),
    ),
    "curl": (File("published.yaml", *_CURL, curl_releases, _compare_tags, dated=False),),
    "docker-catalog": (File("images/docker.yaml", *_CATALOG, hardened_images, _compare_tags),),
}


if __name__ == "__main__":
    sys.exit(main())
