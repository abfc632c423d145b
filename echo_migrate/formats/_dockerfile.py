"""The nodes of a Dockerfile, in a separate file or inline in a compose file."""

from echo_migrate.dockerfile.images import ImageReader, problem_of
from echo_migrate.dockerfile.parser import Instruction, read
from echo_migrate.dockerfile.stages import Stage, stages
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.formats import Request
from echo_migrate.formats._ignores import ignores
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.reasons import because

_FOR_PEOPLE = lazy_regex(r"(?:^|[\\/])\.devcontainer[\\/]")
"""Paths of Dockerfiles for development images: these need what a shipped image should not have, so nothing ships."""


Node = Image | Problem | Ignore | Instruction | Stage


def nodes(source: Source, request: Request, contexts: frozenset[str]) -> list[Node]:
    """Return the instructions, images, ignore comments and problems of a Dockerfile, and its stages if requested; never
    raises.

    ``contexts`` are the named contexts of its builds, whose names are not images.
    """
    file = read(source.text)
    reader = ImageReader(file, contexts=contexts)
    images = reader.read()
    nodes: list[Node] = [*file.instructions, *ignores(source.text, file)]
    problem = problem_of(source.text, file) or reader.problem
    if not problem:
        if Stage in request.kinds:
            bases = [image.ref.value for image in images if image.where == "FROM"]
            graph = stages(source.text, file, bases, request.targets)
            if _FOR_PEOPLE.search(source.path):
                graph = [one._replace(ships="", worked_in=bool(one.ships)) for one in graph]
            nodes += graph
        return [*nodes, *images]
    not_editable = because("faulty-file", problem=problem.reason)
    return [*nodes, problem, *[image._replace(not_editable=image.not_editable or not_editable) for image in images]]
