"""The nodes of a Dockerfile's text, wherever it lies: in a file of its own, or within a compose file."""

from echo_migrate.dockerfile.images import _Images, _problem
from echo_migrate.dockerfile.parser import Instruction, read
from echo_migrate.dockerfile.stages import Stage, stages
from echo_migrate.files.lazy import lazy
from echo_migrate.files.source import Source
from echo_migrate.formats import Asked
from echo_migrate.formats._ignores import ignores
from echo_migrate.model import Ignore, Image, Problem

_FOR_PEOPLE = lazy(r"(?:^|[\\/])\.devcontainer[\\/]")
"""Images that people develop in: what a shipped image should not have is what these are for, so that nothing ships."""


Node = Image | Problem | Ignore | Instruction | Stage


def nodes(source: Source, asked: Asked, contexts: frozenset[str]) -> list[Node]:
    """The instructions, images, ignore comments and problems of a Dockerfile, and its stages if asked; never raises.

    ``contexts`` are the named contexts that it is built with: names that are no images.
    """
    file = read(source.text)
    reader = _Images(file, contexts=contexts)
    images = reader.read()
    nodes: list[Node] = [*file.instructions, *ignores(source.text, file)]
    problem = _problem(source.text, file) or reader.problem
    if not problem:
        if Stage in asked.kinds:
            bases = [image.ref.value for image in images if image.where == "FROM"]
            graph = stages(source.text, file, bases, asked.targets)
            nodes += [one._replace(ships="") for one in graph] if _FOR_PEOPLE.search(source.path) else graph
        return [*nodes, *images]
    locked = f"this file {problem.reason}"
    return [*nodes, problem, *[image._replace(locked=image.locked or locked) for image in images]]
