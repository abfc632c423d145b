"""The names that the builds of a file give to what they make: images of these names are not pulled.

Commands: docs.docker.com, "docker buildx build" (``--tag``, ``--output``) and "docker buildx bake" (``--set``);
github.com/GoogleContainerTools, kaniko (``--destination``) and jib (``to.image``); buildpacks.io, "pack build";
podman.io, "buildah build"; containers.dev, "devcontainer build" (``--image-name``). Calls and keys: docs.tilt.dev,
"Tiltfile API"; docs.earthly.dev, "SAVE IMAGE"; docker-py, "Images"; jenkins.io, "Using Docker with Pipeline";
docs.spring.io, "Packaging OCI Images" (``imageName``); dmp.fabric8.io; skaffold.dev (``artifacts``); kreuzwerker/docker
(``docker_image``); community.docker (``docker_image``); docs.openshift.com and shipwright.io (``output``);
plugins.drone.io (``repo``). Read in November 2026.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice, product

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.files.tree import real, top
from echo_migrate.formats._build_places import may_be_baked
from echo_migrate.formats._compose_files import NAME as COMPOSE
from echo_migrate.formats._given_arguments import is_said
from echo_migrate.images.reference import VARIABLE, bare, familiar, untagged

_VALUE = (
    r"((?:[\w./@:+\"'-]|\\[\"']|\$\{\{[^{}\n]{0,100}\}\}|\$\{[^{}\n]{0,200}\}|\$\(\w{1,100}\)|\$\w+"
    r"|\{\{[^{}\n]{0,100}\}\}|\{\w{1,100}\}|%\w{1,100}%){1,300})"
)
"""A name as it is written, with quotes and with variables of shells, make, templates and texts with fields."""

_BETWEEN = r"(?:[ \t]*[= \t][ \t]*|[\"']?[ \t]*,\s{0,100}|[\"']?[ \t]*\r?\n[ \t]*-[ \t]+)"
"""What stands between an option and its value: in a command, or in a list of words."""

_BUILD = lazy_regex(
    r"(?<![\w./-])(?:build|bud|build-using-dockerfile|buildx[ \t]+b)(?![\w./=:-])([^\n;&|]*)", needs=("bu",)
)
"""The rest of a command that builds."""

_ITEMS = lazy_regex(
    r"(?<![\w./-])(?:build|bud)[\"']((?:[ \t\r\n]{0,100},[ \t\r\n]{0,100}[^,\[\]\n]{1,300}){1,60})"
    r"|(?m:^[ \t]*- [ \t]*)[\"']?(?:build|bud)[\"']?[ \t]*((?:\r?\n[ \t]*-[ \t]+[^\n]{1,300}){1,60})",
    needs=('build"', "build'", 'bud"', "bud'", "- "),
)
"""The words behind one that builds, in a list."""

_SHORT = lazy_regex(rf"(?<![\w-])-\w{{0,3}}t{_BETWEEN}{_VALUE}|(?<![\w-])-t(?![\w\"']*[ \t]*[=,\n]){_VALUE}")
_NAMED = lazy_regex(
    rf"(?<![\w-])--(?:tag|destination|image-name){_BETWEEN}{_VALUE}|\.tags\+?={_VALUE}"
    rf"|(?<![\w-])-D(?:jib\.to\.image|spring-boot\.build-image\.imageName|quarkus\.container-image\.image)={_VALUE}"
    rf"|\bpack[ \t]+build[ \t]+{_VALUE}",
    needs=("--tag", "--destination", "--image-name", ".tags", "-djib", "-dspring", "-dquarkus", "pack"),
)
"""Options whose values are the names of results, whatever the command."""

_ANEW = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+(?:image|container))?[ \t]+(?:tag|commit|import)[ \t]"
    rf"[^\n;&|]{{0,500}}?[ \t]{_VALUE}[ \t\r]*(?=$|[\n;&|)]|[ \t]#)"
    r"|\btype=(?:docker|image|oci)\b[^\s\"']{0,200}?,name=([^\s\"',]+)",
    needs=("docker", "podman", "nerdctl", "buildah", "type="),
)
"""The name that an image is given by another command, or that the output of a build has."""

_CALLED = lazy_regex(
    r"\b(?:docker_build|custom_build|docker_build_with_restart|ImageFromDockerfile)\(\s*(?:ref\s*=\s*)?f?[\"']([^\"'\n]+)[\"']"
    r"|\.build\(\s*[\"'`]([^\"'`\s]*[:/][^\"'`\s]*)[\"'`]"
    r"|(?m:^[ \t]*SAVE[ \t]+IMAGE[ \t]+(?:--\S+[ \t]+)*(\S+))"
    r"|\b(?:build|build_image|legacy_build)\((?:[^()]|\([^()]*\)){0,1000}?\btags?\s*=\s*\[?\s*f?[\"']([^\"'\n]+)[\"']"
    r"|\bbuildImage\((?:[^()]|\([^()]*\)){0,1000}?\bt:\s*[\"'`]([^\"'`\n]+)[\"'`]"
    r"|\b(?:to \{|to\{)[^{}]{0,500}?\bimage\s*=\s*[\"']([^\"'\n]+)[\"']|\bto\.image\s*=\s*[\"']([^\"'\n]+)[\"']"
    r"|\bimageName(?:\.set\(|\s*=)\s*[\"']([^\"'\n]+)[\"']"
    r"|<to>\s*<image>\s*([^<>\s]+)|<imageName>\s*([^<>\s]+)"
    r"|<image>(?=(?:[^<]|<(?!/image>)){0,2000}<build>)(?:[^<]|<(?!/image>)){0,500}?<name>\s*([^<>\s]+)"
    r"|\boutput:[ \t]*\r?\n(?:[ \t]+to:[ \t]*\r?\n(?:[ \t]+kind:[^\n]*\n)?[ \t]+name|[ \t]+image):[ \t]*([^\s#]+)",
    needs=(
        *("build(", "build_image(", "buildimage(", "docker_build", "custom_build", "imagefromdockerfile", "save"),
        *("to {", "to{", "imagename", "to.image", "<image>", "output:"),
    ),
)
"""Calls and keys whose values are the names of results."""

_ARTIFACTS = lazy_regex(
    r"(?m)^([ \t]*)artifacts:[ \t]*\r?\n((?:\1[ \t-][^\n]*\n?|[ \t]*\r?\n)*)", needs=("artifacts:",)
)
_ARTIFACT = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*[\"']?([^\s\"'#{]+)")
_KO = lazy_regex(rf"\bKO_DOCKER_REPO[\"']?[=:][ \t]*{_VALUE}", needs=("ko_docker_repo",))
_PLUGIN = lazy_regex(r"(?m)^[ \t]*[\"']?repo(?:sitory)?[\"']?:[ \t]*[\"']?([^\s\"'#{,]+)")
_PLUGS = lazy_regex(
    r"plugins?/(?:docker|kaniko|buildx|plugin-docker)|plugin-(?:docker|kaniko)|\bDocker@\d", needs=("plugin", "docker@")
)
"""Steps of Drone, Woodpecker and Azure that build, and the name that they give, whose tags have a key of their own."""

_RESOURCE = lazy_regex(
    r"\"docker_(?:registry_)?image\"[ \t]+\"[^\"\n]*\"[ \t]*\{((?:[^\n]|\n(?!\})){0,3000})", needs=("docker_",)
)
_RESOURCE_NAME = lazy_regex(r"\bname[ \t]*=[ \t]*\"([^\"\n]+)\"")
_TASK = lazy_regex(
    r"(?m)^([ \t]*)(?:-[ \t]+)?[\w.]*\b(?:docker|podman)_image(?:_build)?:[ \t]*\r?\n"
    r"((?:\1[ \t]+[^\n]*\n?|[ \t]*\r?\n){1,40})",
    needs=("_image",),
)
_TASK_KEY = lazy_regex(r"(?m)^[ \t]*(name|repository|tag):[ \t]*[\"']?([^\s\"'#]+)")
_BUILDS = lazy_regex(r"\bbuild\b")

_ASSIGNED = lazy_regex(
    r"(?m)(?:^|(?<=[;&{(]))[ \t]*(?:-[ \t]+)?(?:(?:export|local|readonly|set|const|let|var|ENV|ARG|override)[ \t]+)?"
    rf"\$?\"?(\w+)\"?[ \t]*(?:[:?+]{{0,3}}=|:[ \t])[ \t]*({_VALUE}?)(?=[\s;,&)#}}]|$)"
)
_LOOP = lazy_regex(r"\bfor[ \t]+(\w+)[ \t]+in[ \t]+([^;\n]{1,500})", needs=("for",))
_OTHER_VARIABLE = lazy_regex(r"(?i)\$env:(\w+)|\{\{[ \t]*\.?(?:Values\.)?(\w+)[ \t]*\}\}|(?<![$\w{])\{(\w+)\}|%(\w+)%")
"""Variables of PowerShell, templates, texts with fields and ``cmd``."""

_DEFAULT = re.compile(r":?[-=](.*)", re.DOTALL)
_NAME = re.compile(r"[\w.]+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_QUOTE = re.compile(r"\\?[\"']")
_MOST_VALUES = 20
_TAKES_IN = lazy_regex(r"(?m)^[ \t]*(?:-?include|sinclude|source|\.)[ \t]+[\"']?([^\s\"'$;&|#]+)")
_MOST_TAKEN_IN = 10
_LARGEST = 200_000
"""How many other files are read for the values of variables, and how many bytes each may have."""

_UNKNOWN = "$"


def results_in(path: str, data: bytes) -> Iterator[str]:
    """Yield the names of what the builds in a file make, in their shortest spelling; ``name:`` stands for any tag."""
    text = data.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    written = list(dict.fromkeys((*_written(os.path.basename(path), text), *_stated(path, data))))
    known = _Variables(text, path)
    for one in written:
        yield from known.names(one)


def _written(name: str, text: str) -> Iterator[str]:
    """Yield the names that commands, calls and keys of a text give, as they are written."""
    for match in _BUILD.finditer(text):
        yield from (one for place, one in _options(match[1]) if not is_said(text, match.start(1) + place))
    for match in _ITEMS.finditer(text):
        yield from (one for _, one in _options(match[1] or match[2]) if not is_said(text, match.start()))
    for pattern in (_NAMED, _ANEW, _CALLED):
        for match in pattern.finditer(text):
            if not is_said(text, match.start(match.lastindex or 0)):
                yield match[match.lastindex or 0]
    yield from _of_blocks(text)
    for block in _ARTIFACTS.finditer(text) if "skaffold" in name else ():
        yield from (f"{each}{end}" for each in _ARTIFACT.findall(block[2]) for end in ("", ":$"))
    yield from (f"{match[1]}:$" for match in _KO.finditer(text))
    if name.lower().startswith("tilt"):
        yield from (f"{match[1]}:$" for match in _CALLED.finditer(text) if match[1])
    if _PLUGS.search(text):
        yield from (f"{each}:$" for each in _PLUGIN.findall(text))


def _options(words: str) -> Iterator[tuple[int, str]]:
    """Yield the values of ``-t`` among the words of a build, each with its place."""
    for match in _SHORT.finditer(words):
        yield match.start(), match[1] or match[2]


def _of_blocks(text: str) -> Iterator[str]:
    """Yield the names of images that resources of Terraform and tasks of Ansible build."""
    for match in _RESOURCE.finditer(text):
        if _BUILDS.search(match[1]):
            yield from _RESOURCE_NAME.findall(match[1])[:1]
    for match in _TASK.finditer(text):
        if _BUILDS.search(match[0]):
            keys = dict(_TASK_KEY.findall(match[2]))
            name = keys.get("name", "")
            yield f"{name}:{keys['tag']}" if "tag" in keys and untagged(name) == name else name


def _stated(path: str, data: bytes) -> Iterator[str]:
    """Yield the names that a compose or bake file or a workflow gives, as its reader has them."""
    low = data.lower()
    from_compose = b"services" in low and b"build" in low
    from_bake = b"tags" in low and may_be_baked(path)
    from_workflow = any(word in low for word in (b"build-push-action@", b"metadata-action@", b"buildah-build@"))
    if not (from_compose or from_bake or from_workflow):
        return
    from echo_migrate.formats import _github_builds, bake, compose

    source = Source.of(path, data)
    with contextlib.suppress(Exception), beside():  # an error in a related file is reported when that file is read
        if from_bake and bake.recognise(path, source.text):
            yield from list(bake.results(source))
        elif from_compose and (COMPOSE.fullmatch(os.path.basename(path)) or compose.recognise(path, source.text)):
            yield from list(compose.results(source))
        elif from_workflow:
            yield from list(_github_builds.results(source))


def _taken_in(path: str, text: str) -> Iterator[str]:
    """Yield the texts of the files of the tree that a makefile includes, or a script sources."""
    below = real(top(path)).rstrip(os.sep) + os.sep
    for match in islice(_TAKES_IN.finditer(text), _MOST_TAKEN_IN):
        other = real(os.path.join(os.path.dirname(path), match[1]))
        with contextlib.suppress(Unreadable):
            if other.startswith(below):
                yield contents(other, _LARGEST).decode("utf-8", "replace")


class _Variables:
    """The values that a text, and the files that it takes in, give to variables."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.known: dict[str, list[str]] = {}

    @cached_property
    def assigned(self) -> dict[str, list[str]]:
        """The values of each variable as they are written."""
        found: dict[str, list[str]] = {}
        text = "\n".join((self.text, *_taken_in(self.path, self.text)))
        for match in _ASSIGNED.finditer(text):
            found.setdefault(match[1], []).append(match[2] or "")
        for match in _LOOP.finditer(self.text):
            found.setdefault(match[1], []).extend(match[2].split())
        return {name: values[:_MOST_VALUES] for name, values in found.items()}

    def names(self, written: str) -> Iterator[str]:
        """Yield the names that a name with variables may be, without those whose repository is not known."""
        bare_word = _WORD.fullmatch(written)  # a variable of a program, or a name without a tag
        for value in (*self._values(written), *(self._of(written) if bare_word else ())):
            name = familiar(value.strip("/"))
            if name and _UNKNOWN not in untagged(name):
                yield f"{untagged(name)}:" if _UNKNOWN in name else name

    def _values(self, written: str) -> list[str]:
        """Return the values that a text may have, with a sign for each variable that is not known."""
        text = _OTHER_VARIABLE.sub(lambda match: f"${{{next(filter(None, match.groups()))}}}", written)
        text = _QUOTE.sub("", text)
        pieces: list[list[str]] = []
        position = 0
        for match in VARIABLE.finditer(text):
            pieces += [[text[position : match.start()]], self._values_of(match[0])]
            position = match.end()
        pieces.append([text[position:]])
        return ["".join(each) for each in islice(product(*pieces), _MOST_VALUES)]

    def _values_of(self, variable: str) -> list[str]:
        """Return the values that a variable may have: its default, and what it is assigned."""
        inner = bare(variable)
        name = _NAME.match(inner)
        default = _DEFAULT.fullmatch(inner, name.end() if name else 0)
        found = [*([default[1]] if default else []), *(self._of(name[0].rpartition(".")[2]) if name else [])]
        return list(dict.fromkeys(found)) or [_UNKNOWN]

    def _of(self, name: str) -> list[str]:
        """Return the values that a variable is assigned; one that is made of itself is not known."""
        if name not in self.known:
            self.known[name] = [_UNKNOWN] if name in self.assigned else []
            found = dict.fromkeys(one for value in self.assigned.get(name, ()) for one in self._values(value))
            self.known[name] = list(islice(found, _MOST_VALUES))
        return self.known[name]
