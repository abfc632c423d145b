"""GitHub workflows and actions: job containers, their services, and actions that are images.

Key paths: docs.github.com, "Workflow syntax for GitHub Actions" (jobs.<id>.container, .services, .strategy.matrix,
steps[*].uses) and "Metadata syntax for GitHub Actions" (runs.image), 2026.
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
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
from echo_migrate.formats._commands import calls
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Node, YamlFile, nodes, verify
from echo_migrate.images.reference import VARIABLE
from echo_migrate.model import Image
from echo_migrate.reasons import because
from echo_migrate.shell.commands import SHELLS

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_ACTION = re.compile(r"(?i)(?:^|.*/)action\.ya?ml")
_WORKFLOW = lazy_regex(r"(?m)^(?:on|[\"']on[\"']|true)[ \t]*:")
_JOBS = lazy_regex(r"(?m)^[\"']?jobs[\"']?[ \t]*:")
_RUNS = lazy_regex(r"(?m)^[\"']?runs[\"']?[ \t]*:")
_NAMES = lazy_regex(r"\b(?:container|services|image)[\"']?[ \t]*:|docker://")
_MATRIX = lazy_regex(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
_DOCKER = "docker://"
_NO_LOGIN = because("login-credentials")
_OTHER_LOGIN = because("login-other")
_BEFORE = because("pulled-first")


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a workflow or an action, by its keys, and may name an image."""
    if not candidate(path) or not (_NAMES.search(text) or calls(text)):
        return False
    if _ACTION.fullmatch(path):
        return bool(_RUNS.search(text))
    return bool(_WORKFLOW.search(text) and _JOBS.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a workflow or an action, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    return nodes(sheet, (image for root in sheet.roots for image in _images(sheet, effective(root))), request)


def _images(sheet: YamlFile, top: dict[str, YamlNode]) -> Iterator[Image | Container]:
    jobs = {id: effective(node) for id, node in items(top.get("jobs"))}
    for found in _named(sheet, top):
        job = (
            jobs.get(found.where.removeprefix("jobs.").partition(".")[0])
            if isinstance(found, Image) and found.unsettled
            else None
        )
        yield _with_choices(found, job) if job and isinstance(found, Image) else found


def _with_choices(image: Image, job: dict[str, YamlNode]) -> Image:
    """Return an image with the values of its matrix expressions as choices, if the matrix lists them all."""
    matrix = effective(effective(job.get("strategy")).get("matrix"))
    choices: list[tuple[tuple[str, str], ...]] = [()]
    for written in dict.fromkeys(found[0] for found in VARIABLE.finditer(image.ref.value)):
        named = _MATRIX.fullmatch(written)
        values = [node.value for node in _listed(matrix, named[1]) if is_scalar(node)] if named else []
        if not values or len(values) * len(choices) > _MOST_CHOICES or any("$" in value for value in values):
            return image
        choices = [(*choice, (written, value)) for choice in choices for value in values]
    return image._replace(unsettled=(), choices=tuple(choices))


_MOST_CHOICES = 50


def _named(sheet: YamlFile, top: dict[str, YamlNode]) -> Iterator[Image | Container]:
    for id, node in items(top.get("jobs")):
        job = effective(node)
        where = f"jobs.{id}"
        yield from _container(sheet, job, job.get("container"), f"{where}.container")
        for name, service in items(job.get("services")):
            yield from _container(sheet, job, service, f"{where}.services.{name}")
        yield from _steps(sheet, job.get("steps"), where)
    runs = _runs(top)
    yield from _steps(sheet, runs.get("steps"), "runs")
    yield from sheet.scripts(_scripts(top))
    image = runs.get("image")
    if is_text(image):
        yield from _docker(sheet, image, "runs.image")


def _container(sheet: YamlFile, job: dict[str, YamlNode], node: YamlNode | None, where: str) -> Iterator[Image]:
    """Yield the image of a container, in short form or under ``image``; for a matrix expression, the listed images."""
    keys = effective(node) if is_mapping(node) else {}
    image = keys.get("image") if keys else node
    if not is_text(image):
        return
    login = sheet.under(keys.get("credentials"))
    needs_login = _OTHER_LOGIN if login else _NO_LOGIN
    mounts = tuple(mounts_of(keys.get("volumes"))) + (("/",) if _mounts_more(keys.get("options")) else ())
    where = f"{where}.image"
    named = _MATRIX.fullmatch(image.value.strip())
    matrix = effective(effective(job.get("strategy")).get("matrix"))
    listed = list(_listed(matrix, named[1])) if named else []
    if named and listed:
        excluded = any(named[1] in effective(entry) for entry in sequence(matrix.get("exclude")))
        not_editable = because("matrix-excluded") if excluded else None
        if sheet.text.count(f"matrix.{named[1]}") > 1:
            not_editable = because("matrix-elsewhere")
        for entry in listed:
            yield from sheet.image(
                entry, where, needs_login=needs_login, login=login, mounts=mounts, not_editable=not_editable
            )
    else:
        yield from sheet.image(image, where, needs_login=needs_login, login=login, mounts=mounts)


def _mounts_more(options: YamlNode | None) -> bool:
    return is_scalar(options) and bool(re.search(r"(?:^|\s)(?:-v|--volume|--mount|--tmpfs)\b", options.value))


def _listed(matrix: dict[str, YamlNode], name: str) -> Iterator[YamlNode]:
    """Yield the listed values of a matrix key, including those under ``include``."""
    yield from sequence(matrix.get(name))
    for more in sequence(matrix.get("include")):
        if name in effective(more):
            yield effective(more)[name]


def _steps(sheet: YamlFile, steps: YamlNode | None, where: str) -> Iterator[Image]:
    for index, step in enumerate(sequence(steps)):
        uses = effective(step).get("uses")
        if is_text(uses):
            yield from _docker(sheet, uses, f"{where}.steps.{index}.uses")


def _scripts(top: dict[str, YamlNode]) -> Iterator[tuple[str, YamlNode | None]]:
    """Yield the scripts of steps with a supported shell, each with its key path."""
    for where, holder in [
        *((f"jobs.{id}", effective(job)) for id, job in items(top.get("jobs"))),
        ("runs", _runs(top)),
    ]:
        above = _shell(holder) or _shell(top) or ("pwsh" if _on_windows(holder.get("runs-on")) else "bash")
        for index, step in enumerate(sequence(holder.get("steps"))):
            keys = effective(step)
            shell = keys.get("shell")
            if (shell.value if is_text(shell) else above).partition(" ")[0] in SHELLS:
                yield f"{where}.steps.{index}.run", keys.get("run")


def _runs(top: dict[str, YamlNode]) -> dict[str, YamlNode]:
    return effective(top.get("runs"))


def _shell(holder: dict[str, YamlNode]) -> str:
    """Return the default shell of all steps, or ""."""
    node = effective(effective(holder.get("defaults")).get("run")).get("shell")
    return node.value if is_text(node) else ""


def _on_windows(node: YamlNode | None) -> bool:
    return any(is_scalar(one) and "windows" in one.value.lower() for one in (node, *sequence(node)))


def _docker(sheet: YamlFile, node: ScalarNode, where: str) -> Iterator[Image]:
    """Yield the image after ``docker://``."""
    if not node.value.startswith(_DOCKER):
        return
    place = traced(node, sheet.text)
    for image in sheet.image(node, where, not_editable=_BEFORE):
        ref = place.cut(len(_DOCKER), len(place.value)) if place.spans else place._replace(value=node.value[9:])
        yield image._replace(ref=ref, start=ref.start if ref.spans else image.start)
