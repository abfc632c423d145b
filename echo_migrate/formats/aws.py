"""AWS: ECS task definitions in JSON or YAML, and the containers in templates of CloudFormation, SAM and the CDK.

Keys: docs.aws.amazon.com, Amazon ECS, "Task definition parameters", read in November 2026; AWS CloudFormation,
"Template reference", whose keys are the same with a capital; AWS Elastic Beanstalk, ``Dockerrun.aws.json`` of version
1. Images of Lambda, App Runner and SageMaker come from ECR alone.
"""

import re
from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import StartCommand, checked, listed, unread
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_set, is_text, sequence
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._logins import login_text
from echo_migrate.formats._templates import literals
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import Around, Node, YamlFile, is_rendered, nodes, verify
from echo_migrate.images.reference import is_number
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_FILE = re.compile(r"(?i).+\.(?:ya?ml|json|template)")
_TASK = lazy_regex(r"(?m)[\"']containerDefinitions[\"']\s*:\s*\[|^[ ]{0,4}containerDefinitions[ \t]*:")
_LIST = lazy_regex(r"\s*\[\s*\{")
_TEMPLATE = lazy_regex(
    r"\bType[\"']?\s*:\s*[\"']?AWS::(?:ECS::TaskDefinition|Batch::JobDefinition|CodeBuild::Project)\b"
)
_BEANSTALK = "AWSEBDockerrunVersion"
_TASKS_OWN = frozenset(("essential", "logConfiguration", "memoryReservation", "mountPoints", "portMappings"))
"""Keys of which a container of ECS has one, where a list of them stands alone."""

_SERVICE = because("login-service")
_OTHER_LOGIN = because("login-other")
_DEFAULT = because("default")
_OWN_OF_CODEBUILD = "aws/codebuild/"


class _Place(NamedTuple):
    """A mapping that names an image: the context, its values by key in ECS' spelling, those of what surrounds it, and
    the key of its login."""

    where: str
    keys: dict[str, YamlNode]
    around: dict[str, YamlNode]
    login: str = "repositoryCredentials"


def candidate(path: str) -> bool:
    return bool(_FILE.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file has the containers of a task definition, or a resource of CloudFormation with some."""
    if not candidate(path) or "mage" not in text:
        return False
    alone = path[-5:].lower() == ".json" and bool(_LIST.match(text)) and any(f'"{key}"' in text for key in _TASKS_OWN)
    return alone or _BEANSTALK in text or bool(_TASK.search(text) or _TEMPLATE.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images and containers of a file, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    if is_rendered(sheet):
        return nodes(sheet, literals(source.text), request)
    if not any(_is_ours(root) for root in sheet.roots):
        sheet.problems = []
        return []
    return nodes(sheet, (node for root in sheet.roots for node in _nodes(sheet, root)), request)


def _is_ours(root: YamlNode | None) -> bool:
    return any(True for _ in _places(root))


def _nodes(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image | Container]:
    parameters = effective(effective(root).get("Parameters"))
    for place in _places(root):
        login = login_text(sheet.under(place.keys.get(place.login)))
        mounts = tuple(_mounts(place.keys))
        secrets = place.keys.get("secrets")  # each is a variable
        around: Around = {
            "platform": _platform(place.around),
            "mounts": mounts,
            "variables": variables_of(place.keys | ({"env": secrets} if secrets else {})),
            "needs_login": _OTHER_LOGIN if login else _SERVICE,
            "login": login,
        }
        node = place.keys.get("image")
        default = _default(node, parameters)
        if default is not None:
            node, around["unsafe_reasons"] = default, (_DEFAULT,)
        if is_text(node) and node.value.startswith(_OWN_OF_CODEBUILD):
            continue
        for image in sheet.image(_substituted(node), place.where, **around):
            yield image
            yield _container(place, image)


def _default(node: YamlNode | None, parameters: dict[str, YamlNode]) -> YamlNode | None:
    """Return the default of the parameter that is an image: ``!Ref Name``, or ``{"Ref": "Name"}``."""
    reference = effective(node).get("Ref") if is_mapping(node) else node if node and node.tag == "!Ref" else None
    return effective(parameters.get(reference.value)).get("Default") if is_text(reference) else None


def _substituted(node: YamlNode | None) -> YamlNode | None:
    """Return what ``Fn::Sub`` is given as a text, if there is nothing to substitute in it; else the node itself."""
    given = effective(node).get("Fn::Sub") if is_mapping(node) else node if node and node.tag == "!Sub" else None
    if not is_text(given) or "${" in given.value:
        return node
    text = copy(given)
    text.tag = "tag:yaml.org,2002:str"
    return text


def _places(root: YamlNode | None) -> Iterator[_Place]:
    """Yield what names an image in a task definition, in a list of containers, or in a template."""
    containers = sequence(root)
    if containers and all(_TASKS_OWN & effective(one).keys() for one in containers):
        yield from _listed(root, "containers", {})
    for task in (_lower(root), _lower(effective(root).get("taskDefinition"))):
        yield from _listed(task.get("containerDefinitions"), "containerDefinitions", task)
    if _BEANSTALK in effective(root):
        keys = _lower(root)
        named = _lower(keys.pop("image", None)).get("name")
        yield _Place("Image.Name", keys | ({"image": named} if named else {}), {}, "authentication")
    for name, resource in effective(effective(root).get("Resources")).items():
        keys = effective(resource)
        kind, properties = keys.get("Type"), _lower(keys.get("Properties"))
        if is_text(kind):
            yield from _of_resource(kind.value, name, properties)


def _of_resource(kind: str, name: str, properties: dict[str, YamlNode]) -> Iterator[_Place]:
    if kind == "AWS::ECS::TaskDefinition":
        yield from _listed(properties.get("containerDefinitions"), name, properties)
    elif kind == "AWS::Batch::JobDefinition":
        jobs = [properties, *map(_lower, sequence(_lower(properties.get("nodeProperties")).get("nodeRangeProperties")))]
        for job in jobs:
            keys = _lower(job.get("containerProperties", job.get("container")))
            yield _Place(f"{name}.image", keys, keys)
        pod = _lower(_lower(properties.get("eksProperties")).get("podProperties"))
        yield from _listed(pod.get("containers"), name, {})
    elif kind == "AWS::CodeBuild::Project":
        keys = _lower(properties.get("environment"))
        yield _Place(f"{name}.image", keys, keys, "registryCredential")


def _listed(node: YamlNode | None, where: str, around: dict[str, YamlNode]) -> Iterator[_Place]:
    for index, one in enumerate(sequence(node)):
        keys = _lower(one)
        name = keys.get("name")
        yield _Place(f"{where}.{name.value if is_text(name) else index}.image", keys, around)


def _lower(node: YamlNode | None) -> dict[str, YamlNode]:
    """Return the values of a mapping by key, in the spelling of ECS: CloudFormation begins keys with a capital."""
    return {key[:1].lower() + key[1:]: value for key, value in effective(node).items()}


def _platform(around: dict[str, YamlNode]) -> str:
    """Return the platform of a task, or "" for a common one."""
    system = _lower(around.get("runtimePlatform")).get("operatingSystemFamily", around.get("type"))
    return "windows/amd64" if is_text(system) and system.value.startswith("WINDOWS") else ""


def _mounts(keys: dict[str, YamlNode]) -> Iterator[str]:
    """Yield the container paths that volumes cover; ``/`` if they are not known."""
    for mount in sequence(keys.get("mountPoints")):
        path = _lower(mount).get("containerPath")
        yield (path.value.rstrip("/") or "/") if is_text(path) and path.value.startswith("/") else "/"
    unknown = ("volumesFrom", "volumeMounts")
    if any(sequence(keys.get(key)) for key in unknown) or is_mapping(keys.get("mountPoints")):
        yield "/"


def _container(place: _Place, image: Image) -> Container:
    """Return a container with its start commands, user and ports; that of a build runs what the build says."""
    keys = place.keys
    check = _lower(keys.get("healthCheck")).get("command")
    user = keys.get("user")
    start_commands = [_launch("entrypoint", keys.get("entryPoint")), _launch("command", keys.get("command"))]
    words = [one.value for one in sequence(check) if is_scalar(one)]
    if check is not None and words:
        start_commands.append(checked(words, check.start_mark.index, check.end_mark.index))
    return Container(
        place.where.rpartition(".")[0].rpartition(".")[2],
        image,
        tuple(one for one in start_commands if one),
        Located(user.value, user.start_mark.index, user.end_mark.index) if is_text(user) else None,
        tuple(_ports(keys)),
        is_set(keys.get("privileged")) or "linuxParameters" in keys or "systemControls" in keys,
        image.mounts,
        open=place.login == "registryCredential",
        kind="container",
    )


def _launch(verb: str, node: YamlNode | None) -> StartCommand | None:
    if node is None or not (is_mapping(node) or sequence(node)):
        return None
    words = [one.value for one in sequence(node) if is_scalar(one) and not one.tag.startswith("!")]
    start, end = node.start_mark.index, node.end_mark.index
    if is_mapping(node) or len(words) < len(sequence(node)):
        return unread(verb, start, end)
    return listed(verb, words, start, end)


def _ports(keys: dict[str, YamlNode]) -> Iterator[Located]:
    for mapping in sequence(keys.get("portMappings")):
        port = _lower(mapping).get("containerPort")
        if is_scalar(port) and is_number(port.value):
            yield Located(port.value, port.start_mark.index, port.end_mark.index)
