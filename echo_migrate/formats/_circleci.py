"""Parameters of CircleCI: of pipelines, jobs, executors and commands, in configurations and orb sources.

Follows circleci.com/docs, "Reusable configuration reference" (parameters, executors, scope) and "Configuration
reference" (matrix, parameters of a pipeline), read in November 2026.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from echo_migrate.files.yaml import (
    MappingNode,
    ScalarNode,
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    items,
    positions,
    sequence,
)
from echo_migrate.formats._parameters import MOST_CHOICES, Scope, Value, mentions
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import SHELLS

_WRITTEN = re.compile(r"<<[ \t]*((?:pipeline\.)?parameters|matrix)\.([\w-]+)[ \t]*>>")
_NAMED = re.compile(r"(?:\bpipeline\.)?\b(?:parameters|matrix)\.[\w-]+")
_PARTS = frozenset(("jobs", "executors", "commands", "workflows"))
_CONDITIONS = ("when", "unless")
_MOST_SCRIPTS = 2_000
_DEFAULT = because("default")
_DEEPEST = 3
"""A workflow passes values to a job, which passes them to an executor."""


class _Call(NamedTuple):
    """A place that uses a job or an executor: what it passes, the matrix that it has, and the mappings it is in."""

    node: YamlNode
    given: dict[str, YamlNode]
    matrix: dict[str, YamlNode]
    excluded: frozenset[str]
    above: tuple[MappingNode, ...]


class CircleCI:
    """The parameters of a configuration or an orb. ``images`` are the IDs of the scalars that are images."""

    def __init__(self, root: YamlNode | None, images: frozenset[int]) -> None:
        top = effective(root)
        self.root, self.images = root, images
        self.pipeline = effective(top.get("parameters")) if _PARTS.intersection(top) else {}
        self.named = {key: dict(items(top.get(key))) for key in ("jobs", "executors")}
        self.used_here = {id(one) for named in self.named.values() for one in named.values() if "workflows" in top}
        self.calls: dict[int, list[_Call]] = {}
        self.passed: dict[int, tuple[YamlNode, str]] = {}
        self.mentioned: dict[int, dict[str, list[ScalarNode]]] = {}
        self.shared: dict[tuple[int, str], bool] = {}
        self.specs: dict[int, dict[str, YamlNode] | None] = {}
        self.found: dict[tuple[int, int], list[Scope]] = {}
        for target, call in (*self._jobs(top), *self._executors(root, (), set())):
            self.calls.setdefault(id(target), []).append(call)
            for name in effective(effective(target).get("parameters")):
                for node in (call.given.get(name), call.matrix.get(name)):
                    self.passed |= {id(one): (target, name) for one in (node, *sequence(node)) if one}
        required: list[str] = []
        for key, listed in positions(top.get("workflows")):
            if is_scalar(key) and key.value == "requires":
                required += [one.value for one in sequence(listed) if is_scalar(one)]
        self.required = "\n".join(required)

    def _jobs(self, top: dict[str, YamlNode]) -> Iterator[tuple[YamlNode, _Call]]:
        """Yield the jobs that workflows use, each with what they pass."""
        for _, workflow in items(top.get("workflows")):
            for entry in sequence(effective(workflow).get("jobs")):
                for name, given in items(entry):
                    keys = effective(given)
                    matrix = effective(keys.get("matrix"))
                    excluded = frozenset(key for one in sequence(matrix.get("exclude")) for key in effective(one))
                    if name in self.named["jobs"]:
                        call = _Call(entry, keys, effective(matrix.get("parameters")), excluded, ())
                        yield self.named["jobs"][name], call

    def _executors(
        self, node: YamlNode | None, above: tuple[MappingNode, ...], seen: set[int]
    ) -> Iterator[tuple[YamlNode, _Call]]:
        """Yield the executors that are used by name with parameters, each with what is passed."""
        if node is None or is_scalar(node) or id(node) in seen or not self.named["executors"]:
            return
        seen.add(id(node))
        if is_mapping(node):
            keys = effective(node)
            name = keys.pop("name", None)
            used = self.named["executors"].get(name.value) if is_text(name) else None
            if used and keys and keys.keys() <= effective(effective(used).get("parameters")).keys():
                yield used, _Call(node, keys, {}, frozenset(), above)
            above = (*above, node)
        for child in effective(node).values() if is_mapping(node) else node.value:
            yield from self._executors(child, above, seen)

    def scopes(self, above: tuple[MappingNode, ...], left: int = _DEEPEST) -> list[Scope]:
        """Return the scopes of a scalar, given the mappings it is in: one for the defaults of what defines its
        parameters, and one for each use."""
        holder = next((one for one in reversed(above) if self._specs(one) is not None), None)
        if holder is None:
            return [self._of_pipeline]
        if (id(holder), left) not in self.found:
            self.found[id(holder), left] = self._uses(holder, left)
        return self.found[id(holder), left]

    def _uses(self, holder: MappingNode, left: int) -> list[Scope]:
        calls = self.calls.get(id(holder), []) if left else []
        optional = all("default" in effective(spec) for spec in (self._specs(holder) or {}).values())
        found: list[Scope] = []
        if not calls or optional or id(holder) not in self.used_here:
            found.append(partial(self._default, holder))
        for call in calls:
            outers = self.scopes(call.above, left - 1) if call.above else [self._of_pipeline]
            found += [partial(self._given, holder, call, outer) for outer in outers]
            if len(found) > MOST_CHOICES:
                break
        return found

    def _specs(self, node: MappingNode) -> dict[str, YamlNode] | None:
        """Return the parameters that a definition declares; None for what is no definition."""
        if id(node) not in self.specs:
            keys = effective(node)
            declared = keys.get("parameters")
            pipeline = node is self.root and bool(_PARTS.intersection(keys))
            self.specs[id(node)] = effective(declared) if is_mapping(declared) and not pipeline else None
        return self.specs[id(node)]

    def _of_pipeline(self, written: str) -> list[Value]:
        """Return the values of a parameter of the pipeline."""
        named = _WRITTEN.fullmatch(written)
        if named and named[1] == "pipeline.parameters":
            return self._by_default(self.root, self.pipeline, named[2], f"pipeline.parameters.{named[2]}", _DEFAULT)
        return []

    def _default(self, holder: MappingNode, written: str) -> list[Value]:
        """Return the values of an expression in a definition that is used without parameters."""
        named = _WRITTEN.fullmatch(written)
        if named and named[1] == "parameters":
            specs = self._specs(holder) or {}
            replaced = None if id(holder) in self.used_here else _DEFAULT
            return self._by_default(holder, specs, named[2], f"parameters.{named[2]}", replaced)
        return self._of_pipeline(written)

    def _given(self, holder: MappingNode, call: _Call, outer: Scope, written: str) -> list[Value]:
        """Return the values of an expression in a definition, as a call passes them."""
        named = _WRITTEN.fullmatch(written)
        given = (call.matrix.get(named[2]) or call.given.get(named[2])) if named and named[1] == "parameters" else None
        if given is None or named is None:
            return self._default(holder, written)
        specs = self._specs(holder) or {}
        shared = self._why(holder, specs, named[2], f"parameters.{named[2]}") or self._matrix(call, named[2])
        scope = partial(self._passed, call, outer)
        return [
            Value(one, scope, None, shared or self._required(one))
            for one in (given, *sequence(given))
            if is_scalar(one)
        ]

    def _passed(self, call: _Call, outer: Scope, written: str) -> list[Value]:
        """Return the values of an expression in what is passed."""
        named = _WRITTEN.fullmatch(written)
        if named and named[1] == "matrix":
            shared = self._matrix(call, named[2])
            listed = [one for one in sequence(call.matrix.get(named[2])) if is_scalar(one)]
            return [Value(one, outer, None, shared or self._required(one)) for one in listed]
        return outer(written)

    def _by_default(
        self, holder: YamlNode | None, specs: dict[str, YamlNode], name: str, called: str, replaced: Reason | None
    ) -> list[Value]:
        node = effective(specs.get(name)).get("default")
        shared = self._why(holder, specs, name, called)
        return [Value(node, self._of_pipeline, replaced, shared)] if is_scalar(node) else []

    def _why(self, holder: YamlNode | None, specs: dict[str, YamlNode], name: str, called: str) -> Reason | None:
        """Return why the values of a parameter may not be edited: they are listed, or used where no image is."""
        if "enum" in effective(specs.get(name)) or self._is_shared(holder, called):
            return because("variable-shared", name=called)
        return None

    def _is_shared(self, holder: YamlNode | None, called: str) -> bool:
        """Return whether a definition uses a parameter where no image is."""
        key = (id(holder), called)
        if key not in self.shared:
            self.shared[key] = False  # what it is passed to may pass it on to itself
            if id(holder) not in self.mentioned:
                self.mentioned[id(holder)] = mentions(holder, _NAMED.findall)
            self.shared[key] = any(not self._is_image(one) for one in self.mentioned[id(holder)].get(called, ()))
        return self.shared[key]

    def _is_image(self, node: ScalarNode) -> bool:
        """Return whether a scalar is an image, or is passed to a parameter that is nothing else."""
        if id(node) in self.images:
            return True
        target = self.passed.get(id(node))
        return target is not None and not self._is_shared(target[0], f"parameters.{target[1]}")

    def _matrix(self, call: _Call, name: str) -> Reason | None:
        """Return why the values of a matrix may not be edited."""
        if name in call.excluded:
            return because("matrix-excluded")
        return because("matrix-elsewhere") if self._is_shared(call.node, f"matrix.{name}") else None

    def _required(self, node: ScalarNode) -> Reason | None:
        """Return why a value may not be edited that is part of the name of a job that others require."""
        found = node.value and node.value in self.required
        return because("name-elsewhere", name=node.value) if found else None


def run_in(path: tuple[str, ...], above: tuple[MappingNode, ...]) -> list[list[YamlNode]]:
    """Return the scripts that run in an image at a key path, given the mappings that it is in: those of its job, or
    those of each job that has its executor."""
    top = effective(above[0])
    commands = dict(items(top.get("commands")))
    if path[0] != "executors":
        jobs: list[YamlNode] = [above[-2]] if len(above) > 1 else []
    else:
        jobs = [job for _, job in items(top.get("jobs")) if _executor(job) == path[1] or "<<" in _executor(job)]
    shells = [effective(above[-2]).get("shell")] if len(above) > 1 else []
    found = ([*_scripts(effective(job).get("steps"), commands, _shell(job, *shells))] for job in jobs)
    return [scripts for scripts in found if scripts]


def _executor(job: YamlNode) -> str:
    node = effective(job).get("executor")
    named = effective(node).get("name") if is_mapping(node) else node
    return named.value if is_text(named) else ""


def _shell(node: YamlNode, *others: YamlNode | None) -> str:
    """Return the name of the shell of a job or a step, or else that of others; "sh" if none is named."""
    named = (one for one in (effective(node).get("shell"), *others) if is_text(one))
    return next((one.value.partition(" ")[0].rpartition("/")[2] for one in named), "sh")


def _scripts(steps: YamlNode | None, commands: dict[str, YamlNode], shell: str) -> Iterator[YamlNode]:
    """Yield the scripts of steps that a shell reads, in the order in which they run: those under a condition, and those
    of commands of the file, which count where they are called first."""
    waiting = [*reversed(sequence(steps))]
    seen = {id(steps)}
    for _ in range(_MOST_SCRIPTS):
        if not waiting:
            break
        step = waiting.pop()
        keys = effective(step)
        run = keys.get("run")
        if run is not None and _shell(run) in SHELLS and (shell in SHELLS or "shell" in effective(run)):
            yield effective(run).get("command", run)
        below = [keys[name] for name in _CONDITIONS if name in keys]
        below += [commands[name] for name in ([step.value] if is_scalar(step) else keys) if name in commands]
        for listed in (effective(one).get("steps") for one in below):
            if id(listed) not in seen:
                seen.add(id(listed))
                waiting += reversed(sequence(listed))
