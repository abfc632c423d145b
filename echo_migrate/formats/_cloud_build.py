"""Substitutions of Cloud Build, and what its steps call: the Docker CLI, kaniko, and shells.

Follows cloud.google.com, "Build configuration file schema" (args, dir, entrypoint, substitutions) and "Substituting
variable values", and the flags of kaniko's executor, read in November 2026.
"""

import os
import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.files.source import Traced
from echo_migrate.files.tree import dockerfile_at, top
from echo_migrate.files.yaml import MappingNode, ScalarNode, YamlNode, effective, is_scalar, is_text, sequence, traced
from echo_migrate.formats._build_arguments import of_a_build
from echo_migrate.formats._commands import called
from echo_migrate.formats._parameters import Scope, Value, mentions, nothing
from echo_migrate.formats._yaml import NOBODY, YamlFile
from echo_migrate.images.reference import untagged
from echo_migrate.model import Image
from echo_migrate.model.reasons import because
from echo_migrate.shell.commands import SHELLS

_WRITTEN = re.compile(r"\$(_\w+)|\$\{(_\w+)\}")
_NAMED = re.compile(r"\$\{?(_\w+)")
_BUILDS = ("build", "buildx build", "image build", "builder build")
_ARGUMENT = "--build-arg"
_FILE = ("-f", "--file", "--dockerfile")
_CONTEXT = ("--context", "-c")
_DEFAULT = because("default")


class CloudBuild:
    """The substitutions of a build, whose values a trigger can replace. ``images`` are the IDs of the scalars that are
    images."""

    def __init__(self, root: YamlNode | None, images: frozenset[int]) -> None:
        self.given = effective(effective(root).get("substitutions"))
        found = mentions(root, _NAMED.findall) if self.given else {}
        self.elsewhere = {name for name, nodes in found.items() if any(id(node) not in images for node in nodes)}

    def scopes(self, above: tuple[MappingNode, ...]) -> list[Scope]:
        """Return the scope of a scalar, which is that of the whole build."""
        return [self.values]

    def values(self, written: str) -> list[Value]:
        """Return the default of a substitution."""
        named = _WRITTEN.fullmatch(written)
        name = (named[1] or named[2]) if named else ""
        node = self.given.get(name)
        shared = because("variable-shared", name=name) if name in self.elsewhere else None
        return [Value(node, nothing, _DEFAULT, shared)] if is_scalar(node) else []


def scripts(root: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    """Yield what steps give to a shell, each with its key path."""
    for index, keys in enumerate(map(effective, sequence(effective(root).get("steps")))):
        entrypoint, args = keys.get("entrypoint"), sequence(keys.get("args"))
        shell = entrypoint.value.rpartition("/")[2] if is_text(entrypoint) else ""
        if shell in SHELLS and len(args) > 1 and is_text(args[0]) and args[0].value.endswith("c"):
            yield f"steps.{index}.args", args[1]


def calls(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image | Container]:
    """Yield the images that the arguments of steps name which are calls of Docker or kaniko."""
    build = CloudBuild(root, frozenset())
    for index, keys in enumerate(map(effective, sequence(effective(root).get("steps")))):
        name, args = keys.get("name"), [one for one in sequence(keys.get("args")) if is_text(one)]
        tool = untagged(name.value) if is_text(name) and "entrypoint" not in keys else ""
        words = [traced(one, sheet.text) for one in args]
        kaniko = tool.endswith("kaniko-project/executor")
        if not words or not all(word.spans for word in words) or not (kaniko or tool.rpartition("/")[2] == "docker"):
            continue
        where = f"steps.{index}.args"
        head = next((one for one in _BUILDS if [word.value for word in words][: one.count(" ") + 1] == one.split()), "")
        path = (
            _dockerfile(sheet.path, keys.get("dir"), words[head.count(" ") + bool(head) :]) if head or kaniko else None
        )
        if path:
            for image in of_a_build(path, _given(words, build, sheet.text), where):
                unsafe_reasons = (*image.unsafe_reasons, *((_DEFAULT,) if _substituted(image, args) else ()))
                yield image._replace(needs_login=NOBODY, login=sheet.logins(), unsafe_reasons=unsafe_reasons)
        elif not kaniko:
            for image, container in called(sheet.text, ("docker",), words):
                image = image._replace(where=f"{where} {image.where}", needs_login=NOBODY, login=sheet.logins())
                yield image
                if container:
                    yield container._replace(image=image)


def _substituted(image: Image, args: list[ScalarNode]) -> bool:
    """Return whether an image is written where no argument is."""
    return not any(one.start_mark.index <= image.start <= one.end_mark.index for one in args)


def _values(words: list[Traced], names: tuple[str, ...]) -> Iterator[Traced]:
    """Yield the values of options, in a word of their own or behind ``=``."""
    for index, word in enumerate(words):
        name, equals, _ = word.value.partition("=")
        if name in names and equals:
            yield word.cut(len(name) + 1, len(word.value))
        elif name in names:
            yield from words[index + 1 : index + 2]


def _given(words: list[Traced], build: CloudBuild, text: str) -> dict[str, Expansion]:
    """Return the build arguments that are given, with the defaults of substitutions."""
    found: dict[str, Expansion] = {}
    for word in _values(words, (_ARGUMENT,)):
        name, equals, value = word.value.partition("=")
        known = build.values(value)
        place = traced(known[0].node, text) if known else word.cut(len(name) + 1, len(word.value))
        if equals and place.spans and "$" not in place.value:
            found[name] = Expansion(place)
    return found


def _dockerfile(path: str, folder: YamlNode | None, words: list[Traced]) -> str | None:
    """Return the path of the Dockerfile that is built, from the top of the repository or from the folder of the file
    that has the build."""
    within = folder.value if is_text(folder) else "."
    file = next((one.value for one in _values(words, _FILE)), "")
    context = next((one.value for one in _values(words, _CONTEXT)), words[-1].value if words else ".")
    context = "." if context.startswith("-") else context.removeprefix("dir://").removeprefix("/workspace/")
    name = os.path.join(within, file) if file else os.path.join(within, context, "Dockerfile")
    return dockerfile_at(os.path.join(top(path), "_"), ".", name) or dockerfile_at(path, ".", name)
