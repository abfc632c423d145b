"""Packages that a package manager installs into the final image."""

from collections.abc import Iterator

from echo_migrate.engine import Context
from echo_migrate.layers import kept
from echo_migrate.model import Finding, rule
from echo_migrate.packages import listed, used_for
from echo_migrate.shell import Word
from echo_migrate.stages import Stage


@rule(on=Stage, level="note")
def package_install(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships:
        return
    found = [(call, words) for run in stage.runs for call, words in kept(run) if words or call.opaque]
    if found:
        call, _ = found[0]
        words = [word for _, words in found for word in words if word.known]
        managers = list(dict.fromkeys(one.command.name for one, _ in found))
        says = (
            f"{' and '.join(managers)} {'installs' if len(managers) == 1 else 'install'} {listed(words) or 'packages'} "
        )
        says += f"into the final image; hardened images often have no package manager: {_remedy(words)}"
        yield Finding("package-install", call.command.start, call.command.end, says)


def _remedy(words: list[Word]) -> str:
    """What takes the place of an install."""
    uses = {used_for(word) for word in words}
    if uses == {"build"}:
        return "compile in a builder stage, and COPY the result"
    if uses and uses <= {"shell", "network", "download"}:
        return "use them in a builder stage, and COPY what they bring"
    return "install in a builder stage and COPY what is needed, or take a base image that has them"
