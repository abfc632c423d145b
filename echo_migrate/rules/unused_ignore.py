"""An echo-migrate ignore comment that suppresses nothing."""

from collections.abc import Iterator

from echo_migrate.files.spelling import near
from echo_migrate.model import Finding, Ignore
from echo_migrate.rules._rule import Context, rule


@rule(on=Ignore, level="note")
def unused_ignore(ignore: Ignore, context: Context) -> Iterator[Finding]:
    from echo_migrate.rules import RULES

    if not ignore.ours:
        return
    known = {name for rule in RULES.values() for name in rule.names}
    asked = {name for rule in context.settings.rules for name in rule.names}
    unknown = ignore.rules - known - {"*"}
    if unknown:
        name = min(unknown)
        remedy = near(name, known) or "see: echo-migrate rules"
        yield Finding(ignore.start, ignore.end, f"unknown rule {name}: {remedy}")
    elif ignore not in context.used and ignore.rules - {"*"} <= asked:
        names = ", ".join(sorted(ignore.rules - {"*"})) or "any rule"
        yield Finding(ignore.start, ignore.end, f"unused ignore comment: {names} reports nothing here, remove it")
