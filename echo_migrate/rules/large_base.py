"""A final image based on a build image, or on a full image that has a slim variant."""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.layers import installed, tools_started
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.end_of_life import ends
from echo_migrate.images.reference import is_version, parsed
from echo_migrate.model import WINDOWS, Finding, Image
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, Settings, rule
from echo_migrate.shell.commands import SHELLS
from echo_migrate.shell.package_managers import package_name

_WITHOUT_RELEASE = frozenset(("current", "latest", "lts"))
"""Words of a tag behind which its slim variant has no other; that of a Debian release stands there otherwise."""

_ONLY_FULL = {
    **dict.fromkeys(("apt-key", "gpg"), "gnupg"),
    **{name: name for name in ("curl", "git", "make", "mercurial", "subversion", "unzip", "wget")},
    **dict.fromkeys(("scp", "ssh"), "openssh-client"),
}
"""The packages of programs that buildpack-deps brings to a full image (github.com/docker-library/buildpack-deps)."""

_OF_THE_SYSTEM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/var/lib/dpkg/")
"""Where programs lie that a distribution brings, and that make nothing of a project's."""

_COMPILING = frozenset(("bundle", "gem"))
"""Package managers whose packages are compiled where they are installed, more often than not (guides.rubygems.org)."""


@rule(on=Stage, level="note", also=("DD018",))
@of_shipped_images
def large_base(stage: Stage, context: Context) -> Iterator[Finding]:
    if stage.parent is not None or stage.ships != "layers" or not stage.certain:
        return
    image = next((one for one in context.moves if one.where == "FROM" and stage.start <= one.start <= stage.end), None)
    if image is None or image.local or image.platform == WINDOWS or context.moves[image].hardened:
        return  # images for Windows have no slim variants
    reference = parsed(image.ref.value)
    if reference is None:
        return
    upstream = context.settings.catalog.upstream(reference)
    words = {word.text for word in reference.words if not is_version(word.text)}
    facts = context.settings.catalog.facts
    if not upstream or upstream.likely or "$" in image.ref.value:
        return
    builder = upstream.name in facts.builders or words & facts.builder_words
    if builder and stage.started and not _starts(stage, upstream.name) and not tools_started(stage):
        message = f"{image.shown} is a build image and the final base image: "
        if any(map(_may_make, stage.runs)):
            message += "use it as a builder stage, and COPY the result into a smaller base image"
        else:  # what it ships is built elsewhere
            message += "use a smaller one" + (", with a JRE" if "jdk" in words else ", that only runs the program")
        yield Finding(image.start, image.end, message)
    elif upstream.name in facts.full and words <= {*facts.debian_releases, "current", "lts"}:
        tag = "-".join([word.text for word in reference.words if word.text != "latest"])
        over = _has_ended(image, upstream.name, context.settings)
        slim = f" ({f'{tag}-slim' if tag else 'slim'})" if words <= _WITHOUT_RELEASE and not over else ""
        todo = [f"use its slim variant{slim}"]
        if missed := _missed(stage):
            todo.append(f"install {', '.join(missed)}")
        if _compiles(stage, context):
            todo.append("compile in a builder stage")
        message = f"{image.shown} is the full image, with compilers: {', '.join(todo[:-1])}"
        message += f", and {todo[-1]}" if todo[1:] else todo[0]
        yield Finding(image.start, image.end, message)


def _missed(stage: Stage) -> list[str]:
    """Return the packages of programs that a stage calls and does not install, which a slim variant is without."""
    commands = [one for run in stage.runs for one in run.commands]
    commands += [one for start in stage.start_commands for one in start.script.commands]
    needed = {_ONLY_FULL[one.name] for one in commands if one.name in _ONLY_FULL}
    if any("git+" in run.instruction.args.value for run in stage.runs):  # pip and npm call it
        needed.add("git")
    return sorted(needed - {package_name(word) for _, word in installed(stage)})


def _may_make(run: Run) -> bool:
    """Return whether a RUN may make what a stage starts: it builds, installs packages, or runs a script."""
    installs = any(call.action == "install" and not call.manager.system for call in run.calls)
    named = [one.words[0].value for one in run.commands if one.words]
    scripts = any("/" in word and not word.startswith(_OF_THE_SYSTEM) for word in named)
    scripts |= not SHELLS.isdisjoint(run.names)
    return bool(run.that("build")) or installs or scripts


def _compiles(stage: Stage, context: Context) -> bool:
    """Return whether packages of a stage are compiled where they are installed."""
    calls = [call for run in stage.runs for call in run.calls]
    if any(call.manager.name in _COMPILING for call in calls):
        return True
    if not any(call.action == "install" for call in calls):
        return False
    from echo_migrate.rules._called_unseen import makes_packages  # few stages have more than system packages

    return makes_packages(stage, context.source.path, context.folders)


def _has_ended(image: Image, upstream: str, settings: Settings) -> bool:
    """Return whether a line that an image names has ended: another one is to be used, not its slim variant."""
    today = settings.today
    return bool(today) and any(not one.until for one in ends(image, upstream, settings.catalog, today))


def _starts(stage: Stage, upstream: str) -> bool:
    """Return whether the start commands of a stage have the name of an image as a word."""
    return upstream.rpartition("/")[2] in re.findall(r"[\w.-]+", stage.started)
