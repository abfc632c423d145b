"""An upgrade of all packages of the base image."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="note", default=False, also=("DL3005", "DL3017", "DL3035", "DD013", "DD026"))
@of_shipped_images
def package_upgrade(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run if stage.ships else ():
        for call in run.calls:
            if call.action == "upgrade" and call.manager.system and not call.manager.whole and not call.packages:
                message = (
                    f"{call.shown} stores packages twice, and versions change with each build: remove it, and use "
                )
                message += "a maintained base image"
                yield Finding(call.command.start, call.command.end, message)
                return
