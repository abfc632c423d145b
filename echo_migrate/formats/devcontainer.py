"""Dev containers: the image of a devcontainer.json, and the images that its build arguments name.

Follows the Dev Container metadata reference (containers.dev/implementors/json_reference, read in November 2026).
Features are not images, and are ignored.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.files import json
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.values import NotRead, Value, alike
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._build_arguments import of_a_build
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._platforms import rare
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import Reason, because

NAME = lazy_regex(r"(?i)\.?devcontainer\.json")
_VARIABLE = lazy_regex(r"\$\{[^{}]*\}")
_DEFAULTED = lazy_regex(r"\$\{localEnv:([^{}:]+):([^{}:]*)\}")
"""A variable of the host with what it is where the host does not set it (containers.dev, "Variables in
devcontainer.json")."""
_MOUNTING = frozenset(("mounts", "runArgs", "workspaceMount"))


def candidate(path: str) -> bool:
    return bool(NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a devcontainer.json, by its name, which is unique."""
    return candidate(path)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Problem | Ignore]:
    """Return the images, container and ignore comments of a devcontainer.json, or the problem with reading it; never
    raises."""
    try:
        keys = dict(json.read(source.text, relaxed=True).items)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    nodes: list[Image | Container | Problem | Ignore] = [*in_yaml(source.text, SLASHED)]
    node = keys.get("image")
    if node and node.text:
        place, unsettled, reasons = _filled_in(node.traced)
        start, end = (node.traced.start, node.traced.end) if place.spans else (node.start, node.end)
        mounts = () if _MOUNTING.isdisjoint(keys) else ("/",)
        image = Image(
            place,
            "image",
            start,
            end,
            unsettled=unsettled,
            unsafe_reasons=reasons,
            mounts=mounts,
            platform=_platform(keys),
        )
        nodes += [image, *([_service(keys, image)] if Container in request.kinds else [])]
    return [*nodes, *_fed(source, keys)]


def _filled_in(text: Traced) -> tuple[Traced, tuple[str, ...], tuple[Reason, ...]]:
    """Return a text with the defaults of its variables, those that have none, and why an edit of a default may not be
    enough."""
    parts, reasons, end = list[Traced](), list[Reason](), 0
    for match in _DEFAULTED.finditer(text.value):
        parts += [text.cut(end, match.start()), text.cut(*match.span(2))]
        reasons.append(because("variable-overridden", name=match[1]))
        end = match.end()
    filled = Traced.join([*parts, text.cut(end, len(text.value))]) if parts else text
    return filled, tuple(dict.fromkeys(_VARIABLE.findall(filled.value))), tuple(dict.fromkeys(reasons))


def _platform(keys: dict[str, Value]) -> str:
    """Return the platform that the arguments of ``docker run`` name, "" for none or a common one."""
    words = [one.text for one in keys["runArgs"].each] if "runArgs" in keys else []
    given = [word.partition("=")[2] for word in words if word.startswith("--platform=")]
    given += [value for word, value in pairwise(words) if word == "--platform"]
    return rare(one for one in given if "$" not in one)


def _service(keys: dict[str, Value], image: Image) -> Container:
    """Return the container, in which a shell, an editor's server, and anything that features and users add may run.

    The configured commands are only some of these, so it is always ``open``; its user is left to the developer.
    """
    return Container("dev container", image, (), None, (), "runArgs" in keys, image.mounts, open=True)


def _fed(source: Source, keys: dict[str, Value]) -> Iterator[Image]:
    """Yield the images that build arguments name, as determined by the Dockerfile that receives them."""
    path, given = _build(source, keys)
    filled = {key: _filled_in(node.traced) for key, node in given.items()}
    values = {key: Expansion(text, unsettled) for key, (text, unsettled, _) in filled.items()}
    for image in of_a_build(path, values, "build.args"):
        reasons = filled[image.where.removeprefix("build.args.")][2]
        yield image._replace(unsafe_reasons=(*image.unsafe_reasons, *reasons))


def _build(source: Source, keys: dict[str, Value]) -> tuple[str | None, dict[str, Value]]:
    """Return the path of the Dockerfile that is built, None if there is none, and the arguments with a text."""
    build = dict(keys["build"].items) if "build" in keys else {}
    name = build.get("dockerfile", keys.get("dockerFile"))
    path = dockerfile_at(source.path, ".", name.text) if name and name.text else None
    return path, {key: node for key, node in (build["args"].items if "args" in build else ()) if node.text}


def arguments_given(source: Source) -> Iterator[tuple[str | None, str, str | None, int]]:
    """Yield the arguments of the build: the Dockerfile, None if it is not found, the name, the value if it is written,
    and the place. Raises ``NotRead``."""
    path, given = _build(source, dict(json.read(source.text, relaxed=True).items))
    for name, node in given.items():
        yield path, name, None if "$" in node.text else node.text, node.start


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other value may
    change."""
    try:
        old, new = (json.read(one.text, relaxed=True) for one in (before, after))
    except NotRead as error:
        return f"the changed file {error}"
    return None if alike(old, new, sorted(edits)) else "something else than an image would change"
