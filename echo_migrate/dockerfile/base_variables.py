"""Environment variables that a stage uses and does not set: the ones of its base image."""

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex

_USE = lazy_regex(r"(?<!\\)\$(?:\{[#!]?)?([A-Za-z_]\w*)", needs=("$",))
_ASSIGNMENT = lazy_regex(r"(?<![\w$])([A-Za-z_]\w*)=\S*", needs=("=",))


def used_of_base(stage: Stage, names: frozenset[str]) -> list[str]:
    """Return those of some variables that instructions of a stage use, in alphabetical order, and neither the stage nor
    its parents have set before. What a parent uses is left out: it is a stage of its own."""
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
    """Return the names of the variables in a text (``$X``, ``${X…}``), without those that a command before has set."""
    if "$" not in text:
        return set()
    set_at: dict[str, int] = {}
    for match in _ASSIGNMENT.finditer(text):
        set_at.setdefault(match[1], match.end())
    return {match[1] for match in _USE.finditer(text) if set_at.get(match[1], len(text)) > match.start()}


def _used_in(instruction: Instruction) -> set[str]:
    """Return the variables in an instruction, with its flags and heredocs; in an ENV or ARG, and in a COPY, a word with
    an equals sign sets none for the words behind it."""
    texts = [instruction.args.value, *(flag.value.value for flag in instruction.flags if flag.value)]
    texts += [heredoc.value for heredoc in instruction.heredocs]
    if (instruction.trigger or instruction).verb == "run":
        return set().union(*map(uses, texts))
    return {match[1] for text in texts for match in _USE.finditer(text)}


def _set_by(instruction: Instruction, stage: Stage) -> set[str]:
    """Return the variables that an ENV sets, or an ARG with a default."""
    if instruction.verb not in ("env", "arg"):
        return set()
    defaults = stage.graph.arguments
    given = [(name.value, value) for name, value in instruction.pairs()]
    return {name for name, value in given if instruction.verb == "env" or value is not None or name in defaults}
