"""A package install that the base image makes unnecessary."""

from collections.abc import Iterator

from echo_migrate.dockerfile.layers import installed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.facts import ImageFacts, lacks_manager
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import root_of
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Word
from echo_migrate.shell.package_managers import Call, listed, package_name

_ELSEWHERE = ("--root", "-p", "--installroot", "-R", "--chroot", "--initdb")
_AGAIN = ("--upgrade", "--only-upgrade", "--reinstall", "--force-reinstall", "--latest")


@rule(on=Stage, level="note")
def redundant_package(stage: Stage, context: Context) -> Iterator[Finding]:
    image = root_of(stage, context.effective_bases) if stage.ships else None
    effective = context.effective_bases[image] if image else None
    if image is None or effective is None or not effective.base.packages:
        return
    if effective.target and context.moves[image].state == "needs-person":
        return  # its migration is not safe after all
    found = [(call, word) for call, word in installed(stage) if _redundant(call, word, effective.base)]
    if found:
        call, words = found[0][0], [word for _, word in found]
        one = len({package_name(word) for word in words}) == 1
        message = f"{effective.shown} already has {listed(words)}: do not install {'it' if one else 'them'}"
        message += " after the move" if effective.target else ""
        yield Finding(call.command.start, call.command.end, message)


def _redundant(call: Call, word: Word, base: ImageFacts) -> bool:
    """Return whether a package is certainly installed, in any version, and the base image already has it.

    An install of a specific version, or of the newest one, may change what the base image has.
    """
    if not word.known or package_name(word) != word.value or word.value not in base.packages:
        return False
    if lacks_manager(base, call.manager.name, call.manager.families) or call.has((*_ELSEWHERE, *_AGAIN), "u"):
        return False
    return call.command.always
