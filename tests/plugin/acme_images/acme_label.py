"""A final image without Acme's label."""

from collections.abc import Iterator

from echo_migrate import Context, Finding, Stage, rule


@rule(on=Stage, level="warning")
def acme_label(stage: Stage, context: Context) -> Iterator[Finding]:
    names = {name.value for one in stage.instructions if one.verb == "label" for name, _ in one.pairs()}
    if stage.ships and "com.acme.team" not in names:
        yield Finding(stage.start, stage.end, "no label com.acme.team: add the team that answers for it")
