"""One document of a compose file: its services with their images, builds and inline Dockerfiles."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container, root_image
from echo_migrate.dockerfile.expansion import expand
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Places, Source, TooMuch, Traced, Unreadable
from echo_migrate.files.tree import real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import (
    ScalarNode,
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    items,
    positions,
    sequence,
    traced,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._build_arguments import IMAGE_CONTEXT, BuildArguments
from echo_migrate.formats._dockerfile import nodes
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._inline import DECLARED, lifted
from echo_migrate.formats._platforms import of_service, rare
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats.compose.commands import laid_with
from echo_migrate.formats.compose.service import arguments, container_of, contexts_of, dockerfile_of, settled, unset
from echo_migrate.formats.compose.taken_in import Keys, bases
from echo_migrate.images.variables import UNREAD
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import Reason, because

_ALIASED = because("aliased")
_SINGLE_DOLLAR = lazy_regex(r"(?<!\$)(?:\$\$)*\$(?!\$)")

Node = Image | Problem | Ignore | Container


class _Built(NamedTuple):
    """A Dockerfile that services build: its last stage, the last stage of each name, and its images."""

    last: Stage | None
    named: dict[str, Stage]
    images: tuple[Image, ...]


@of_a_run(64)
def _stages(source: Source, contexts: frozenset[str]) -> _Built | None:
    """Return the stages and images of a Dockerfile that services build; None if it takes too long to read."""
    try:
        with beside():
            found = nodes(source, Request(frozenset([Stage])), contexts)
    except TooMuch:
        return None
    stages = [one for one in found if isinstance(one, Stage)]
    named = {one.name.lower(): one for one in stages}
    return _Built(stages[-1] if stages else None, named, tuple(one for one in found if isinstance(one, Image)))


class Document:
    """One document: its services, with merge keys and aliases resolved."""

    def __init__(
        self,
        source: Source,
        root: YamlNode | None,
        siblings: "tuple[Document, ...]" = (),
        extended: Mapping[str, tuple[tuple[Keys, str], ...] | None] = MappingProxyType({}),
    ) -> None:
        """Read the services; ``siblings`` are the documents of the files that Compose may lay over or under it, and
        ``extended`` has for each service that other files extend the services that do, with the paths of these; None if
        not all are known."""
        self.source = source
        self.siblings = siblings
        self.text = source.text
        top = dict(items(root))
        services = top.get("services", None if "version" in top else root)
        self.services = [(name, node) for name, node in items(services) if is_mapping(node)]
        self.keys = {name: effective(node) for name, node in self.services}
        self.version_1 = "services" not in top
        self.extensions = [(name, node) for name, node in top.items() if name.startswith("x-") and is_mapping(node)]
        self.laid: set[str] = set()
        self.fed = BuildArguments()
        self.given = Counter(
            place.start
            for _, node in self.services
            for _, place in arguments(effective(effective(node).get("build")), self.text)
            if place.spans
        )
        self.counts: Counter[int] = Counter()
        self.elsewhere: set[int] = set()
        self._count(root)
        self.extended = extended

    @cached_property
    def bases(self) -> dict[str, list[tuple[Keys, str]] | None]:
        """The services that each one extends, with the paths of their files; None where one of them is not known."""
        extending = ((name, keys) for name, keys in self.keys.items() if "extends" in keys)
        return {name: bases(self.source.path, keys, self.keys) for name, keys in extending}

    @cached_property
    def derived(self) -> dict[int, list[str]]:
        """The names of the services that extend another of this document, by the id of its keys."""
        found: dict[int, list[str]] = {}
        for name, chain in self.bases.items():
            for keys, _ in chain or ():
                found.setdefault(id(keys), []).append(name)
        return found

    def _around(self, name: str, keys: Keys) -> list[tuple[Keys, str]] | None:
        """Return the keys that may count for the image of a service, with the paths of their files: its own, those of
        what it extends, of what extends it and names no image, and of files that may be laid over these. None if not
        all are known."""
        extends = self.bases.get(name, None if "extends" in keys else [])
        extending = self.extended.get(name, ())
        if extends is None or extending is None:
            return None
        names = self.derived.get(id(self.keys.get(name)), [])
        derived = [*extending, *((self.keys[one], self.source.path) for one in names)]
        found = [(keys, self.source.path), *extends]
        found += [one for one in derived if not is_text(one[0].get("image"))]
        for sibling in self.siblings:
            for one in sibling.keys.keys() & {name, *names}:
                chain = bases(sibling.source.path, sibling.keys[one], sibling.keys)
                if chain is None:
                    return None
                found += [(sibling.keys[one], self.source.path), *chain]
        return found

    def _count(self, root: YamlNode | None) -> None:
        """Count the uses of each scalar in the document, and collect those used elsewhere than as ``image``, except in
        extensions that no service takes in: Compose ignores them."""
        for key, child in positions(root):
            self.counts.update(id(part) for part in (key, child) if is_scalar(part))
        for name, top in items(root):
            for key, child in positions(top) if not name.startswith("x-") else ():
                if is_scalar(key):
                    self.elsewhere.add(id(key))
                if is_scalar(child) and not (is_scalar(key) and key.value == "image"):
                    self.elsewhere.add(id(child))

    def _circumstances(self, name: str, keys: dict[str, YamlNode]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return the literal platform of a service, "" if none or common, container paths that may be volumes, and the
        names of its variables."""
        build = effective(keys.get("build"))
        platforms = [keys.get("platform"), *sequence(build.get("platforms"))]
        literal = [node.value for node in platforms if is_scalar(node) and "$" not in node.value]
        platform = rare(literal) or of_service(keys)
        known = self._around(name, keys)
        around = [(keys, self.source.path)] if known is None else known
        unseen = known is None or any("volumes_from" in one for one, _ in around)
        mounts = [mount for one, _ in around for mount in mounts_of(one.get("volumes"), written=True)]
        variables = [name for one, path in around for name in variables_of(one, path)]
        more = ((*mounts, "/"), (*variables, UNREAD)) if unseen else (tuple(mounts), tuple(variables))
        return (platform, *more)

    def results(self) -> set[str]:
        """Return the names of what its services build."""
        named = [keys.get("image") for keys in self.keys.values() if "build" in keys]
        return {node.value for node in named if is_text(node)}

    def named_results(self, siblings: "tuple[Document, ...]") -> Iterator[str]:
        """Yield the names and further tags of what its services build, and what the ``.env`` file makes of them. The
        name may be in a file that is laid over this one."""
        paths = laid_with(self.source.path, (one.source.path for one in siblings))
        laid = [one for one in siblings if one.source.path in paths]
        for name, keys in self.keys.items():
            named = [one.keys[name].get("image") for one in laid if name in one.keys]
            for node in (keys.get("image"), *named, *sequence(effective(keys.get("build")).get("tags"))):
                if is_text(node) and "build" in keys:
                    yield node.value
                    yield settled(node.value, self.source.path)

    def nodes(self, services: bool) -> Iterator[Node]:
        yield from self._images(services)
        for name, scalar, inline in self.inlines():
            yield from self._inline(name, scalar, inline)

    def inlines(self) -> list[tuple[str, ScalarNode, Traced]]:
        """Return the inline Dockerfiles, as service, scalar and traced text."""
        found: dict[int, tuple[str, ScalarNode, Traced]] = {}
        for name, node in self.services:
            inline = effective(effective(node).get("build")).get("dockerfile_inline")
            if is_text(inline):
                found.setdefault(id(inline), (name, inline, traced(inline, self.text)))
        return list(found.values())

    def _images(self, services: bool) -> Iterator[Image | Container]:
        """Yield each image scalar once, however many services share it by anchor, and the services that run one."""
        users: dict[int, list[tuple[str, dict[str, YamlNode]]]] = {}
        scalars: dict[int, ScalarNode] = {}
        for name, node in self.services:
            keys = effective(node)
            named = keys.get("image")
            if is_text(named):
                scalars[id(named)] = named
                users.setdefault(id(named), []).append((name, keys))
        for name, node in self.extensions:
            named = effective(node).get("image")
            if is_text(named) and id(named) not in scalars:
                scalars[id(named)] = named
                users[id(named)] = [(name, effective(node))]
        results = {scalars[key].value for key, group in users.items() for _, keys in group if "build" in keys}
        results |= {name for one in self.siblings for name in one.results()}
        self.laid = laid_with(self.source.path, (one.source.path for one in self.siblings))
        for key, scalar in scalars.items():
            image = self._image(scalar, users[key], results)
            yield image
            if services and not image.local:
                whole = [user for user in users[key] if "build" not in user[1]]
                yield from (self._container(name, keys, image) for name, keys in whole)
        for name, node in self.services if services else ():
            yield from self.built(name, effective(node))
        seen: set[int] = set()
        fed: set[int] = set()
        for name, node in self.services:
            build = effective(effective(node).get("build"))
            if id(effective(node).get("build")) not in fed:  # shared by an alias, it is only written once
                fed.add(id(effective(node).get("build")))
                yield from self._fed(name, effective(node))
            for context, value in contexts_of(build):
                place = traced(value, self.text)
                at = 0 if place.value.startswith(IMAGE_CONTEXT) else len(context) + 1
                if place.value.startswith(IMAGE_CONTEXT, at) and id(value) not in seen:
                    seen.add(id(value))
                    ref = place.cut(at + len(IMAGE_CONTEXT), len(place.value)) if place.spans else place
                    image = self._read(ref, value, f"services.{name}.build.additional_contexts.{context}")
                    yield image._replace(not_editable=_ALIASED) if self.counts[id(value)] > 1 else image
            for volume in map(effective, sequence(effective(node).get("volumes"))):
                kind, mounted = volume.get("type"), volume.get("source")
                if is_scalar(kind) and kind.value == "image" and is_text(mounted) and id(mounted) not in seen:
                    seen.add(id(mounted))
                    image = self._read(traced(mounted, self.text), mounted, f"services.{name}.volumes.source")
                    yield image._replace(not_editable=_ALIASED) if self.counts[id(mounted)] > 1 else image

    def builds(self) -> Iterator[tuple[str, dict[str, YamlNode], str]]:
        """Yield the services that build a Dockerfile in the tree, as name, keys and real path of the Dockerfile."""
        for name, node in self.services:
            keys = effective(node)
            path = dockerfile_of(self.source.path, keys["build"]) if keys.get("build") is not None else None
            if path:
                yield name, keys, real(path)

    def built(self, name: str, keys: dict[str, YamlNode], dockerfile: Source | None = None) -> Iterator[Container]:
        """Yield the container of a service that is built, with the stage of ``dockerfile`` or of the file on disk."""
        node = keys.get("build")
        path = dockerfile_of(self.source.path, node) if node is not None else None
        if path is None:
            return
        try:
            names = frozenset(context for context, _ in contexts_of(effective(node)))
            file = _stages(dockerfile or Source.read(path), names)
        except Unreadable:
            return
        target = effective(node).get("target")
        if file is None:
            return
        stage = file.named.get(target.value.lower()) if is_scalar(target) else file.last
        image = root_image(stage, file.images) if stage else None
        if image and image.local in ("", "scratch"):
            service = self._container(name, keys, image)
            given = bool(list(arguments(effective(node), self.text)))
            yield service._replace(stage=stage, around=file.images, open=service.open or given)

    def _container(self, name: str, keys: Keys, image: Image) -> Container:
        """Return the container of a service, with what services that extend it start."""
        derived = [self.keys[one] for one in self.derived.get(id(self.keys.get(name)), ())]
        elsewhere = [one for one, _ in self.extended.get(name) or ()]
        return container_of(name, keys, image, self.source.path, derived + elsewhere)

    def _fed(self, name: str, keys: dict[str, YamlNode]) -> Iterator[Image]:
        """Yield the images that the build arguments of a service name, as determined by its Dockerfile."""
        node = keys.get("build")
        build = effective(node)
        handed = list(arguments(build, self.text))
        path = dockerfile_of(self.source.path, node) if handed else None
        if path is None:
            return
        try:
            text = Source.read(path).text
            found = {key: expand(value, unset, escape="\0") for key, value in handed}
        except (Unreadable, ValueError):
            return
        spans = {key: value for key, value in handed if value.spans}
        contexts = frozenset(context for context, _ in contexts_of(build))
        platform, mounts, variables = self._circumstances(name, keys)
        for key, image in self.fed.images(text, os.path.normpath(path), found, contexts):
            yield image._replace(
                where=f"services.{name}.build.args.{key}",
                start=spans[key].start,
                end=spans[key].end,
                not_editable=because("alias-target") if self.given[spans[key].start] > 1 else image.not_editable,
                platform=image.platform or platform,
                mounts=mounts,
                variables=variables,
            )

    def _image(self, scalar: ScalarNode, users: list[tuple[str, dict[str, YamlNode]]], results: set[str]) -> Image:
        name, _ = users[0]
        where = f"{name}.image" if self.version_1 or name.startswith("x-") else f"services.{name}.image"
        place = traced(scalar, self.text)
        image = self._read(place.cut(0, len(place.value.rstrip())) if place.spans else place, scalar, where)
        policies = {node.value for _, keys in users if is_scalar(node := keys.get("pull_policy"))}
        built = ["build" in keys for _, keys in users]
        local = "the result of a build" if all(built) or scalar.value in results or "build" in policies else ""
        not_editable = because("build-result") if any(built) and not local else image.not_editable
        if "never" in policies:
            not_editable = because("never-pulled")
        if id(scalar) in self.elsewhere:
            not_editable = _ALIASED
        around = [self._circumstances(*user) for user in users]
        over = [one for one in self.siblings if one.source.path in self.laid]
        laid = any("build" in one.keys.get(name, ()) for one in over for name, _ in users)
        return image._replace(
            unsafe_reasons=(because("build-result"),) if laid and not any(built) else (),
            local=local,
            not_editable=not_editable,
            platform=next((one for one, _, _ in around if one), ""),
            mounts=tuple(sorted({mount for _, mounts, _ in around for mount in mounts})),
            variables=tuple(sorted({name for _, _, names in around for name in names})),
        )

    def _read(self, place: Traced, scalar: ScalarNode, where: str) -> Image:
        whole = (scalar.start_mark.index, scalar.end_mark.index)
        start, end = (place.start, place.end) if place.spans else whole
        not_editable = None if place.spans else because("cannot-edit")
        try:
            found = expand(place, unset, escape="\0")
        except ValueError:
            return Image(place, where, start, end, not_editable=because("expression"))
        return Image(
            found.text,
            where,
            start,
            end,
            not_editable=not_editable,
            unsettled=found.unsettled,
            resolved=settled(place.value, self.source.path),
        )

    def _inline(self, name: str, scalar: ScalarNode, inline: Traced) -> Iterator[Node]:
        """Yield the nodes of an inline Dockerfile, with offsets in the file. Compose first replaces ``$$`` by ``$``."""
        spans, position = [], 0
        for match in re.finditer(r"\$\$", inline.value):
            spans.append((position, match.start() + 1))
            position = match.end()
        spans.append((position, len(inline.value)))
        whole = Traced.join(inline.cuts(spans)) if inline.spans else inline
        not_editable: Reason | None = None if inline.spans else because("cannot-edit")
        if inline.spans and _SINGLE_DOLLAR.search(inline.value):
            not_editable = because("compose-variables")
        keys = self.keys[name]
        build = effective(keys.get("build"))
        if {key for key, _ in arguments(build, self.text)} & set(DECLARED.findall(whole.value)):
            not_editable = not_editable or because("build-args-beside")
        if self.counts[id(scalar)] > 1:
            not_editable = not_editable or because("services-share")
        platform, mounts, variables = self._circumstances(name, keys)
        contexts = frozenset(context for context, _ in contexts_of(build))
        places = Places(whole)
        for node in lifted(nodes(Source(self.source.path, whole.value), NO_REQUEST, contexts), places):
            if not inline.spans:
                node = node._replace(start=scalar.start_mark.index, end=scalar.end_mark.index)
            if isinstance(node, Image):
                node = node._replace(
                    where=f"services.{name}.build.dockerfile_inline {node.where}",
                    not_editable=node.not_editable or not_editable,
                    platform=node.platform or platform,
                    mounts=mounts,
                    variables=variables,
                )
            yield node
