"""What a RUN, or a script that it starts, reads of the distribution's name and release."""

import re
from collections.abc import Iterator
from functools import lru_cache
from posixpath import basename, dirname, join

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.budget import beside
from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced, Unreadable, contents
from echo_migrate.files.tree import dockerfile_at, real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import Command, Script
from echo_migrate.shell.parser import read

_NAMES = r"(?:ID|VERSION_ID|VERSION_CODENAME|UBUNTU_CODENAME|DEBIAN_CODENAME)"
_VARIABLE = lazy_regex(rf"\$\{{?({_NAMES})\b")
_READ = lazy_regex(rf"os-release\b[^;&\n]{{0,200}}[\s'\"/^(]({_NAMES})\b|\b({_NAMES})\b[^;&\n]{{0,200}}os-release")
"""A name in the same command or pipeline as the file."""
_SOURCED = lazy_regex(
    r"(?:^|[\s;&|({`'\"])(?:\.|source)\s+[\"']?/(?:etc|usr/lib)/os-release\b|\b(?:eval|export)\s[^;&\n]{0,80}os-release\b",
    needs=("os-release",),
)
_MORE = lazy_regex(r"\$\{?(NAME|PRETTY_NAME|VERSION)\b")
"""Names that others have as well, where the shell has them from the file."""
_RELEASE = r"/(?:etc/(?:debian_version|issue|lsb-release|os-release)|usr/lib/os-release)(?![\w.-])"
_FILTER = r"(?:awk|cut|[ef]?grep|sed(?!\s+-\w*i))\b"
_SHOWN = rf"grep\s+[\"'^]{{0,2}}(?:PRETTY_)?NAME=?[\"']?(?:\s+{_RELEASE})?\s*(?:$|;|&&)"
"""A line that each release has, which is only printed."""
_ASKED = lazy_regex(
    rf"(?m)\b(?!{_SHOWN}){_FILTER}[^;&>\n]{{0,200}}{_RELEASE}|{_RELEASE}[\"']?\s*\|\s*(?!{_SHOWN}){_FILTER}"
    rf"|(?:<\s*|\$\((?:cat\s+|<\s*|head\s[^;&>\n)]{{0,20}})){_RELEASE}"
    r"|\bfreedesktop_os_release\b|\bdistro\.(?:codename|id|like|name|version)\(",
    needs=("release", "/etc/", "distro."),
)
"""Where its text is looked at in other ways; what it is looked at for may be there or not."""
_COMMAND = lazy_regex(
    r"\blsb_release\s+(?:-\w*[acdirs]\w*|--(?:all|codename|description|id|release|short))", needs=("lsb_release",)
)
_COMMENT = lazy_regex(r"(?m)(?:^|(?<=\s))#.*")

_DEV_CONTAINERS = ("devcontainer.json", ".devcontainer.json")
_FEATURES = lazy_regex(r"\"features\"\s*:\s*\{(?:\s|//[^\n]*\n)*\"", needs=("features",))
_NAMED = lazy_regex(r"\"docker[fF]ile\"\s*:\s*\"([^\"]+)\"", needs=("dockerfile",))
_COMPOSED = lazy_regex(r"\"dockerComposeFile\"\s*:\s*(\[[^\[\]]*\]|\"[^\"]*\")", needs=("dockercomposefile",))
_SERVICE = lazy_regex(r"\"service\"\s*:\s*\"([^\"]+)\"", needs=("service",))
_QUOTED = lazy_regex(r"\"([^\"]+)\"")
_LONGEST = 200_000
"""The length in bytes up to which the file of a dev container is read."""

_SAYING = frozenset(("echo", "printf"))
_VALUE = "write the value out"


def read_by(run: Run) -> tuple[str, str] | None:
    """Return how a RUN itself reads the distribution's name or release, and a remedy, or None."""
    return _read(run.text, _called(run.script, run.text))


def read_by_scripts(run: Run, stage: Stage, path: str) -> Iterator[tuple[str, tuple[str, str], bool]]:
    """Yield the scripts of the build context that a RUN starts and that may read it: the name, how and a remedy, and
    whether it certainly does so. ``path`` is that of the file with the stage."""
    if "/" not in run.instruction.args.value or not any(one.copies for one in stage.lineage):
        return
    from echo_migrate.dockerfile.copied_scripts import scripts_of  # few RUNs name a file that was copied

    for name, written in scripts_of(run, stage, path):
        text = _COMMENT.sub("", written)
        script = read(Traced.of(text, 0, len(text)))
        certain = _certain(script, text)
        surely = _read(certain, certain)
        what = surely or _read(text, _called(script, text)) or _asks(text)
        if what:
            yield basename(name), what, surely is not None


def scripts(node: Stage | Container, path: str) -> Iterator[Reason]:
    """Yield the reason for the first RUN, or the first script that one starts, that may read it; of one that certainly
    does an error is told. ``path`` is that of the file."""
    for run in node.runs if isinstance(node, Stage) else ():
        if asked := _asks(run.text) if read_by(run) is None else None:
            yield because("script-reads", script="a RUN", how=asked[0])
            return
        for name, (how, _), certain in read_by_scripts(run, node, path) if isinstance(node, Stage) else ():
            if not certain:
                yield because("script-reads", script=name, how=how)
                return


def features(node: Stage | Container, source: Source) -> Iterator[Reason]:
    """Yield the reason for the features that a dev container has, which are scripts that ask for the distribution
    (containers.dev, features), in ``source``, the file with it, or in one that builds the stage."""
    if isinstance(node, Container):
        found = basename(source.path) in _DEV_CONTAINERS and bool(_FEATURES.search(source.text))
    else:
        found = any(_adds_features(one, source.path) for one in _beside(dirname(source.path)))
    if found:
        yield because("script-reads", script="a feature of the dev container", how="reads ID of /etc/os-release")


@of_a_run(64)
def _beside(folder: str) -> list[str]:
    """Return the files of dev containers that may build a Dockerfile in a folder."""
    places = (*_DEV_CONTAINERS, ".devcontainer/devcontainer.json")
    return [file for place in places if (file := dockerfile_at(join(folder, "_"), ".", place))]


def _adds_features(file: str, dockerfile: str) -> bool:
    """Return whether the file of a dev container adds features to what a Dockerfile builds, as far as it says so."""
    text = _text(file)
    if not _FEATURES.search(text):
        return False
    named, composed = _NAMED.search(text), _COMPOSED.search(text)
    built = dockerfile_at(file, ".", named[1]) if named else None
    services = {*_SERVICE.findall(text)}  # of several, all but one stand in comments
    if built is None and composed and len(services) == 1 and len(_COMPOSED.findall(text)) == 1:
        built = _of_service(file, tuple(_QUOTED.findall(composed[1])), *services)
    return real(built) == real(dockerfile) if built else composed is not None


@of_a_run(64)
def _of_service(file: str, names: tuple[str, ...], service: str) -> str | None:
    """Return the Dockerfile that compose files, by their paths from a file, build a service from, None if it is not
    known. A later one adds to those before, and paths are from the first (docs.docker.com/compose, Merge)."""
    from echo_migrate.files.yaml import NotYaml, documents, effective, is_text  # few dev containers have any

    found: dict[str, str] = {}
    paths = [dockerfile_at(file, ".", name) for name in names]
    for path in paths:
        try:
            with beside():
                root = effective(next(iter(documents(_text(path) if path else "")), None))
        except (NotYaml, Unreadable):
            return None
        keys = effective(effective(root.get("services")).get(service))
        if not root or "include" in root or "extends" in keys:
            return None
        build = keys.get("build")
        given = {"context": build} if is_text(build) else effective(build)
        found |= {key: node.value for key, node in given.items() if is_text(node)}
    first = paths[0] if paths else None
    folder, name = found.get("context", "."), found.get("dockerfile", "Dockerfile")
    return dockerfile_at(first, folder, name) if first and found and "$" not in folder + name else None


@of_a_run(64)
def _text(path: str) -> str:
    try:
        return contents(path, _LONGEST).decode("utf-8", "replace")
    except (OSError, Unreadable):
        return ""


def _certain(script: Script, text: str) -> str:
    """Return those commands of a script that certainly run, unless it fails before."""
    found: list[str] = []
    for command in script.commands if script.certain else ():
        if (command.always and command.operator != "&&") or must_succeed(command, script):
            found.append(text[command.start : command.end])
        if _may_end(command):
            break
    return "\n".join(found)


def _may_end(command: Command) -> bool:
    """Return whether a command may end its script with success."""
    status = (command.arguments or ["0"])[0]
    fails = status.isdecimal() and status.strip("0") != ""
    return "exec" in (command.name, *command.via) or (command.name in ("exit", "return") and not fails)


def _called(script: Script | None, text: str) -> str:
    """Return the commands of a script, without those that only print a text; all of it if it could not be read, or if
    it writes files that may be run."""
    if script is None or not script.certain or "<<" in text:
        return text
    piped = {one.operator for one in script.commands} & {"|", "|&"}
    printing = [one.name in _SAYING and not one.redirects and not piped for one in script.commands]
    return "\n".join([_words(one) for one, prints in zip(script.commands, printing, strict=True) if not prints])


def _words(command: Command) -> str:
    return " ".join([word.value for word in (*[value for _, value in command.assignments], *command.words)])


def _read(text: str, called: str) -> tuple[str, str] | None:
    """Return how a script reads the distribution's name or release, and a remedy, or None. ``called`` are its commands,
    in which those of others are looked for."""
    if _COMMAND.search(text):
        return "reads lsb_release", _VALUE
    sourced = _SOURCED.search(text)
    found = (_VARIABLE.search(text) or _READ.search(text)) if "os-release" in text else None
    found = found or (_MORE.search(text, sourced.end()) if sourced else None)
    if found:
        return f"reads {next(filter(None, found.groups()))} of /etc/os-release", _VALUE
    script = _known_script(called)
    remedy = "install its packages with apt-get" if script.startswith("playwright") else "set it up by hand"
    return (f"calls {script}, which reads {_scripts()[script]}", remedy) if script else None


def _asks(text: str) -> tuple[str, str] | None:
    """Return how a script may look at the distribution's name or release, and a remedy, or None."""
    return ("reads the release of the distribution", _VALUE) if _ASKED.search(text) else None


def _known_script(text: str) -> str:
    """Return the first script of others in a text that is known to read the file, or ""."""
    named = (script for script in _scripts() if all(word in text for word in script.split()))
    return next((one for one in named if re.search(rf"(?<![\w.-]){_pattern(one)}(?![\w.-]|/[^\s])", text)), "")


def _pattern(script: str) -> str:
    """Return the pattern of a command: its words in their order, with others of the same command between them."""
    return r"\s(?:[^;&|\n]{0,200}\s)?".join(map(re.escape, script.split()))


@lru_cache
def _scripts() -> dict[str, str]:
    """Return what scripts of others read, by what a RUN has of them."""
    scripts: dict[str, str] = read_data("places/os_release.yaml")
    return scripts
