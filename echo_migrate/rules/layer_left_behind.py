"""Files that a later layer removes or changes: the layer below still ships them."""

from collections.abc import Iterator
from posixpath import basename, join

from echo_migrate.examine import Context
from echo_migrate.layers import absolute, cleaned, downloads, removed, within
from echo_migrate.model import Finding, rule
from echo_migrate.packages import Call, listed, package_name
from echo_migrate.runs import Run
from echo_migrate.shell import Command
from echo_migrate.stages import Copy, Stage


@rule(on=Stage, level="warning")
def layer_left_behind(stage: Stage, context: Context) -> Iterator[Finding]:
    if stage.ships != "layers":
        return
    copied: list[Copy] = []
    earlier: list[Run] = []
    steps: list[Run | Copy] = sorted([*stage.runs, *stage.copies], key=lambda step: step.instruction.start)
    for step in steps:
        if isinstance(step, Copy):
            copied.append(step)
            continue
        said = [(one, _twice(one, step, copied) or _too_late(one, step, copied, earlier)) for one in step.commands]
        said += [(call.command, _cleaned_too_late(call, step, earlier)) for call in step.calls]
        yield from [Finding("layer-left-behind", one.start, one.end, says) for one, says in said if says][:1]
        earlier.append(step)


def _twice(command: Command, run: Run, copied: list[Copy]) -> str:
    """What a recursive chown or chmod writes into a second layer."""
    if command.name not in ("chown", "chmod") or not any(map(_recursive, command.arguments)):
        return ""
    operands = [word for word in command.arguments if not word.startswith("-")][1:]
    for path in filter(None, (absolute(word, run, command) for word in operands)):
        for copy in copied if path != "/" else ():
            if copy.target and _tree(copy) and within(copy.target, path):
                option = f"{copy.instruction.verb.upper()} --{command.name}="
                return f"{command.name} writes {copy.target} a second time: say {option} where it comes from"
    return ""


def _recursive(option: str) -> bool:
    return option == "--recursive" or (option.startswith("-") and not option.startswith("--") and "R" in option)


def _tree(copy: Copy) -> bool:
    """Whether a COPY most likely brings a folder, not a file."""
    return any(word.value in (".", "./") or "." not in basename(word.value.rstrip("/")) for word in copy.sources)


def _too_late(command: Command, run: Run, copied: list[Copy], earlier: list[Run]) -> str:
    """What is removed that a COPY or a download of an earlier layer brought."""
    paths = [absolute(word.removesuffix("/*"), run, command) for word in removed(command)]
    for path in [path for path in paths if path and path != "/"]:
        for copy in copied:
            brought = [place for word in copy.sources for place in _places(copy, word.value)]
            if any(within(place, path) for place in brought):
                remedy = "mount it instead (RUN --mount=type=bind), or copy it in a builder stage"
                if any("://" in word.value for word in copy.sources):
                    remedy = "download it in this RUN"
                return f"{path} stays in the layer of the {copy.instruction.verb.upper()} that brought it: {remedy}"
        for other in earlier:
            for one in other.commands:
                files = [absolute(name, other, one) for _, name in downloads(one) if name]
                if any(file and within(file, path) and not other.mounted([file]) for file in files):
                    return f"{path} stays in the layer of the RUN that downloaded it: remove it there"
    return ""


def _places(copy: Copy, source: str) -> list[str]:
    return [copy.target, join(copy.target, basename(source))] if copy.target else []


def _cleaned_too_late(call: Call, run: Run, earlier: list[Run]) -> str:
    """A cleaning or a removal of packages in another layer than the install."""
    name = call.manager.name
    here = any(one.manager.name == name and one.action in ("install", "update", "upgrade") for one in run.calls)
    before = [(r, one) for r in earlier for one in r.calls if one.manager.name == name and one.action == "install"]
    if here or not before:
        return ""
    if call.action == "clean" and not all(cleaned(other, one) for other, one in before):
        return f"{call.shown} is a layer too late to make the image smaller: say it in the RUN that installs"
    if call.action == "remove":
        installed = {name for _, one in before for word in one.packages for name in (word.value, package_name(word))}
        installed |= {one.group for _, one in before}
        gone = [word for word in call.packages if word.value in installed]
        if gone:
            return (
                f"{listed(gone)} stay{'s' if len(gone) == 1 else ''} in the layer of the RUN that installed: "
                "remove in that RUN, or install in a builder stage"
            )
    return ""
