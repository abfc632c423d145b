"""The images that a Dockerfile names, resolved with the build arguments and stages known at each point."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from echo_migrate.dockerfile.expansion import SET_BY_BUILD, Expansion, Lookup, expand, fewer, glob_ends
from echo_migrate.dockerfile.parser import VERBS, Dockerfile, Instruction
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.images.reference import VARIABLE, familiar, is_open, parsed
from echo_migrate.model import Image, Problem, SharedSpans
from echo_migrate.model.reasons import Reason, because

_TEMPLATE = lazy_regex(
    r"\{\{|\{%|<%|(?<![\w%])%%\w+%%(?![\w%])|@[A-Z_]+@|^[<{%]", needs=("<", "{", "%", "@"), of_files=True
)


_JINJA = lazy_regex(
    r"(?<![\w%])%%[A-Z_]+%%(?![\w%])|\{%-? *\w|\{\{-? *(?!end\b|else\b)[a-zA-Z_]\w*(?: *[.|\[(][^{}\n]*+| *-?)\}\}",
    needs=("%%", "{%", "{{"),
    of_files=True,
)
"""Template marks that cannot be a command's Go template (``docker inspect --format '{{.Id}}'``), and so mark a template
in any instruction."""


_MARKS = ("{{", "{%", "<%", "%%", "@")
"""What a text has one of that has any mark of a template, besides one at its start."""


_LITERAL = frozenset(("add", "arg", "copy", "env", "expose", "from", "user", "volume", "workdir"))
"""Instructions in which template marks have no other meaning."""


_SET_BY_BUILD = frozenset(
    f"{side}{what}" for side in ("BUILD", "TARGET") for what in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
"""BuildKit, frontend/dockerfile/dockerfile2llb/platform.go, defaultArgs."""


_MOUNT_FROM = lazy_regex(r"(?i)(?:^|(?<=,))from=([^,]*)")


_NO_IMAGE = frozenset(("", "changeme", "none", "override-me", "placeholder", "unset"))
"""Defaults of arguments that stand for none."""


_MOST_STAGES = 500


_MOST_NAMES = 64


_NAMED = lazy_regex(r"\$\{?(\w+)")


_BROKEN = lazy_regex(r"\$\{\w*[^\w}]", needs=("${",))


IS_A_TEMPLATE = "is a template"
"""The problem of a Dockerfile that another program fills in, in the words of a finding."""
HAS_NO_FROM = "has no FROM, so it is a fragment or a template"
"""The problem of one that others include, or that is none."""


def problem_of(text: str, file: Dockerfile) -> Problem | None:
    """Return the first reason why the file is not a valid Dockerfile, or None."""
    verbs = [instruction.verb for instruction in file.instructions]
    if "from" not in verbs:
        reason = HAS_NO_FROM if text.strip() else "is empty"
        return Problem(0, 0, reason, "note")
    if file.broken:
        return Problem(*file.broken)
    marked = text[:1] in ("<", "{", "%") or any(mark in text for mark in _MARKS)
    if not marked and VERBS.issuperset(verbs):
        return None
    for instruction, verb in zip(file.instructions, verbs, strict=True):
        marks = _TEMPLATE if verb in _LITERAL else _JINJA
        if marked and marks.search(text, instruction.start, instruction.end):
            return Problem(instruction.start, instruction.end, IS_A_TEMPLATE, "note")
        if verb not in VERBS:
            end = min(instruction.end, (text + "\n").index("\n", instruction.start))
            if _TEMPLATE.search(text, instruction.start, end):
                return Problem(instruction.start, end, IS_A_TEMPLATE, "note")
            return Problem(instruction.start, end, f"has the unknown instruction {verb.upper()[:40]}")
    return None


def _names_broken(found: Expansion) -> bool:
    """Return whether an unexpanded expression comes from the value of an argument, not from an unset variable."""
    return not found.unsettled and bool(_BROKEN.search(found.text.value))


def _stage_name(words: list[Traced]) -> str:
    """Return the name that the words of a FROM give its stage, "" if none; a template's image may be several words."""
    return words[-1].value.lower() if len(words) > 2 and words[-2].value.lower() == "as" else ""


def images(file: Dockerfile, given: Mapping[str, Expansion], contexts: frozenset[str]) -> list[Image]:
    """Return the images of a Dockerfile built with the given arguments and named contexts."""
    return ImageReader(file, given, contexts).read()


class ImageReader:
    """Reads the instructions once, tracking build arguments and stages; ``given`` overrides argument defaults."""

    def __init__(
        self,
        file: Dockerfile,
        given: Mapping[str, Expansion] = MappingProxyType({}),
        contexts: frozenset[str] = frozenset(),
    ) -> None:
        self.file = file
        self.given = given
        self.contexts = frozenset(map(familiar, contexts))
        self.arguments: dict[str, Expansion] = {}
        self.stages: list[str] = []
        self.compared: dict[tuple[str, bool], tuple[bool, int]] = {}
        self.shared_spans: list[tuple[int, int, Reason]] = []
        self.problem: Problem | None = None
        self.froms = {one.start: one.words() for one in file.instructions if one.verb == "from"}
        self.every = {name for words in self.froms.values() if (name := _stage_name(words))}

    def read(self) -> list[Image]:
        images: list[Image] = []
        started = False
        for instruction in self.file.instructions:
            if instruction.verb == "from":
                started = True
                images += self._from(instruction)
            elif instruction.verb == "arg":
                self._argument(instruction, started)
            else:
                inner = instruction.trigger or instruction
                if inner.flags:
                    images += self._flags(inner, "ONBUILD " if instruction.trigger else "")
        return list(map(SharedSpans(self.shared_spans).of, images))

    def _argument(self, instruction: Instruction, started: bool) -> None:
        for written, value in instruction.pairs():
            name = written.value
            if started:
                carried = self.given.get(name) or self.arguments.get(name)
                if carried and (value is None or name in self.given):
                    words = because("argument-in-stage", name=name)
                    self.shared_spans += [
                        (start, end, words) for start, end in (*carried.text.spans, *carried.depends_on)
                    ]
            elif name in self.given:
                self.arguments[name] = self.given[name]
            elif value is not None:
                self.arguments[name] = self._expand(value)

    def _expand(self, word: Traced, lookup: Lookup | None = None) -> Expansion:
        """Return the expanded word; one that cannot be expanded depends on every argument that it names."""
        try:
            return expand(word, lookup or self._value, self.file.escape)
        except ValueError:
            named = dict.fromkeys(_NAMED.findall(word.value)[:_MOST_NAMES])
            values = [value for name in named if (value := self.arguments.get(name))]
            depends_on = fewer(run for value in values for run in (*value.text.spans, *value.depends_on))
            return Expansion(word, depends_on=depends_on, broken=True)

    def _named(self, word: Traced) -> Expansion:
        """Return the expanded word of a FROM; if empty defaults leave no reference, or a default is the whole word and
        says that it is none, the word without these defaults: a build fails unless it is given such an argument."""
        found = self._expand(word)
        if found.broken or "$" not in word.value:
            return found
        value = found.text.value
        whole = value.lower() in _NO_IMAGE and VARIABLE.fullmatch(word.value) and not self._local(value, self.stages)
        if parsed(value) and not whole:
            return found
        without = self._expand(word, self._filled)
        return without if is_open(without.text.value) and parsed(without.text.value) else found

    def _filled(self, name: str) -> Expansion | None:
        value = self._value(name)
        if value is None or value is SET_BY_BUILD or value.text.value.lower() not in _NO_IMAGE:
            return value
        return None

    def _value(self, name: str) -> Expansion | None:
        return self.arguments.get(name) or (SET_BY_BUILD if name in _SET_BY_BUILD else None)

    def _from(self, instruction: Instruction) -> Iterator[Image]:
        words = self.froms[instruction.start]
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].value.lower() != "as"):
            reason = "has a FROM that is not FROM image [AS name]"
            self.problem = self.problem or Problem(instruction.start, instruction.end, reason)
            self.stages += filter(None, (_stage_name(words),))
            return
        platform = next((flag.value.value for flag in instruction.flags if flag.name == "platform"), "")
        written = words[0]
        found = self._named(written)
        yield Image(
            found.text,
            "FROM",
            written.start,
            written.end,
            local="" if found.broken else self._local(found.text.value, self.stages),
            not_editable=because("expression") if found.broken or _names_broken(found) else None,
            unsettled=found.unsettled,
            platform="" if "$" in platform else platform,
            depends_on=found.depends_on,
        )
        self.stages += filter(None, (_stage_name(words),))

    def _flags(self, instruction: Instruction, prefix: str) -> Iterator[Image]:
        for flag in instruction.flags:
            if instruction.verb == "copy" and flag.name == "from":
                number = flag.value.value
                if number.isdecimal() and not prefix and len(number) < 9 and int(number) >= len(self.froms):
                    reason = f"has COPY --from={number}, and no stage of that number"
                    self.problem = self.problem or Problem(instruction.start, instruction.end, reason)
                yield self._elsewhere(flag.value, f"{prefix}COPY --from")
            elif instruction.verb == "run" and flag.name == "mount":
                places = [match.span(1) for match in _MOUNT_FROM.finditer(flag.value.value)]
                for ref in flag.value.cuts(places):
                    yield self._elsewhere(ref, f"{prefix}RUN --mount from")

    def _elsewhere(self, ref: Traced, where: str) -> Image:
        """Return an image outside FROM: it may be any stage of the file or, in COPY, its number, but has no variables
        (BuildKit rejects them)."""
        numbered = ref.value.isdigit() and where.endswith("COPY --from")
        local = f"stage {ref.value}" if numbered else self._local(ref.value, self.every)
        not_editable = (
            because("takes-no-variables", instruction=where.removeprefix("ONBUILD ")) if "$" in ref.value else None
        )
        if not local and not not_editable and where.startswith("ONBUILD") and not re.search("[/:@]", ref.value):
            not_editable = because("onbuild-stage")
        return Image(ref, where, ref.start, ref.end, local=local, not_editable=not_editable)

    def _local(self, value: str, stages: "list[str] | set[str]") -> str:
        name = value.lower()
        if name == "scratch":
            return "scratch"
        if familiar(name) in self.contexts:
            return f"the named context {value}"
        if name in stages:
            return f"stage {value}"
        if "$" in name and 0 < len(stages) <= _MOST_STAGES and self._may_be_one_of(name, stages):
            return f"one of the stages {value}"
        return ""

    def _may_be_one_of(self, name: str, stages: "list[str] | set[str]") -> bool:
        """Return whether a name with variables may match a stage; cached results are extended by new stages only."""
        pattern = [token for text in VARIABLE.split(name) for token in ("**", *text)][1:]
        if set(pattern) == {"**"}:
            return False
        whole = isinstance(stages, set)
        found, asked = self.compared.get((name, whole), (False, 0))
        if not found and asked < len(stages):
            found = any(len(one) in glob_ends(pattern, one, 0) for one in islice(stages, asked, None))
            self.compared[name, whole] = (found, len(stages))
        return found
