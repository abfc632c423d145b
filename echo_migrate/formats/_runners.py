"""The platform of the machine that runs the jobs of a CI system, where it is none for which every image is offered.

Keys: docs.github.com, "Using labels with self-hosted runners" (runs-on); docs.gitlab.com, "CI/CD YAML syntax reference"
(default, extends, tags, image:docker:platform) and "Hosted runners" (saas-windows-medium-amd64); docs.drone.io,
"Docker pipelines" (platform); woodpecker-ci.org/docs, "Workflow syntax" (labels, platform); docs.travis-ci.com,
"Building on Multiple CPU Architectures" (arch, os); learn.microsoft.com, "YAML schema reference for Azure Pipelines"
(pool.vmImage).
"""

from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, positions, sequence
from echo_migrate.formats._gitlab_jobs import chain_of
from echo_migrate.formats._platforms import machine, rare
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.model import WINDOWS, Image

_MAY_BE = lazy_regex(r"(?i)windows|s390x|ppc64|riscv64|\barm|\b[in]?386\b")
_BETWEEN = lazy_regex(r"[._-]")
_RARE = frozenset(("s390x", "ppc64le", "riscv64", "armv6", "armv6l", "armv7", "armv7l", "armhf", "i386"))
_NOT = ("no", "non", "not")
_HOSTED = "saas"
"""The first word of the tags of GitLab's own runners."""

_PLATFORM = lazy_regex(r"(?:linux|windows)/[a-z0-9_]+(?:/v[0-9]+)?")


def on_runners(sheet: YamlFile, found: Iterable[Image | Container], *asked: str) -> Iterator[Image | Container]:
    """Yield the images and containers of a file, those in the job or file of a rare runner with its platform, where
    no mapping further inside asks for another; ``asked`` are the keys that name one there."""
    machines = list(_machines(sheet.roots, asked)) if _MAY_BE.search(sheet.text) else []
    for node in found:
        image = node if isinstance(node, Image) else node.image
        if machines and image and not image.platform:
            around = [one for one in machines if one[0] <= image.start < one[1]]
            platform = max(around)[2] if around else ""
            image = image._replace(platform=platform) if platform else image
        yield image if isinstance(node, Image) and image else node._replace(image=image)


def _machines(roots: Iterable[YamlNode | None], asked: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield where the mappings are that ask for a runner, each with its platform, "" for a common one."""
    for root in roots:
        top = effective(root)
        inherited = {id(root): [top, effective(top.get("default"))]}
        inherited |= {id(node): chain_of(top, name) for name, node in top.items() if "extends" in effective(node)}
        for node in (root, *(child for _, child in positions(root))):
            chain = inherited.get(id(node)) or [effective(node) if is_mapping(node) else {}]
            platform = _asked({key: keys[key] for keys in reversed(chain) for key in asked if key in keys})
            if node is not None and platform is not None:
                yield node.start_mark.index, node.end_mark.index, platform


def _asked(keys: dict[str, YamlNode]) -> str | None:
    """Return the rare platform that the keys of a job or a file ask for, "" for a common one, None if they ask for
    none."""
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
    pool = effective(keys.get("pool"))
    together = [
        [*_each(keys.get("runs-on"))],
        [*sequence(keys.get("tags"))],
        [pool["vmImage"]] if "vmImage" in pool else [],
    ]
    together += [[one] for key in ("arch", "os") for one in _each(keys.get(key))]  # each for a job of its own
    written += [one for nodes in together for one in _of_labels([node.value for node in nodes if is_text(node)])]
    return rare(written) if written or "pool" in keys or any(together) else None


def _of_labels(labels: list[str]) -> Iterator[str]:
    """Yield the platforms of a runner that has all of some labels: a label has the word of one at its start or end, and
    none says otherwise; ``arm`` alone is a system of 32 bits."""
    split = [_BETWEEN.split(label.lower()) for label in labels]
    said = {word for words in split for word in words}
    for words in split:
        ends = {words[words[0] == _HOSTED and len(words) > 1], words[-1]} if words[0] not in _NOT else set[str]()
        if "windows" in ends and said.isdisjoint(("linux", "ubuntu")):
            yield WINDOWS
        if said.isdisjoint(("amd64", "x64")):
            yield from (f"linux/{machine(word)}" for word in sorted(ends & _RARE))
            yield from ["linux/arm"] if words == ["arm"] else []


def _each(node: YamlNode | None) -> list[YamlNode]:
    """Return the labels of a runner: one, several, or those of a group."""
    node = effective(node).get("labels", node)
    return [node] if is_scalar(node) else list(sequence(node))
