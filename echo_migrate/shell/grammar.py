"""The tree-sitter grammar for bash, loaded when the first script is read."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from echo_migrate.files import budget
from echo_migrate.files.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_CLOSED = lazy_regex(
    r"(?:\)|(?<=\s)\})[ \t](?=[ \t]{0,9}(?:do|done|elif|else|fi|then)\b)"
    r"|(?:\)|(?<=[;)}] )\}|(?<=;)\})[ \t](?=[ \t]{0,9}\})",
    needs=(")", "}"),
)
"""The end of a group with a reserved word (or ``}``) on the same line, which a shell takes and the grammar does not."""

_ENDED_HEREDOC = lazy_regex(
    r"(?m)(<<-?[ \t]{0,9}[\"']?\w{1,99}[\"']?(?:[ \t][^\n]{0,300})?[^&>;\n])([&;])(?=[ \t]{0,9}$)", needs=("<<",)
)
"""The end of a command with a heredoc on whose line nothing follows, which a shell takes and the grammar does not."""

_NEGATED_GROUP = lazy_regex(r"(?<![^\s;&|])!(?=[ \t]{1,9}\{\s)", needs=("!", "{"))
"""The negation of a group, which the grammar reads as a command ``{``."""

_BARE_HEREDOC = lazy_regex(
    r"(?m)^[ \t]{0,40}<<-?[ \t]{0,9}[\"']?(\w{1,99})[\"']?[ \t\r]{0,9}\n(?:[^\n]*\n){0,400}?[ \t]{0,40}\1[ \t\r]{0,9}$",
    needs=("<<",),
)
"""A heredoc that no command reads, as some write a comment, and of which the grammar makes an error."""

_SIGN = lazy_regex(r"[^\n]")
_NO_VARIABLE = lazy_regex(r"\\\$|\\[^$]|\$\$|\$(?![\w{(!@*#?$'\"-])", re.DOTALL)
"""The shell's process ID, ``$$``, and a literal ``$``; an escape is skipped."""


_OTHER = lazy_regex(r"[^\w./:@%+,*~^=;& \t-]", re.ASCII)
_TOKEN = lazy_regex(r"[^ \t&;]+|[&;]+")
_STATEMENT = frozenset(("case", "coproc", "declare", "do", "done", "elif", "else", "esac", "export", "fi", "for"))
_STATEMENT |= frozenset(("function", "if", "local", "readonly", "select", "then", "time", "typeset", "unset"))
_STATEMENT |= frozenset(("unsetenv", "until", "while"))
"""Words that begin another statement than a command, to a shell or to the grammar."""


def chain(script: str) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return the commands of a script that has words and ``&&`` or ``;`` alone, as every second one has, and needs no
    tree: each with the operator before it, and where its words begin and end. Nothing for all others."""
    if _OTHER.search(script):
        return []
    commands: list[tuple[str, list[tuple[int, int]]]] = [("", [])]
    for token in _TOKEN.finditer(script):
        word, words = token[0], commands[-1][1]
        if word[0] in "&;":
            if not words or word not in ("&&", ";"):
                return []
            commands.append((word, []))
        elif not words and (word[0] in "-:@%+,*~^" or "=" in word or word in _STATEMENT):
            return []
        else:
            words.append(token.span())
    return commands if commands[-1][1] else []


def masked(script: str) -> str:
    """Return a script, of the same length, without what the grammar misreads: it ends a word at a ``$`` that starts no
    variable, and is slow to recover from many of them."""
    if "$" in script:
        script = _NO_VARIABLE.sub(lambda match: match[0].replace("$", "x"), script)
    script = _BARE_HEREDOC.sub(lambda match: _SIGN.sub(" ", match[0]), script)
    return _NEGATED_GROUP.sub(" ", script)


def hides(script: str) -> bool:
    """Return whether the tree of a script may lack a negation, or that a command runs in the background."""
    return bool(_NEGATED_GROUP.search(script)) or any(one[2] == "&" for one in _ENDED_HEREDOC.finditer(script))


def tree(script: str) -> "Node":
    """Return the tree of a script. One byte is parsed for each character, so that its offsets are those of the text."""
    root = budget.parse(_parser(), script.encode("ascii", "replace"))
    if root.has_error:
        ended = _CLOSED.sub(lambda match: f"{match[0][:-1]};", script)
        ended = _ENDED_HEREDOC.sub(r"\1 ", ended)
        again = budget.parse(_parser(), ended.encode("ascii", "replace")) if ended != script else root
        return root if again.has_error else again
    return root


@lru_cache
def _parser() -> "Parser":
    from tree_sitter import Language, Parser

    return Parser(Language(_grammar()))


def _grammar() -> object:
    """Return ``tree_sitter_bash.language()`` without its package's other imports, which are half of the load time."""
    from importlib.machinery import PathFinder

    package = PathFinder.find_spec("tree_sitter_bash")
    folders = package.submodule_search_locations if package else None
    binding = PathFinder.find_spec("tree_sitter_bash._binding", folders) if folders else None
    if not binding or not binding.loader:
        from tree_sitter_bash import language

        return language()
    module = binding.loader.create_module(binding)
    assert module is not None
    binding.loader.exec_module(module)
    return module.language()


CONSTRUCTS = {
    "if_statement": "if",
    "for_statement": "for",
    "c_style_for_statement": "for",
    "while_statement": "while",
    "case_statement": "case",
    "function_definition": "function",
    "subshell": "subshell",
    "compound_statement": "group",
    "negated_command": "not",
}
"""The constructs around a command (``Command.inside``), by the type of their node."""

WORDS = frozenset(
    ("word", "string", "raw_string", "concatenation", "number", "simple_expansion", "expansion", "ansi_c_string")
    + ("command_substitution", "process_substitution", "arithmetic_expansion", "brace_expression", "regex")
    + ("translated_string", "extglob_pattern", "test_operator")
)
RESERVED = frozenset(("!", "do", "done", "elif", "else", "esac", "fi", "then", "{", "}"))
SUBSTITUTIONS = frozenset(("command_substitution", "process_substitution"))
SUBSHELLS = frozenset(("pipeline", "subshell"))
SILENT = frozenset(("test_command", "comment", "heredoc_start", "heredoc_end", "unset_command"))
PIPES = frozenset(("|", "|&"))
SEPARATORS = PIPES | {";", "\n", "&", "&&", "||", ";;"}


def tail(root: "Node") -> int | None:
    """Return the offset in the script behind its last statement, or None if that does not end in a simple command."""
    children = [child for child in root.children if child.type != "comment"]
    last = next((child for child in reversed(children) if child.is_named), None)
    behind = children[children.index(last) + 1 :] if last is not None else []
    end = last
    while end is not None and end.type in ("list", "redirected_statement") and end.children:
        simple = end.type == "list" or not any(child.type == "heredoc_redirect" for child in end.children)
        end = end.children[-1 if end.type == "list" else 0] if simple else None
    if last is None or end is None or end.type != "command" or any(child.type == "&" for child in behind):
        return None
    return last.end_byte
