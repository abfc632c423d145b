"""Dockerfiles and Containerfiles: every place in them that names an image."""

import re
from collections.abc import Iterator

from echo_migrate.expand import Expansion, expand, glob_ends
from echo_migrate.ignores import ignores
from echo_migrate.instructions import VERBS, Dockerfile, Instruction, read
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.source import Source, Traced

NAME = re.compile(r"(?i)(?:.+\.)?(?:docker|container)file(?:[._-].+)?")
_OTHER = re.compile(
    r"(?i).*\.(?:dockerignore|md|rst|adoc|html?|orig|rej|go|py|rb|js|ts|jsx|tsx|json|ya?ml|toml|xml|sh|bats|ps1|rs|java|kt|hs|css|snap|lock)"
)
_TEMPLATE = re.compile(r"\{\{|\{%|<%|%%\w+%%|@\w+@|^[<{%]")
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\$\w+")

Node = Image | Problem | Ignore | Instruction


def candidate(path: str) -> bool:
    name = path.rpartition("/")[2]
    return bool(NAME.fullmatch(name)) and not _OTHER.fullmatch(name)


def recognise(path: str, text: str) -> bool:
    """By name: any text can be meant to be a Dockerfile, and must then be said to be a faulty one."""
    return candidate(path)


def parse(source: Source) -> list[Node]:
    """The instructions, images, ignore comments and problems of a Dockerfile; never raises."""
    file = read(source.text)
    reader = _Images(file)
    images = reader.read()
    nodes: list[Node] = [*file.instructions, *ignores(source.text, file)]
    problem = _problem(source.text, file) or reader.problem
    if not problem:
        return [*nodes, *images]
    locked = f"this file {problem.reason}"
    return [*nodes, problem, *[image._replace(locked=image.locked or locked) for image in images]]


def verify(before: Source, after: Source) -> str | None:
    """Why the second text must not take the first one's place, if it must not."""
    from echo_migrate.witness import disagreement

    old, new = read(before.text), read(after.text)
    if new.broken and not old.broken:
        return f"the changed file {new.broken.reason}"
    if [_kinds(i) for i in old.instructions] != [_kinds(i) for i in new.instructions]:
        return "an instruction would appear, vanish or become another"
    for one, other in zip(old.instructions, new.instructions, strict=True):
        if one.verb == "run" and one.args.value != other.args.value:
            return "a RUN command would change"
    return disagreement(before, old) or disagreement(after, new)


def _kinds(instruction: Instruction) -> tuple[str, ...]:
    inner = instruction.trigger
    return (instruction.verb, inner.verb if inner else "", *[flag.name for flag in (inner or instruction).flags])


def _problem(text: str, file: Dockerfile) -> Problem | None:
    """The first thing that keeps the file from being a Dockerfile as it stands."""
    verbs = [instruction.verb for instruction in file.instructions]
    if "from" not in verbs:
        reason = "has no FROM, so it is a fragment or a template" if text.strip() else "is empty"
        return Problem(0, 0, reason, "note")
    if file.broken:
        return Problem(*file.broken)
    for instruction, verb in zip(file.instructions, verbs, strict=True):
        if verb in ("from", "arg") and _TEMPLATE.search(instruction.args.value):
            return Problem(instruction.start, instruction.end, "is a template", "note")
        if verb not in VERBS:
            end = min(instruction.end, (text + "\n").index("\n", instruction.start))
            if _TEMPLATE.search(text, instruction.start, end):
                return Problem(instruction.start, end, "is a template", "note")
            word = text[instruction.start : end].split()[0][:40]
            return Problem(instruction.start, end, f"has the unknown instruction {word}")
    return None


class _Images:
    """Reads the instructions once, with the build arguments and stages known so far."""

    def __init__(self, file: Dockerfile) -> None:
        self.file = file
        self.arguments: dict[str, Expansion] = {}
        self.stages: list[str] = []
        self.leaks: list[tuple[int, int, str]] = []
        self.problem: Problem | None = None
        self.every = {
            words[2].value.lower()
            for instruction in file.instructions
            if instruction.verb == "from" and len(words := instruction.words()) == 3
        }

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
        leaks = tuple(self.leaks)
        return [image._replace(leaks=leaks) for image in images] if leaks else images

    def _argument(self, instruction: Instruction, started: bool) -> None:
        for word in instruction.arguments(self.file.escape):
            name, equals, _ = word.value.partition("=")
            if started:
                carried = self.arguments.get(name)
                if not equals and carried:
                    words = f"the build argument {name} also reaches a stage"
                    self.leaks += [(start, end, words) for start, end in carried.text.runs]
            elif equals:
                try:
                    self.arguments[name] = self._expand(word.cut(len(name) + 1, len(word.value)))
                except ValueError:
                    self.arguments.pop(name, None)

    def _expand(self, word: Traced) -> Expansion:
        return expand(word, self.arguments.get, self.file.escape)

    def _from(self, instruction: Instruction) -> Iterator[Image]:
        words = instruction.words()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].value.lower() != "as"):
            reason = "has a FROM that is not FROM image [AS name]"
            self.problem = self.problem or Problem(instruction.start, instruction.end, reason)
            return
        platform = next((flag.value.value for flag in instruction.flags if flag.name == "platform"), "")
        written = words[0]
        try:
            found = self._expand(written)
        except ValueError:
            yield Image(written, "FROM", written.start, written.end, locked="its expression cannot be expanded")
        else:
            yield Image(
                found.text,
                "FROM",
                written.start,
                written.end,
                local=self._local(found.text.value, self.stages),
                unsettled=found.unsettled,
                platform="" if "$" in platform else platform,
            )
        if len(words) == 3:
            self.stages.append(words[2].value.lower())

    def _flags(self, instruction: Instruction, prefix: str) -> Iterator[Image]:
        for flag in instruction.flags:
            if instruction.verb == "copy" and flag.name == "from":
                yield self._elsewhere(flag.value, f"{prefix}COPY --from")
            elif instruction.verb == "run" and flag.name == "mount":
                position = 0
                for field in flag.value.value.split(","):
                    key, equals, value = field.partition("=")
                    if key.lower() == "from" and equals:
                        start = position + len(key) + 1
                        yield self._elsewhere(flag.value.cut(start, start + len(value)), f"{prefix}RUN --mount from")
                    position += len(field) + 1

    def _elsewhere(self, ref: Traced, where: str) -> Image:
        """An image outside of FROM: no variables (BuildKit refuses them), but any stage of the file, or its number."""
        local = f"stage {ref.value}" if ref.value.isdigit() else self._local(ref.value, self.every)
        unsettled = tuple(_VARIABLE.findall(ref.value))
        if not local and not unsettled and where.startswith("ONBUILD") and not re.search("[/:@]", ref.value):
            local = f"stage {ref.value} of the file that builds on this image"
        return Image(ref, where, ref.start, ref.end, local=local, unsettled=unsettled)

    def _local(self, value: str, stages: "list[str] | set[str]") -> str:
        name = value.lower()
        if name == "scratch":
            return "scratch"
        if name in stages:
            return f"stage {value}"
        if "$" in name and stages:
            pattern = [token for text in _VARIABLE.split(name) for token in ("**", *text)][1:]
            if set(pattern) != {"**"} and any(len(s) in glob_ends(pattern, s, 0) for s in stages):
                return f"one of the stages {value}"
        return ""
