"""Packages that a package manager installs in the final image."""

from collections.abc import Iterator

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.layers import remaining_installs
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import ASKS
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import lacks_manager
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Word
from echo_migrate.shell.package_managers import listed, package_name, used_for


@rule(on=Stage, level="note", blocks=True)
def package_install(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    impossible = next(_impossible(stage, effective), None) if effective else None
    if impossible:
        yield impossible
        return
    if not stage.ships:
        return
    found = [
        (call, words)
        for run in stage.runs
        for call, words in remaining_installs(run)
        if words or call.opaque or call.unnamed
    ]
    if found:
        call, _ = found[0]
        words = [word for _, words in found for word in words if word.known]
        unnamed = any(call.unnamed for call, _ in found)
        what = listed(words) or ("build dependencies" if unnamed else "packages")
        managers = list(dict.fromkeys(one.command.name for one, _ in found))
        message = f"{' and '.join(managers)} {'adds' if len(managers) == 1 else 'add'} {what} "
        message += f"to the final image: {_remedy(stage, words, unnamed)}"
        yield Finding(call.command.start, call.command.end, message, quiet=True)


def _impossible(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
    """Yield an error for each install with a manager that neither the base image nor an earlier step provides."""
    for run in stage.runs:
        for call in run.calls if run.script and ASKS.isdisjoint(run.names) else ():
            command, manager = call.command, call.manager
            elsewhere = "chroot" in command.via or "/" in command.words[0].value or not manager.system
            if elsewhere or not lacks_manager(effective.base, manager.name, manager.families):
                continue
            # few stages have the wrong manager
            from echo_migrate.dockerfile.programs import SHELL_PROGRAMS, manager_of, may_provide, mounted

            package = command.name.partition("-")[0]  # apt-get is in the package apt
            wanted = [command.name, package, *(SHELL_PROGRAMS if effective.base.shell is not True else ())]
            # nothing makes one of a system by the way: it is installed, copied or unpacked, or a script does that
            there = mounted(run, [command.name]) or may_provide(
                stage, effective.base, wanted, command.start, likely=True
            )
            if run.script and must_succeed(command, run.script) and not there:
                own = manager_of(effective.base)
                names = _names(stage, manager.name, effective.base.family) if own else ""
                remedy = f"use {own}" if own else f"install in a stage with {command.name}, and COPY what is needed"
                message = f"{effective.shown} has no {command.name}: {remedy}"
                if effective.target and own:  # until the base has moved, neither would do
                    message = f"{effective.shown} has {own}, not {command.name}"
                message += f"; package names there: {names}" if names else ""
                yield Finding(command.start, command.end, message, level="error")


def _names(stage: Stage, manager: str, family: str | None) -> str:
    """Return what the packages that a manager installs in a stage are called in a distribution of a family, "" where
    that is not known."""
    from echo_migrate.shell.package_names import named_there  # few stages have the wrong manager

    return named_there((call for run in stage.runs for call in run.calls if call.manager.name == manager), family)


def _remedy(stage: Stage, words: list[Word], unnamed: bool) -> str:
    """Return the remedy, which depends on what the packages are used for: by the build, at run time, or not known."""
    uses = {used_for(word) for word in words} | ({"build"} if unnamed else set())
    names = {package_name(word) for word in words}
    if uses == {"build"}:
        return "compile in a builder stage, and COPY the result"
    it = "it" if len(names) == 1 else "them"
    started = tuple(_STARTED.findall(stage.started))
    if any(name.startswith(started) for name in names):
        return f"COPY {it} from a builder stage, or use a base with {it}"
    called = {name for run in stage.runs for name in run.names}
    if uses and uses <= {"shell", "network", "download"} and names <= called:
        return f"use {it} in a builder stage, and COPY the result"
    return f"remove {it}, or COPY {it} from a builder stage"


_STARTED = lazy_regex(r"[a-z][\w.+-]{2,}")
"""Words of start commands that may be programs: ``node`` is of the package nodejs."""
