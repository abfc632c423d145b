"""The places in a file that pull images and can be given a login, each with the edit that gives it.

A login is a name of a secret, from ``mappings/logins.yaml``. Where it is not known what to write, there is no edit.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.yaml import MappingNode, ScalarNode, YamlNode, effective, is_mapping, is_scalar, sequence
from echo_migrate.files.yaml_insert import Value, into_mapping, item_first, key_before, keys_after
from echo_migrate.formats import ci
from echo_migrate.formats.kubernetes import OF_A_POD
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Image, Level

PODS = frozenset(
    ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet")
)
_SECRETS = "imagePullSecrets"
_AUTH = "DOCKER_AUTH_CONFIG"


class Names(NamedTuple):
    """The names that logins are written with, and the host of the registry."""

    host: str
    pull_secret: str
    username: str
    password: str
    auth: str
    action: str


class Place(NamedTuple):
    """A place that pulls: its first image, what it is, what to do, and the edits, if it is known what to write.

    ``sure`` is true if a login for it cannot be set up elsewhere than in this file. ``waits`` is true if it would pull
    from the registry only after a move.
    """

    start: int
    end: int
    what: str
    remedy: str
    title: str
    sure: bool
    waits: bool = False
    edits: tuple[Edit, ...] = ()
    level: Level | None = None


class _Found(NamedTuple):
    """A place without its first image: the node that stands for it, and the other fields."""

    node: YamlNode
    what: str
    remedy: str
    title: str
    sure: bool
    edits: tuple[Edit, ...] | None
    early: bool = True
    """Whether it can be given a login before its images move."""


Wanted = tuple[Image, bool]
"""An image without a login, and whether it is pulled from the registry now."""


def login_names(catalog: Catalog) -> Names:
    """Return the names of a provider's logins."""
    data: dict[str, Any] = read_data("logins.yaml")
    row = data["names"].get(catalog.provider, data["names"]["*"])
    upper = re.sub(r"\W+", "_", catalog.provider).upper()
    named = {key: text.format(provider=catalog.provider, PROVIDER=upper) for key, text in row.items()}
    return Names(host=catalog.host, action=data["login_action"], **named)


def places(
    source: Source, kind: str, roots: list[YamlNode | None], wanted: Iterable[Wanted], names: Names
) -> list[Place]:
    """Return the places of images, once each, in the order of their first images."""
    find = _FINDERS.get(kind)
    found: dict[int, Place] = {}
    for image, pulls in wanted if find else ():
        place = find(source, roots, image, names) if find else None
        if place is None or not (pulls or place.early):
            continue
        known = found.get(id(place.node))
        waits = not pulls and (known is None or known.waits)
        what = f"{place.what} pulls"
        first = known or Place(image.start, image.end, what, place.remedy, place.title, place.sure)
        found[id(place.node)] = first._replace(what=what, waits=waits, edits=place.edits or ())
    return list(found.values())


def _pod(source: Source, roots: list[YamlNode | None], image: Image, names: Names) -> _Found | None:
    """Return the pod of a container: it is given a pull secret of its own, or its service account is, if that is in the
    file. A pod with a secret of its own is not given those of its account."""
    path = list(_path(roots, image.start))
    pod = next(
        (
            above
            for above, below in reversed(list(pairwise(path)))
            if is_mapping(above) and any(_is_list(key) and value is below for key, value in above.value)
        ),
        None,
    )
    resource = next((node for node in reversed(path) if {"apiVersion", "kind"} <= effective(node).keys()), None)
    if pod is None or _text(effective(resource).get("kind")) not in PODS:
        return None
    keys = effective(pod)
    account = _text(keys.get("serviceAccountName", keys.get("serviceAccount")))
    accounts = [root for root in roots if _text(effective(root).get("kind")) == "ServiceAccount"]
    secret: Value = {"name": names.pull_secret}
    edits: tuple[Edit, ...] | None = None
    if _SECRETS in keys or not account:
        before = next(key for key, _ in pod.value if _is_list(key))
        edits = _listed(source.text, pod, _SECRETS, secret, before)
    else:
        named = (one for one in accounts if _text(effective(effective(one).get("metadata")).get("name")) == account)
        for root in named:
            entry = _entry(root, "metadata")
            if is_mapping(root) and entry:
                edits = _listed(source.text, root, _SECRETS, secret, entry[0])
    sure = _SECRETS not in keys and not account and not any(_SECRETS in effective(root) for root in accounts)
    remedy = "add imagePullSecrets, here or on the service account"
    return _Found(pod, "this pod", remedy, f"add the pull secret {names.pull_secret}", sure, edits)


def _is_list(key: YamlNode) -> bool:
    return is_scalar(key) and key.value in OF_A_POD


def _container(source: Source, roots: list[YamlNode | None], image: Image, names: Names) -> _Found | None:
    """Return the container or service of a job: its image is pulled before any step, with credentials of its own."""
    way = image.where.split(".")[:-1]
    if way[:1] != ["jobs"] or way[2:3] not in (["container"], ["services"]) or not image.where.endswith(".image"):
        return None
    holder: YamlNode | None = next(iter(_path(roots, image.start)), None)
    for name in way[:-1]:
        holder = (_entry(holder, name) or (None, None))[1]
    entry = _entry(holder, way[-1])
    if entry is None or not is_mapping(holder):
        return None
    key, node = entry
    secrets = {"username": names.username, "password": names.password}
    credentials: Value = {name: f"${{{{ secrets.{secret} }}}}" for name, secret in secrets.items()}
    own = _entry(node, "image") if is_mapping(node) else entry
    edits: tuple[Edit, ...] | None = None
    if own and is_scalar(own[1]) and _holds(own[1], image.start):  # an image of a matrix is in another place
        more = {"credentials": credentials}
        if is_mapping(node):
            edits = keys_after(source.text, node, own[0], own[1], more)
        else:
            edits = into_mapping(source.text, holder, key, own[1], "image", more)
    remedy = "add credentials for it"
    return _Found(node, "this container", remedy, f"add credentials for {names.host}", True, edits, early=False)


def _ci(source: Source, roots: list[YamlNode | None], image: Image, names: Names) -> _Found | None:
    """Return the image of a CI system with a login beside it, or the pipeline with a list of secrets."""
    kind = ci.kind_of(source.path, source.text)
    path = list(_path(roots, image.start))
    if kind is None or len(path) < 2:
        return None
    text, holder, scalar = source.text, path[-2], path[-1]
    if kind.secrets and is_mapping(path[0]):
        before = next((key for key, value in path[0].value if value is path[1]), None)
        title = f"add the pull secret {names.pull_secret}"
        edits = _listed(text, path[0], kind.secrets, names.pull_secret, before) if before else None
        return _Found(path[0], "this pipeline", f"add {kind.secrets}", title, False, edits)
    if not kind.adds or not is_mapping(holder) or not is_scalar(scalar):
        return None
    added = {key: _filled(value, names) for key, value in kind.adds.items()}
    key = next((key for key, value in holder.value if value is scalar), None)
    remedy, edits = f"add {', '.join(added)}", None
    if key and is_scalar(key) and not added.keys() & effective(holder).keys():
        short = kind.short.get(key.value)
        edits = (
            into_mapping(text, holder, key, scalar, short, added)
            if short
            else keys_after(text, holder, key, scalar, added)
        )
    return _Found(scalar, "this container", remedy, f"add a login for {names.host}", True, edits, early=False)


def _filled(value: Value, names: Names) -> Value:
    """Return a value of the data with the names filled in."""
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    return value.format(**names._asdict()) if isinstance(value, str) else value


def _gitlab(source: Source, roots: list[YamlNode | None], image: Image, names: Names) -> _Found | None:
    """Return the pipeline: its variable is for all jobs that take those of the pipeline and have none of their own."""
    root = next(iter(_path(roots, image.start)), None)
    if not is_mapping(root) or not root.value:
        return None
    edits: tuple[Edit, ...] | None = None
    variables = _entry(root, "variables")
    value = f"""'{{"auths": {{"{names.host}": {{"auth": "${names.auth}"}}}}}}'"""
    first = root.value[0][0]
    if _AUTH not in source.text and "inherit" not in source.text and not getattr(root, "flow_style", False):
        if variables is None and is_scalar(first):
            edits = (key_before(source.text, root, first, "variables", {_AUTH: value}),)
        elif variables and is_mapping(variables[1]) and variables[1].value:
            key = variables[1].value[0][0]
            if is_scalar(key) and not getattr(variables[1], "flow_style", False):
                edits = (key_before(source.text, variables[1], key, _AUTH, value),)
    return _Found(root, "this pipeline", f"set {_AUTH}", f"set {_AUTH} for {names.host}", False, edits)


_FINDERS = {"kubernetes": _pod, "github": _container, "ci": _ci, "gitlab": _gitlab}


def _listed(text: str, holder: MappingNode, name: str, item: Value, before: YamlNode) -> tuple[Edit, ...] | None:
    """Return the edits that put an item into a list of a mapping, which is put in front of a key if there is none."""
    entry = _entry(holder, name)
    if entry is None:
        if name in effective(holder) or not is_scalar(before):
            return None
        return (key_before(text, holder, before, name, [item]),)
    if entry[1].id != "sequence":
        return None
    edit = item_first(text, entry[1], item)
    return (edit,) if edit else None


def _entry(node: YamlNode | None, name: str) -> tuple[ScalarNode, YamlNode] | None:
    """Return a key of a mapping, as written there, with its value."""
    pairs = node.value if is_mapping(node) else []
    return next(((key, value) for key, value in pairs if is_scalar(key) and key.value == name), None)


def _path(roots: list[YamlNode | None], offset: int) -> Iterator[YamlNode]:
    """Yield the nodes that an offset is in, from the root of its document to a scalar."""
    below: list[YamlNode] = [root for root in roots if root is not None]
    while node := next((node for node in below if _holds(node, offset)), None):
        yield node
        below = [value for _, value in node.value] if is_mapping(node) else sequence(node)


def _holds(node: YamlNode, offset: int) -> bool:
    return node.start_mark.index <= offset < node.end_mark.index


def _text(node: YamlNode | None) -> str:
    return node.value if is_scalar(node) else ""
