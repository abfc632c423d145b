"""The platform of the machine that runs the jobs of a CI system, where it is none for which every image is offered.

Keys: docs.github.com, "Using labels with self-hosted runners" (runs-on); docs.gitlab.com, "CI/CD YAML syntax reference"
(tags, image:docker:platform); docs.drone.io, "Docker pipelines" (platform); woodpecker-ci.org/docs, "Workflow syntax"
(labels, platform); docs.travis-ci.com, "Building on Multiple CPU Architectures" (arch, os); learn.microsoft.com, "YAML
schema reference for Azure Pipelines" (pool.vmImage).
"""

from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, positions, sequence
from echo_migrate.formats._platforms import rare
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.model import WINDOWS, Image

_MAY_BE = lazy_regex(r"(?i)windows|s390x|ppc64|riscv64|\barm|\b[in]?386\b")
_LABEL = lazy_regex(r"(?i)(?:.*[._-])?(?:(windows)|(s390x|ppc64le|riscv64|armv[67]l?|armhf|i386))(?:[._-].*)?|(arm)")
"""A label of a runner with the word of a platform in it; ``arm`` alone is a system of 32 bits."""

_PLATFORM = lazy_regex(r"(?:linux|windows)/[a-z0-9_]+(?:/v[0-9]+)?")


def on_runners(sheet: YamlFile, found: Iterable[Image | Container], *asked: str) -> Iterator[Image | Container]:
    """Yield the images and containers of a file, those in the job or file of a rare runner with its platform; ``asked``
    are the keys that name one there."""
    machines = list(_machines(sheet.roots, asked)) if _MAY_BE.search(sheet.text) else []
    for node in found:
        image = node if isinstance(node, Image) else node.image
        if machines and image and not image.platform:
            platform = next((one for start, end, one in machines if start <= image.start < end), "")
            image = image._replace(platform=platform) if platform else image
        yield image if isinstance(node, Image) and image else node._replace(image=image)


def _machines(roots: Iterable[YamlNode | None], asked: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield where the mappings are that ask for a rare runner, each with its platform."""
    for root in roots:
        for node in (root, *(child for _, child in positions(root))):
            keys = effective(node) if is_mapping(node) else {}
            platform = _asked({key: keys[key] for key in asked if key in keys})
            if node is not None and platform:
                yield node.start_mark.index, node.end_mark.index, platform


def _asked(keys: dict[str, YamlNode]) -> str:
    """Return the rare platform that the keys of a job or a file ask for, "" for none."""
    platform = keys.get("platform")
    named = [platform, *(effective(keys.get(key)).get("platform") for key in ("docker", "labels"))]
    written = [node.value for node in named if is_text(node) and _PLATFORM.fullmatch(node.value)]
    parts = effective(platform)
    if "os" in parts or "arch" in parts:
        system, architecture = (
            node.value if is_text(node) else other
            for node, other in ((parts.get("os"), "linux"), (parts.get("arch"), "amd64"))
        )
        written.append(f"{system}/{architecture}")
    machine = effective(keys.get("pool")).get("vmImage")
    runners = [*_each(keys.get("runs-on")), *_each(keys.get("arch")), *([machine] if is_text(machine) else [])]
    runners += [one for key in ("tags", "os") for one in sequence(keys.get(key))]
    runners += [keys["os"]] if is_text(keys.get("os")) else []
    labels = [_LABEL.fullmatch(node.value) for node in runners if is_text(node)]
    written += [WINDOWS if label[1] else f"linux/{(label[2] or label[3]).lower()}" for label in labels if label]
    return rare(written)


def _each(node: YamlNode | None) -> list[YamlNode]:
    """Return the labels of a runner: one, several, or those of a group."""
    node = effective(node).get("labels", node)
    return [node] if is_scalar(node) else list(sequence(node))
