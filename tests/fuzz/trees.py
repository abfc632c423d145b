"""Inputs: small trees of files, as one text that a person can read, and cut, repeat and paste into."""

import json
import re
from random import Random
from typing import Any

Tree = dict[str, str]
"""Texts by path. The last file is the one under test; the others are its neighbours."""

_HEAD = re.compile(r"(?m)^=== (.*)\n")
_PATH = re.compile(r"(?!.*\.\.)[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_TOKEN = re.compile(r"\w+|[ \t]+|\n|.", re.DOTALL)
LONGEST = 20_000
PASTED = (
    *("", "\n", "\r\n", "\r", "\t", " ", "{{ x }}", "{% x %}", "[", "]", "{", "}", "(", ")", "'", '"', '"""', "`"),
    *(": ", "- ", "&a ", "*a", "<<: *a", "!x ", "---\n", "...\n", "? ", "|\n", ">-\n", "%YAML 1.1\n", "# ", "//", "/*"),
    *("\\", "\\\n", "$A", "${A:-x}", "${A", "$$", "$(x)", "$((", "<<E\n", "E\n", "@", ":", "/", "=", ",", ";", "&&"),
    *(
        "\0",
        "\x1b[2J",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2028",
        "\ufeff",
        "\udcff",
        "\udcc3",
        "é",
        "e\u0301",
        "😀",
        "\u202e",
    ),
    *("python:3.12", "node:22-alpine", "@sha256:" + "0" * 64, "docker.io/library/", "reg.echohq.com/python:3.12"),
    *("image: redis:7\n", "FROM node:22\n", "ARG A=node:22\n", "docker run redis:7\n", "# echo-migrate: ignore\n"),
)


def dumped(tree: Tree) -> bytes:
    """Return a tree as one text: each file behind a line with its path."""
    texts = [f"=== {path}\n{text}" for path, text in tree.items()]
    joined = "".join(text if text.endswith("\n") else text + "\n" for text in texts[:-1]) + texts[-1]
    return joined.encode("utf-8", "surrogateescape")


def loaded(data: bytes) -> Tree | None:
    """Return the tree of a text; None if it is none that can be laid into a folder."""
    pieces = _HEAD.split(data.decode("utf-8", "surrogateescape"))
    paths = pieces[1::2]
    folders = {path[:at] for path in paths for at in range(len(path)) if path[at] == "/"}
    if pieces[0] or not paths or len(set(paths)) < len(paths) or not folders.isdisjoint(paths):
        return None
    if not all(_PATH.fullmatch(path) and len(path) < 100 for path in paths):
        return None
    return dict(zip(paths, pieces[2::2], strict=True))


def changed(tree: Tree, others: list[Tree], random: Random) -> Tree:
    """Return a tree in which one to four changes are made to its texts; ``others`` are what pieces are taken from."""
    tree = dict(tree)
    for _ in range(random.randint(1, 4)):
        path = random.choice(list(tree))
        other = random.choice(list(random.choice(others).values()))
        text = random.choice(CHANGES)(tree[path], other, random)
        tree[path] = _HEAD.sub("", text)[:LONGEST].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return tree


def _span(text: str, random: Random, most: int = 40) -> tuple[int, int]:
    start = random.randint(0, len(text))
    return start, min(len(text), start + random.randint(0, most))


def _lines(text: str, random: Random) -> tuple[list[str], int, int]:
    """Return the lines of a text, and the first and last of some of them."""
    lines = text.splitlines(keepends=True) or [""]
    first = random.randrange(len(lines))
    return lines, first, min(len(lines), first + random.randint(1, 8))


def _paste(text: str, _: str, random: Random) -> str:
    start, end = _span(text, random)
    return text[:start] + random.choice(PASTED) + text[random.choice((start, end)) :]


def _replace_a_token(text: str, other: str, random: Random) -> str:
    tokens, taken = _TOKEN.findall(text) or [""], _TOKEN.findall(other) or [""]
    tokens[random.randrange(len(tokens))] = random.choice((random.choice(taken), random.choice(PASTED)))
    return "".join(tokens)


def _splice(text: str, other: str, random: Random) -> str:
    lines, first, last = _lines(text, random)
    taken, begin, end = _lines(other, random)
    return "".join([*lines[:first], *taken[begin:end], *lines[random.choice((first, last)) :]])


def _move(text: str, _: str, random: Random) -> str:
    lines, first, last = _lines(text, random)
    piece = lines[first:last]
    del lines[first:last]
    to = random.randint(0, len(lines))
    return "".join([*lines[:to], *piece, *lines[to:]])


def _drop(text: str, _: str, random: Random) -> str:
    lines, first, last = _lines(text, random)
    return "".join([*lines[:first], *lines[last:]])


def _repeat(text: str, _: str, random: Random) -> str:
    """Repeat lines, each time with other numbers in them if so drawn: keys and names stay unique."""
    lines, first, last = _lines(text, random)
    piece, count = "".join(lines[first:last]), random.choice((2, 3, 10, 100, 300))
    tokens, renamed = _TOKEN.findall(piece), random.randint(0, 1)
    named = [at for at, token in enumerate(tokens) if token.isidentifier()] if renamed else []
    chosen = random.choice(named) if named else -1
    more = ("".join(f"{token}{i}" if at == chosen else token for at, token in enumerate(tokens)) for i in range(count))
    return "".join([*lines[:last], *more, *lines[last:]]) if len(piece) * count < LONGEST else text


def _repeat_a_piece(text: str, _: str, random: Random) -> str:
    """Long lines and deep nesting: one piece of a line many times, or one on both sides of another."""
    start, end = _span(text, random, 12)
    count = random.choice((2, 20, 200, 2000))
    piece = random.choice((text[start:end], random.choice(PASTED)))
    before, after = random.choice(((piece, ""), ("[", "]"), ("{a: ", "}"), ("(", ")"), ("${a:-", "}"), ("$(", ")")))
    return text[:start] + before * count + text[start:end] + after * count + text[end:]


def _indent(text: str, _: str, random: Random) -> str:
    lines, first, last = _lines(text, random)
    by = random.choice(("  ", "\t", " ", ""))
    shifted = [by + line if by else line[min(2, len(line) - len(line.lstrip(" \t"))) :] for line in lines[first:last]]
    return "".join([*lines[:first], *shifted, *lines[last:]])


def _end_lines(text: str, _: str, random: Random) -> str:
    """Other line endings, everywhere or in one place; a byte order mark; no last newline."""
    lines = text.splitlines() or [""]
    end, at = random.choice(("\r\n", "\r", "\n", "\r\r\n", "\n\n")), random.randrange(len(lines))
    way = random.randint(0, 3)
    if way == 0:
        return end.join(lines) + end
    if way == 1:
        return "".join(line + (end if i == at else "\n") for i, line in enumerate(lines))
    return "\ufeff" + text if way == 2 else text.rstrip("\n")


def _other_case(text: str, _: str, random: Random) -> str:
    start, end = _span(text, random)
    return text[:start] + text[start:end].swapcase() + text[end:]


VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e400,
    10**400,
    0.5,
    "",
    "\ud800",
    "a\nb",
    "../a",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"": {}},
    "1" * 300,
)
"""What a value of JSON is replaced by."""


def _replace_a_value(text: str, other: str, random: Random) -> str:
    """Replace or remove one value of JSON, or make one more of a list; a text that is no JSON gets a token."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _replace_a_token(text, other, random)
    places: list[tuple[Any, Any]] = []
    waiting = [whole]
    while waiting and len(places) < 1000:
        node = waiting.pop()
        found = list(node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ())
        places += [(node, key) for key, _ in found]
        waiting += [value for _, value in found]
    if not places:
        return json.dumps(random.choice(VALUES))
    node, key = random.choice(places)
    way = random.randint(0, 3)
    if way == 0:
        del node[key]
    elif way == 1 and isinstance(node, list):
        node.append(node[key])
    elif way == 1:
        node[key] = [node[key]]
    else:
        node[key] = random.choice(VALUES)
    return json.dumps(whole, indent=random.choice((None, 1)))


CHANGES = (
    *(_paste, _paste, _paste, _replace_a_token, _replace_a_token, _splice, _splice, _move, _drop, _repeat),
    *(_repeat_a_piece, _indent, _end_lines, _other_case, _replace_a_value, _replace_a_value),
)
