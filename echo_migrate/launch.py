"""What a container starts: CMD, ENTRYPOINT and HEALTHCHECK of a Dockerfile, and their like in a compose file."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.instructions import Instruction
from echo_migrate.model import Image
from echo_migrate.runs import exec_form
from echo_migrate.shell import NOTHING, SHELLS, UNREADABLE, Command, Script, Word, execute, read
from echo_migrate.source import Traced

if TYPE_CHECKING:
    from echo_migrate.stages import Stage

INITS = frozenset(("catatonit", "dumb-init", "tini", "tini-static"))
"""Programs that run their arguments as a command, options before them aside."""

PASSING = INITS | {"docker-entrypoint.sh", "docker-php-entrypoint"}
"""The same of the entrypoints of images: those of the Docker official images run what is no option as a command."""


class Launch(NamedTuple):
    """What an instruction or a key starts.

    ``verb`` is that of the instruction, in small letters, or the key. ``shell`` says that a shell reads it, ``words``
    are those of the exec form, None where the form could not be read. ``script`` are its commands.
    """

    verb: str
    shell: bool
    words: tuple[str, ...] | None
    script: Script
    start: int
    end: int
    args: Traced

    @property
    def shown(self) -> str:
        """What messages call it."""
        return self.verb.upper() if self.verb in ("cmd", "entrypoint", "healthcheck") else self.verb

    @property
    def empty(self) -> bool:
        """Whether it takes away what the base says, and starts nothing."""
        return self.words == ()

    def commands(self) -> list[Command]:
        """The commands that it runs for certain, where no other is tried if one fails."""
        script = self.script
        if not script.certain or any(one.operator == "||" and one.name not in _ENDS for one in script.commands):
            return []
        commands = [one for one in script.commands if not set(one.inside) - {"group", "script"} and one.words]
        if any(one.name in _ASKS for one in commands):
            return []
        return [one for one in commands if one.operator != "||" and one.words[0].known]


_ENDS = frozenset((":", "echo", "exit", "false", "kill", "return", "true"))
_ASKS = frozenset(("[", "command", "hash", "test", "type", "which"))


class Place(NamedTuple):
    """A value and where it is written."""

    value: str
    start: int
    end: int


class Service(NamedTuple):
    """A service: what it starts, as whom, and the ports of the container that it names.

    Where it says nothing, what its image says holds; of one that is built, ``stage`` is what is built, and ``around``
    are the images of that Dockerfile. ``open`` says that it may start more than is read here, ``privileges`` that it is
    given more than others have; ``mounts`` are the paths in the container that something is mounted to.
    """

    name: str
    image: Image
    launches: tuple[Launch, ...]
    user: Place | None
    ports: tuple[Place, ...]
    privileges: bool
    mounts: tuple[str, ...] = ()
    open: bool = False
    stage: "Stage | None" = None
    around: tuple[Image, ...] = ()
    kind: str = "service"

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name}"

    def launched(self, verb: str) -> Launch | None:
        """What it starts by a key, named as the instruction of a Dockerfile."""
        key = "command" if verb == "cmd" else verb
        own = next((one for one in self.launches if one.verb == key), None)
        return self.stage.launched(verb) if own is None and self.stage else own


def stage_of(node: "Stage | Service") -> "Stage | None":
    """The stage that a node is, or that a service builds; None for a service that runs an image as it is."""
    return node.stage if isinstance(node, Service) else node


def root_image(stage: "Stage", images: Iterable[Image]) -> Image | None:
    """The image that a stage, or the first of those it stands on, is FROM."""
    first = stage.lineage[0]
    return next((image for image in images if image.where == "FROM" and first.start <= image.start < first.end), None)


def launch_of(instruction: Instruction, shell: tuple[str, ...] | None) -> Launch:
    """What a CMD, ENTRYPOINT or HEALTHCHECK starts (nothing, for HEALTHCHECK NONE). ``shell`` is as for a RUN."""
    args = instruction.args
    verb = instruction.verb
    if verb == "healthcheck":
        words = instruction.words()
        if not words or words[0].value.upper() != "CMD":
            return Launch(verb, False, (), NOTHING, instruction.start, instruction.end, args)
        args = args.cut(len(words[0].value), len(args.value))
        args = args.cut(len(args.value) - len(args.value.lstrip()), len(args.value))
    return launch(verb, args, exec_form(args) is None, instruction.start, instruction.end, shell)


def launch(verb: str, args: Traced, shell_form: bool, start: int, end: int, shell: tuple[str, ...] | None) -> Launch:
    """What a text starts, in shell form or in exec form."""
    if shell_form:
        posix = shell is None or bool(shell and shell[0].rpartition("/")[2] in SHELLS)
        return Launch(verb, True, None, read(args) if posix else UNREADABLE, start, end, args)
    items = exec_form(args) or []
    script = execute(tuple(items), start, end) if items else NOTHING
    return Launch(verb, False, tuple(item.value for item in items), script, start, end, args)


def listed(verb: str, words: list[str], start: int, end: int) -> Launch:
    """What a list of words starts that are not those of an instruction."""
    items = tuple(Word(Traced.of(word, 0, len(word)), True, start, end) for word in words)
    script = execute(items, start, end) if items else NOTHING
    return Launch(verb, False, tuple(words), script, start, end, Traced(" ".join(words), ()))


def unread(verb: str, start: int, end: int) -> Launch:
    """What a key starts whose words a variable or a quote leaves open."""
    return listed(verb, [], start, end)._replace(words=None, script=UNREADABLE)


def line(verb: str, text: str, start: int, end: int) -> Launch:
    """What a shell's command line starts that is not that of an instruction."""
    return Launch(verb, True, None, read(Traced.of(text, 0, len(text))), start, end, Traced(text, ()))


def passes(entrypoint: tuple[str, ...], known: frozenset[str] = PASSING) -> bool:
    """Whether an entrypoint (of an image, unless ``known`` names other programs) runs what CMD says as a command."""
    if len(entrypoint) == 2 and entrypoint[1] == "-c" and entrypoint[0].rpartition("/")[2] in SHELLS:
        return True
    words = [word for word in entrypoint if not word.startswith("-")]
    return all(word.rpartition("/")[2] in known for word in words)
