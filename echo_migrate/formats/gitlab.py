"""GitLab CI: the images of pipelines and jobs, and of their services.

Key paths: docs.gitlab.com, "CI/CD YAML syntax reference" (image, services, default) and "Services" (how the host name
of a service is derived from its image), 18.
"""

import re
from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, sequence
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._gitlab_includes import FILE, beside_it, is_included
from echo_migrate.formats._gitlab_inputs import Inputs
from echo_migrate.formats._gitlab_jobs import SCRIPTS, VARIABLE, Jobs, Values, filled
from echo_migrate.formats._jobs import entered
from echo_migrate.formats._parameters import named
from echo_migrate.formats._pipeline_parts import MOST_FILES, UNREAD, part_at
from echo_migrate.formats._runners import on_runners
from echo_migrate.formats._yaml import YAML, Node, YamlFile, nodes, verify
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

NAME = re.compile(r"(?i)\.gitlab-ci\.ya?ml")
_FOLDER = re.compile(r"(?:^|.*/)\.?gitlab(?:-ci)?/.*\.ya?ml")
_NAMES = lazy_regex(r"(?m)(?:^|[{,])[ \t]*(?:image|services|[\"'](?:image|services)[\"'])[ \t]*:")
_JOB = lazy_regex(r"(?m)^[ \t]+(?:script|extends|trigger|before_script)[ \t]*:")
_STAGE = lazy_regex(r"(?m)^[ \t]+(?:stage|rules|only|tags|needs|artifacts)[ \t]*:")
_NOT_GITLAB = lazy_regex(r"(?i)\.?(?:travis|appveyor)\.ya?ml")
"""Names of other systems' files, whose services are packages and no images."""

_SPEC = lazy_regex(r"(?m)^spec[ \t]*:")
_OTHER = lazy_regex(r"(?m)^(?:apiVersion|jobs|on|language|version)[ \t]*:")
_TAG = lazy_regex(r"(?::[^/]*|@.*)$")


_WORD = lazy_regex(r"[\w.-]+")
_MOST_ASKED = 10_000
"""The number of answers that are kept for each file."""


class _Words:
    """The words of a text, with their offsets, and those of the other files of the pipeline."""

    def __init__(self, text: str, others: "tuple[_Words, ...]" = ()) -> None:
        self.text = text
        self.others = others
        self.places: dict[str, list[int]] | None = None
        self.known: dict[tuple[str, ...], bool] = {}

    def stands_apart(self, word: str, *among: str) -> bool:
        """Return whether a word occurs outside the given texts."""
        if self.places is None:
            self.places = {}
            for match in _WORD.finditer(self.text):
                self.places.setdefault(match[0], []).append(match.start())
        among = tuple(text for text in among if word in text)
        key = (word, *among)
        if key not in self.known:
            if len(self.known) > _MOST_ASKED:
                self.known.clear()
            offsets = [(text, match.start()) for text in among for match in _WORD.finditer(text) if match[0] == word]
            self.known[key] = any(
                not any(self.text.startswith(text, place - offset) for text, offset in offsets if place >= offset)
                for place in self.places.get(word, ())
            )
            self.known[key] |= any(one.stands_apart(word, *among) for one in self.others)
        return self.known[key]


@of_a_run(MOST_FILES)
def _words(path: str) -> _Words | None:
    """Return the words of another file of a pipeline, at a real path."""
    part = part_at(path)
    return _Words(part.text) if part else None


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a pipeline, or a part of one: by name, by inputs, by jobs with a script and a stage, an
    image or services, or as one that a pipeline of the tree includes."""
    if (
        not candidate(path)
        or not (_NAMES.search(text) or calls(text))
        or _NOT_GITLAB.fullmatch(path.rpartition("/")[2])
    ):
        return False
    if FILE.fullmatch(path.rpartition("/")[2]):
        return True
    if _SPEC.search(text) and "$[[" in text and not _OTHER.search(text):
        return True
    if _OTHER.search(text):
        return False
    by_jobs = _JOB.search(text) and (_FOLDER.fullmatch(path) or _STAGE.search(text))
    return bool(by_jobs) or is_included(path)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a pipeline, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    images = (id(_name(node)) for root in sheet.roots for _, keys in _holders(root) for _, node in _named(keys))
    inputs = Inputs(sheet.roots, frozenset(images))
    found = (image for root in sheet.roots for image in _images(sheet, root, inputs))
    return nodes(sheet, on_runners(sheet, found, "docker", "tags"), request)


def _holders(root: YamlNode | None) -> list[tuple[str, dict[str, YamlNode]]]:
    """Return the mappings that may name images, each with what is before it in a context."""
    top = effective(root)
    return [("", top), *((f"{name}.", effective(node)) for name, node in top.items() if is_mapping(node))]


def _named(keys: dict[str, YamlNode]) -> Iterator[tuple[str, YamlNode]]:
    """Yield the image and the services of a job, each with its context."""
    if "image" in keys:
        yield "image", keys["image"]
    listed = keys.get("services")
    own = listed is not None and not listed.tag.startswith("!")  # the items of !reference are a key path
    for index, service in enumerate(sequence(listed) if own else ()):
        yield f"services.{index}.image", service


_MACHINE = lazy_regex(r"macos-\d+-xcode-\d+(?:\.\d+)?")
"""The name of a virtual machine (docs.gitlab.com, "Hosted runners on macOS")."""


def _name(node: YamlNode | None) -> YamlNode | None:
    """Return the name of an image, in short form or under ``name``."""
    return effective(node).get("name") if is_mapping(node) else node


def _images(sheet: YamlFile, root: YamlNode | None, inputs: Inputs) -> Iterator[Image | Container]:
    pipelines, whole = beside_it(sheet.path)
    others = dict.fromkeys(part.path for one in pipelines for part in one.parts)
    words = _Words(sheet.text, tuple(filter(None, map(_words, others))))
    jobs = Jobs(effective(root))
    scripts_in = [jobs.scripts]
    if others:  # what runs in an image may be in another file; the values of variables are those of this one
        from echo_migrate.formats._gitlab_scripts import Scripts  # few files have any

        tops = [[jobs.top, *(top for part in one.parts for top in part.tops)] for one in pipelines]
        scripts_in = [Scripts(each, one.certain).of for each, one in zip(tops, pipelines, strict=True)]
    holders = _holders(root)
    for where, keys in holders:
        for place, node in _named(keys):
            found = _image(sheet, node, f"{where}{place}", jobs.used(node, keys), inputs)
            if place != "image":  # a service has the variables of its job too (docs.gitlab.com/ci/services)
                given = [one for each in (holders[0][1], keys, effective(node)) for one in variables_of(each)]
                found = (image._replace(variables=tuple(dict.fromkeys(given))) for image in found)
            for image in found if place == "image" else _service(found, node, words):
                image = image if whole else image._replace(unsafe_reasons=(*image.unsafe_reasons, UNREAD))
                yield image
                for run in (run for one in scripts_in for run in one.get(id(node), ()) if place == "image"):
                    yield from entered(where.rstrip("."), image, run, keys)
    scripts = [(f"{where}{key}", keys.get(key)) for where, keys in holders for key in SCRIPTS]
    yield from sheet.scripts(
        (where, line) for where, node in scripts for line in (sequence(node) or ([node] if is_scalar(node) else []))
    )


def _image(sheet: YamlFile, node: YamlNode | None, where: str, used: list[Values], inputs: Inputs) -> Iterator[Image]:
    """Yield the image of ``image`` or a service, in short form or under ``name``, resolved with the variables that it
    is used with. Project variables can override these."""
    name = _name(node)
    not_editable = because("never-pulled") if "never" in sheet.under(effective(node).get("pull_policy")) else None
    for image in named(sheet, name, where, inputs.scopes(name, used), not_editable=not_editable):
        value = image.ref.value
        if _MACHINE.fullmatch(value):
            continue
        known = [(one, given) for one in image.unsettled for values in used if (given := values.get(one))]
        texts = {filled(value, values) for values in used}
        image = image._replace(resolved=texts.pop() if known and len(texts) == 1 else "")
        if not known or image.choices:
            yield image
        elif "$" in _TAG.sub("", value):
            line = str(sheet.text.count("\n", 0, known[0][1].start_mark.index) + 1)
            reason = image.not_editable or because("set-by-variable", name=known[0][0], line=line)
            yield image._replace(not_editable=reason)
        else:
            found = [match[0] for match in VARIABLE.finditer(value)]
            choices = dict.fromkeys(tuple((one, filled(one, values)) for one in found) for values in used)
            whole = not any("$" in text for choice in choices for _, text in choice)
            yield image._replace(
                choices=tuple(choices) if whole else (),
                unsettled=tuple(one for one in image.unsettled if not all(values.get(one) for values in used)),
                unsafe_reasons=(*image.unsafe_reasons, because("variable-overridden", name=known[0][0])),
            )


def _service(found: Iterable[Image], node: YamlNode | None, words: _Words) -> Iterator[Image]:
    """Yield the images of a service; not editable if the host name derived from it is, or may be, in use."""
    keys = effective(node) if is_mapping(node) else {}
    alias = keys.get("alias")
    said = alias.value if is_text(alias) else ""
    aliases = re.split(r"[ ,]+", said) if said else []
    for image in found:
        if image.not_editable:
            yield image
            continue
        host = re.sub(r"[:@].*", "", image.ref.value).rpartition("/")[2]
        if not aliases:
            yield image._replace(not_editable=because("service-host", host=host))
        elif host not in aliases and words.stands_apart(host, image.ref.value, said):
            yield image._replace(not_editable=because("service-alias", host=host))
        else:
            yield image
