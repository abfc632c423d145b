"""The parts of a chart that affect the images of its values: dependencies, templates, other values files."""

import contextlib
import os
import re
from collections.abc import Iterator
from itertools import islice

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.tree import real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, documents, effective, is_text, sequence
from echo_migrate.formats._build_places import MOST_FOLDERS, folders_above, may_pass, places
from echo_migrate.formats._yaml import walk

VALUES = re.compile(r"(?i)(?:.*[._-])?values(?:[._-].*)?\.ya?ml")
_MOST_FILES = 200
_DEEPEST = 4
_TEMPLATE = lazy_regex(r"(?i).*\.(?:ya?ml|tpl|txt)")
_IMAGE = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*([^\n]*)")
_FILLED = lazy_regex(r"\{\{[^{}]*\}\}")
_STRING = lazy_regex(r"\"[^\"\n]*\"|`[^`]*`")
_CONTROL = lazy_regex(r"\{\{-?\s*(?:if|else|end|with|range|define|block|/\*|\$\w+\s*:?=)")
_REPOSITORY = lazy_regex(r"(?i)[.$]\w*(?:repository|image(?:\.name)?|imagename)\b(?![.\w])")
_REGISTRY = lazy_regex(r"(?i)[.$]\w*registry\b(?![.\w])")
_FORMATTED = lazy_regex(r"\bprintf\s+\"([^\"\n]*)\"\s*([^\s|()]*)")
_DEFAULTED = lazy_regex(
    r"\{\{-?\s*(?:\$\w+\s*:?=\s*)?(?:default\s+\.Values\.([\w.]+)\s+\.Values\.([\w.]+)"
    r"|\.Values\.([\w.]+)\s*\|\s*default\s+\.Values\.([\w.]+))\s*-?\}\}"
)
_REGISTRIES = lazy_regex(r"(?<![\w.])\.Values\.([\w.]*[rR]egistry)\b")
_KEYS = lazy_regex(r"\bValues\b(?:\.(\w+))?")
_JOINED = lazy_regex(r"\bjoin\b")
_DEFINED = lazy_regex(r"\{\{-?\s*(?:define|block)\s+\"([^\"\n]+)\"")
_INCLUDED = lazy_regex(r"\b(?:include|template)\s+\"([^\"\n]+)\"")
_CONTINUED = lazy_regex(r"\\\r?\n")
_HELM = lazy_regex(r"\bhelm[ \t][^\n;&|]{0,200}?\b(?:upgrade|install|template)\b([^\n;&|]{0,5000})")
_SETS = lazy_regex(r"--set(?:-string)?[ \t=]+(\"[^\"\n]*\"|'[^'\n]*'|\S+)")
_SET_KEY = lazy_regex(r"(?:^|[,\"'])([\w-]+(?:\.[\w-]+)*)=")
_REDIRECTED = lazy_regex(r"[ \t]\d?>")
_CHANGED = lazy_regex(r"(?:\b(?:cd|pushd)[ \t]+|\b[\w-]*dir(?:ectory)?[ \t]*[:=][ \t]*)([^\s;&|]{1,500})")
"""The folder that commands, or what runs them, change to."""

_VALUED = frozenset(
    ("-a", "-f", "-l", "-n", "-o", "-s", "--api-versions", "--burst-limit", "--ca-file", "--cert-file", "--description")
    + ("--history-max", "--key-file", "--keyring", "--kube-apiserver", "--kube-as-group", "--kube-as-user")
    + ("--kube-ca-file", "--kube-context", "--kube-tls-server-name", "--kube-token", "--kube-version", "--kubeconfig")
    + ("--labels", "--name-template", "--namespace", "--output", "--output-dir", "--password", "--post-renderer")
    + ("--post-renderer-args", "--qps", "--registry-config", "--repository-cache")
    + ("--repository-config", "--set-file", "--set-json", "--set-literal", "--show-only", "--timeout", "--username")
    + ("--values", "--version")
)
"""The options of helm whose value is the next word (helm.sh/docs, "helm upgrade", "helm install", "helm template")."""

_LARGEST = 200_000
_PIECES = ("registry", "repository", "tag", "image", "name", "digest")


class Chart:
    """A chart in a folder. ``dependencies`` are the keys of values passed to other charts; ``adds`` is true if a
    template adds literal text to the name of an image, or if part of the chart could not be read; ``defaults`` is true
    if a template may take the registry from elsewhere where the image has no key for it. ``shared`` has for the key of
    a registry, as templates write it, the one that they take where it is empty: where they always take that. ``keys``
    are those of values at the top that templates read; None if they may read any, or pass them to other charts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        named = [_dependencies(os.path.join(folder, file)) for file in ("Chart.yaml", "requirements.yaml")]
        self.dependencies = {name for names in named for name in names or ()}
        texts = [*map(_text, _templates(folder))]
        self.adds, self.defaults = _prefixes(texts)
        self.adds |= None in named
        alone = all(texts) and named == [[], []] and not _folders(os.path.join(folder, "charts"))
        keys = {match[1] for text in texts for match in _KEYS.finditer(text)} if alone else {None}
        self.keys = None if None in keys or not texts else keys
        self.shared = _shared(texts) if self.defaults else {}

    def others(self, path: str) -> set[tuple[str, ...]] | None:
        """Return the key paths at which other values files, which may overlay this one, set a part of an image's name;
        None if any path is possible."""
        around = [*_names(self.folder), *_names(os.path.join(self.folder, "ci"))]
        said = [_said(one) for one in around if os.path.realpath(one) != os.path.realpath(path)]
        return None if None in said else {place for places in said for place in places or ()}

    def set_by(self) -> dict[tuple[str, ...], str]:
        """Return the key paths at which commands near the chart set a part of an image's name, each with the path of
        the file that has the command."""
        found: dict[tuple[str, ...], str] = {}
        for folder in folders_above(os.path.join(self.folder, "_")):
            for place in islice(places(folder), MOST_FOLDERS):
                for path in _entries(place, folders=False):
                    for keys in _set(path, real(self.folder)) if may_pass(os.path.basename(path)) else ():
                        found.setdefault(keys, path)
        return found


@of_a_run(16_384)
def _set(path: str, folder: str) -> tuple[tuple[str, ...], ...]:
    """Return the key paths at which commands of a file set a part of an image's name, of the chart in a folder."""
    try:
        data = contents(path, _LARGEST)
    except Unreadable:
        return ()
    if b"helm" not in data or b"--set" not in data:
        return ()
    text = _CONTINUED.sub(" ", data.decode("utf-8", "replace"))
    found: dict[tuple[str, ...], None] = {}
    for command in _HELM.findall(text):
        given = _SETS.findall(command)
        if given and any(_means(operand, folder, path, text) for operand in _operands(command)):
            keys = [key.split(".") for each in given for key in _SET_KEY.findall(each)]
            found |= {tuple(one[:-1]): None for one in keys if one[-1] in _PIECES}
    return tuple(found)


def _operands(command: str) -> list[str]:
    """Return the words of a command of helm that may name its chart: the one behind the name of the release, which a
    command can be without; those behind it, where a variable may stand for options; none of a repository's."""
    found, valued = list[str](), False
    for word in _REDIRECTED.split(_FILLED.sub("$_", _SETS.sub(" ", command)))[0].split():
        word = word.strip("\"',")
        if word.partition("=")[0] == "--repo":
            return []
        if word and not valued and not word.startswith("-"):
            found.append(word)
        valued = not valued and word in _VALUED
    return found[1:] or found


def _means(operand: str, folder: str, path: str, text: str) -> bool:
    """Return whether a word may mean the chart in a folder, in a file at a path: by the last parts of that folder, by
    a variable, or as the folder that the file is in or changes to."""
    if "://" in operand:
        return False
    if not operand.strip("./"):
        inside = (os.path.dirname(path) + os.sep).startswith(folder + os.sep)
        return inside or any(_ends(one.strip("\"'"), folder) for one in _CHANGED.findall(text))
    return _ends(operand, folder)


def _ends(written: str, folder: str) -> bool:
    """Return whether the folder may be the written one: its path ends with what stands behind variables and dots; of an
    absolute one, with its name."""
    parts = [part for part in written.split("/") if part.strip(".")]
    filled = [number for number, part in enumerate(parts, 1) if "$" in part]
    parts = parts[-1:] if written.startswith("/") else parts[max(filled, default=0) :]
    return bool(parts or filled) and folder.split(os.sep)[-len(parts) or None :][: len(parts)] == parts


def chart(path: str) -> Chart | None:
    """Return the chart in the folder of a values file, or None."""
    return _chart(os.path.dirname(os.path.abspath(path)))


@of_a_run(256)
def _chart(folder: str) -> Chart | None:
    return Chart(folder) if os.path.isfile(os.path.join(folder, "Chart.yaml")) else None


def _names(folder: str) -> list[str]:
    return [path for path in _files(folder) if VALUES.fullmatch(os.path.basename(path))]


def _files(folder: str) -> list[str]:
    """Return the files in a folder of a chart; none if it is a link, which may lead out of the tree."""
    return _entries(folder, folders=False)


def _folders(folder: str) -> list[str]:
    """Return the folders in a folder, as ``_files`` the files."""
    return _entries(folder, folders=True)


def _entries(folder: str, folders: bool) -> list[str]:
    if os.path.islink(folder):
        return []
    with contextlib.suppress(OSError):
        entries = [one for one in os.scandir(folder) if one.is_dir(follow_symlinks=False) == folders]
        return sorted(one.path for one in entries if folders or one.is_file(follow_symlinks=False))[:_MOST_FILES]
    return []


def _templates(folder: str) -> list[str]:
    """Return the templates of a chart, and those of charts within it that only define what others include."""
    found: list[str] = []
    for base in (folder, *_folders(os.path.join(folder, "charts"))):
        waiting = [(os.path.join(base, "templates"), 0)]
        for path, depth in waiting:  # grows in the loop
            names = [name for name in _files(path) if _TEMPLATE.fullmatch(name)]
            found += names if base == folder else [name for name in names if name.endswith(".tpl")]
            waiting += [(below, depth + 1) for below in _folders(path) if depth < _DEEPEST]
            if len(found) > _MOST_FILES:
                return found[:_MOST_FILES]
    return found


def _text(path: str) -> str:
    """Return the text of a file; "" if it is unreadable or a link, which may lead out of the tree."""
    try:
        return "" if os.path.islink(path) else Source.read(path).text
    except Unreadable:
        return ""


@of_a_run(4096)
def _dependencies(path: str) -> list[str] | None:
    """Return the names and aliases of a chart's dependencies; None if they take too long to read."""
    names: list[str] = []
    try:
        with contextlib.suppress(NotYaml), beside():
            for root in documents(_text(path)):
                for one in sequence(effective(root).get("dependencies")):
                    keys = effective(one)
                    names += [node.value for node in map(keys.get, ("name", "alias")) if is_text(node)]
    except TooMuch:
        return None
    return names


def _prefixes(templates: list[str]) -> tuple[bool, bool]:
    """Return whether templates add literal text to the values in an image's name, and whether they may take a registry
    from elsewhere; both if reading them takes too long."""
    adds = defaults = False
    try:
        with beside():
            defined = {name for text in templates for name in _DEFINED.findall(text)}
            for text in templates:
                for value in (match[1] for match in _IMAGE.finditer(text) if "{{" in match[1]):
                    adds |= bool(re.search(r"\w", _FILLED.sub("", value).partition(" #")[0]))
                    defaults |= not defined.issuperset(_INCLUDED.findall(value))
                defaults |= any(map(_is_joined, _FILLED.findall(text)))
                for before in _before_names(text):
                    adds |= bool(re.search(r"\w/$", before)) and "://" not in before.rpartition(" ")[2]
                    defaults |= before.endswith(("}}/", "}}")) and not _is_registry(
                        "".join(before.rpartition("{{")[1:])
                    )
                for written, first in _formatted(text):
                    adds |= bool(re.search(r"(?<!%)\w/%", written)) and "://" not in written
                    defaults |= written.startswith(("%s/%", "%s%")) and not _is_registry(first)
    except TooMuch:
        return True, True
    return adds, defaults


def _shared(templates: list[str]) -> dict[str, str]:
    """Return for each key of a registry the key whose value templates take where it is empty; "" if one of them does
    not, none if reading them takes too long."""
    found: dict[str, str] = {}
    with contextlib.suppress(TooMuch), beside():
        for action in (action for text in templates for action in _FILLED.findall(text)):
            match = _DEFAULTED.fullmatch(action)
            own, other = (match[2] or match[3], match[1] or match[4]) if match else ("", "")
            for key in _REGISTRIES.findall(_STRING.sub("", action)):
                if key != other:
                    found[key] = other if key == own and found.get(key, other) == other else ""
        return found
    return {}


def _before_names(text: str) -> Iterator[str]:
    """Yield what a template's line has before each action that writes an image's name, without the actions that write
    nothing."""
    for line in text.split("\n"):
        if "{{" in line:
            before, end = "", 0
            for action in _FILLED.finditer(line):
                before += line[end : action.start()]
                end = action.end()
                if not _CONTROL.match(action[0]):
                    if _REPOSITORY.search(_STRING.sub("", action[0])) and "printf" not in action[0]:
                        yield before
                    before += action[0]


def _formatted(text: str) -> Iterator[tuple[str, str]]:
    """Yield the format of each printf of a template that writes an image's name, with its first argument."""
    for action in _FILLED.finditer(text):
        if "printf" in action[0] and _REPOSITORY.search(_STRING.sub("", action[0])):
            for found in _FORMATTED.finditer(action[0]):
                yield found[1], found[2]


def _is_joined(action: str) -> bool:
    """Return whether an action writes an image's name as a part of a list, whose other parts are not known."""
    bare = _STRING.sub("", action)
    return bool(_JOINED.search(bare) and _REPOSITORY.search(bare))


def _is_registry(action: str) -> bool:
    """Return whether an expression is the value of one key for the registry, with nothing for where that is not set."""
    keys = len(_REGISTRY.findall(_STRING.sub("", action)))
    return keys == 1 and not any(len(one) > 2 for one in _STRING.findall(action))


@of_a_run(4096)
def _said(path: str) -> set[tuple[str, ...]] | None:
    """Return the key paths of a values file that set a part of an image's name; None if it takes too long to read."""
    try:
        with contextlib.suppress(NotYaml), beside():
            return {
                place.path
                for root in documents(_text(path))
                for place in walk(root)
                if any(is_text(place.keys.get(key)) for key in _PIECES)
            }
    except TooMuch:
        return None
    return set()
