"""The tree-sitter grammar for bash, loaded when the first script is read."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser


@lru_cache
def parser() -> "Parser":
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
