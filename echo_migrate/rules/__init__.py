"""The rules: one module each, registered by its presence, with its page (``x.md``) next to it; and those of plugins."""

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from echo_migrate.files.plugins import found, loaded
from echo_migrate.model import Finding, Migration
from echo_migrate.rules._rule import Check, Context, Rule
from echo_migrate.rules.renamed_image import renamed_image
from echo_migrate.rules.unhardened_image import unhardened_image
from echo_migrate.rules.unresolved_image import unresolved_image

if TYPE_CHECKING:
    from echo_migrate.files.entry_points import Plugin

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
    for plugin, rule in loaded("rules").items():
        if not isinstance(rule, Rule) or rule.id != plugin.name:
            plugin.broken(f"is no rule {plugin.name}: the decorator rule makes one, named for its module")
        elif rule.id in rules:
            plugin.broken("there is a rule of this name")
        else:
            rules[rule.id] = rule._replace(check=_guarded(plugin, rule.check))
    return rules


def _guarded(plugin: "Plugin", check: Check) -> Check:
    """Return the check of a plugin's rule that has no findings, and is told once, where it fails."""

    def guarded(node: Any, context: Context) -> Iterator[Finding]:
        try:
            for finding in check(node, context):
                whole = len(context.source.text)
                if not isinstance(finding, Finding) or not 0 <= finding.start <= finding.end <= whole:
                    raise TypeError("yields what is no finding within the text")
                yield finding
        except (Exception, SystemExit) as error:
            plugin.broken(error)

    return guarded


RULES = _load()
FORMER = {name: rule.id for rule in RULES.values() for name in rule.former}
"""The current id of a rule, by each of its former ids."""

_FIRST = {rule.id: rule.former[0] for rule in RULES.values() if rule.former}


def first_id(id: str) -> str:
    """Return the first id that a rule had; fingerprints use it, so that they survive a renaming."""
    return _FIRST.get(id, id)


class UnknownRule(ValueError):
    """A name that no rule has, or that several have; the message names it."""


def named(name: str) -> Rule:
    """Return a rule by its id, a former id, or an unambiguous id of another linter. Raises ``UnknownRule``."""
    if name in RULES:
        return RULES[name]
    also = [rule for rule in RULES.values() if name in rule.names]
    if len(also) != 1:
        from echo_migrate.files.spelling import near

        raise UnknownRule(": ".join(filter(None, (f"no rule {name!r}", near(name, RULES)))))
    return also[0]


def selected(names: Iterable[str], ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of these names, without those ignored; "default" and "all" stand for several. Raises
    ``UnknownRule``."""
    names = tuple(names)
    chosen = {named(name).id for name in names if name not in ("all", "default")}
    if not {"all", "default"}.isdisjoint(names):
        chosen |= {name for name, rule in RULES.items() if rule.default or "all" in names}
    chosen -= {named(name).id for name in ignore}
    return tuple(rule for name, rule in RULES.items() if name in chosen)


def not_named(names: Iterable[str]) -> frozenset[str]:
    """Return the ids of the rules that are not among these names, and whose quiet findings are not reported."""
    names = tuple(names)
    if "all" in names:
        return frozenset()
    return frozenset(RULES) - {named(name).id for name in names if name != "default"}


def reporting(move: Migration) -> Rule:
    """Return the rule that reports an image; ignoring or deselecting it also prevents the image's migration."""
    return unresolved_image if move.upstream is None else renamed_image if move.likely else unhardened_image


def link(id: str) -> str:
    """Return the address of a rule's page, given its id; of a plugin's rule the plugin's own, or one about plugins."""
    plugin = _plugin(id)
    return f"{SITE}/rules/{id}/" if plugin is None else plugin.page or f"{SITE}/plugins/"


def page(id: str) -> str:
    """Return the page of a rule as Markdown, given its id; of a plugin's rule without one, the docstring of its
    module."""
    stem, plugin = id.replace("-", "_"), _plugin(id)
    if plugin is None:
        path = os.path.join(_FOLDER, f"{stem}.md")
    else:
        module = sys.modules[loaded("rules")[plugin].check.__module__]
        path = os.path.join(os.path.dirname(module.__file__ or ""), f"{stem}.md")
        if not os.path.isfile(path):
            return f"# {id}\n\n{(module.__doc__ or '').strip()}\n"
    with open(path, encoding="utf-8") as file:
        return file.read()


def _plugin(id: str) -> "Plugin | None":
    return next((plugin for plugin in found("rules") if plugin.name == id), None)
