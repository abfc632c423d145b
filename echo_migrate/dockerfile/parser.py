"""The Dockerfile parser: instructions with exact source spans.

Follows frontend/dockerfile/parser of moby/buildkit (read at 73ed6825c, August 2026): parser directives, line
continuations with comments and blank lines inside, both escape characters, heredocs, flags, ONBUILD.
"""

import re
from typing import NamedTuple

from echo_migrate.dockerfile.expansion import expand, heredoc_words
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""The characters that Go's unicode.IsSpace accepts (str.strip() would also strip the separators U+001C to U+001F)."""

VERBS = frozenset(
    ("add", "arg", "cmd", "copy", "entrypoint", "env", "expose", "from", "healthcheck", "label", "maintainer")
    + ("onbuild", "run", "shell", "stopsignal", "user", "volume", "workdir")
)
_WITH_HEREDOC = frozenset(("add", "copy", "run"))
_DIRECTIVE = lazy_regex(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+)", re.DOTALL)
_WORD = re.compile(r"[^\t\v\f\r ]+")
_VERB = re.compile(r"([^\t\v\f\r ]*)[\t\v\f\r ]*")
_PLAIN_FLAG = lazy_regex(rf"--[^'\"\\`{SPACE}]*(?![^{SPACE}])")
"""A flag without quotes and escapes, as most are: it is read at once, others by character."""

_ARGUMENT = {
    escape: lazy_regex(
        r"""(?:[^\s'"E]+|'[^']*'?|"(?:[^"E]+|E.)*"?|E.?)+""".replace("E", re.escape(escape)),
        re.DOTALL,
    )
    for escape in "\\`"
}


class Broken(NamedTuple):
    """Why and where a text is not a valid Dockerfile."""

    start: int
    end: int
    reason: str


class Comment(NamedTuple):
    """A comment line, from its ``#`` to its end; ``below`` is the offset of the next line."""

    text: Traced
    below: int
    directive: bool = False


class Flag(NamedTuple):
    """A ``--name=value`` flag of an instruction, without quotes and escapes, and its source offsets."""

    name: str
    value: Traced
    start: int
    end: int


class Instruction(NamedTuple):
    """One instruction: ``args`` is the text after the verb and its flags, with lines joined; ``heredocs`` are the
    bodies.

    ``start`` is the offset of its first character, ``end`` that of the end of its last line (heredocs included, newline
    excluded). ``trigger`` is the instruction inside an ONBUILD, ``escape`` the escape character of the file.
    """

    verb: str
    args: Traced
    flags: tuple[Flag, ...]
    heredocs: tuple[Traced, ...]
    start: int
    end: int
    trigger: "Instruction | None" = None
    escape: str = "\\"

    def words(self) -> list[Traced]:
        """Return the arguments, split at all white space (as BuildKit does for FROM)."""
        return self.args.cuts(match.span() for match in _WORD.finditer(self.args.value))

    def arguments(self) -> list[Traced]:
        """Return the arguments, split at white space that is not quoted or escaped (as BuildKit does for ARG)."""
        return self.args.cuts(match.span() for match in _ARGUMENT[self.escape].finditer(self.args.value))

    def pairs(self) -> list[tuple[Traced, Traced | None]]:
        """Return the names of an ARG, ENV or LABEL, each with its value as written, or None if it has none.

        ``ENV name value`` and ``LABEL name value`` are a single pair, with the rest of the line as its value
        (Dockerfile reference).
        """
        words = self.arguments()
        if words and self.verb != "arg" and "=" not in words[0].value:
            begin = len(words[0].value)
            rest = self.args.value[begin:]
            begin += len(rest) - len(rest.lstrip(SPACE))
            return [(words[0], self.args.cut(begin, begin + len(rest.strip(SPACE))))]
        found: list[tuple[Traced, Traced | None]] = []
        for word in words:
            name, equals, _ = word.value.partition("=")
            value = word.cut(len(name) + 1, len(word.value)) if equals else None
            found.append((word.cut(0, len(name)), value))
        return found

    def unquoted(self, word: Traced) -> Traced:
        """Return a word without quotes and escapes, with variables as written; unchanged if it cannot be expanded."""
        try:
            return expand(word, lambda _: None, self.escape).text if word.value else word
        except ValueError:
            return word


class Dockerfile(NamedTuple):
    """A Dockerfile as instructions and comments.

    ``skipped`` are the line starts of blank lines and comments inside instructions, ``escape`` is the escape character,
    and ``broken`` is the reason why BuildKit would reject the file, or None.
    """

    instructions: tuple[Instruction, ...]
    comments: tuple[Comment, ...]
    skipped: tuple[int, ...]
    escape: str
    broken: Broken | None = None


def read(text: str) -> Dockerfile:
    """Parse a Dockerfile. Never raises: if BuildKit would reject it, ``broken`` is set, and the instructions before
    the error are kept."""
    return _Reader(text).read()


class _Reader:
    """Reads one text; ``continuing`` are the characters of which a continued line has one at its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.escape = "\\"
        self.continuing = "\\ \t"
        self.directives: set[str] | None = set()
        self.instructions: list[Instruction] = []
        self.comments: list[Comment] = []
        self.skipped: list[int] = []

    def read(self) -> Dockerfile:
        broken = None
        try:
            while self.position < len(self.text):
                self._instruction()
        except _Stop as stop:
            broken = stop.args[0]
        return Dockerfile(tuple(self.instructions), tuple(self.comments), tuple(self.skipped), self.escape, broken)

    def _line(self) -> tuple[int, int]:
        """Return the start of the next line, and its end without newline characters."""
        start = self.position
        end = self.text.find("\n", start)
        if end < 0:
            end = self.position = len(self.text)
        else:
            self.position = end + 1
        while end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def _continued(self, start: int, end: int) -> int | None:
        """Return the end of the line's content if the line is continued, else None."""
        content = self.text[start:end].rstrip(" \t")
        if content.endswith(self.escape) and content[-2:-1] != self.escape:
            return start + len(content) - 1
        return None

    def _directive(self, start: int, end: int) -> bool:
        if self.directives is None:
            return False
        match = (
            _DIRECTIVE.fullmatch(self.text[start + 1 : end].lstrip(SPACE).rstrip("\t\n\f\r "))
            if self.text[start : start + 1] == "#"
            else None
        )
        name = match[1].lower() if match else ""
        if not match or name not in ("syntax", "escape", "check"):
            self.directives = None
            return False
        if name in self.directives:
            raise _Stop(Broken(start, end, f"has the parser directive {name} twice"))
        self.directives.add(name)
        if name == "escape":
            if match[2] not in ("\\", "`"):
                raise _Stop(Broken(start, end, "has an escape directive that is neither a backslash nor a backtick"))
            self.escape = match[2]
            self.continuing = f"{self.escape} \t"
        return True

    def _instruction(self) -> None:
        text = self.text
        start, end = self._line()
        first = end - len(text[start:end].lstrip(SPACE))
        directive = self.directives is not None and self._directive(first, end)
        if first == end:
            return
        if text[first] == "#":
            self.comments.append(Comment(Traced.of(text, first, end), self.position, directive))
            return
        content = self._continued(first, end) if text[end - 1] in self.continuing else None
        if content is None:
            line = Traced.of(text, first, end)
        else:
            line, end = self._joined(first, end, content)
        instruction = self._parse(line, first, end)
        opener = instruction.trigger or instruction
        if "<<" in line.value and opener.verb in _WITH_HEREDOC and not _is_json(opener.args.value):
            heredocs, end = self._heredocs(line.value, first, end)
            opener = opener._replace(heredocs=heredocs, end=end)
            instruction = instruction._replace(end=end, trigger=opener) if instruction.trigger else opener
        self.instructions.append(instruction)

    def _joined(self, first: int, end: int, stop: int) -> tuple[Traced, int]:
        """Return the text of the lines of an instruction, of which the first has its content up to ``stop`` and is
        continued, and the end of the last one."""
        text = self.text
        content: int | None = stop
        runs = [(first, stop)]
        while content is not None and self.position < len(text):
            start, end = self._line()
            begin = end - len(text[start:end].lstrip(SPACE))
            if begin == end or text[begin] == "#":
                self.skipped.append(start)
                if begin < end:
                    self.comments.append(Comment(Traced.of(text, begin, end), self.position))
                continue
            content = self._continued(start, end)
            runs.append((start, end if content is None else content))
        written = tuple([run for run in runs if run[0] < run[1]]) or (runs[0],)
        return Traced("".join([text[a:b] for a, b in written]), written), end

    def _heredocs(self, line: str, start: int, end: int) -> tuple[tuple[Traced, ...], int]:
        text = self.text
        heredocs = []
        try:
            openers = list(heredoc_words(line))
        except ValueError:
            raise _Stop(Broken(start, end, "has a heredoc whose delimiter cannot be read")) from None
        for chomp, name in openers:
            begin = self.position
            while self.position < len(text):
                first, last = self._line()
                candidate = text[first:last]
                if (candidate.lstrip("\t") if chomp else candidate) == name:
                    end = last
                    break
            else:
                raise _Stop(Broken(start, end, f"has a heredoc that {name} does not end"))
            heredocs.append(Traced.of(text, begin, first))
        return tuple(heredocs), end

    def _parse(self, line: Traced, start: int, end: int, inside: bool = False) -> Instruction:
        value = line.value
        length = len(value.rstrip(SPACE))
        match = _VERB.match(value, length - len(value[:length].lstrip(SPACE)), length)
        assert match is not None
        args, flags = _flags(line.cut(match.end(), length), self.escape)
        verb = match[1].lower()
        trigger = self._parse(args, start, end, True) if verb == "onbuild" and args.value and not inside else None
        return Instruction(verb, args, flags, (), start, end, trigger, self.escape)


class _Stop(Exception):
    """Carries a ``Broken`` from where it is detected to ``read``."""


def _is_json(args: str) -> bool:
    """Return whether BuildKit reads the arguments as exec form, which has no heredocs.

    Text after the list is ignored (parser/line_parsers.go, parseJSON, reads one value).
    """
    if not args.startswith("["):
        return False
    import json

    try:
        return all(isinstance(item, str) for item in json.JSONDecoder().raw_decode(args)[0])
    except (ValueError, RecursionError):
        return False


def _flags(args: Traced, escape: str) -> tuple[Traced, tuple[Flag, ...]]:
    """Return the arguments after the flags, and the flags without quotes and escapes (split_command.go)."""
    value = args.value
    i = 0
    while i < len(value) and value[i] in SPACE:
        i += 1
    if not value.startswith("--", i):
        return (args.cut(i, len(value)) if i else args), ()
    words: list[tuple[int, int, list[tuple[int, int]]]] = []
    while value.startswith("--", i):
        begin = i
        plain = _PLAIN_FLAG.match(value, i)
        kept = [(i, plain.end())] if plain else []
        i = plain.end() if plain else i
        quote = ""
        while i < len(value) and (quote or value[i] not in SPACE):
            ch = value[i]
            if ch == quote:
                quote = ""
            elif not quote and ch in "'\"":
                quote = ch
            else:
                i += ch == escape
                kept.append((i, min(i + 1, len(value))))
            i += 1
        end = i
        while i < len(value) and value[i] in SPACE:
            i += 1
        if value[begin:end] == "--":
            break
        words.append((begin, end, _merged(kept) or [(begin, begin)]))
    pieces = iter(args.cuts(span for _, _, spans in words for span in spans))
    ends = args.cuts((begin, end) for begin, end, _ in words)
    flags = []
    for (_, _, spans), whole in zip(words, ends, strict=True):
        word = Traced.join([next(pieces) for _ in spans])
        name, equals, _ = word.value[2:].partition("=")
        start = 2 + len(name) + len(equals)
        flags.append(Flag(name, word.cut(start, len(word.value)), whole.start, whole.end))
    return args.cut(i, len(value)), tuple(flags)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
