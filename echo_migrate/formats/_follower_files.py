"""What the files of Flux, Argo CD, its Image Updater, kustomize, Renovate, Dependabot, Tilt and DevSpace look for,
and what commands change: images by name.

Keys: fluxcd.io, Kustomization (spec.path, spec.images); argo-cd.readthedocs.io, Application (spec.source.path,
kustomize.images); argocd-image-updater.readthedocs.io, annotation image-list and ImageUpdater (imageName);
kubectl.docs.kubernetes.io, ImageTagTransformer (imageTag), which a kustomization elsewhere may name;
docs.tilt.dev, Tiltfile API (docker_build, custom_build, k8s_custom_deploy); devspace.sh, devspace.yaml (images,
imageSelector); docs.renovatebot.com, packageRules (matchPackageNames, matchDepNames, matchManagers, matchDatasources;
matchPackagePatterns, matchPackagePrefixes and their like until version 38), package.json (renovate); docs.github.com,
dependabot.yml (allow, ignore, groups).
"""

import os
import re
from collections.abc import Iterable, Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import has_any
from echo_migrate.files.yaml import YamlNode, documents, effective, is_text, sequence
from echo_migrate.formats._code_comments import NO_CODE_OF_STARLARK
from echo_migrate.formats._follower import DEPENDABOT, DEVSPACE, KUSTOMIZE, PACKAGE, RENOVATE, TILT, Follower, name_of
from echo_migrate.formats._yaml import walk

_MOST_PATTERNS = 100
_LONGEST = 2000
"""How many characters of a line with sed are read."""

_WORDS = (b"kustomize.toolkit.fluxcd.io", b"argoproj.io/", b"argocd-image-updater", b"ImageTagTransformer") + (
    b"kbld.k14s.io",
    b"kbld.carvel.dev",
)
_KBLD = ("kbld.k14s.io/", "imgpkg.carvel.dev/")
_KBLD_ID = "kbld.carvel.dev/id"
"""The annotation with the old name of an image (carvel.dev/kbld, "Configuration" and "Resolving")."""
_UPDATER = "argocd-image-updater.argoproj.io/image-list"
_RULE = lazy_regex(r"[\"']?match(?:Package|Dep)(Names|Patterns|Prefixes)[\"']?\s*:\s*\[([^\[\]]{0,10000})\]")
_FOR = lazy_regex(r"[\"']?match(Managers|Datasources)[\"']?\s*:\s*\[([^\[\]]{0,10000})\]")
_BRACE = lazy_regex(r"[{}]")
_OTHER_MANAGERS = frozenset(
    ("asdf", "bundler", "bun", "cargo", "cocoapods", "composer", "conan", "deps-edn", "git-submodules", "gomod")
    + ("gradle", "gradle-wrapper", "homebrew", "leiningen", "maven", "maven-wrapper", "mise", "mix", "nodenv", "npm")
    + ("nuget", "nvm", "pep621", "pip-compile", "pip_requirements", "pip_setup", "pipenv", "poetry", "pre-commit")
    + ("pub", "pyenv", "ruby-version", "sbt", "setup-cfg", "swift")
)
_OTHER_SOURCES = frozenset(
    ("cargo", "conan", "crate", "dart", "deno", "git-refs", "git-tags", "github-releases", "github-runners")
    + ("github-tags", "gitlab-releases", "gitlab-tags", "go", "golang-version", "gradle-version", "helm", "hex")
    + ("jenkins-plugins", "maven", "node-version", "npm", "nuget", "packagist", "pod", "pypi", "python-version")
    + ("ruby-version", "rubygems", "rust-version", "sbt-package", "sbt-plugin", "terraform-module")
    + ("terraform-provider",)
)
"""The managers and sources of Renovate that have no images, of which a rule may name those it is for."""

_OF_RENOVATE = re.compile(rb'"renovate"\s*:')
_BEGINS = lazy_regex(r"/?\^(?:\((?:\?:)?)?([\w./\\|-]+)\)?(\$?)(?:/i?)?")
"""A regular expression of Renovate that asks for how a name begins: one that does not finds the new name too."""

_BUILT = lazy_regex(
    r"\b(?:(?:docker|custom)_build\w*\(\s*(?:ref\s*=\s*)?|image_selector\s*=\s*)"
    r"(?:\"([^\"\n{]+)\"|'([^'\n{]+)')"
    rf"|{NO_CODE_OF_STARLARK}"
)
"""The images that a Tiltfile builds in the place of those of that name in manifests, and that it looks for there. Its
comments and its other strings match too, without a name, so that no call is found in one."""

_EDITED = lazy_regex(r"\bkustomize[ \t]+edit[ \t]+set[ \t]+image((?:(?:[ \t]|\\\r?\n){1,50}[^\s;&|\\]{1,500}){1,50})")
_SED = lazy_regex(
    r"(?:\bs[|/#,@]|(?<=[\s\"'])/)\^?[\\(.* \ts+-]{0,20}image:"
    r"(?:\\[s()]|[.* \t+()]){0,20}[\"']?([a-z0-9][\w./-]{0,200})"
)
"""What a command changes by its name in the images of a folder, or in the text of a manifest."""

_QUOTED = lazy_regex(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_ECOSYSTEMS = ("docker", "docker-compose", "helm")


def followers_in(path: str, data: bytes, root: str) -> Iterator[Follower]:
    """Yield what a file looks for. Raises ``NotYaml``."""
    name = os.path.basename(path)
    if RENOVATE.fullmatch(name) or (name == PACKAGE and _OF_RENOVATE.search(data)):
        yield Follower(path, root, "followed", "Renovate", *_named(_of_renovate(data.decode("utf-8", "replace"))))
    elif TILT.fullmatch(name):
        built = {a or b for a, b in _BUILT.findall(data.decode("utf-8", "replace")) if a or b}
        yield Follower(path, os.path.dirname(path), "followed", "Tilt", *_named(built))
    elif DEVSPACE.fullmatch(name):
        for document in documents(data.decode("utf-8", "replace")):
            yield Follower(path, os.path.dirname(path), "followed", "DevSpace", *_named(_of_devspace(document)))
    elif b"set image" in data or b"sed " in data:
        yield from _of_commands(path, root, data.decode("utf-8", "replace"))
    if DEPENDABOT.fullmatch(name) or has_any(data, _WORDS):
        for document in documents(data.decode("utf-8", "replace")):
            yield from _in_dependabot(path, root, document) if DEPENDABOT.fullmatch(name) else ()
            yield from _in_document(path, root, document)


def _named(names: set[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names, and the patterns among them; regular expressions, negations and what means everything are left
    out."""
    kept = {name_of(name) for name in names if name.strip("*/") and name[0] not in "/!*"}
    patterns = sorted(name.replace("**", "*") for name in kept if "*" in name)
    return frozenset(name for name in kept if "*" not in name), tuple(patterns[:_MOST_PATTERNS])


def _of_renovate(text: str) -> set[str]:
    """Return the names and patterns that the rules of Renovate match, but those of rules for other things."""
    found = set[str]()
    for rule in _RULE.finditer(text):
        key, written = rule.groups()
        for name in (a or b for a, b in _QUOTED.findall(written)) if _of_images(_around(text, rule)) else ():
            begins = _BEGINS.fullmatch(name) if key == "Patterns" or name.startswith("/") else None
            if begins:
                found |= {f"{one}{'' if begins[2] else '*'}" for one in begins[1].replace("\\", "").split("|") if one}
            elif key != "Patterns":
                found.add(f"{name}*" if key == "Prefixes" else name)
    return found


def _around(text: str, rule: "re.Match[str]") -> str:
    """Return what an object has besides a list in it; nothing on a side where its brace is too far."""
    before, behind = text[max(0, rule.start() - _LONGEST) : rule.start()], text[rule.end() : rule.end() + _LONGEST]
    opened = _unpaired([*_BRACE.finditer(before)][::-1], "{")
    closed = _unpaired(_BRACE.finditer(behind), "}")
    return (before[opened.end() :] if opened else "") + (behind[: closed.start()] if closed else "")


def _unpaired(braces: "Iterable[re.Match[str]]", wanted: str) -> "re.Match[str] | None":
    depth = 0
    for brace in braces:
        depth += -1 if brace[0] == wanted else 1
        if depth < 0:
            return brace
    return None


def _of_images(rule: str) -> bool:
    """Return whether a rule of Renovate may be for images: not if it is for managers or sources of other things
    alone."""
    for key, written in _FOR.findall(rule):
        names = [a or b for a, b in _QUOTED.findall(written)]
        others = _OTHER_MANAGERS if key == "Managers" else _OTHER_SOURCES
        if names and others.issuperset(names):
            return False
    return True


def _of_commands(path: str, root: str, text: str) -> Iterator[Follower]:
    """Yield what commands change by its name: sed, and kustomize (kubectl.docs.kubernetes.io, "edit set image": a name
    and a new one, or a name with a tag)."""
    words = {word.strip("\"'") for written in _EDITED.findall(text) for word in written.replace("\\", " ").split()}
    whole = {word.partition("=")[0] for word in words if "=" in word}
    for reason, names in (("renamed", whole), ("retagged", {word for word in words if "=" not in word})):
        found = {name for name in names if name and name[0] not in "-$" and not name.startswith("*")}
        if found:
            yield Follower(path, root, reason, KUSTOMIZE, *_named(found))
    lines = (line[line.find("sed ") :][:_LONGEST] for line in text.split("\n") if "sed " in line and "image:" in line)
    edited = {name for line in lines for name in _SED.findall(line)}
    if edited:
        yield Follower(path, root, "followed", "sed", *_named(edited))


def _of_devspace(document: YamlNode | None) -> set[str]:
    """Return the images that DevSpace builds, and those whose containers it replaces or synchronizes."""
    found = [place.keys.get("imageSelector") for place in walk(document)]
    found += [effective(one).get("image") for one in effective(effective(document).get("images")).values()]
    return {node.value for node in found if is_text(node) and "$" not in node.value}


def _in_dependabot(path: str, root: str, document: YamlNode | None) -> Iterator[Follower]:
    for entry in map(effective, sequence(effective(document).get("updates"))):
        ecosystem, directory = entry.get("package-ecosystem"), entry.get("directory")
        if not is_text(ecosystem) or ecosystem.value not in _ECOSYSTEMS:
            continue
        said = [
            effective(one).get("dependency-name") for key in ("allow", "ignore") for one in sequence(entry.get(key))
        ]
        for group in effective(entry.get("groups")).values():
            said += sequence(effective(group).get("patterns"))
        names = {node.value for node in said if is_text(node)}
        below = directory.value.strip("/") if is_text(directory) else ""
        folder = os.path.normpath(os.path.join(root, below))
        yield Follower(path, folder, "followed", "Dependabot", *_named(names), alone=is_text(directory))


def _in_document(path: str, root: str, document: YamlNode | None) -> Iterator[Follower]:
    """Yield what a resource of Flux or Argo CD, or a file of kbld, looks for."""
    version, kind = (effective(document).get(key) for key in ("apiVersion", "kind"))
    if not is_text(version) or not is_text(kind):
        return
    if kind.value == "ImageTagTransformer":
        tag = effective(effective(document).get("imageTag"))
        named = tag.get("name")
        if is_text(named):
            reason = "renamed" if "newName" in tag else "retagged"
            yield Follower(path, os.path.dirname(path), reason, kind.value, *_named({named.value}))
        return
    if version.value.startswith(_KBLD):
        found = _of_kbld(document)
        yield Follower(path, os.path.dirname(path).removesuffix("/.imgpkg"), "followed", "kbld", *_named(found))
        return
    flux = version.value.startswith("kustomize.toolkit.fluxcd.io/")
    for place in walk(document):
        keys = place.keys
        images = sequence(keys.get("images") if flux else effective(keys.get("kustomize")).get("images"))
        listed = keys.get(_UPDATER)
        follows = {one.rpartition("=")[2].strip() for one in listed.value.split(",")} if is_text(listed) else set[str]()
        name = keys.get("imageName")
        if kind.value == "ImageUpdater" and is_text(name):
            follows.add(name.value)
        if follows:
            yield Follower(path, root, "followed", "Argo CD Image Updater", *_named(follows))
        for image in images:
            written = effective(image).get("name") if flux else image
            if is_text(written):
                old, new, _ = written.value.partition("=")
                renames = "newName" in effective(image) if flux else bool(new)
                reason = "renamed" if renames else "retagged"
                yield Follower(path, _folder(root, keys), reason, kind.value, *_named({old}))


def _of_kbld(document: YamlNode | None) -> set[str]:
    """Return the images that a configuration of kbld, or a lock that it wrote, gives another name or a digest."""
    keys = effective(document)
    named = [effective(one).get("image") for one in sequence(keys.get("overrides"))]
    locked = [effective(effective(one).get("annotations")).get(_KBLD_ID) for one in sequence(keys.get("images"))]
    return {node.value for node in (*named, *locked) if is_text(node)}


def _folder(root: str, keys: dict[str, YamlNode]) -> str:
    """Return the folder of the manifests that a resource applies: any, where its path is set elsewhere."""
    node = keys.get("path")
    written = node.value if is_text(node) else ""
    return root if "{" in written else os.path.normpath(os.path.join(root, written.lstrip("/")))
