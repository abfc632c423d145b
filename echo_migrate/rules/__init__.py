"""The rules: one module each, registered by being here, with its page (``x.md``) beside it."""

import os
from importlib import import_module

from echo_migrate.model import Migration
from echo_migrate.rules._rule import Rule
from echo_migrate.rules.likely_image import likely_image
from echo_migrate.rules.mapped_image import mapped_image
from echo_migrate.rules.unresolved_image import unresolved_image

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _load() -> dict[str, Rule]:
    rules = {}
    for name in sorted(os.listdir(_FOLDER)):
        stem, _, ending = name.partition(".")
        if ending == "py" and not stem.startswith("_"):
            rule = getattr(import_module(f"{__name__}.{stem}"), stem)
            rules[rule.id] = rule
    return rules


RULES = _load()


def reporting(move: Migration) -> Rule:
    """Return the rule that reports what becomes of an image: comments and selections for it decide over the move."""
    return unresolved_image if move.upstream is None else likely_image if move.likely else mapped_image


def page(id: str) -> str:
    """Return a rule's documentation, in Markdown."""
    with open(os.path.join(_FOLDER, id.replace("-", "_") + ".md"), encoding="utf-8") as file:
        return file.read()
