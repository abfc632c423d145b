"""Environment variables that a stage uses and does not set: the ones of its base image."""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex

_USE = lazy_regex(
    r"(?<!\\)\$(?:([A-Za-z_]\w*)|\{[#!]?([A-Za-z_]\w*)(?!\w|:?[-+=]))",
    needs=("$",),
)
"""A use without which a command would not do the same: one with a value of its own for a variable that is not set
(``${X:-1}``) is none."""
_SET = lazy_regex(
    r"(?<![\w$])([A-Za-z_]\w*)=\S*|\$\{([A-Za-z_]\w*):?=|\bfor[ \t]+([A-Za-z_]\w*)[ \t]+in\b|\bread((?:[ \t]+[\w-]+)+)"
)
"""What sets a variable: an assignment, a default, a loop and ``read``."""
_QUOTED = lazy_regex(
    r"(\\.|\"(?:\\.|[^\"\\])*\"|(?:-\w*c|\b(?:eval|trap))[ \t]+'[^'\n]*')|\$'(?:\\.|[^'\\])*'|'[^'\n]*'|(?<!\S)#[^\n]*",
    re.DOTALL,
)
"""In a script: text that the shell expands, or another that it is given to, and then text that it does not."""
_HEREDOC = lazy_regex(r"(?:^|(?<=[;&|\n]))([^;&|\n]*)<<-?[ \t]*(['\"]?)[\w.-]+\2([^;&\n]*)", needs=("<<",))
_FILE = lazy_regex(r"[ \t]*(?:cat|tee)(?!\S)")
"""A command that only writes what it is given."""


def used_of_base(stage: Stage, names: frozenset[str]) -> list[str]:
    """Return those of some variables that instructions of a stage use, in alphabetical order, and neither the stage nor
    its parents have set before. What a parent uses is not among them: a parent is asked itself."""
    known: set[str] = set()
    for parent in stage.lineage[:-1]:
        for instruction in parent.instructions:
            known |= _set_by(instruction, parent)
    found: set[str] = set()
    for instruction in stage.instructions:
        if instruction.verb != "from":
            found |= (names & _used_in(instruction)) - known
            known |= _set_by(instruction, stage)
    return sorted(found)


def uses(text: str) -> set[str]:
    """Return the names of the variables that a script uses (``$X``, ``${X…}``), without those that a command before has
    set."""
    if "$" not in text:
        return set()
    text = _QUOTED.sub(lambda match: match[1] or " " * len(match[0]), text)
    set_at: dict[str, int] = {}
    for match in _SET.finditer(text):
        for name in filter(None, [*match.groups()[:3], *(match[4] or "").split()]):
            set_at.setdefault(name, match.end())
    return {name for name, start in _named(text) if set_at.get(name, len(text)) > start}


def _named(text: str) -> Iterator[tuple[str, int]]:
    """Yield the variables that a text uses, and where."""
    for match in _USE.finditer(text):
        yield match[1] or match[2], match.start()


def _used_in(instruction: Instruction) -> set[str]:
    """Return the variables in an instruction, with its flags and heredocs; in an ENV or ARG, and in a COPY, a word with
    an equals sign sets none for the words behind it."""
    run = (instruction.trigger or instruction).verb == "run"
    texts = [instruction.args.value, *(flag.value.value for flag in instruction.flags if flag.value)]
    openers = list(_HEREDOC.finditer(instruction.args.value)) if instruction.heredocs else []
    literal = [bool(one[2]) and _is_a_file(one, run) for one in openers]
    if len(literal) != len(instruction.heredocs):
        literal = [False] * len(instruction.heredocs)
    texts += [body.value for body, left in zip(instruction.heredocs, literal, strict=True) if not left]
    if run:
        return set().union(*map(uses, texts))
    return {name for text in texts for name, _ in _named(text)}


def _is_a_file(opener: "re.Match[str]", run: bool) -> bool:
    """Return whether what a heredoc has is written to a file as it is, and not run."""
    return not run or (_FILE.match(opener[1]) is not None and "|" not in opener[3])


def _set_by(instruction: Instruction, stage: Stage) -> set[str]:
    """Return the variables that an ENV sets, or an ARG with a default."""
    if instruction.verb not in ("env", "arg"):
        return set()
    defaults = stage.graph.arguments
    given = [(name.value, value) for name, value in instruction.pairs()]
    return {name for name, value in given if instruction.verb == "env" or value is not None or name in defaults}
