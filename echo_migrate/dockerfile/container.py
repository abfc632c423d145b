"""A container that a file starts: its image, commands, user and ports."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.model import Image

if TYPE_CHECKING:
    from echo_migrate.dockerfile.stages import Stage


class Located(NamedTuple):
    """A value and its source offsets."""

    value: str
    start: int
    end: int


class Container(NamedTuple):
    """A container with the commands it starts, its user and its container ports.

    Values that are not given here come from its image. If the image is built, ``stage`` is the stage built, and
    ``around`` are the images of that Dockerfile. ``open`` is true if it may start more commands than are known here,
    and ``privileges`` if it has additional ones; ``mounts`` are the mounted paths in the container, and
    ``variables`` the names of its environment variables, as those of an ``Image``. ``entered`` are the commands that
    are started in it later (``docker exec``), as far as they are known.
    """

    name: str
    image: Image
    start_commands: tuple[StartCommand, ...]
    user: Located | None
    ports: tuple[Located, ...]
    privileges: bool
    mounts: tuple[str, ...] = ()
    open: bool = False
    stage: "Stage | None" = None
    around: tuple[Image, ...] = ()
    kind: str = "service"
    entered: tuple[StartCommand, ...] = ()
    variables: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name of the container in messages."""
        return f"{self.kind} {self.name}"

    def start_command(self, verb: str) -> StartCommand | None:
        """Return the start command for a Dockerfile verb (``cmd``, ``entrypoint`` …), its own or that of its stage."""
        key = "command" if verb == "cmd" else verb
        own = next((one for one in self.start_commands if one.verb == key), None)
        return self.stage.start_command(verb) if own is None and self.stage else own

    @property
    def checks(self) -> list[StartCommand]:
        """Its own health checks, probes and hooks, or the check of its stage."""
        own = [one for one in self.start_commands if one.verb == "healthcheck"]
        return own or (self.stage.checks if self.stage else [])


def stage_of(node: "Stage | Container") -> "Stage | None":
    """Return a stage itself, or the stage that a container's image is built from; None for an image not built here."""
    return node.stage if isinstance(node, Container) else node


def root_image(stage: "Stage", images: Iterable[Image]) -> Image | None:
    """Return the base image of the first stage in the lineage of a stage."""
    first = stage.lineage[0]
    return next((image for image in images if image.where == "FROM" and first.start <= image.start < first.end), None)
