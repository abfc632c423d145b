"""The names that the builds of a file give to what they make: images of these names are not pulled.

Commands: docs.docker.com, "docker buildx build" (``--tag``, ``--output``) and "docker buildx bake" (``--set``);
github.com/GoogleContainerTools, kaniko (``--destination``) and jib (``to.image``); buildpacks.io, "pack build";
podman.io, "buildah build"; containers.dev, "devcontainer build" (``--image-name``). Calls and keys: docs.tilt.dev,
"Tiltfile API"; docs.earthly.dev, "SAVE IMAGE"; docker-py, "Images"; jenkins.io, "Using Docker with Pipeline";
docs.spring.io, "Packaging OCI Images" (``imageName``); dmp.fabric8.io; skaffold.dev (``artifacts``); kreuzwerker/docker
(``docker_image``); community.docker (``docker_image``); docs.openshift.com and shipwright.io (``output``);
plugins.drone.io (``repo``); learn.microsoft.com, "az acr build" (``--image``). Read in November 2026.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, has_any
from echo_migrate.formats._build_places import COMPOSE, is_manifest, is_of_goreleaser, may_be_baked
from echo_migrate.formats._build_variables import VALUE, Variables
from echo_migrate.formats._code_comments import without_comments
from echo_migrate.formats._given_arguments import is_said
from echo_migrate.images.reference import untagged
from echo_migrate.images.upstream import facts

_BETWEEN = r"(?:[ \t]++(?:=[ \t]*+)?|=[ \t]*+|[\"']?[ \t]*+,\s{0,100}+|[\"']?[ \t]*+\r?\n[ \t]*+-[ \t]++)"
"""What stands between an option and its value: in a command, or in a list of words."""

_BUILD = lazy_regex(
    r"(?<![\w./-])(?<!--name[ =])(?:build|bud|build-using-dockerfile|buildx[ \t]+b|imagetools[ \t]+create)(?![\w./=-])"
    r"(?![\"']?[ \t]*:)"
    r"((?:\$\((?:[^()\n]|\([^()\n]{0,100}\)){0,300}\)|(?<=[\s=])(?:\\?\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'|`[^`\n]{0,500}`)"
    r"|(?!\b(?:docker|podman|nerdctl)[ \t]+(?:container[ \t]+)?(?:run|create)\b)[^\n;&|])*)",
    needs=("bud", "build", "imagetools"),
    of_files=True,
)
"""The rest of a command that builds, or joins the platforms of an image: what ends a command does not in quotes or
where another is filled in."""

_ITEMS = lazy_regex(
    r"(?<![\w./-])(?:build|bud)[\"']((?:[ \t\r\n]{0,100},[ \t\r\n]{0,100}[^,\[\]\n]{1,300}){1,60})"
    r"|(?m:^[ \t]*- [ \t]*)[\"']?(?:build|bud)[\"']?[ \t]*((?:\r?\n[ \t]*-[ \t]+[^\n]{1,300}){1,60})",
    needs=("build", "bud"),
    of_files=True,
)
"""The words behind one that builds, in a list."""

_SHORT = lazy_regex(rf"(?<![\w-])(?:-\w{{0,3}}t|--tag){_BETWEEN}{VALUE}|(?<![\w-])-t(?![\w\"']*+[ \t]*+[=,\n]){VALUE}")
_NAMED = lazy_regex(
    rf"(?<![\w-])--(?:destination|image-name){_BETWEEN}{VALUE}|\.tags\+?={VALUE}"
    rf"|(?<![\w-])--tag{_BETWEEN}(?=[^\s,]*[:/$%{{]){VALUE}"
    rf"|(?<![\w-])-D(?:jib\.to\.image|spring-boot\.build-image\.imageName|quarkus\.container-image\.image)={VALUE}"
    rf"|\bpack [ \t]*build[ \t]+{VALUE}|\bacr [ \t]*build[ \t][^\n;&|]{{0,300}}?--image{_BETWEEN}{VALUE}",
    needs=("--tag", "--destination", "--image-name", ".tags", "-djib", "-dspring", "-dquarkus") + ("pack ", "acr "),
    of_files=True,
)
"""Options whose values are the names of results, whatever the command; other programs have tags in one word."""

_ANEW = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+(?:image|container))?[ \t]+(?:tag|commit|import)[ \t]"
    rf"[^\n;&|]{{0,500}}?[ \t]{VALUE}[ \t\r]*(?=$|[\n;&|)]|[ \t]#)"
    rf"|\b(?:docker|podman|nerdctl|buildah)[ \t]+manifest[ \t]+create(?>(?:[ \t]+--?[\w-]+(?:=\S+)?)*)[ \t]+{VALUE}"
    r"|\btype=(?:docker|image|oci)\b[^\s\"']{0,200}?,name=([^\s\"',]+)",
    needs=("docker", "podman", "nerdctl", "buildah", "type="),
    of_files=True,
)
"""The name that an image is given by another command, or that the output of a build has."""

_RETAGGED = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+image)?[ \t]+tag"
    rf"[ \t]+{VALUE}[ \t]+{VALUE}[ \t\r]*(?=$|[\n;&|)]|[ \t]#)",
    needs=("tag",),
    of_files=True,
)
_PULLED = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)[ \t]+(?:image[ \t]+)?pull(?>(?:[ \t]+--?[\w-]+(?:=\S+)?)*)[ \t]+"
    rf"(?:\S{{1,80}}[ \t]+)?{VALUE}[ \t\r]*(?=$|[\n;&|)>])",
    needs=("pull",),
    of_files=True,
)
"""An image that is given another name, and one that is pulled."""

_PUSHED = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)[ \t]+(?:image[ \t]+|manifest[ \t]+)?push"
    rf"(?>(?:[ \t]+--?[\w-]+(?:=\S+)?)*)[ \t]+{VALUE}",
    needs=("push",),
    of_files=True,
)
_TAKEN = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)[ \t]+(?:image[ \t]+)?(?:pull|tag)((?:[ \t]+[^\s;&|]{1,500}){1,20})",
    needs=("pull", "tag"),
    of_files=True,
)
_WORD = lazy_regex(rf"(?<!\S)(?!-){VALUE}")
"""The name that an image is pushed under; and the words of a command that pulls an image, or gives one another name."""

_CALLED = lazy_regex(
    r"\b(?:docker_build|custom_build|docker_build_with_restart|ImageFromDockerfile)\(\s*+(?:ref\s*+=\s*+)?f?[\"']([^\"'\n]+)[\"']"
    r"|\.build\(\s*+[\"'`]([^\"'`\s:/]{0,200}[:/][^\"'`\s]{0,300})[\"'`]"
    r"|\b(?:build|build_image|legacy_build)\((?:[^()]|\([^()]*\)){0,1000}?\btags?\s*+=\s*+\[?\s*+f?[\"']([^\"'\n]+)[\"']"
    r"|\bbuildImage\((?:[^()]|\([^()]*\)){0,1000}?\bt:\s*[\"'`]([^\"'`\n]+)[\"'`]",
    needs=("build(", "build_image(", "buildimage(", "docker_build", "custom_build", "imagefromdockerfile"),
    of_files=True,
)
_OUTPUT = lazy_regex(
    r"\boutput:[ \t]*+\r?\n(?:[ \t]+to:[ \t]*\r?\n(?:[ \t]+kind:[^\n]*\n)?[ \t]+name|[ \t]+image):[ \t]*([^\s#]+)",
    needs=("output:",),
    of_files=True,
)
"""Calls and keys whose values are the names of results."""

_OF_GRADLE = lazy_regex(
    r"\b(?:to \{|to\{)[^{}]{0,500}?\bimage\s*=\s*[\"']([^\"'\n]+)[\"']|\bto\.image\s*=\s*[\"']([^\"'\n]+)[\"']"
    r"|\bimageName(?:\.set\(|\s*+=)\s*+[\"']([^\"'\n]+)[\"']"
)
_OF_MAVEN = lazy_regex(
    r"<to>\s*+<image>\s*+([^<>\s]+)|<imageName>\s*+([^<>\s]+)"
    r"|<image>(?=(?:[^<]|<(?!/?image>)){0,2000}<build>)(?:[^<]|<(?!/?image>)){0,500}?<name>\s*+([^<>\s]+)"
)
_OF_EARTHLY = lazy_regex(r"(?m:^[ \t]*+SAVE[ \t]++IMAGE[ \t]++(?>(?:--\S++[ \t]++)*)(\S+))")
_OF_FILES = (
    (("earthfile", ".earth"), _OF_EARTHLY),
    ((".gradle", ".kts", ".groovy"), _OF_GRADLE),
    ((".xml",), _OF_MAVEN),
)
"""Commands of Earthly, and keys of jib, Spring Boot and the plugin of Docker, by how the names of the files end."""

_ARTIFACTS = lazy_regex(
    r"(?m)^([ \t]*)artifacts:[ \t]*\r?\n((?:\1[ \t-][^\n]*\n?|[ \t]*\r?\n)*)", needs=("artifacts:",), of_files=True
)
_ARTIFACT = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*[\"']?([^\s\"'#{]+)")
_KO = lazy_regex(rf"\bKO_DOCKER_REPO[\"']?[=:][ \t]*{VALUE}", needs=("ko_docker_repo",), of_files=True)
_PLUGIN = lazy_regex(r"(?m)^[ \t]*[\"']?repo(?:sitory)?[\"']?:[ \t]*[\"']?([^\s\"'#{,]+)")
_PLUGS = lazy_regex(
    r"(?<!cli-)plugins?/(?:docker|kaniko|buildx|plugin-docker)|plugin-(?:docker|kaniko)|\bDocker@\d",
    needs=("plugin", "docker@"),
    of_files=True,
)
"""Steps of Drone, Woodpecker and Azure that build, and the name that they give, whose tags have a key of their own."""

_RESOURCE = lazy_regex(
    r"\"docker_(?:registry_)?image\"[ \t]+\"[^\"\n]*\"[ \t]*\{((?:[^\n]|\n(?!\})){0,3000})",
    needs=("docker_",),
    of_files=True,
)
_RESOURCE_NAME = lazy_regex(r"\bname[ \t]*=[ \t]*\"([^\"\n]+)\"")
_TASK = lazy_regex(
    r"(?m)^([ \t]*)(?:-[ \t]+)?[\w.]*\b(?:docker|podman)_image(?:_build)?:[ \t]*\r?\n"
    r"((?:\1[ \t]+[^\n]*\n?|[ \t]*\r?\n){1,40})",
    needs=("_image",),
    of_files=True,
)
_TASK_KEY = lazy_regex(r"(?m)^[ \t]*(name|repository|tag):[ \t]*[\"']?([^\s\"'#]+)")
_BUILDS = lazy_regex(r"\bbuild\b")

_JOINED = lazy_regex(r"[\\`](?:(?<=\\)|(?<=[ \t]`))\r?\n")
_FOLDED = lazy_regex(r"\r?\n[ \t]++(?=--?[a-z])")
"""Where a line of a command goes on: behind a sign for it, and in YAML before an option."""

_WHOLE = lazy_regex(r"\w*+[./:@-][\w./:@-]*")
"""A name without variables, which is the same wherever it is written."""

_Written = tuple[str, int]
"""A name as it is written, and where."""


def results_in(path: str, data: bytes, stated: Iterable[str]) -> Iterator[str]:
    """Yield the names of what the builds in a file make, in their shortest spelling, with those that ``stated_in`` has;
    ``name:`` stands for any tag."""
    text = data.decode("utf-8", "replace")
    if path.lower().endswith((".yml", ".yaml")):
        text = _FOLDED.sub(" ", text)
    text = _JOINED.sub(" ", without_comments(path, text))
    written = list(_written(os.path.basename(path), text))
    known = Variables(text, path)
    if copies := _copies(text, known, written):
        written = [one for one in written if one[1] not in copies]
    placed = ((one, None if _WHOLE.fullmatch(one) else place) for one, place in written)
    for one, place in dict.fromkeys((*placed, *((one, None) for one in stated))):
        yield from known.names(one, place)
    yield from _pushed(text, known)


def _copies(text: str, known: Variables, written: list[_Written]) -> frozenset[int]:
    """Return where names are given to what was built by others: to what the file pulls, or has the name of an official
    image or of another owner, and does not build. A name on this machine, or another tag, is a result nevertheless."""
    found = [match for match in _RETAGGED.finditer(text) if not is_said(text, match.start())]
    if not found:
        return frozenset()
    anew = {match.start(2) for match in found}
    built = {untagged(name) for one, place in written if place not in anew for name in known.names(one, place)}
    pulled = {name for match in _PULLED.finditer(text) for name in known.names(match[1], match.start())}
    pulled |= {match[1].strip("\"'") for match in _PULLED.finditer(text)}
    copies = set[int]()
    for match in found:
        sources = [*known.names(match[1], match.start())]
        targets = {untagged(name) for name in known.names(match[2], match.start())}
        if any("/" not in name or name.startswith("localhost") or name in map(untagged, sources) for name in targets):
            continue
        foreign = match[1].strip("\"'") in pulled or not pulled.isdisjoint(sources)
        named = _WHOLE.fullmatch(match[1]) and all(_is_of_others(one, targets) for one in sources)
        if (foreign or named) and built.isdisjoint(map(untagged, sources)):
            copies.add(match.start(2))
    return frozenset(copies)


def _is_of_others(name: str, targets: Iterable[str]) -> bool:
    """Return whether a name is that of an official image, or of another owner than that of each target."""
    owner = untagged(name).rpartition("/")[0].rpartition("/")[2]
    if not owner:
        return untagged(name) in facts().official
    return all(owner not in target.split("/") for target in targets)


def _pushed(text: str, known: Variables) -> Iterator[str]:
    """Yield the names that commands push and that none takes from elsewhere, as those do that copy images."""
    pushed = [(match[1], match.start()) for match in _PUSHED.finditer(text) if not is_said(text, match.start(1))]
    names = list(dict.fromkeys(name for one, place in dict.fromkeys(pushed) for name in known.names(one, place)))
    words = [(one[1], one.start()) for each in _TAKEN.finditer(text) for one in _WORD.finditer(text, *each.span(1))]
    taken = {name for one, place in dict.fromkeys(words) for name in known.names(one, place)} if names else set()
    yield from (name for name in names if name not in taken)


def _written(name: str, text: str) -> Iterator[_Written]:
    """Yield the names that commands, calls and keys of a text give."""
    for match in _BUILD.finditer(text):
        yield from (one for one in _options(match, 1) if not is_said(text, one[1]))
    for match in _ITEMS.finditer(text):
        yield from _options(match, match.lastindex or 0) if not is_said(text, match.start()) else ()
    own = (pattern for endings, pattern in _OF_FILES if name.lower().endswith(endings))
    for pattern in (_NAMED, _ANEW, _CALLED, _OUTPUT, *own):
        for match in pattern.finditer(text):
            place = match.start(match.lastindex or 0)
            if not is_said(text, place):
                of_tilt = pattern is _CALLED and match[1] and name.lower().startswith("tilt")
                yield from ((match[match.lastindex or 0] + end, place) for end in (("", ":$") if of_tilt else ("",)))
    yield from ((one, 0) for one in _of_blocks(text))
    for block in _ARTIFACTS.finditer(text) if "skaffold" in name else ():
        yield from ((f"{each}{end}", block.start()) for each in _ARTIFACT.findall(block[2]) for end in ("", ":$"))
    yield from ((f"{match[1]}:$", match.start()) for match in _KO.finditer(text))
    if _PLUGS.search(text):
        yield from ((f"{match[1]}:$", match.start()) for match in _PLUGIN.finditer(text))


def _options(words: re.Match[str], group: int) -> Iterator[_Written]:
    """Yield the names that options give among the words of a build."""
    for match in _SHORT.finditer(words[group]):
        yield match[1] or match[2], words.start(group) + match.start()


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


def stated_in(path: str, data: bytes) -> Iterator[str]:
    """Yield the names that a compose or bake file, a workflow, a configuration of GoReleaser, or a manifest of Okteto
    or Garden gives, as its reader has them, within its own time."""
    with contextlib.suppress(Exception):  # an error in a related file is reported when that file is read
        if is_manifest(path):
            from echo_migrate.formats import _developer_builds

            with beside():
                yield from list(_developer_builds.results(Source.of(path, data)))
        elif is_of_goreleaser(path):
            from echo_migrate.formats import _goreleaser

            with beside():
                yield from list(_goreleaser.results(Source.of(path, data)))
        else:
            yield from _stated(path, data, data.lower())


def _stated(path: str, data: bytes, low: bytes) -> Iterator[str]:
    """Yield the names that a compose or bake file or a workflow gives; ``low`` is its text in lowercase."""
    from_compose = b"services" in low and b"build" in low
    from_bake = b"tags" in low and may_be_baked(path)
    from_workflow = has_any(low, (b"build-push-action@", b"metadata-action@", b"buildah-build@"))
    if not (from_compose or from_bake or from_workflow):
        return
    from echo_migrate.formats import _github_builds, bake, compose

    source = Source.of(path, data)
    if from_compose and (COMPOSE.fullmatch(os.path.basename(path)) or compose.recognise(path, source.text)):
        yield from list(compose.results(source))
        return
    with beside():
        if from_bake and bake.recognise(path, source.text):
            yield from list(bake.results(source))
        elif from_workflow:
            yield from list(_github_builds.results(source))
