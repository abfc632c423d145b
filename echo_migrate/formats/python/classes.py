"""What stands in the body of a class: the values of its attributes, and the parameters of its initializer."""

from collections.abc import Iterator

import libcst as cst

from echo_migrate.formats.python.calls import written


def assigned(node: cst.ClassDef, name: str) -> Iterator[cst.BaseExpression]:
    """Yield the values of an attribute in the body of a class: those assigned to it, or returned by its property."""
    for statement in node.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for one in statement.body:
                targets = [each.target for each in one.targets] if isinstance(one, cst.Assign) else []
                targets += [one.target] if isinstance(one, cst.AnnAssign) else []
                if isinstance(one, cst.Assign | cst.AnnAssign) and one.value and name in map(written, targets):
                    yield one.value
        elif isinstance(statement, cst.FunctionDef) and statement.name.value == name:
            lines = [line for line in statement.body.body if isinstance(line, cst.SimpleStatementLine)]
            yield from (one.value for line in lines for one in line.body if isinstance(one, cst.Return) and one.value)


def is_init(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.FunctionDef) and node.name.value == "__init__"


def parameters(node: cst.CSTNode | None) -> tuple[list[cst.Param], list[cst.Param]]:
    """Return the positional and the keyword-only parameters of a function."""
    if not isinstance(node, cst.FunctionDef):
        return [], []
    return [*node.params.posonly_params, *node.params.params], [*node.params.kwonly_params]
