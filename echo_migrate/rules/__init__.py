"""The rules: one module each, registered by being here, with its page (``x.md``) beside it."""

import os
from importlib import import_module

from echo_migrate.rules._rule import Rule

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


def page(id: str) -> str:
    """Return a rule's documentation, in Markdown."""
    with open(os.path.join(_FOLDER, id.replace("-", "_") + ".md"), encoding="utf-8") as file:
        return file.read()
