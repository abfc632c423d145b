"""The scripts of a workflow's steps that a shell runs which is read, and where they start.

Follows docs.github.com, "Workflow syntax for GitHub Actions" (steps[*].shell, working-directory, defaults.run).
"""

from collections.abc import Iterator

from echo_migrate.files.yaml import ScalarNode, YamlNode, effective, is_scalar, is_text, items, sequence
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.shell.commands import SHELLS


def steps_of_shells(sheet: YamlFile) -> Iterator[tuple[ScalarNode, int, str]]:
    """Yield the scripts of steps that a supported shell runs, each with the offset at which its job begins, and the
    folder in which it starts."""
    for top in map(effective, sheet.roots):
        for _, holder, begin in _with_steps(top):
            above = default_of(holder, "working-directory") or default_of(top, "working-directory")
            for _, step in shell_runs(holder, _usual_shell(holder, top)):
                folder, node = step.get("working-directory"), step.get("run")
                if is_text(node):
                    yield node, begin, folder.value if is_text(folder) else above


def scripts_of_steps(top: dict[str, YamlNode]) -> Iterator[tuple[str, YamlNode | None, int]]:
    """Yield the scripts of steps with a supported shell, each with its key path and the offset at which its job
    begins."""
    for where, holder, begin in _with_steps(top):
        for index, step in shell_runs(holder, _usual_shell(holder, top)):
            yield f"{where}.steps.{index}.run", step.get("run"), begin


def _with_steps(top: dict[str, YamlNode]) -> Iterator[tuple[str, dict[str, YamlNode], int]]:
    """Yield what may have steps, each with its key path and the offset at which it begins."""
    jobs = [(f"jobs.{id}", job) for id, job in items(top.get("jobs"))]
    for where, node in [*jobs, *([("runs", top["runs"])] if "runs" in top else [])]:
        yield where, effective(node), node.start_mark.index


def shell_runs(holder: dict[str, YamlNode], above: str) -> Iterator[tuple[int, dict[str, YamlNode]]]:
    """Yield the steps of a job or an action whose scripts a supported shell runs, each with its index; ``above`` is the
    shell of steps that name none."""
    for index, step in enumerate(sequence(holder.get("steps"))):
        keys = effective(step)
        shell = keys.get("shell")
        if (shell.value if is_text(shell) else above).partition(" ")[0].rpartition("/")[2] in SHELLS:
            yield index, keys


def _usual_shell(holder: dict[str, YamlNode], top: dict[str, YamlNode]) -> str:
    windows = _on_windows(holder.get("runs-on"))
    return default_of(holder, "shell") or default_of(top, "shell") or ("pwsh" if windows else "bash")


def default_of(holder: dict[str, YamlNode], key: str) -> str:
    """Return a default of all steps, or ""."""
    node = effective(effective(holder.get("defaults")).get("run")).get(key)
    return node.value if is_text(node) else ""


def _on_windows(node: YamlNode | None) -> bool:
    return any(is_scalar(one) and "windows" in one.value.lower() for one in (node, *sequence(node)))
