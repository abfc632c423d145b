"""Bake files in HCL and JSON: named contexts that are images, and the images that build arguments name.

Follows Docker's Bake file reference (docs.docker.com/build/bake/reference, read in November 2026). Tags, caches and
outputs name results of a build, and are ignored.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.dockerfile.verify import verify as verify_dockerfile
from echo_migrate.files import hcl, json
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Places, Source, Traced, Unreadable
from echo_migrate.files.tree import dockerfile_at, top
from echo_migrate.files.values import NotRead, Value, alike
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._bake_targets import Attributes, followed, laid_over, listed, resolved
from echo_migrate.formats._build_arguments import IMAGE_CONTEXT, BuildArguments
from echo_migrate.formats._dockerfile import nodes
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._inline import DECLARED, lifted, lowered
from echo_migrate.model import COMMON_PLATFORMS, Ignore, Image, Problem, SharedSpans
from echo_migrate.model.reasons import because

NAME = lazy_regex(r"(?i)docker-bake(?:\.[\w-]+)*\.(?:hcl|json)")
_HCL = lazy_regex(r"(?i).+\.hcl")
_TARGET = lazy_regex(r"(?m)^[ \t]*target[ \t]+(?:\"[^\"\n]*\"|\w+)[ \t]*\{")
_OTHER = lazy_regex(r"(?m)^[ \t]*(?:job|packer|plugin|resource|source|terraform)\b[^=\n]*\{")
_QUOTED = lazy_regex(r'"([^"\n]*)"')
_WORD = lazy_regex(r"\w+")
_VARIABLE = lazy_regex(r"\$\{[ \t]*(\w+)[ \t]*\}")
_HEREDOC = lazy_regex(r"<<(-?)[ \t]*(\w+)\r?\n((?:.*\n)?)[ \t]*\2\s*", re.DOTALL)
_TEMPLATED = lazy_regex(r"[$%]\{")


def candidate(path: str) -> bool:
    name = path.rpartition("/")[2]
    return bool(NAME.fullmatch(name) or _HCL.fullmatch(name))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a bake file by name, or is HCL with a target and without blocks of other programs."""
    if NAME.fullmatch(path.rpartition("/")[2]):
        return True
    return candidate(path) and bool(_TARGET.search(text)) and not _OTHER.search(text)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Problem | Ignore]:
    """Return the images and ignore comments of a bake file, or the problem with reading it; never raises."""
    try:
        file = _File(source, _read(source))
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    return [*in_yaml(source.text, SLASHED), *file.contexts(), *file.arguments(), *file.inlines()]


def contexts(source: Source) -> Iterator[tuple[str, list[str]]]:
    """Yield the Dockerfiles built with named contexts, each with the context names; nothing if it cannot be read."""
    if "contexts" in source.text:
        with contextlib.suppress(NotRead):
            yield from _File(source, _read(source)).named()


def platforms(source: Source) -> Iterator[tuple[str | None, int, int]]:
    """Yield where the platforms of targets are, each with the Dockerfile, None if that is not in the tree."""
    with contextlib.suppress(NotRead):
        yield from _File(source, _read(source)).platforms()


def results(source: Source) -> Iterator[str]:
    """Yield the names of what targets build, with the defaults of variables. Raises ``NotRead``."""
    yield from _File(source, _read(source)).results()


def built(source: Source, folder: str, names: list[str]) -> list[str] | None:
    """Return the Dockerfiles of targets and groups, by their names, seen from the folder of a file at ``folder``; None
    if one of them is not known. Raises ``NotRead``."""
    return _File(source, _read(source)).built(folder, names)


def arguments_given(source: Source) -> Iterator[tuple[str | None, str, str | None, int]]:
    """Yield the arguments of targets: the Dockerfile, None if it is not known, the name, the value if it is written,
    and the place. Raises ``NotRead``."""
    yield from _File(source, _read(source)).given()


def context_names(path: str, text: str) -> list[str] | None:
    """Return the names of all contexts in a text, as written; None if it cannot be read, or if they are computed."""
    try:
        root = _read(Source(path, text))
    except NotRead:
        return None
    names: list[str] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for key, value in node.items:
            waiting.append(value)
            if key == "contexts":
                names += [name for name, _ in value.items]
                written = "" if value.kind == "map" else text[value.start : value.end]
                if "(" in written or "$" in written:
                    return None
                # with a conditional or a variable, the map is somewhere else in the file
                names += [one for one in _QUOTED.findall(text) if "$" not in one] if written else []
    return names


def _read(source: Source) -> Value:
    return hcl.read(source.text) if _HCL.fullmatch(source.path) else json.read(source.text)


class _Given(NamedTuple):
    """The image that the value of an argument names in one target; None if there is none or the Dockerfile is not
    read."""

    target: str
    key: str
    image: Image | None


class _File:
    """The targets and variables of a file."""

    def __init__(self, source: Source, root: Value) -> None:
        self.source = source
        self.targets: dict[str, Attributes] = {}
        self.groups: dict[str, Attributes] = {}
        self.variables: dict[str, Value] = {}
        self.functions: dict[str, Value] = {}
        for kind, blocks in root.items:
            for name, body in blocks.items:
                if kind == "target":
                    self.targets[name] = laid_over(self.targets.get(name, {}), dict(body.items))
                elif kind == "group":
                    self.groups[name] = dict(body.items)
                elif kind == "function":
                    self.functions[name] = body
                elif kind == "variable" and "default" in dict(body.items):
                    self.variables[name] = dict(body.items)["default"]
        self.shared = SharedSpans(
            (
                default.start + 1,
                default.end - 1,
                because("variable-overridden", name=name),
            )
            for name, default in self.variables.items()
            if default.plain
        )
        self.whole = resolved(self.targets)
        self.fed = BuildArguments()
        self.parents = {one.text for body in self.targets.values() for one in listed(body, "inherits")}

    def contexts(self) -> Iterator[Image]:
        """Yield the named contexts that are images."""
        for target, own in self.targets.items():
            for name, node in _pairs(own, "contexts"):
                value = self._value(node)
                if value and value.text.value.startswith(IMAGE_CONTEXT):
                    ref = value.text.cut(len(IMAGE_CONTEXT), len(value.text.value)) if value.text.spans else value.text
                    if not value.text.spans:
                        ref = Traced(value.text.value.removeprefix(IMAGE_CONTEXT), ())
                    start = node.start + 1 + len(IMAGE_CONTEXT) if node.text.startswith(IMAGE_CONTEXT) else node.start
                    end = node.end - 1 if node.text.startswith(IMAGE_CONTEXT) else node.end
                    yield self._image(ref, f"target.{target}.contexts.{name}", start, end, value, self.whole[target])

    def named(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the Dockerfile of each target that has named contexts, with their names."""
        for whole in self.whole.values():
            names = [name for name, _ in _pairs(whole, "contexts")]
            path = self._dockerfile(whole) if names else None
            if path:
                yield path, names

    def platforms(self) -> Iterator[tuple[str | None, int, int]]:
        """Yield where the platforms of targets are, each with the Dockerfile of its target.

        Paths are those of the folder that bake is called in: that of the file, or the top of the repository.
        """
        for whole in self.whole.values():
            platforms = listed(whole, "platforms")
            path = self._built(whole) if platforms else None
            yield from ((path, one.start, one.end) for one in platforms)

    def given(self) -> Iterator[tuple[str | None, str, str | None, int]]:
        """Yield the arguments of targets, each with the Dockerfile of its target, and its value if that is a text."""
        for whole in self.whole.values():
            for name, node in _pairs(whole, "args"):
                if node.value != "null":
                    value = node.text if node.text and "$" not in node.text else None
                    yield self._built(whole), name, value, node.start

    def results(self) -> Iterator[str]:
        """Yield the tags of targets; where they are computed, every text of what computes them may be one."""
        for whole in self.whole.values():
            for one in listed(whole, "tags"):
                value = self._value(one)
                yield value.text.value if value else ""
            if "tags" in whole:
                computed = [one for one in (whole["tags"], *listed(whole, "tags")) if one.kind == "other"]
                yield from self._texts(computed)

    def _texts(self, waiting: list[Value]) -> Iterator[str]:
        """Yield the texts in expressions, and in the variables and functions that these name."""
        seen: set[str] = set()
        for one in waiting:  # grows in the loop
            written = self.source.text[one.start : one.end]
            yield from _QUOTED.findall(written)
            named = (self.functions, written), (self.variables, _QUOTED.sub("", written))
            for known, text in named:
                names = [name for name in dict.fromkeys(_WORD.findall(text)) if name in known and name not in seen]
                seen.update(names)
                waiting += [known[name] for name in names]

    def built(self, folder: str, names: list[str]) -> list[str] | None:
        """Return the Dockerfiles of targets and groups, and of what these use."""
        used = followed(names, self.groups, self.whole)
        found = [self._dockerfile(self.whole[name], folder) for name in used or ()]
        return None if used is None or None in found else [one for one in found if one]

    def _built(self, whole: Attributes) -> str | None:
        return self._dockerfile(whole) or self._dockerfile(whole, os.path.join(top(self.source.path), "_"))

    def _dockerfile(self, whole: Attributes, file: str = "") -> str | None:
        """Return the path of the Dockerfile that a target builds, or None if it is not in the tree. Paths are seen from
        the folder of ``file``, by default the file itself."""
        parts = [whole.get("context"), whole.get("dockerfile")]
        words = [one.text if one else default for one, default in zip(parts, (".", "Dockerfile"), strict=True)]
        if "dockerfile-inline" in whole or not all(words):
            return None
        return dockerfile_at(file or self.source.path, *words)

    def arguments(self) -> Iterator[Image]:
        """Yield the images that arguments name, as determined by the Dockerfiles of their targets."""
        places: dict[int, list[_Given]] = {}
        for target, whole in self.whole.items():
            nodes = dict(_pairs(whole, "args"))
            found = self._fed(target, whole, nodes)
            if found is None and target in self.parents:
                continue
            for key, node in nodes.items():
                places.setdefault(node.start, []).append(_Given(target, key, (found or {}).get(key)))
        for given in places.values():
            image = next((one.image for one in given if one.image), None)
            if image:
                same = all(one.image and one.image.ref == image.ref for one in given)
                yield image if same else image._replace(not_editable=because("alias-target"))

    def texts(self) -> list[Traced]:
        """Return the text of each inline Dockerfile as a target has it itself."""
        values = [own["dockerfile-inline"] for own in self.targets.values() if "dockerfile-inline" in own]
        return [text for value in values if (text := _inline(value))]

    def inlines(self) -> Iterator[Image | Problem | Ignore]:
        """Yield the nodes of the inline Dockerfiles, each read once, however many targets inherit it."""
        seen: set[int] = set()
        for target, whole in self.whole.items():
            value = whole.get("dockerfile-inline")
            inline = _inline(value) if value and value.start not in seen else None
            if value is None or inline is None:
                continue
            seen.add(value.start)
            not_editable = because("cannot-edit") if not inline.spans else None
            if _TEMPLATED.search(inline.value.replace("$${", "")) and inline.spans:
                not_editable = because("expression")
            if {key for key, _ in _pairs(whole, "args")} & set(DECLARED.findall(inline.value)):
                not_editable = not_editable or because("build-args-beside")
            contexts = frozenset(name for name, _ in _pairs(whole, "contexts"))
            read = nodes(Source(self.source.path, inline.value), NO_REQUEST, contexts)
            for node in lifted(read, Places(inline)):
                if not inline.spans:
                    node = node._replace(start=value.start, end=value.end)
                if isinstance(node, Image):
                    where = f"target.{target}.dockerfile-inline {node.where}"
                    node = node._replace(where=where, not_editable=node.not_editable or not_editable)
                yield node

    def _fed(self, target: str, whole: Attributes, nodes: Mapping[str, Value]) -> dict[str, Image] | None:
        """Return the images that the arguments of a target name; None if its Dockerfile is not read."""
        path = self._dockerfile(whole)
        try:
            text = Source.read(path).text if path else None
        except Unreadable:
            return None
        if path is None or text is None:
            return None
        values = {key: value for key, node in nodes.items() if (value := self._value(node))}
        contexts = frozenset(name for name, _ in _pairs(whole, "contexts"))
        found: dict[str, Image] = {}
        for key, image in self.fed.images(text, os.path.normpath(path), values, contexts):
            if image.local:
                continue  # the argument selects a stage
            node = nodes[key]
            inside = node.kind == "text"
            start, end = (node.start + 1, node.end - 1) if inside else (node.start, node.end)
            where = f"target.{target}.args.{key}"
            made = self._image(image.ref, where, start, end, values[key], whole)
            found.setdefault(
                key,
                made._replace(
                    not_editable=image.not_editable or made.not_editable,
                    unsettled=tuple(dict.fromkeys((*made.unsettled, *image.unsettled))),
                    platform=image.platform or made.platform,
                    shared_spans=tuple(dict.fromkeys((*made.shared_spans, *image.shared_spans))),
                    depends_on=image.depends_on,
                ),
            )
        return found

    def _image(self, ref: Traced, where: str, start: int, end: int, value: Expansion, whole: Attributes) -> Image:
        platforms = [one.text for one in listed(whole, "platforms") if one.text and "$" not in one.text]
        image = Image(
            ref,
            where,
            start,
            end,
            not_editable=because("expression") if value.broken else None,
            unsettled=value.unsettled,
            platform=next((one for one in platforms if one not in COMMON_PLATFORMS), ""),
        )
        return self.shared.of(image)

    def _value(self, node: Value) -> Expansion | None:
        """Return a value expanded with the defaults of variables, which the environment can override; None if it is not
        a text."""
        if node.kind == "other":
            known = self.variables.get(node.value)
            return Expansion(known.traced) if known and known.plain and "$" not in known.text else None
        if node.kind != "text":
            return None
        whole = node.traced
        rest = _VARIABLE.sub("", whole.value)
        if "${" in rest or "%{" in rest or not whole.spans:
            return Expansion(Traced(whole.value, ()), broken=bool(whole.spans))
        pieces: list[Traced] = []
        names: list[str] = []
        position = 0
        for match in _VARIABLE.finditer(whole.value):
            default = self.variables.get(match[1])
            known = default if default and default.plain and default.text and "$" not in default.text else None
            place = known.traced if known else whole.cut(*match.span())
            pieces += [whole.cut(position, match.start()), place]
            names += [] if known else [match[1]]
            position = match.end()
        pieces.append(whole.cut(position, len(whole.value)))
        return Expansion(Traced.join([one for one in pieces if one.value] or [whole]), tuple(dict.fromkeys(names)))


def _inline(value: Value) -> Traced | None:
    """Return the text of an inline Dockerfile: a heredoc, with its source places, or a string; None for another."""
    if value.kind == "text":
        return value.traced
    match = _HEREDOC.fullmatch(value.value)
    if match is None:
        try:
            return Traced(str(json.read(value.value).value), ()) if value.value[:1] == '"' else None
        except NotRead:
            return None
    start = value.start + match.start(3)
    lines = match[3].splitlines(keepends=True)
    margin = min((len(one) - len(one.lstrip(" \t")) for one in lines if one.strip()), default=0) if match[1] else 0
    spans: list[tuple[int, int]] = []
    for line in lines:
        spans.append((start + min(margin, len(line) - 1), start + len(line)))
        start += len(line)
    text = "".join([line[min(margin, len(line) - 1) :] for line in lines])
    return Traced(text, tuple(spans)) if text else None


def _pairs(attributes: Attributes, key: str) -> Iterator[tuple[str, Value]]:
    return attributes[key].items if key in attributes else iter(())


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other value may
    change."""
    try:
        old, new = _read(before), _read(after)
    except NotRead as error:
        return f"the changed file {error}"
    places = sorted(edits)
    if not alike(old, new, places):
        return "something else than an image would change"
    for one, other in zip(_File(before, old).texts(), _File(after, new).texts(), strict=True):
        if one.value != other.value:
            within = lowered(one, places)
            refused = verify_dockerfile(Source(before.path, one.value), Source(after.path, other.value), within)
            if refused:
                return refused
    return None
