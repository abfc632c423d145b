"""The effective base of each stage and service, and the reasons why it may lack what they need.

Each image is checked once: as its migration target if the migration is otherwise safe, else as it is.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from posixpath import basename
from typing import Any, NamedTuple

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Graph, Stage
from echo_migrate.dockerfile.startup import INITS, SCRIPTS, StartCommand, as_started, passes, wraps
from echo_migrate.files.source import Source
from echo_migrate.files.spelling import few
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import FOLDERS, ImageFacts, facts_of, has_tools, is_root
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import familiar, is_number, parsed, with_values
from echo_migrate.images.state import state_in_volume
from echo_migrate.model import Image, Migration
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import SHELLS
from echo_migrate.shell.package_managers import does

_NODE = "node"
_OF_SERVICES = ("command", "entrypoint", "healthcheck")


class EffectiveBase(NamedTuple):
    """The base image of a stage or service: the target if a safe fix migrates its reference, else the current image.

    ``base`` are its facts, and ``target`` is true if it is a target; then ``before`` are the facts of the current
    image.
    """

    base: ImageFacts
    reference: str
    target: bool = False
    before: ImageFacts | None = None

    @property
    def short(self) -> bool:
        """Whether it is a target that is known to lack something that may be needed."""
        return self.target and self.base.wants

    @property
    def shown(self) -> str:
        """The image in messages."""
        return f"the new image {self.reference}" if self.target else self.reference


class EffectiveBases(dict[Image, EffectiveBase]):
    """The effective bases of a file, by image."""

    @cached_property
    def _froms(self) -> list[Image]:
        return sorted((image for image in self if image.where == "FROM"), key=lambda image: image.start)

    @cached_property
    def _roots(self) -> dict[tuple[Graph, int], tuple[Image | None, EffectiveBase | None]]:
        return {}

    def root(self, stage: Stage) -> Image | None:
        """Return the FROM image of the first stage in a stage's lineage, or None if it has no effective base."""
        return self._rooted(stage)[0]

    def of(self, node: Any) -> EffectiveBase | None:
        """Return the effective base of a stage or service, or None if it is based on no image of the file."""
        if isinstance(node, Stage):
            return (self._roots.get((node.graph, node.number)) or self._rooted(node))[1]  # each rule asks
        return self.get(node.image) if isinstance(node, Container) and node.image else None

    def _rooted(self, stage: Stage) -> tuple[Image | None, EffectiveBase | None]:
        key = stage.graph, stage.number  # each rule asks for each stage, and the hashes of stage and image are slower
        if key not in self._roots:
            first = stage.lineage[0]
            place = bisect_left(self._froms, first.start, key=lambda image: image.start)
            found = self._froms[place] if place < len(self._froms) else None
            self._roots[key] = (found, self[found]) if found and found.start < first.end else (None, None)
        return self._roots[key]


def effective_bases(images: Iterable[Image], moves: Iterable[Migration], catalog: Catalog) -> EffectiveBases:
    """Return the effective base of each image, given its migration, without local names other than ``scratch``."""
    found = EffectiveBases()
    for image, move in zip(images, moves, strict=True):
        if image.local and image.local != "scratch":
            continue
        base = _facts(image.ref.value, image, catalog)
        if move.safe and move.target:
            found[image] = EffectiveBase(_facts(move.target, image, catalog), move.target, True, base)
        else:
            found[image] = EffectiveBase(base, image.shown)
    return found


def _facts(value: str, image: Image, catalog: Catalog) -> ImageFacts:
    """Return the facts about the image that a reference names; of those that its variables choose from, as in a matrix,
    about the one that is known to lack most."""
    chosen = [facts_of(with_values(dict(values), value), catalog) for values in image.choices]
    chosen = chosen or [facts_of(value, catalog)]
    return max(chosen, key=lambda one: (one.wants, one.shell is False, one.unprivileged))


def root_of(node: Any, effective_bases: EffectiveBases) -> Image | None:
    """Return the image that a stage (through its lineage) or a service is based on, or None."""
    if isinstance(node, Stage):
        return effective_bases.root(node)
    return node.image if isinstance(node, Container) else None


def other_blockers(
    nodes: Iterable[Stage | Container],
    effective_bases: EffectiveBases,
    catalog: Catalog,
    source: Source,
    folders: Callable[[str], frozenset[str]],
) -> dict[Image, list[Reason]]:
    """Return the reasons why migrations are unsafe that no finding reports, by image: another default user, commands
    that could not be read, data in volumes. ``source`` is the file, ``folders`` returns those that a Dockerfile is
    known to be built from."""
    found: dict[Image, list[Reason]] = {}
    for node in nodes:
        image = root_of(node, effective_bases)
        effective = effective_bases.get(image) if image else None
        if image and effective and effective.target:
            reasons = [
                *_user_changes(node, effective),
                *_not_known(node, effective, source.path),
                *_wrapped(node, effective),
                *_entered_unknown(node, image, effective),
                *_programs(node, image, effective, catalog, source.path, folders),
                *_package_sources(node, effective, catalog, source),
                *_scripts(node, effective, source),
                *_ports(node, effective),
                *_elsewhere(node, effective, image, catalog),
                *_worked_in(node, catalog),
                *_variables(node, image, catalog),
                *_unset(node, image, effective, catalog),
            ]
            found.setdefault(image, []).extend([*reasons, *_state(node, image, effective, catalog)])
    for image, effective in effective_bases.items():
        if image not in found and effective.target:
            found[image] = _unread(image, effective.base, catalog)
    return {image: reasons for image, reasons in found.items() if reasons}


def _user_changes(node: Stage | Container, effective: EffectiveBase) -> list[Reason]:
    before, after, stage = effective.before, effective.base, stage_of(node)
    own = node.user is not None or (stage is not None and (stage.user is not None or not stage.top))
    if own or before is None or not after.unprivileged or after.user == before.user:
        return []
    user = after.user or ""
    return [because("user", user=user, before=before.user) if before.user else because("user-unknown", user=user)]


def _not_known(node: Stage | Container, effective: EffectiveBase, path: str) -> Iterator[Reason]:
    """Yield the reasons why a target that lacks something may break a stage or service, if that is not certain.

    A finding requires that something needed is certainly missing, a safe migration that it is certainly present.
    """
    base = effective.base
    if not effective.short:
        return
    if isinstance(node, Container):
        unread = node.open or any(one.words is None and not one.shell for one in node.start_commands)
        unread = unread or any(one.verb in _OF_SERVICES for one in node.entered)
        if unread or any(path.startswith("/docker-entrypoint") for path in node.mounts):
            yield because("start-unread")
    if base.shell is not False:
        return
    from echo_migrate.dockerfile.copied_scripts import starts_by_env  # most images have a shell
    from echo_migrate.dockerfile.programs import SHELL_PROGRAMS, is_there, may_provide

    if isinstance(node, Stage):
        for run in (*node.runs, *node.triggers):
            if (
                not run.shell_form
                or may_provide(node, base, SHELL_PROGRAMS, run.instruction.start)
                or run in node.triggers
            ):
                yield because("run-unknown")
    given = ("cmd", "command") if effective.before and wraps(effective.before.entrypoint) else ()  # by that script
    for launch in _launches(node):
        name = (launch.words or ("",))[0]
        if launch.shell and may_provide(node, base, SHELL_PROGRAMS):
            yield because("shell-unknown")
        elif name[:1] not in ("", "-") and not is_there(name, base):
            yield because("program-unknown", program=basename(name))
        elif not launch.shell and launch.verb not in given and starts_by_env(launch.words, node, base, path):
            yield because("program-unknown", program="env")


def _programs(
    node: Stage | Container,
    image: Image,
    effective: EffectiveBase,
    catalog: Catalog,
    path: str,
    folders: Callable[[str], frozenset[str]],
) -> Iterator[Reason]:
    """Yield the tools that nobody is known to bring: those that are called, and those that package managers start."""
    launches = _launches(node)
    runs = (*node.runs, *node.triggers) if isinstance(node, Stage) else ()
    if not (runs or launches or (isinstance(node, Container) and node.entered)):
        return
    from echo_migrate.rules._called_tools import tools  # many stages start nothing

    yield from (called := list(tools(node, launches, image, effective.before, effective.base, catalog, path)))
    installing = any(does(one, "install") for launch in launches for one in launch.script.commands)
    if (installing or any(run.that("install") for run in runs)) and has_tools(image.ref.value, catalog):
        from echo_migrate.rules._called_unseen import programs_unseen  # few stages have more than system packages

        yield from programs_unseen(node, launches, effective.base, path, called, folders)


def _package_sources(
    node: Stage | Container, effective: EffectiveBase, catalog: Catalog, source: Source
) -> Iterator[Reason]:
    """Yield the reasons for the distribution's list of package sources, and for a package of it in one version, or by a
    name that only one of its releases has, unless the image is one of the distribution, whose tag is the release."""
    if not isinstance(node, Stage) or catalog.vendor == UPSTREAM:
        return
    if any("/etc/apt/sources.list" in run.text for run in node.runs):
        from echo_migrate.rules._package_sources import package_sources  # few stages touch it

        yield from package_sources(node)
    if any(one.manager.system and one.packages for run in (*node.runs, *node.triggers) for one in run.calls):
        from echo_migrate.rules._package_sources import (
            of_one_release,
            pinned,
            suites_of_one_release,
        )  # nor without packages

        yield from pinned(node, source)
        if effective.base.os_release and effective.reference.rpartition("/")[2].partition(":")[0] != "debian":
            yield from of_one_release(node, source)
            yield from suites_of_one_release(node, source, catalog)


def _scripts(node: Stage | Container, effective: EffectiveBase, source: Source) -> Iterator[Reason]:
    """Yield the first script that a RUN starts, or a dev container, and that may read the distribution's release."""
    if effective.base.os_release:
        from echo_migrate.rules._os_release import features, scripts  # few vendors have a name of their own

        yield from (*features(node, source), *scripts(node, source.path))


def _ports(node: Stage | Container, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield the first port that is published or exposed as upstream's image listens on it, and the target does not."""
    after = [port.partition("/")[0] for port in effective.base.ports]
    before = [port.partition("/")[0] for port in effective.before.ports] if effective.before else []
    for port in published(node) if after else ():
        if is_number(port) and port not in after and (not before or port in before):
            yield because("port", after=" and ".join(after), port=port)
            return


def published(node: Stage | Container) -> list[str]:
    """Return the ports of the container that a service publishes, or that EXPOSE names in a stage."""
    if isinstance(node, Container):
        return [one.value for one in node.ports]
    exposed = (one for stage in node.lineage for one in stage.instructions if one.verb == "expose")
    return [word.value.partition("/")[0] for one in exposed for word in one.words()]


def _launches(node: Stage | Container) -> list[StartCommand]:
    """Return the start commands of a stage or service, without a CMD that only has the arguments of its ENTRYPOINT."""
    entrypoint, command = node.start_command("entrypoint"), node.start_command("cmd")
    starting = as_started([one for one in (entrypoint, command) if one and not one.empty])
    if entrypoint and not entrypoint.empty and not (entrypoint.words and passes(entrypoint.words, INITS)):
        starting = [one for one in starting if one is not command]
    return [*starting, *(one for one in node.checks if not one.empty)]


def _wrapped(node: Stage | Container, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield the reason for a file that the script which starts the current image may give to node, where the target has
    no such script."""
    before, after = effective.before, effective.base
    if before is None or before.cmd != (_NODE,) or not wraps(before.entrypoint) or wraps(after.entrypoint):
        return
    for launch in _launches(node):
        folder, slash, name = (launch.words or ("",))[0].rpartition("/")
        file = slash and folder not in FOLDERS and not name.endswith(SCRIPTS)  # of a script, an error says it
        if file and launch.verb in ("cmd", "command") and after.has(name) is not True:
            yield because("wrapper", word=f"{folder}/{name}", program=_NODE)


def _entered_unknown(node: Stage | Container, image: Image, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield the reason for a shell that a service gives an image which is no Docker official one, where no entrypoint
    is known: it may be that of a program, whose arguments the shell would be."""
    known = [one.entrypoint for one in (effective.base, effective.before) if one and one.entrypoint is not None]
    if known or not isinstance(node, Container) or node.stage or "/" not in familiar(image.ref.value):
        return
    command = None if node.start_command("entrypoint") else node.start_command("cmd")
    word = (command.words or ("",))[0] if command else ""
    if basename(word) in SHELLS:
        yield because("entrypoint-unknown", word=word)


def _elsewhere(node: Stage | Container, effective: EffectiveBase, image: Image, catalog: Catalog) -> Iterator[Reason]:
    """Yield the reasons for what a target that is no drop-in replacement may have under another path or name, and for
    what each has that is built on another distribution."""
    reference = parsed(image.ref.value)
    if effective.before and effective.before.family not in (None, effective.base.family):
        from echo_migrate.rules._elsewhere import users_of_distribution  # most moves stay on one

        yield from users_of_distribution(node, _launches(node), effective.base.family)
    if not catalog.drops_in(reference):
        from echo_migrate.rules import _elsewhere as elsewhere  # most targets are one

        programs = [(launch.words or ("",))[0] for launch in _launches(node)]
        yield from elsewhere.copied_paths(node, reference, catalog)
        yield from elsewhere.named_users(node, effective.base, effective.reference, catalog)
        yield from elsewhere.libraries(node, effective.base)
        yield from elsewhere.numbered_users(node, image.ref.value, effective.base, catalog)
        yield from elsewhere.started_paths(node, programs, effective.base)


def _worked_in(node: Stage | Container, catalog: Catalog) -> Iterator[Reason]:
    """Yield the reason for an image that people work in: what they use is in no file."""
    if isinstance(node, Stage) and node.worked_in and not catalog.drop_in:
        yield because("worked-in")


def _state(node: Stage | Container, image: Image, effective: EffectiveBase, catalog: Catalog) -> list[Reason]:
    """Return why a service that builds on an image with state may be unable to read its volume after the migration."""
    if not isinstance(node, Container) or not node.stage:
        return []
    return state_in_volume(image.ref.value, effective.reference, node.mounts, catalog)


def _variables(node: Stage | Container, image: Image, catalog: Catalog) -> list[Reason]:
    """Return why a stage, or a service that builds one, may set variables in vain; those of an image that is pulled are
    its own."""
    names = node.environment if isinstance(node, Stage) else node.variables if node.stage else ()
    if not names:
        return []
    from echo_migrate.images.variables import ignored_variables  # few have any

    return ignored_variables(image.ref.value, names, catalog)


def _unset(node: Stage | Container, image: Image, effective: EffectiveBase, catalog: Catalog) -> Iterator[Reason]:
    """Yield the variables that a stage or service uses, that upstream's image sets and the target may not."""
    if catalog.drop_in:
        return
    from echo_migrate.dockerfile.base_variables import used_of_base, uses
    from echo_migrate.images.variables import unset_variables

    names = unset_variables(image.ref.value, catalog, effective.base.family)
    if not names:
        return
    if isinstance(node, Stage):
        used = used_of_base(node, names)
    else:
        given = {*node.variables, *(node.stage.environment if node.stage else ())}
        commands = (*node.start_commands, *node.entered)
        used = sorted((names & set().union(*(uses(one.args.value) for one in commands))) - given)
    if used:
        yield because("unset", names=few(used))


def _unread(image: Image, base: ImageFacts, catalog: Catalog) -> list[Reason]:
    """Return why the migration of an image is unsafe if no stage or service based on it was read."""
    if not catalog.drop_in and not image.where.endswith(("FROM", ".image")):
        return [because("copied-paths", instruction=image.where)]
    taken = image.where.endswith(("COPY --from", "RUN --mount from"))
    return [because("base-unread")] if base.wants and not taken else []


def started(node: Stage | Container) -> list[StartCommand]:
    """Return the start commands that certainly run: those of a service, or those in effect at the end of a stage that
    no other stage is FROM.

    A stage that is not final is assumed not to be started if other stages copy from it.
    """
    if isinstance(node, Container):
        return as_started([launch for launch in node.start_commands if not launch.empty and not node.open])
    if not node.top or not (node.ships == "layers" or node.leaf):
        return []
    found = [node.start_command(verb) for verb in ("entrypoint", "cmd", "healthcheck")]
    return as_started([launch for launch in found if launch and not launch.empty])


def as_root(user: str | None) -> bool:
    """Return whether a user in the form of USER, with or without a group, is root; false for None."""
    return user is not None and is_root(user)


def of_a_user(run: Run) -> bool:
    """Return whether a RUN certainly runs as a user other than root."""
    return run.user is not None and not as_root(run.user) and "$" not in run.user
