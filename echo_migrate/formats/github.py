"""GitHub workflows and actions: job containers, their services, and actions that are images.

Key paths: docs.github.com, "Workflow syntax for GitHub Actions" (jobs.<id>.container, .services, .strategy.matrix,
steps[*].uses, on.workflow_call.inputs) and "Metadata syntax for GitHub Actions" (runs.image, inputs), 2026;
github.com/docker/build-push-action (build-args, build-contexts, context, file).
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.workflows import is_workflow
from echo_migrate.files.yaml import (
    ScalarNode,
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    items,
    sequence,
    traced,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._build_arguments import IMAGE_CONTEXT, of_a_build
from echo_migrate.formats._commands import calls, of_options
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._github_builds import BUILDS, dockerfile_of, platforms
from echo_migrate.formats._github_steps import default_of, scripts_of_steps, shell_runs
from echo_migrate.formats._jobs import entered
from echo_migrate.formats._parameters import MOST_CHOICES, Value, filled, mentions, named, nothing
from echo_migrate.formats._runners import on_runners
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import NOBODY, YAML, Around, Node, YamlFile, nodes, verify
from echo_migrate.images.reference import TAGGED, VARIABLE, familiar, is_open, variables
from echo_migrate.images.variables import UNREAD
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.container_commands import after_scheme

__all__ = ["NAME", "candidate", "parse", "platforms", "recognise", "verify"]

_ACTION = re.compile(r"(?i)(?:^|.*/)action\.ya?ml")
_RUNS = lazy_regex(r"(?m)^[\"']?runs[\"']?[ \t]*:")
_NAMES = lazy_regex(r"\b(?:container|services|image|build-args)[\"']?[ \t]*:|docker://")
_MATRIX = lazy_regex(r"\$\{\{\s*matrix\.([\w-]+(?:\.[\w-]+)*)\s*\}\}")
_IN_MATRIX = lazy_regex(r"\bmatrix(?:\.[\w-]+)+")
_INPUT = lazy_regex(r"\$\{\{\s*(?:github\.event\.)?inputs\.([\w-]+)\s*\}\}")
_CHOICE = lazy_regex(r"\s*\$\{\{([^\n{}]{1,500})\}\}\s*")
"""An expression that may choose between literals; a longer one may be nested too deep."""

_TEXT = lazy_regex(r"'(?:[^']|'')*'")
_OPERATOR = lazy_regex(r"'[^']*'|[()]|&&|\|\|")
_WITH = lazy_regex(r"(?i)(?:(?:base|container|docker)[-_]?)?image")
_GIVEN = lazy_regex(r"(?i)(?:[\w-]{1,60}[-_]|base|container|docker)?image")
_ENTRY = lazy_regex(r"(?m)^[ \t]*([\w.-]+)=((?:[^\n]*[^ \t\r\n])?)[ \t\r]*$")
_ANCESTOR = lazy_regex(r"\bancestor=([\w./:@-]+)")
"""What ``docker ps --filter`` looks for (docker/cli, docs/reference/commandline/container_ls.md)."""

_DOCKER = "docker://"
_NO_LOGIN = because("login-credentials")
_OTHER_LOGIN = because("login-other")
_BEFORE = because("pulled-first")
_ACTS = because("action-input")
_DEFAULT = because("default")


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a workflow or an action, by its keys, and may name an image."""
    if not candidate(path) or not (_NAMES.search(text) or calls(text)):
        return False
    if _ACTION.fullmatch(path):
        return bool(_RUNS.search(text))
    return is_workflow(text)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a workflow or an action, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    found = (image for root in sheet.roots for image in _images(sheet, effective(root)))
    return nodes(sheet, on_runners(sheet, found, "runs-on"), request)


def _images(sheet: YamlFile, top: dict[str, YamlNode]) -> Iterator[Image | Container]:
    jobs = {id: _Job(top, node) for id, node in items(top.get("jobs"))}
    for found in _named(sheet, top, jobs):
        job = jobs.get(found.where.removeprefix("jobs.").partition(".")[0]) if isinstance(found, Image) else None
        if job and isinstance(found, Image) and found.unsettled and not found.choices:
            yield from map(job.sought, filled(found, [job.values], sheet.text))
        else:
            yield found


class _Job:
    """A job, and the values that its expressions have: those that its matrix lists, and the defaults of inputs."""

    def __init__(self, top: dict[str, YamlNode], node: YamlNode) -> None:
        self.top, self.node, self.keys = top, node, effective(node)
        self.matrix = effective(effective(self.keys.get("strategy")).get("matrix"))
        self.mentioned: dict[str, list[ScalarNode]] | None = None
        self.ancestors: set[str] | None = None
        self.long: dict[str, list[tuple[YamlNode, Reason | None]]] = {}

    def values(self, written: str) -> list[Value]:
        """Return the values of an expression."""
        named = _MATRIX.fullmatch(written)
        if named:
            listed = [node for node in _listed(self.matrix, named[1]) if is_scalar(node)]
            shared = self._shared(named[1]) if listed else None
            return [Value(node, nothing, None, shared) for node in listed]
        given = _INPUT.fullmatch(written)
        default = _default(self.top, given[1]) if given else None
        return [Value(default, nothing, _DEFAULT)] if is_text(default) else []

    def sought(self, image: Image) -> Image:
        """Return an image, which must not be changed alone if a step looks for its containers by its name."""
        if self.ancestors is None:
            runs = [effective(step).get("run") for step in sequence(self.keys.get("steps"))]
            self.ancestors = {familiar(one) for run in runs if is_text(run) for one in _ANCESTOR.findall(run.value)}
        alone = not image.not_editable and familiar(image.ref.value) in self.ancestors
        return image._replace(not_editable=because("same-name")) if alone else image

    def containers(self, node: YamlNode | None) -> list[tuple[YamlNode, Reason | None]]:
        """Return the containers in long form that the matrix lists for an expression, each with why its image may not
        be edited; none if there are too many."""
        written = _MATRIX.fullmatch(node.value.strip()) if is_text(node) else None
        if written and written[1] not in self.long:
            found = [one for one in _listed(self.matrix, written[1]) if is_mapping(one) and "image" in effective(one)]
            shared = self._shared(f"{written[1]}.image") if found else None
            self.long[written[1]] = [(one, shared) for one in found] if len(found) <= MOST_CHOICES else []
        return self.long[written[1]] if written else []

    def _shared(self, name: str) -> Reason | None:
        """Return why the values of a matrix may not be edited."""
        if any(name.partition(".")[0] in effective(entry) for entry in sequence(self.matrix.get("exclude"))):
            return because("matrix-excluded")
        if self.mentioned is None:
            self.mentioned = mentions(self.node, _IN_MATRIX.findall)
        images = [
            _image_of(one) for one in (self.keys.get("container"), *dict(items(self.keys.get("services"))).values())
        ]
        for said, found in self.mentioned.items():
            path, own = said.split(".")[1:], name.split(".")
            if path[: len(own)] == own[: len(path)] and any(node not in images for node in found):
                return because("matrix-elsewhere")
        return None


def _named(sheet: YamlFile, top: dict[str, YamlNode], jobs: dict[str, _Job]) -> Iterator[Image | Container]:
    for id, values in jobs.items():
        job = values.keys
        where = f"jobs.{id}"
        for own in map(values.sought, _container(sheet, values, job.get("container"), f"{where}.container")):
            yield own
            shell = default_of(job, "shell") or default_of(top, "shell") or "sh"
            scripts = (step.get("run") for _, step in shell_runs(job, shell))
            ran = _ran(job.get("container"))
            yield from entered(id, own, scripts, job, ran[1].user if ran else None)
        services = job.get("services")
        for name, service in items(services):
            for own in map(values.sought, _container(sheet, values, service, f"{where}.services.{name}")):
                yield own
                yield from _service(name, own, service)
        if is_text(services) and is_open(services.value):
            yield from _container(sheet, values, services, f"{where}.services")
        yield from _steps(sheet, job.get("steps"), where, values.node.start_mark.index)
        yield from _inputs(sheet, job, where)
    runs = effective(top.get("runs"))
    yield from _steps(sheet, runs.get("steps"), "runs", 0)
    steps = list(scripts_of_steps(top))
    since = {where: begin for where, _, begin in steps}
    yield from sheet.scripts([(where, node) for where, node, _ in steps], since=since)
    image = runs.get("image")
    if is_text(image):
        yield from _docker(sheet, image, "runs.image")
    for name, given in items(top.get("inputs")) if runs else ():
        default = effective(given).get("default")
        if _GIVEN.fullmatch(name) and is_text(default) and TAGGED.fullmatch(default.value):
            yield from sheet.image(default, f"inputs.{name}.default", unsafe_reasons=(_DEFAULT,))


def _image_of(node: YamlNode | None) -> YamlNode | None:
    """Return the image of a container, in short form or under ``image``."""
    return effective(node).get("image") if is_mapping(node) else node


def _container(sheet: YamlFile, job: _Job, node: YamlNode | None, where: str) -> Iterator[Image]:
    """Yield the image of a container; for an expression, the images that are its values."""
    listed = job.containers(node)
    for one, shared in listed:
        yield from _long_or_short(sheet, job, one, where, shared)
    if not listed or any(job.values(node.value.strip()) if is_text(node) else ()):
        yield from _long_or_short(sheet, job, node, where, None)


def _long_or_short(
    sheet: YamlFile, job: _Job, node: YamlNode | None, where: str, not_editable: Reason | None
) -> Iterator[Image]:
    """Yield the image of a container in long or short form."""
    keys = effective(node) if is_mapping(node) else {}
    login = sheet.under(keys.get("credentials"))
    asked, _ = _ran(node) or (None, None)
    around: Around = {
        "needs_login": _OTHER_LOGIN if login else _NO_LOGIN,
        "login": login,
        "variables": (*variables_of(keys), *((UNREAD,) if _mounts_more(keys.get("options")) else ())),
        "mounts": tuple(mounts_of(keys.get("volumes"))) + (("/",) if _mounts_more(keys.get("options")) else ()),
        "platform": asked.platform if asked else "",
    }
    image = _image_of(node)
    literals = list(_literals(sheet, image, f"{where}.image", around)) if is_text(image) else []
    literals = literals or list(_in_braces(sheet, image, f"{where}.image", around))
    yield from literals or named(sheet, image, f"{where}.image", [job.values], not_editable=not_editable, **around)


def _in_braces(sheet: YamlFile, node: YamlNode | None, where: str, around: Around) -> Iterator[Image]:
    """Yield the image of an expression with braces in its texts, as in ``fromJSON('{…}')``, which is not read: without
    these texts, as a password may be in them."""
    if is_text(node) and "{{" in VARIABLE.sub("", node.value):
        text = _TEXT.sub("'…'", node.value).strip()
        names = variables(text)
        if names and "{{" not in VARIABLE.sub("", text):
            start, end = node.start_mark.index, node.end_mark.index
            yield Image(Traced(text, ()), where, start, end, unsettled=names, templated=True, **around)


def _literals(sheet: YamlFile, node: ScalarNode, where: str, around: Around) -> Iterator[Image]:
    """Yield the images between which an expression chooses, if all are literals, as in ``x && 'redis:7' || ''``."""
    place = traced(node, sheet.text)
    whole = _CHOICE.fullmatch(place.value) if place.spans else None
    operands = list(_operands(place.value, *whole.span(1))) if whole else []
    texts = [place.value[start:end] for start, end in operands]
    if not all(len(text) > 1 and text[0] == text[-1] == "'" and text.count("'") == 2 for text in texts):
        return
    for start, end in operands:
        for image in sheet.image(node, where, **around):
            ref = place.cut(start + 1, end - 1)
            if ref.value.strip():
                yield image._replace(ref=ref, start=ref.start, end=ref.end, unsettled=(), templated=False)


def _operands(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of what a part of an expression may be: of each ``a && b`` between ``||``, the last."""
    depth, begin = 0, start
    for match in (*_OPERATOR.finditer(text, start, end), None):
        sign = match[0] if match else "||"
        if sign in "()":
            depth += 1 if sign == "(" else -1
        elif depth == 0 and sign == "&&" and match:
            begin = match.end()
        elif depth == 0 and sign == "||":
            stop = match.start() if match else end
            bare = text[begin:stop].strip()
            begin += text[begin:stop].index(bare)
            if bare[:1] == "(" and bare[-1:] == ")":
                yield from _operands(text, begin + 1, begin + len(bare) - 1)
            else:
                yield begin, begin + len(bare)
            begin = match.end() if match else end


def _default(top: dict[str, YamlNode], name: str) -> YamlNode | None:
    """Return the default of an input of a workflow, or None."""
    for event in ("workflow_call", "workflow_dispatch"):
        inputs = effective(effective(effective(top.get("on") or top.get("true")).get(event)).get("inputs"))
        if name in inputs:
            return effective(inputs[name]).get("default")
    return None


def _ran(node: YamlNode | None) -> tuple[Image, Container] | None:
    """Return an image and its container as ``docker create`` has them with the options of a container in long form."""
    options = effective(node).get("options") if is_mapping(node) else None
    ran = of_options(options.value) if is_text(options) else None
    if not ran or not options:
        return None
    start, end = options.start_mark.index, options.end_mark.index
    given = tuple(one._replace(start=start, end=end) for one in ran[1].start_commands)
    user = ran[1].user and ran[1].user._replace(start=start, end=end)
    return ran[0], ran[1]._replace(start_commands=given, user=user, ports=())


def _service(name: str, image: Image, node: YamlNode | None) -> Iterator[Container]:
    """Yield the container of a service whose options tell how it is started or checked, or by whom."""
    if (ran := _ran(node)) and (ran[1].start_commands or ran[1].user):
        yield ran[1]._replace(name=name, image=image, mounts=image.mounts, open=True)


def _mounts_more(options: YamlNode | None) -> bool:
    return is_scalar(options) and bool(re.search(r"(?:^|\s)(?:-v|--volume|--mount|--tmpfs)\b", options.value))


def _listed(matrix: dict[str, YamlNode], name: str) -> Iterator[YamlNode]:
    """Yield the listed values of a matrix key, or of keys below it, including those under ``include``."""
    first, *below = name.split(".")
    found = [*sequence(matrix.get(first))]
    found += [keys[first] for keys in map(effective, sequence(matrix.get("include"))) if first in keys]
    for key in below:
        found = [keys[key] for keys in map(effective, found) if key in keys]
    yield from found


def _steps(sheet: YamlFile, steps: YamlNode | None, where: str, since: int) -> Iterator[Image]:
    for index, step in enumerate(sequence(steps)):
        uses = effective(step).get("uses")
        if is_text(uses):
            yield from _docker(sheet, uses, f"{where}.steps.{index}.uses")
            yield from _inputs(sheet, effective(step), f"{where}.steps.{index}")
            if uses.value.startswith(BUILDS):
                yield from _build(sheet, effective(effective(step).get("with")), f"{where}.steps.{index}.with", since)


def _inputs(sheet: YamlFile, step: dict[str, YamlNode], where: str) -> Iterator[Image]:
    """Yield the images that an action or a called workflow is given by the usual names, in one piece with a tag."""
    for key, node in items(step.get("with")):
        if _WITH.fullmatch(key) and is_text(node) and TAGGED.fullmatch(node.value):
            yield from sheet.image(node, f"{where}.with.{key}", unsafe_reasons=(_ACTS,))


def _build(sheet: YamlFile, keys: dict[str, YamlNode], where: str, since: int) -> Iterator[Image]:
    """Yield the images that a build has as contexts, and those that its arguments name, as determined by the
    Dockerfile, whose path is relative to the top of the repository. Logins are those of the job, which begins at an
    offset, before the build."""
    contexts: set[str] = set()
    for name, place in _entries(sheet, keys.get("build-contexts")):
        contexts.add(name)
        if place.value.startswith(IMAGE_CONTEXT):
            ref = place.cut(len(IMAGE_CONTEXT), len(place.value))
            image = Image(ref, f"{where}.build-contexts.{name}", ref.start, ref.end)
            yield image._replace(needs_login=NOBODY, login=sheet.logins(since, ref.start))
    given = {
        name: Expansion(place) for name, place in _entries(sheet, keys.get("build-args")) if "$" not in place.value
    }
    for image in of_a_build(dockerfile_of(sheet.path, keys), given, f"{where}.build-args", frozenset(contexts)):
        yield image._replace(needs_login=NOBODY, login=sheet.logins(since, image.start))


def _entries(sheet: YamlFile, node: YamlNode | None) -> Iterator[tuple[str, Traced]]:
    """Yield the lines ``name=value`` of a block scalar."""
    if is_text(node):
        place = traced(node, sheet.text)
        for line in _ENTRY.finditer(place.value) if place.spans else ():
            yield line[1], place.cut(*line.span(2))


def _docker(sheet: YamlFile, node: ScalarNode, where: str) -> Iterator[Image]:
    """Yield the image after ``docker://``."""
    if not node.value.startswith(_DOCKER):
        return
    place = traced(node, sheet.text)
    for image in sheet.image(node, where, not_editable=_BEFORE):
        ref = after_scheme(place if place.spans else place._replace(value=node.value))
        yield image._replace(ref=ref, start=ref.start if ref.spans else image.start)
