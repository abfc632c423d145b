"""The rules: one module each, registered by its presence, with its page (``x.md``) next to it."""

import os
from importlib import import_module

from echo_migrate.model import Migration
from echo_migrate.rules._rule import Rule
from echo_migrate.rules.renamed_image import renamed_image
from echo_migrate.rules.unhardened_image import unhardened_image
from echo_migrate.rules.unresolved_image import unresolved_image

SITE = "https://echo-migrate.example.com"
"""The address of the published documentation, with which links to rule pages begin."""

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
FORMER = {name: rule.id for rule in RULES.values() for name in rule.former}
"""The current id of a rule, by each of its former ids."""

_FIRST = {rule.id: rule.former[0] for rule in RULES.values() if rule.former}


def first_id(id: str) -> str:
    """Return the first id that a rule had; fingerprints use it, so that they survive a renaming."""
    return _FIRST.get(id, id)


def reporting(move: Migration) -> Rule:
    """Return the rule that reports an image; ignoring or deselecting it also prevents the image's migration."""
    return unresolved_image if move.upstream is None else renamed_image if move.likely else unhardened_image


def link(id: str) -> str:
    """Return the address of a rule's page, given its id."""
    return f"{SITE}/rules/{id}/"


def page(id: str) -> str:
    """Return the page of a rule as Markdown, given its id."""
    with open(os.path.join(_FOLDER, id.replace("-", "_") + ".md"), encoding="utf-8") as file:
        return file.read()
