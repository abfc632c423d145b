"""The nodes of a Dockerfile, in a separate file or inline in a compose file."""

from bisect import bisect_right
from collections.abc import Iterator

from echo_migrate.dockerfile.images import IS_A_TEMPLATE, ImageReader, problem_of
from echo_migrate.dockerfile.parser import Dockerfile, Instruction, read
from echo_migrate.dockerfile.stages import Stage, stages
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.formats import Request
from echo_migrate.formats._ignores import ignores
from echo_migrate.model import WINDOWS, Ignore, Image, Problem
from echo_migrate.model.reasons import because

_FOR_PEOPLE = lazy_regex(r"(?:^|[\\/])\.devcontainer[\\/]", needs=(".devcontainer",))
"""Paths of Dockerfiles for development images: these need what a shipped image should not have, so nothing ships."""

_WINDOWS = lazy_regex(
    r"(?mi)^[ \t]*(?:SHELL[ \t]*\[[ \t]*\"(?:cmd|powershell)(?:\.exe)?\""
    r"|(?:RUN|CMD|ENTRYPOINT)[ \t]*(?:[ \t]|[ \t]\[[ \t]*\")(?:powershell(?:\.exe)?\b|cmd(?:\.exe)?[ \t\",]+/[sc]\b)"
    r"|(?:WORKDIR|COPY|ADD|VOLUME)\b[^\n]*(?<![\w/\\])(?:[a-z]:\\(?:\w{2}|\s)|[cd]:/)"
    r"|(?:ENV|RUN)\b[^\n]*(?:(?<=[ \t=])[a-z]:\\(?:\w{2}|[ \t])|[\"'][a-z]:\\(?![abefnrtv0\\])\w{2}))",
    needs=("powershell", '"cmd', " cmd", "\tcmd", ":\\", "c:/", "d:/"),
    of_files=True,
)
"""Instructions that only Windows has a shell or a path for."""

Node = Image | Problem | Ignore | Instruction | Stage


def nodes(source: Source, request: Request, contexts: frozenset[str]) -> list[Node]:
    """Return the instructions, images, ignore comments and problems of a Dockerfile, and its stages if requested; never
    raises.

    ``contexts`` are the named contexts of its builds, whose names are not images.
    """
    file = read(source.text)
    reader = ImageReader(file, contexts=contexts)
    images = list(_on_windows(source.text, file, reader.read()))
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
    template = problem.reason == IS_A_TEMPLATE
    not_editable = because("in-template") if template else because("faulty-file", problem=problem.reason)
    return [*nodes, problem, *[image._replace(not_editable=image.not_editable or not_editable) for image in images]]


def _on_windows(text: str, file: Dockerfile, found: list[Image]) -> Iterator[Image]:
    """Yield the images, those with its platform on which only Windows can build their stage or one that is built on it:
    a tag may have images for both systems."""
    if not _WINDOWS.search(text):
        yield from found
        return
    froms = [one for one in file.instructions if one.verb == "from"]
    ends = [*(one.start for one in froms[1:]), len(text)]
    bases = {bisect_right(ends, image.start): image for image in found if image.where == "FROM"}
    named: dict[str, int] = {}
    marked: set[int] = set()
    for number, (begin, end) in enumerate(zip(froms, ends, strict=False)):
        base = bases.get(number)
        root = named.get(base.ref.value.lower(), number) if base and base.local else number
        if root not in marked and _WINDOWS.search(text, begin.start, end):
            marked.add(root)
        words = begin.words()
        if len(words) == 3:
            named[words[2].value.lower()] = root
    roots = {bases[number] for number in marked if number in bases}
    yield from (image._replace(platform=image.platform or WINDOWS) if image in roots else image for image in found)
