"""The shell parser: turns the tree-sitter-bash tree of a script into commands.

A script that a command passes to a shell is parsed as well, so that this module is one recursion.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Places, Traced, traced
from echo_migrate.shell import grammar
from echo_migrate.shell.commands import (
    NOTHING,
    UNREADABLE,
    Command,
    Redirect,
    Script,
    Word,
    handed,
    made_word,
    printed_by,
    reader_of,
    reads_a_pipe,
    reads_input,
    sets_errexit,
    simple,
    undoes_errexit,
    within,
)
from echo_migrate.shell.exports import Exports
from echo_migrate.shell.quotes import unquoted

if TYPE_CHECKING:
    from tree_sitter import Node

_PLAIN = lazy_regex(r"[^$`\\'\"<>]*")
_UNKNOWN = lazy_regex(r"[$`]|<\(|>\(")


class _Reader:
    """Reads one script; ``commands`` is filled in source order."""

    def __init__(self, script: Traced, depth: int, substitutions: bool, shell: str) -> None:
        self.script = script
        self.shell = shell
        self.depth = depth
        self.substitutions = substitutions
        self.commands: list[Command] = []
        self.certain = True
        self.defines = False
        self.background = False
        self.fed = False  # whether something is piped or redirected to the input of what is read now
        self.input = False  # the same of the rest of the script: ``exec < file``
        self.latest: dict[int | None, int] = {}  # the last command of each host
        self.pieces = 0
        self.exports = Exports()
        places = Places(script)
        self.ends, self._cut = places.ends, places.cut

    def read(self, errexit: bool) -> Script:
        if chain := grammar.chain(self.script.value):
            tail: int | None = chain[-1][1][-1][1]
            for operator, words in chain:
                self._plain(tuple([self._word(*place) for place in words]), operator)
        else:
            root = grammar.tree(grammar.masked(self.script.value))
            self.certain = not root.has_error
            self._sequence(root, "", (), None)
            tail = grammar.tail(root)
            self.background = self.background or any(child.type == "&" for child in root.children)
            self.background = self.background or grammar.hides(self.script.value)
        for command in self.commands:
            if command.inside:
                continue
            if command.name != "set" or command.operator not in ("", ";", "\n"):
                break
            errexit = errexit or sets_errexit(command)
        if any(map(undoes_errexit, self.commands)):
            errexit = False
        if not self.certain:
            self.commands = [command._replace(editable=False) for command in self.commands]
        tail = tail if self.certain else None  # then the offset in the source
        if tail is not None:
            tail = self._cut(tail - 1, tail).end if tail else self.script.start
        return Script(tuple(self.commands), self.certain, errexit, tail, self.background, self.defines)

    def _plain(self, words: tuple[Word, ...], operator: str) -> None:
        """Read a command of words alone."""
        place, exported = (words[0].start, words[-1].end), self.exports.variables
        self.emit(simple(words, operator, (), (), (), None, *place, exported, self.shell))

    def _sequence(self, node: "Node", operator: str, inside: tuple[str, ...], host: int | None) -> None:
        """Read the statements among the children of a node, each with the operator that joins it to the previous."""
        fed = self.fed
        for child in node.children:
            kind = child.type
            if kind in grammar.SEPARATORS:
                operator = kind
                self.fed = fed or kind in grammar.PIPES
            elif child.is_named:
                count = len(self.commands)
                self._statement(child, operator, inside, host)
                if len(self.commands) > count or kind == "test_command":
                    operator = ";"
        self.fed = fed

    def _without_a_name(self, operator: str, host: int | None) -> None:
        """Note a statement that is no command, but has a status, behind the last command of its script."""
        if host in self.latest:
            last = self.latest[host]
            self.commands[last] = self.commands[last]._replace(then=(*self.commands[last].then, operator))

    def _statement(self, node: "Node", operator: str, inside: tuple[str, ...], host: int | None) -> None:
        kind = node.type
        if kind == "command":
            self._command(node, operator, inside, host, ())
        elif kind == "list":
            spine = []
            while node.type == "list" and node.children:  # a long chain is left-associative
                spine.append(node.children[1:])
                node = node.children[0]
            self._statement(node, operator, inside, host)
            for children in reversed(spine):
                joined = ";"
                for child in children:
                    if child.type in grammar.SEPARATORS:
                        joined = child.type
                    else:
                        self._statement(child, joined, inside, host)
        elif kind == "redirected_statement":
            self._redirected(node, operator, inside, host)
        elif kind in grammar.SILENT:
            self._substituted(node, inside, host)
            if kind in ("test_command", "unset_command"):
                self._without_a_name(operator, host)
            if kind == "unset_command":
                names = {self.script.value[one.start_byte : one.end_byte] for one in node.named_children}
                self.exports = self.exports.unset(names)
        elif kind == "variable_assignment":
            self._assigned([node], node, operator, inside, host)
        elif kind in ("variable_assignments", "declaration_command"):
            self._assigned(
                [child for child in node.children if child.type == "variable_assignment"], node, operator, inside, host
            )
        elif kind in grammar.WORDS:
            self._substituted(node, inside, host)
        elif kind == "ERROR":
            self.certain = False
        elif kind == "function_definition":
            self.defines = True
            self._sequence(node, operator, (*inside, grammar.CONSTRUCTS[kind]), host)
        else:
            before, count = self.exports, len(self.commands)
            self._sequence(
                node, operator, (*inside, grammar.CONSTRUCTS[kind]) if kind in grammar.CONSTRUCTS else inside, host
            )
            self.exports = before if kind in grammar.SUBSHELLS else self.exports
            if kind in grammar.CONSTRUCTS and len(self.commands) == count:
                self._without_a_name(operator, host)

    def _redirected(self, node: "Node", operator: str, inside: tuple[str, ...], host: int | None) -> None:
        redirects: list[Redirect] = []
        rest: list[Node] = []
        body = None
        for child in node.children:
            if child.type == "file_redirect":
                redirects += self._redirect(child)
            elif child.type == "heredoc_redirect":
                for part in child.children:
                    if part.type == "file_redirect":
                        redirects += self._redirect(part)
                    else:
                        rest.append(part)
            elif child.type == "herestring_redirect":
                rest.append(child)
            elif body is None:
                body = child
        number = len(self.commands) if body is not None and body.type == "command" else None
        fed = self.fed
        self.fed = fed or len(rest) > 0 or any("<" in one.operator for one in redirects)
        if body is not None and body.type == "command":
            self._command(body, operator, inside, host, tuple(redirects))
        elif body is not None:
            self._statement(body, operator, inside, host)
            last = next((i for i in reversed(range(len(self.commands))) if self.commands[i].inside == inside), None)
            if last is not None and body.type in ("list", "pipeline"):  # they are those of the last command
                self.commands[last] = self.commands[last]._replace(
                    redirects=(*self.commands[last].redirects, *redirects)
                )
                number = last
        else:
            self._without_a_name(operator, host)
        self.fed = fed
        joined = ";"
        for part in rest:
            if part.type in grammar.SEPARATORS:
                joined = part.type
                self.fed = fed or joined in grammar.PIPES
            elif part.type in ("heredoc_body", "herestring_redirect"):
                self._substituted(part, inside, host)
                reader = reader_of(self.commands, number) if part.type == "heredoc_body" else None
                if reader is not None:
                    self._feed(self._cut(part.start_byte, part.end_byte), reader)
            elif part.is_named and part.type not in grammar.SILENT:
                number = len(self.commands) if number is None and part.type == "command" else number
                self._statement(part, joined, inside, host)
        self.fed = fed

    def _redirect(self, node: "Node") -> Iterator[Redirect]:
        target = node.child_by_field_name("destination")
        if target is not None:
            word = self._word(target.start_byte, target.end_byte)
            yield Redirect(self.script.value[node.start_byte : target.start_byte].strip(), word)

    def _assigned(
        self, nodes: "list[Node]", whole: "Node", operator: str, inside: tuple[str, ...], host: int | None
    ) -> None:
        place = self._cut(whole.start_byte, whole.end_byte)
        assignments = tuple([pair for node in nodes for pair in self._assignment(node)])
        number = self.latest[host] = len(self.commands)
        self.commands.append(simple((), operator, inside, assignments, (), host, place.start, place.end))
        for node in nodes:
            self._substituted(node, inside, number)
        if whole.type == "declaration_command":
            words = [self._word(child.start_byte, child.end_byte) for child in whole.named_children]
            self.exports = self.exports.declared(whole.children[0].type, words)
        else:
            self.exports = self.exports.assigned(assignments)

    def _assignment(self, node: "Node") -> Iterator[tuple[str, Word]]:
        name = node.child_by_field_name("name")
        value = node.child_by_field_name("value")
        if name is not None and value is not None:
            yield self.script.value[name.start_byte : name.end_byte], self._word(value.start_byte, value.end_byte)

    def _command(
        self,
        node: "Node",
        operator: str,
        inside: tuple[str, ...],
        host: int | None,
        redirects: tuple[Redirect, ...],
    ) -> None:
        written: list[tuple[int, int, list[Node]]] = []
        assignments: list[tuple[str, Word]] = []
        more: list[Redirect] = []
        hosts: list[Node] = []
        for child in node.children:
            kind = child.type
            if kind == "command_name":
                child = child.children[0] if child.children else child
                kind = child.type
            if kind == "variable_assignment":
                assignments += self._assignment(child)
                hosts.append(child)
            elif kind == "file_redirect":
                more += self._redirect(child)
            elif kind != "herestring_redirect" and (child.is_named or not written or kind in ("=", "==")):
                if written and child.start_byte == written[-1][1]:  # the grammar ends an unquoted word at its second $
                    begin, _, pieces = written[-1]
                    pieces.append(child)
                    written[-1] = (begin, child.end_byte, pieces)
                else:
                    written.append((child.start_byte, child.end_byte, [child]))
            else:
                hosts.append(child)
        words = [self._word(begin, end) for begin, end, _ in written]
        for word, (_, _, pieces) in zip(words, written, strict=True):
            hosts += [] if word.known else pieces
        redirects = (*redirects, *more)
        if not words and not assignments:
            return
        if words and words[0].value in grammar.RESERVED and not words[0].quoted:
            self.certain = False  # to a shell, it is a misplaced keyword
        last = words[-1].end if words else assignments[-1][1].end
        first = assignments[0][1].start if assignments else words[0].start
        given, exported = tuple(assignments), self.exports.variables
        command = simple(tuple(words), operator, inside, given, redirects, host, first, last, exported, self.shell)
        given_input = "herestring_redirect" in [one.type for one in hosts] or "<" in "".join(
            [one.operator for one in more]
        )
        if self.fed or self.input or given_input:
            command = command._replace(fed=True)
            self.input = self.input or command.name == "exec"
        number = self.emit(command)
        for part in hosts:
            self._substituted(part, inside, number)
            if part.type == "herestring_redirect" and reads_input(self.commands[number]):
                self._feed(self._word(part.named_children[-1].start_byte, part.end_byte).text, number)

    def _feed(self, script: Traced, number: int) -> None:
        """Append the commands of a script that a command reads from its standard input."""
        by = self.commands[number]
        fed = read(script, depth=self.depth + 1, shell=by.name) if self.depth < DEEPEST else UNREADABLE
        self._nest(within(fed, by, number, editable=True))

    def _substituted(self, node: "Node", inside: tuple[str, ...], host: int | None) -> None:
        """Read the commands of the substitutions below a node."""
        waiting = [node] if self.substitutions else []
        while waiting:
            node = waiting.pop()
            if node.type in grammar.SUBSTITUTIONS:
                exports = self.exports
                self._sequence(node, "", (*inside, "substitution"), host)
                self.exports = exports
            elif node.children:
                waiting += reversed(node.children)

    def _word(self, start: int, end: int) -> Word:
        value = self.script.value[start:end]
        plain = _PLAIN.fullmatch(value)
        i = bisect_right(self.ends, start)
        if plain and i < len(self.ends) and end <= self.ends[i]:  # fast path for most words
            begin = self.script.spans[i][1] - self.ends[i] + start
            last = begin + end - start
            return made_word((traced((value, ((begin, last),))), True, begin, last, True))
        whole = self._cut(start, end)
        if plain:
            return Word(whole, True, whole.start, whole.end)
        known = not _UNKNOWN.search(value)
        text, pieces = whole, 1
        if "\\" in value or "'" in value or '"' in value:
            spans = list(unquoted(value))
            pieces = len(spans)
            self.pieces += pieces
            if self.pieces > MOST_PIECES:
                raise RecursionError
            known = known or not _UNKNOWN.search("".join([value[a:b] for a, b, quote in spans if quote != "'"]))
            kept = [(a, b) for a, b, _ in spans if a < b] or [(1, 1)]
            text = Traced.join([self._cut(start + a, start + b) for a, b in kept])
        return Word(text, known, whole.start, whole.end, pieces == 1)

    def emit(self, command: Command) -> int:
        """Append a command and the commands of the script it passes to a shell; return its index."""
        number = self.latest[command.host] = len(self.commands)
        self.commands.append(command)
        if command.name == "set":
            self.exports = self.exports.after_set(command)
        script = run_by(command, number, self.depth)
        if script:
            self._nest(script)
        printed = printed_by(self.commands[number - 1]) if number and reads_a_pipe(command) else None
        if printed and self.commands[number - 1].inside == command.inside:
            self._feed(printed, number)
        return number

    def _nest(self, script: Script) -> None:
        """Append the commands of a script that a command passes to a shell."""
        self.certain = self.certain and script.certain
        self.defines = self.defines or script.defines
        self.background = self.background or script.background
        self.commands += script.commands


DEEPEST = 8
"""The maximum nesting of scripts in scripts (``sh -c "sh -c …"``) that is read."""
LONGEST = 30_000
"""The maximum length of a script in characters, twice that of real ones: syntax errors in longer ones cost seconds."""
DEEPEST_NESTING = 500
MOST_PIECES = 2 * LONGEST
"""The maximum number of pieces of all words: those of a word in a substitution are in all around it."""


def read(
    script: Traced, errexit: bool = False, depth: int = 0, substitutions: bool = True, shell: str = "sh"
) -> Script:
    """Return the commands of a script for a POSIX shell or bash; ``UNREADABLE`` if it is too long or nested too deep.

    ``errexit`` is true if the shell is called with ``-e``, ``depth`` is the number of enclosing scripts, and
    ``substitutions`` selects whether the commands in ``$(…)`` are read. ``shell`` is the name of the shell.
    """
    if not script.spans or len(script.value) > LONGEST or max(map(script.value.count, "(`|")) > DEEPEST_NESTING:
        return UNREADABLE
    try:
        return _Reader(script, depth, substitutions, shell).read(errexit)
    except RecursionError:
        return UNREADABLE


def execute(words: tuple[Word, ...], start: int, end: int) -> Script:
    """Return the commands that a list of words, between two source offsets, runs without a shell (exec form)."""
    command = simple(words, "", (), (), (), None, start, end)._replace(editable=False, shell="")
    inner = run_by(command)
    inner = inner or NOTHING
    return Script((command, *inner.commands), inner.certain, False, None, inner.background, inner.defines)


def run_by(command: Command, number: int = 0, depth: int = 0) -> Script | None:
    """Return the script that a command passes to a shell, or None if it passes none.

    ``number`` is the index of the command in the enclosing script, ``depth`` the number of scripts around that script.
    """
    word = handed(command)
    if word is None:
        return None
    # the outer shell runs the substitutions of a word that is not known, so they are read there
    shell = command.shell if command.name == "eval" else command.name
    script = read(word.text, False, depth + 1, word.known, shell) if depth < DEEPEST else UNREADABLE
    return within(script, command, number, editable=word.quoted and word.verbatim)
