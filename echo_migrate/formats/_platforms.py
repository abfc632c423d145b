"""The platform that an image is asked for: by its name, by the nodes that it runs on, or by what only Windows has.

Keys: kubernetes.io, "Well-Known Labels, Annotations and Taints", "Assigning Pods to Nodes" and "Windows containers in
Kubernetes"; docs.docker.com, Compose ``isolation``, ``docker service create --constraint``; registry.terraform.io, the
providers aws, azurerm, docker and kubernetes; developer.hashicorp.com/nomad, "constraint". Read in November 2026.
"""

from collections.abc import Iterable, Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.values import Value
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_text, sequence
from echo_migrate.model import COMMON_PLATFORMS, WINDOWS

_PATH = lazy_regex(r"(?:[^:]+:|[A-Za-z]:[^:]*:)?[A-Za-z]:\\[^:]*(?::[a-z]+)?|[^:]{2,}:[A-Za-z]:/[^:]*(?::[a-z]+)?")
"""A path in a Windows container, alone or as the target of a volume, whose source may be one of the host's."""

_SHELL = lazy_regex(r"(?i)(?:.*[\\/])?(?:cmd|powershell)\.exe|.*\\(?:cmd|powershell)")
_CALLED = lazy_regex(r"(?i)cmd /[cks]\b|powershell [-/][a-z]")
"""A shell of Windows by its file, or by its name and its first option: any program may have its name."""

_PLATFORM = lazy_regex(r"(?:darwin|freebsd|linux|windows)/[a-z0-9_]+(?:/v[0-9]+)?")
_LABEL = lazy_regex(r"(?:beta\.)?kubernetes\.io/(os|arch)")
_WRITTEN = lazy_regex(
    r"kubernetes\.io/(os|arch)[\"']\s*(?:[:=]|,\s*(?:operator\s*=\s*)?[\"']In[\"']\s*,\s*(?:values\s*=\s*)?\[)"
    r"\s*[\"']([a-z0-9_]{1,20})[\"']"
)
"""A label and its value in a program: in a mapping, or in the arguments of a requirement."""

_CONSTRAINT = lazy_regex(r"node\.platform\.(os|arch)\s*==\s*(\w+)")
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armv6": "arm/v6",
    "armv6l": "arm/v6",
    "armv7": "arm/v7",
    "armv7l": "arm/v7",
    "armhf": "arm/v7",
}
"""The architectures of platforms, by the names that uname and Debian have for them."""

_ATTRIBUTE = lazy_regex(r"\$\{attr\.(cpu\.arch|kernel\.name)\}")

_KEYS = frozenset(("os_type", "operating_system_family", "isolation"))
_ISOLATED = frozenset(("hyperv", "process"))


def rare(platforms: Iterable[str]) -> str:
    """Return the first of some platforms that not every image is offered for, "" if there is none."""
    return next((one for one in platforms if one not in COMMON_PLATFORMS), "")


def machine(name: str) -> str:
    """Return the architecture of a platform by what uname or Debian call it; any other name as it is."""
    return _MACHINES.get(name, name)


def of_service(keys: dict[str, YamlNode]) -> str:
    """Return the platform of a Compose service that only Windows can run, or that is for nodes of a rare one, else
    ""."""
    isolation, folder = keys.get("isolation"), keys.get("working_dir")
    volumes = [one if is_scalar(one) else effective(one).get("target") for one in sequence(keys.get("volumes"))]
    paths = [node.value for node in (folder, *volumes) if is_text(node)]
    isolated = is_text(isolation) and is_isolated(isolation.value)
    placement = effective(effective(keys.get("deploy")).get("placement")).get("constraints")
    constraints = [_CONSTRAINT.fullmatch(node.value) for node in sequence(placement) if is_text(node)]
    placed = _of_labels([(one[1], machine(one[2])) for one in constraints if one])
    return WINDOWS if isolated or any(map(in_windows, paths)) else placed


def of_pod(pod: dict[str, YamlNode]) -> str:
    """Return the platform of the nodes that a pod is for, "" for a common one: by its system, its security context, a
    selector of nodes, or a required affinity."""
    system = effective(pod.get("os")).get("name")
    if "windowsOptions" in effective(pod.get("securityContext")) or (is_text(system) and system.value == "windows"):
        return WINDOWS
    return _of_labels([*_selected(pod.get("nodeSelector")), *_required(pod.get("affinity"))])


def of_container(keys: dict[str, YamlNode]) -> str:
    """Return Windows as the platform of a pod's container that only Windows can run, else ""."""
    mounts = [effective(one).get("mountPath") for one in sequence(keys.get("volumeMounts"))]
    paths = [node.value for node in (keys.get("workingDir"), *mounts) if is_text(node)]
    words = [*sequence(keys.get("command")), *sequence(keys.get("args"))][:2] if keys.get("command") else []
    own = "windowsOptions" in effective(keys.get("securityContext"))
    begin = [word.value if is_text(word) else "" for word in words]
    started = words and (_SHELL.fullmatch(begin[0]) or _CALLED.match(" ".join(begin)))
    return WINDOWS if own or started or any(map(in_windows, paths)) else ""


def of_block(body: Value) -> str:
    """Return the platform that a block of Terraform is for, "" for a common one."""
    labels: list[tuple[str, str]] = []
    waiting = [body]
    while waiting:
        node = waiting.pop()
        for key, value in node.items:
            if key in _KEYS and (value.text.lower().startswith("windows") or is_isolated(value.text)):
                return WINDOWS
            if key == "platform" and _PLATFORM.fullmatch(value.text) and rare((value.text,)):
                return value.text
            label = _LABEL.fullmatch(key.strip("\"'"))
            labels += [(label[1], value.text)] if label and value.text else []
            waiting.append(value)
        waiting += node.each
    return _of_labels(labels)


def of_constraints(blocks: Iterable[Value]) -> str:
    """Return the platform that constraints of Nomad in some blocks ask for, "" for a common one."""
    labels: list[tuple[str, str]] = []
    for block in blocks:
        for one in (dict(value.items) for key, value in block.items if key == "constraint"):
            attribute, operator, value = (
                one[key].text if key in one else "" for key in ("attribute", "operator", "value")
            )
            asked = _ATTRIBUTE.fullmatch(attribute) if operator in ("", "=", "==", "is") else None
            labels += [("arch" if asked[1] == "cpu.arch" else "os", value)] if asked and value else []
    return _of_labels(labels)


def of_labels_in(text: str) -> str:
    """Return the first platform that is not common of those whose nodes a program selects, "" for none."""
    return _of_labels([(match[1], match[2]) for match in _WRITTEN.finditer(text)]) if "kubernetes.io/" in text else ""


def is_isolated(value: str) -> bool:
    """Return whether a value of ``isolation`` is one that only Windows has."""
    return value.lower() in _ISOLATED


def in_windows(path: str) -> bool:
    """Return whether a path, or the target of a volume, is one in a Windows container."""
    return bool(_PATH.fullmatch(path))


def _selected(node: YamlNode | None) -> Iterator[tuple[str, str]]:
    """Yield the system and the architecture that a selector asks for."""
    for key, value in effective(node).items():
        label = _LABEL.fullmatch(key)
        if label and is_text(value):
            yield label[1], value.value


def _required(affinity: YamlNode | None) -> Iterator[tuple[str, str]]:
    """Yield the systems and architectures that a required affinity allows."""
    nodes = effective(effective(affinity).get("nodeAffinity")).get("requiredDuringSchedulingIgnoredDuringExecution")
    for term in sequence(effective(nodes).get("nodeSelectorTerms")):
        for one in map(effective, sequence(effective(term).get("matchExpressions"))):
            key, operator = one.get("key"), one.get("operator")
            label = _LABEL.fullmatch(key.value) if is_text(key) else None
            if label and is_text(operator) and operator.value == "In":
                yield from ((label[1], value.value) for value in sequence(one.get("values")) if is_text(value))


def _of_labels(labels: list[tuple[str, str]]) -> str:
    """Return the first platform that is not common, of labels of nodes for systems and architectures."""
    systems = [value for kind, value in labels if kind == "os"] or ["linux"]
    architectures = [value for kind, value in labels if kind == "arch"] or ["amd64"]
    return rare(f"{system}/{architecture}" for system in systems for architecture in architectures)
