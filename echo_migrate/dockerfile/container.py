"""A container that some file starts: its image, and what it runs, as whom, on which ports."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.model import Image

if TYPE_CHECKING:
    from echo_migrate.dockerfile.stages import Stage


class Located(NamedTuple):
    """A value and where it is written."""

    value: str
    start: int
    end: int


class Container(NamedTuple):
    """A service: what it starts, as whom, and the ports of the container that it names.

    Where it says nothing, what its image says holds; of one that is built, ``stage`` is what is built, and ``around``
    are the images of that Dockerfile. ``open`` says that it may start more than is read here, ``privileges`` that it is
    given more than others have; ``mounts`` are the paths in the container that something is mounted to.
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

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name}"

    def start_command(self, verb: str) -> StartCommand | None:
        """Return what it starts by a key, named as the instruction of a Dockerfile."""
        key = "command" if verb == "cmd" else verb
        own = next((one for one in self.start_commands if one.verb == key), None)
        return self.stage.start_command(verb) if own is None and self.stage else own


def stage_of(node: "Stage | Container") -> "Stage | None":
    """Return the stage that a node is, or that a service builds; None for a service that runs an image as it is."""
    return node.stage if isinstance(node, Container) else node


def root_image(stage: "Stage", images: Iterable[Image]) -> Image | None:
    """Return the image that a stage, or the first of those it stands on, is FROM."""
    first = stage.lineage[0]
    return next((image for image in images if image.where == "FROM" and first.start <= image.start < first.end), None)
