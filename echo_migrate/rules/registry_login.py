"""A job or file that uses hardened images without a login to their registry."""

from collections.abc import Iterator

from echo_migrate.model import Finding, Pipeline
from echo_migrate.rules._rule import Context, rule


@rule(on=Pipeline, level="warning", fixable=True)
def registry_login(pipeline: Pipeline, context: Context) -> Iterator[Finding]:
    host = context.settings.catalog.registry.partition("/")[0]
    when = "" if pipeline.now else "after the migration, "
    message = f"{when}{pipeline.what} from {host} without a login: {pipeline.remedy}"
    yield Finding(pipeline.start, pipeline.end, message, pipeline.fix, level=pipeline.level)
