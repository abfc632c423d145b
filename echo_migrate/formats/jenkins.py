"""Jenkinsfiles and shared libraries: the images of agents, of pod templates, and of commands in shell steps.

Syntax: jenkins.io, "Pipeline Syntax" (agent), "Using Docker with Pipeline"; plugins.jenkins.io, Docker Pipeline
(``docker.image``; DockerRegistryEndpoint puts the host of a registry in front of names) and Kubernetes
(``containerTemplate``, ``yaml``), read in November 2026.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.groovy import Token, tokens
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.values import NotRead
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._script_variables import as_name
from echo_migrate.formats._volumes import target_of
from echo_migrate.images.reference import VARIABLE, variables
from echo_migrate.images.reference import parse as reference
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.registry_logins import account_in
from echo_migrate.shell.wrappers import Account

NAME = re.compile(r"(?i)(?:.*[._-])?jenkinsfile(?:[._-].*)?")
_NOT = re.compile(r"(?i).+\.(?:bats|json|md|orig|rst|ya?ml|sh|py|txt|xml)")
_LIBRARY = re.compile(r"(?i).+\.groovy")
_STEPS = lazy_regex(r"\bdocker\s*(?:\.\s*image\s*\(|\{)|\bcontainerTemplate\s*\(")
_GLOBAL = re.compile(r"(?:^|[\\/])vars[\\/][^\\/]+$")
_SHELL = lazy_regex(r"\bsh\b[ \t]*[\w(\"']")
"""The files of the steps that a shared library has (jenkins.io, "Extending with Shared Libraries"), and shell steps."""

_HUB = lazy_regex(r"(?:https?://)?(?:registry\.hub\.docker\.com|(?:index\.|registry-1\.)?docker\.io)(?:/.*)?")
_HOST = lazy_regex(r"(?:https?://)?([\w.-]+(?::\d+)?)")
_VOLUME = lazy_regex(r"(?:^|\s)(?:-v|--volume|--mount)(?:[ =]+|(?=/))(\S+)")
_MOUNT_TARGET = lazy_regex(r"(?:target|dst|destination)=([^,]+)")
_PLATFORM = lazy_regex(r"--platform[ =]+(\S+)")
_LOGIN = lazy_regex(r"(?m)^.*\b(?:login|withRegistry|registryUrl)\b.*$")
_FILLED_IN = lazy_regex(r"(?<!\\)\$\{(?!\w+\})([^{}\n]+)\}")
"""What Groovy fills into a string before a shell reads it, and is no name of a variable."""

_KIND = lazy_regex(r"\bkind\b")
_NO_LOGIN = because("login-beside")
_NO_SECRET = because("login-pod")

Node = Image | Container | Problem | Ignore


def candidate(path: str) -> bool:
    name = path.rpartition("/")[2]
    return bool(_LIBRARY.fullmatch(name)) or (bool(NAME.fullmatch(name)) and not _NOT.fullmatch(name))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a Jenkinsfile by name, or Groovy with steps that only a pipeline has."""
    known = not _LIBRARY.fullmatch(path) or "enkinsfile" in path or bool(_STEPS.search(text))
    return candidate(path) and (known or (bool(_GLOBAL.search(path)) and bool(_SHELL.search(text)) and calls(text)))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images, containers and ignore comments of a file, or the problem with reading it; never raises."""
    try:
        found = tokens(source.text)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    nodes: list[Node] = [*in_yaml(source.text, SLASHED)]
    images = [*_agents(found), *_called(found), *_templates(found), *_pods(source, found)]
    nodes += dict.fromkeys(images)
    for image, container in _commands(source.text, found):
        nodes += [image, *([container] if container and Container in request.kinds else [])]
    return nodes


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other token than a
    string with an edit may change."""
    try:
        old, new = tokens(before.text), tokens(after.text)
    except NotRead as error:
        return f"the changed file {error}"
    if len(old) != len(new):
        return "the changed file has other tokens"
    places = list(edits)
    for one, other in zip(old, new, strict=True):
        inside = one.kind == "text" and any(one.start < edit.end and edit.start < one.end for edit in places)
        if (one.kind, one.quote) != (other.kind, other.quote) or (one.value != other.value and not inside):
            return "something else than an image would change"
    return None


def _agents(found: list[Token]) -> Iterator[Image]:
    """Yield the images of ``agent { docker … }``."""
    for index, (one, two) in enumerate(pairwise(found)):
        if one.value != "docker" or [token.value for token in found[max(0, index - 2) : index]] != ["agent", "{"]:
            continue
        if two.kind == "text":
            yield from _image(found, index + 1, "agent.docker", {})
        elif two.value == "{":
            settings = dict(_settings(found, index + 2))
            if "image" in settings:
                yield from _image(found, settings["image"], "agent.docker.image", settings)


def _settings(found: list[Token], index: int) -> Iterator[tuple[str, int]]:
    """Yield the settings of a block with a string as their value: name, and index of the string's token."""
    depth = 0
    while index < len(found) and depth >= 0:
        depth += {"{": 1, "}": -1}.get(found[index].value, 0) if found[index].kind == "other" else 0
        if depth == 0 and found[index].kind == "word":
            following = index + 1 + (_value(found, index + 1) == "(")
            if following < len(found) and found[following].kind == "text":
                yield found[index].value, following
        index += 1


def _called(found: list[Token]) -> Iterator[Image]:
    """Yield the images of ``docker.image(…)``, and what is called on it with options."""
    built = {found[index + 4].value for index in _calls(found, "docker", ".", "build", "(")}
    registries = {found[index + 4].value for index in _calls(found, "docker", ".", "withRegistry", "(")}
    elsewhere = [one for one in registries if not _HUB.fullmatch(one)]
    for index in _calls(found, "docker", ".", "image", "("):
        options = ""
        if _value(found, index + 5) == ")" and _value(found, index + 6) == "." and _value(found, index + 8) == "(":
            argument = found[index + 9 : index + 10]
            options = argument[0].value if argument and argument[0].kind == "text" else "-v /" * bool(argument)
            options = "" if _value(found, index + 9) == ")" or _value(found, index + 7) in ("pull", "push") else options
        for image in _image(found, index + 4, "docker.image", {}, options):
            left = because("other-keys") if elsewhere else None
            local = "built by the pipeline" if image.ref.value in built else ""
            yield image._replace(not_editable=image.not_editable or left, local=local)


def _calls(found: list[Token], *words: str) -> Iterator[int]:
    """Yield where tokens of these values stand one behind the other, in front of a string."""
    for index in range(len(found) - len(words)):
        called = all(found[index + at].value == word for at, word in enumerate(words))
        if called and found[index + len(words)].kind == "text":
            yield index


def _templates(found: list[Token]) -> Iterator[Image]:
    """Yield the images of ``containerTemplate(name: …, image: …)``."""
    for index, token in enumerate(found):
        if token.value != "containerTemplate" or _value(found, index + 1) not in ("(", "{"):
            continue
        depth, at = 1, index + 2
        while at < len(found) and depth:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(found[at].value, 0) if found[at].kind == "other" else 0
            if depth == 1 and found[at].value == "image":
                text = at + 1 + (_value(found, at + 1) == ":")
                for image in _image(found, text, "containerTemplate.image", {}) if _is_text(found, text) else ():
                    yield image._replace(needs_login=_NO_SECRET, mounts=("/",))
            at += 1


def _pods(source: Source, found: list[Token]) -> Iterator[Image]:
    """Yield the images of pods that are written in YAML."""
    for index, token in enumerate(found):
        text = index + 1 + (_value(found, index + 1) in ("(", ":"))
        if token.value != "yaml" or not _is_text(found, text) or not _is_manifest(found[text].value):
            continue
        from echo_migrate.formats import kubernetes

        inside = found[text].traced
        if inside.spans:
            blank = re.sub(r"[^\n]", " ", source.text[: inside.start])
            for node in kubernetes.parse(source._replace(text=blank + inside.value)):
                if isinstance(node, Image):
                    yield node._replace(where=f"yaml.{node.where}", needs_login=_NO_SECRET)


def _image(found: list[Token], index: int, where: str, settings: dict[str, int], options: str = "") -> Iterator[Image]:
    """Yield the image that a string names; ``settings`` are those beside it, ``options`` those of its container."""
    token = found[index]
    given = {name: found[at].value for name, at in settings.items()}
    options = given.get("args", options)
    place = token.traced
    names = variables(place.value) if '"' in token.quote else ()
    assigned = _assigned(found, names[0]) if len(names) == 1 else None
    registry = given.get("registryUrl", "")
    if not place.value.strip() or not _is_reference(VARIABLE.sub("x", place.value)):
        return
    not_editable: Reason | None = None if place.spans else because("cannot-edit")
    if _value(found, index + 1) in ("+", ".") or _value(found, index - 1) == "+":
        not_editable = because("computed-part")
    if assigned:
        not_editable = because("set-by-variable", name=names[0], line=str(assigned.line))
        place, names = Traced(VARIABLE.sub(lambda _: assigned.value, place.value), ()), ()
    host = _HOST.match(registry)
    if host and not _HUB.fullmatch(registry) and not place.value.startswith(f"{host[1]}/"):
        place, not_editable = Traced(f"{host[1]}/{place.value}", ()), because("other-keys")
    platform = _PLATFORM.search(options)
    yield Image(
        place,
        where,
        token.start + len(token.quote),
        token.end - len(token.quote),
        not_editable=not_editable,
        unsettled=names,
        platform=platform[1] if platform and "$" not in platform[1] else "",
        mounts=tuple(_mounts(options)),
        needs_login=_NO_LOGIN,
    )


def _assigned(found: list[Token], name: str) -> Token | None:
    """Return the string that is assigned to a variable, if it is the only assignment and has no variable itself."""
    name = name.removeprefix("env.")
    triples = zip(found, found[1:], found[2:], strict=False)
    values = [value for variable, equals, value in triples if equals.value == "=" and variable.value == name]
    return values[0] if len(values) == 1 and values[0].kind == "text" and "$" not in values[0].value else None


def _is_reference(value: str) -> bool:
    try:
        return bool(reference(value))
    except ValueError:
        return False


def _mounts(options: str) -> Iterator[str]:
    """Yield the container paths that volumes cover; ``/`` if they are not known."""
    for written in _VOLUME.findall(options):
        named = _MOUNT_TARGET.search(written)
        target = named[1] if named else target_of(written)
        yield "/" if "$" in target or not target.startswith("/") else target
    if "--volumes-from" in options or "-v $" in options:
        yield "/"


def _commands(text: str, found: list[Token]) -> list[tuple[Image, Container | None]]:
    """Return the images in shell steps."""
    scripts = [script for script in _scripts(text, found) if calls(script.value)]
    if not scripts:
        return []
    nodes: list[tuple[Image, Container | None]] = []
    for one, container in named(text, scripts):
        image = one._replace(where=f"sh {one.where}")
        if not image.needs_login:
            login = " ".join(logins(text, image.account))
            image = image._replace(needs_login=image.without_login, login=login)
        nodes.append((image, container and container._replace(image=image)))
    return nodes


def shell_steps(text: str) -> Iterator[Traced]:
    """Yield the scripts of shell steps. Raises ``NotRead``."""
    return _scripts(text, tokens(text))


def _scripts(text: str, found: list[Token]) -> Iterator[Traced]:
    """Yield the scripts of ``sh '…'``, ``sh(script: '…')``."""
    for index, token in enumerate(found):
        at = index + 1 + (_value(found, index + 1) in ("(", ":"))
        if token.value in ("sh", "script") and token.kind == "word" and _is_text(found, at):
            script = Traced.of(text, found[at].start + len(found[at].quote), found[at].end - len(found[at].quote))
            filled = _FILLED_IN.sub(as_name, script.value) if '"' in found[at].quote else script.value
            yield script._replace(value=filled)


def logins(text: str, account: Account) -> list[str]:
    """Return the lines of a file with logins of one account."""
    return [line for line in _LOGIN.findall(text) if account_in(line) == account != "unsure"]


def _is_manifest(text: str) -> bool:
    return "apiVersion" in text and bool(_KIND.search(text))


def _is_text(found: list[Token], index: int) -> bool:
    return index < len(found) and found[index].kind == "text"


def _value(found: list[Token], index: int) -> str:
    return found[index].value if 0 <= index < len(found) and found[index].kind != "text" else ""
