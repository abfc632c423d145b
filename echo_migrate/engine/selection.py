"""The rules that a check asks, the images that are requested, and the files whose images are left alone."""

from functools import cache

from echo_migrate.files.source import Source
from echo_migrate.files.workspace import of_the_last
from echo_migrate.images.reference import parse
from echo_migrate.model import Migration
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import ByKind, Rule, Settings, by_kind

UNEDITED = {
    "vendored": because("vendored"),
    "fixture": because("fixture"),
    "generated": because("generated"),
    "official": because("official"),
    "embedded": because("embedded"),
    "backup": because("backup"),
    "foreign": because("foreign-workflow"),
    "example": because("example"),
}
"""Why the images of a file that nobody edits are left alone."""

OF_USERS = frozenset(("library-default",))
"""The reasons why an image is left alone as those of a file that nobody edits are: unless the user names the file."""


@cache
def blocking_rules() -> ByKind:
    """Return the rules whose errors make a migration unsafe, selected or not."""
    return by_kind(rule for rule in RULES.values() if rule.blocks)


class Selected:
    """The selected rules: their ids, those that do not block, and the node types that they and those that block ask."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.ids = frozenset(rule.id for rule in rules)
        self.others = by_kind(rule for rule in rules if not rule.blocks)
        self.kinds = frozenset((*by_kind(rules), *blocking_rules()))


@of_the_last
def selected(rules: tuple[Rule, ...]) -> Selected:
    """Return what a check needs of rules, which are mostly those of the last one."""
    return Selected(rules)


def default_of_users(move: Migration, source: Source, settings: Settings) -> Reason | None:
    """Return why an image is that of people elsewhere, None if it is none, or if the user named the file."""
    found = next((reason for reason in move.image.unsafe_reasons if reason.id in OF_USERS), None)
    return None if found is None or settings.chosen(source.path) else found


def requested(move: Migration, settings: Settings) -> bool:
    """Return whether an image is among those requested, by upstream name with or without tag."""
    tag = parse(move.image.ref.value).tag
    return not settings.images.isdisjoint((move.upstream or "", f"{move.upstream}:{tag}"))
