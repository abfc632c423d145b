"""The effective base of each stage and service, and the reasons why it may lack what they need.

Each image is checked once: as its migration target if the migration is otherwise safe, else as it is.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from posixpath import basename
from typing import Any, NamedTuple

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.programs import FOLDERS, SHELL_PROGRAMS, may_add, may_provide, named_by
from echo_migrate.dockerfile.stages import Graph, Stage
from echo_migrate.dockerfile.startup import INITS, SCRIPTS, StartCommand, as_started, passes, wraps
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of, is_root, users_of
from echo_migrate.images.reference import is_number, parsed
from echo_migrate.images.state import state_in_volume
from echo_migrate.model import Image, Migration
from echo_migrate.reasons import Reason, because
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import does

_VERSION = "0123456789."
_NODE = "node"


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
    def _roots(self) -> dict[tuple[Graph, int], Image | None]:
        return {}

    def root(self, stage: Stage) -> Image | None:
        """Return the FROM image of the first stage in a stage's lineage, or None if it has no effective base."""
        key = stage.graph, stage.number  # each rule asks for each stage, and its own hash is slower
        if key not in self._roots:
            first = stage.lineage[0]
            place = bisect_left(self._froms, first.start, key=lambda image: image.start)
            found = self._froms[place] if place < len(self._froms) else None
            self._roots[key] = found if found and found.start < first.end else None
        return self._roots[key]


def effective_bases(images: Iterable[Image], moves: Iterable[Migration], catalog: Catalog) -> EffectiveBases:
    """Return the effective base of each image, given its migration, without local names other than ``scratch``."""
    found = EffectiveBases()
    for image, move in zip(images, moves, strict=True):
        if image.local and image.local != "scratch":
            continue
        base = facts_of(image.ref.value, catalog)
        if move.safe and move.target:
            found[image] = EffectiveBase(facts_of(move.target, catalog), move.target, True, base)
        else:
            found[image] = EffectiveBase(base, image.shown)
    return found


def root_of(node: Any, effective_bases: EffectiveBases) -> Image | None:
    """Return the image that a stage (through its lineage) or a service is based on, or None."""
    if isinstance(node, Stage):
        return effective_bases.root(node)
    return node.image if isinstance(node, Container) else None


def other_blockers(
    nodes: Iterable[Stage | Container], effective_bases: EffectiveBases, catalog: Catalog
) -> dict[Image, list[Reason]]:
    """Return the reasons why migrations are unsafe that no finding reports, by image: another default user, commands
    that could not be read, data in volumes."""
    found: dict[Image, list[Reason]] = {}
    for node in nodes:
        image = root_of(node, effective_bases)
        effective = effective_bases.get(image) if image else None
        if image and effective and effective.target:
            reasons = [
                *_user_changes(node, effective),
                *_not_known(node, effective),
                *_wrapped(node, effective),
                *_tools(node, effective),
                *_package_sources(node),
                *_ports(node, effective),
                *_places(node, image, catalog),
                *_new_names(node, effective, image, catalog),
                *_worked_in(node, catalog),
                *_variables(node, image, catalog),
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


def _not_known(node: Stage | Container, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield the reasons why a target that lacks something may break a stage or service, if that is not certain.

    A finding requires that something needed is certainly missing, a safe migration that it is certainly present.
    """
    base = effective.base
    if not effective.short:
        return
    if isinstance(node, Container):
        unread = node.open or any(one.words is None and not one.shell for one in node.start_commands)
        if unread or any(path.startswith("/docker-entrypoint") for path in node.mounts):
            yield because("start-unread")
    if base.shell is not False:
        return
    if isinstance(node, Stage):
        for run in (*node.runs, *node.triggers):
            if (
                not run.shell_form
                or may_provide(node, base, SHELL_PROGRAMS, run.instruction.start)
                or run in node.triggers
            ):
                yield because("run-unknown")
    for launch in _launches(node):
        name = (launch.words or ("",))[0]
        if launch.shell and may_provide(node, base, SHELL_PROGRAMS):
            yield because("shell-unknown")
        elif name[:1] not in ("", "-") and not _is_there(name, base):
            yield because("program-unknown", program=basename(name))


def _tools(node: Stage | Container, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield the tools that a stage or service calls, and that nobody is known to bring: a minimal image leaves out what
    upstream's has by the way."""
    base = effective.base
    runs = node.runs if isinstance(node, Stage) else ()
    first: dict[str, int | None] = {}
    for run in runs:
        for command in run.commands:
            if _may_lack(command, base) and command.name not in first:
                missing = base.has(command.name) is False and not may_provide(node, base, [command.name], command.start)
                if not (missing and run.script and must_succeed(command, run.script)):  # else an error says it
                    first[command.name] = command.start
    for launch in (*_launches(node), *(node.entered if isinstance(node, Container) else ())):
        certain_ones = launch.commands() if launch.verb != "exec" else []
        for command in launch.script.commands:
            if _may_lack(command, base) and not (base.has(command.name) is False and command in certain_ones):
                first.setdefault(command.name, None if launch.verb != "exec" else command.start)
    for name, before in first.items():
        if not may_provide(node, base, [name], before, likely=True):
            yield because("program-unknown", program=name)


def _package_sources(node: Stage | Container) -> Iterator[Reason]:
    """Yield the first list of package sources that a RUN edits, and that is the distribution's: a vendor's images have
    sources of their own."""
    if not isinstance(node, Stage):
        return
    copies = [f"{copy.target.rstrip('/')}/" for one in node.lineage for copy in one.copies if copy.target]
    written: set[str] = set()
    for run in node.runs:
        for command in run.commands:
            named = [word for word in command.arguments if command.name in _EDITORS and _SOURCES.fullmatch(word)]
            edited = [word for word in named if word not in written and not f"{word}/".startswith(tuple(copies))]
            if edited and run.script and must_succeed(command, run.script):
                yield because("sources-edited", path=edited[0])
                return
            written.update(one.target.value for one in command.redirects)


_EDITORS = frozenset(("cp", "mv", "perl", "sed"))
_SOURCES = lazy_regex(r"/etc/apt/sources\.list(?:\.d/(?:debian|ubuntu)\.(?:list|sources)|\.d/\*\S*)?")


def _may_lack(command: Command, base: ImageFacts) -> bool:
    """Return whether a command calls a tool, by its bare name, that a base image is not known to have; Alpine's own
    shell is busybox's, so that bash is a tool there."""
    is_tool = does(command, "tool") or (command.name == "bash" and base.family == "alpine")
    return is_tool and base.has(command.name) is not True and "/" not in command.words[0].value


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
    entrypoint = node.start_command("entrypoint")
    verbs = ["entrypoint", "cmd", "healthcheck"]
    if entrypoint and not entrypoint.empty and not (entrypoint.words and passes(entrypoint.words, INITS)):
        verbs.remove("cmd")
    return as_started([launch for launch in map(node.start_command, verbs) if launch and not launch.empty])


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


def _is_there(word: str, base: ImageFacts) -> bool:
    """Return whether a program is known to be in an image, or is a path outside the usual folders and no script."""
    folder, slash, name = word.rpartition("/")
    own = {basename(one[0]).rstrip(_VERSION) for one in (base.entrypoint, base.cmd) if one}
    if base.has(name) or name.rstrip(_VERSION) in own:
        return True
    return bool(slash) and not name.endswith(".sh") and folder not in FOLDERS


def _places(node: Stage | Container, image: Image, catalog: Catalog) -> Iterator[Reason]:
    """Yield the first path that another stage copies from a stage, that an image of its base has of its own, and that
    nothing in the stage is seen to write: other builds of the same program lie elsewhere (/usr/bin, /usr/lib)."""
    reference = parsed(image.ref.value)
    upstream = catalog.upstream(reference) if reference else None
    if not isinstance(node, Stage) or catalog.drops_in(reference) or (upstream and catalog.word_family(upstream.name)):
        return  # an operating system has nothing there
    steps = [one for stage in node.lineage for one in stage.instructions]
    written = "\n".join(one.args.value for one in steps)
    folders = (one.args.value.rstrip("/") for one in steps if one.verb == "workdir" and _MADE.match(one.args.value))
    own_name = basename(upstream.name) if upstream else "/"
    made = tuple(f"{folder}/" for folder in folders if own_name not in folder)
    for path in filter(_OF_UPSTREAM.match, node.taken):
        own = path.rstrip("/")
        if own in _SHARED or (own not in written and not own.startswith(made)):
            yield because("layout", path=path)
            return


def _new_names(node: Stage | Container, effective: EffectiveBase, image: Image, catalog: Catalog) -> Iterator[Reason]:
    """Yield the first user by name, and the first program by its path, that a stage or service is given as upstream has
    it, and that the target is not known to have under that name."""
    if catalog.drops_in(parsed(image.ref.value)):
        return
    stage, base = stage_of(node), effective.base
    given = list(named_by(stage)) if stage else []
    given += [node.user.value.partition(":")[0]] if isinstance(node, Container) and node.user else []
    there = {base.user, *_users_beside(effective.reference, catalog)} if given else set()
    for name in given if not base.complete else ():  # else named-user decides
        numbered = name[:1] in "$0123456789" or is_root(name)
        if not (numbered or name in there or (stage and may_add(stage, name, likely=True))):
            yield because("user-absent", user=name)
            break
    for path in [(launch.words or ("",))[0] for launch in _launches(node)]:
        name = basename(path)
        moved = _OF_UPSTREAM.match(path) and _is_there(name, base) and path not in _started_by(base)
        if moved and not may_provide(node, base, [name]):
            yield because("path-elsewhere", path=path)
            return
        started = {basename(word) for word in _started_by(base)}
        if path[:1] == "/" and base.shell is False and "java" in started and name != "java":
            yield because("script-unknown", path=path)  # what a build of Java installs beside its libraries is one
            return


def _started_by(base: ImageFacts) -> list[str]:
    return [words[0] for words in (base.entrypoint, base.cmd) if words]


def _users_beside(reference: str, catalog: Catalog) -> set[str | None]:
    """Return the default users of all variants of a target: one that builds has the user of the one that runs, too."""
    target = parsed(reference)
    place = catalog.place(target) if target else None
    return users_of(place[1], catalog) if place else set()


def _worked_in(node: Stage | Container, catalog: Catalog) -> Iterator[Reason]:
    """Yield the reason for an image that people work in: what they use is in no file."""
    if isinstance(node, Stage) and node.worked_in and not catalog.drop_in:
        yield because("worked-in")


_OF_UPSTREAM = lazy_regex(r"/(?:usr/local|opt|usr/lib/(?:jvm|go|node_modules|python[\d.]*))(?:/|$)")
"""Where official images and their like install what they are for."""

_MADE = lazy_regex(r"/opt/(?!bitnami|gradle|java|jdk|maven|yarn)[\w.-]+(?:/|$)")
"""A folder of an application that a stage works in, below one in which images have no other programs than these."""

_SHARED = frozenset(f"/usr/local{rest}" for rest in ("", "/bin", "/lib", "/share", "/include"))


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
