"""Strings of a Python source that are images by their use in a call, a parameter or a constant, found with libcst.

Calls are defined in ``mappings/places/python.yaml``; ``strings`` evaluates texts.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Assignment, QualifiedNameSource

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.formats._ignores import in_python
from echo_migrate.formats._platforms import is_isolated, of_labels_in
from echo_migrate.formats.python.calls import Parameter, libraries, written
from echo_migrate.formats.python.classes import assigned, is_init, parameters
from echo_migrate.formats.python.environment import of_call, of_later_calls
from echo_migrate.formats.python.mounts import mounts_of_call, mounts_of_later_calls
from echo_migrate.formats.python.strings import Strings, Text, alternatives
from echo_migrate.model import COMMON_PLATFORMS, WINDOWS, Ignore, Image
from echo_migrate.model.reasons import Reason, because

_WORD = lazy_regex(r"[A-Za-z0-9]")

Parameters = tuple[Parameter, ...]
_NO_CALL: tuple[str, Parameters, Parameters] = ("", (), ())


class Around(NamedTuple):
    """What the other arguments of a call say: paths that volumes cover, the names of variables, the platform, the login
    wanted and given; and why no move of it is safe."""

    mounts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    platform: str = ""
    needs_login: Reason | None = None
    login: str = ""
    unsafe_reasons: tuple[Reason, ...] = ()


_NOTHING_AROUND = Around()
_NODES = frozenset(("affinity", "node_affinity", "node_selector", "node_selectors", "pod_spec"))
_PLATFORM = re.compile(r"[\"']((?:linux|windows)/[a-z0-9]{1,12}(?:/v\d{1,2})?)[\"']")
_PLATFORM_LATER = re.compile(r"\.with_kwargs\(\s*(?:[^()]{0,500}[\s,])?platform\s*=")
_LATER = frozenset(("dagger", "pulumi_docker", "testcontainers"))


class Use(NamedTuple):
    """A use of an image: names of call and argument, text, source span, and why editing it is unsafe or impossible."""

    where: str
    text: Text
    start: int
    end: int
    unsafe_reasons: tuple[Reason, ...]
    not_editable: Reason | None
    around: Around


def read(text: str, whole: str, published: bool = False) -> tuple[list[Image], list[Ignore]]:
    """Return the images and our ignore comments of a source, of which ``text`` has the parts that concern images, and
    which may be one of a ``published`` library. Raises ``ValueError`` or ``RecursionError`` if it cannot be read.

    Python's parser must accept the source, and it must not be deeply nested: libcst's parser can crash the process.
    """
    clean = text.encode("utf-8", "replace").decode()  # replaces lone surrogates by question marks, of the same length
    try:
        module = cst.parse_module(clean)
        code = _Code(clean, whole, module)
        code.of_users = (because("library-default"),) if published else ()
        module.visit(code)
    except (cst.ParserSyntaxError, cst.CSTValidationError):
        raise ValueError("its syntax is not known") from None
    return list(code.images()), list(in_python(text, code.comments))


class _Code(cst.CSTVisitor):
    """Collects, in one visit, the uses of images and the other uses of their constants."""

    def __init__(self, text: str, whole: str, module: cst.Module) -> None:
        super().__init__()
        self.whole = whole
        self.strings = Strings(text, module)
        self.roots: set[str] = set()
        self.uses: list[Use] = []
        self.literals: dict[str, list[cst.SimpleString]] = {}
        self.exported: set[str] = set()
        self.serves: dict[Assignment, bool] = {}  # whether a constant is used elsewhere too
        self.stands: dict[str, int] = {}  # the line on which a text is used elsewhere, or 0
        self.comments: list[int] = []
        self.derived: dict[str, Parameters] = {}  # the classes of this file derived from those of a library
        self.classes: list[tuple[Parameters, str]] = []
        self.calls: list[tuple[cst.Call, tuple[Parameters, str]]] = []
        self.defaults: list[tuple[str, cst.BaseExpression]] = []
        self.of_classes: list[tuple[str, cst.BaseExpression]] = []
        self.of_users: tuple[Reason, ...] = ()  # why the defaults of classes are those of others

    # Visitors

    def visit_Comment(self, node: cst.Comment) -> None:
        self.comments.append(self.strings.span(node)[0])

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        value = node.evaluated_value
        if isinstance(value, str):
            self.literals.setdefault(value, []).append(node)

    def visit_Expr(self, node: cst.Expr) -> bool:
        return not isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)  # a docstring, or one like it

    def visit_Import(self, node: cst.Import) -> None:
        self.roots.update(_root(written(one.name)) for one in node.names)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        if node.module and not node.relative:
            self.roots.add(_root(written(node.module)))

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value:
            self.strings.values[id(node.target)] = node.value

    def visit_Assign(self, node: cst.Assign) -> None:
        if len(node.targets) == 1:
            self.strings.values[id(node.targets[0].target)] = node.value
        known = {name for library in libraries() if library.known(self.roots) for name in library.attributes}
        self.defaults += [(name, node.value) for one in node.targets if (name := written(one.target)) in known]
        if any(isinstance(one.target, cst.Name) and one.target.value == "__all__" for one in node.targets):
            self.exported.update(name for name in re.findall(r"\w+", self.strings.source(node.value)))

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        found = next(
            (places for base in node.bases if (places := self.places_of(base.value, self.named(base.value)))), ()
        )
        self.classes.append((found, node.name.value))
        for attribute in self.attributes(node):
            self.of_classes += [(f"{node.name.value}.{attribute}", value) for value in assigned(node, attribute)]
        if not found:
            return
        keywords = [place for place in found if isinstance(place, str)]
        start = next((one for one in node.body.body if is_init(one)), None)
        positional, others = parameters(start)
        own = [position - 1 for position, one in enumerate(positional) if one.name.value in keywords]
        for name in self.named(node, QualifiedNameSource.LOCAL):
            self.derived[name] = (*own, *keywords) if start else found
        for parameter in (*positional, *others):
            if parameter.name.value in keywords and parameter.default:
                self.of_classes.append((f"{node.name.value}({parameter.name.value})", parameter.default))

    def attributes(self, node: cst.ClassDef) -> list[str]:
        """Return the attributes of a class that hold an image, as one of its bases is that of a library."""
        bases = [name for base in node.bases for name in self.named(base.value)]
        known = [
            name for library in libraries() if library.imports & set(map(_root, bases)) for name in library.attributes
        ]
        return [
            name for owner, _, name in (one.rpartition(".") for one in known) if any(_is(base, owner) for base in bases)
        ]

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self.classes.pop()

    def visit_Call(self, node: cst.Call) -> None:
        self.calls.append((node, self.classes[-1] if self.classes else ((), "")))

    # Calls

    def called(self, node: cst.Call, within: tuple[Parameters, str]) -> None:
        """Record the image of a call, if it is one of a library with an image."""
        callee, places, apart = self.callee(node.func, *within)
        argument = _argument(node, places)
        if argument:
            not_editable = because("separate-argument") if _argument(node, apart) else None
            name = next((place for place in places if isinstance(place, str)), "")
            self.use(f"{callee}({name})", argument, not_editable, self.around(node, callee))

    def around(self, node: cst.Call, callee: str) -> Around:
        """Return what a call's arguments say beside its image."""
        given = {one.keyword.value: self.strings.source(one.value) for one in node.args if one.keyword}
        mounts = list(mounts_of_call(given))
        mounts += ["/"] if any(one.star == "**" for one in node.args) else []
        mounts += self.mapped if _LATER & self.roots else []
        keywords = {one.keyword.value: one.value for one in node.args if one.keyword}
        variables = list(of_call(keywords, self.strings.source))
        variables += self.set_later if "testcontainers" in self.roots else []
        chained = node.func.value if isinstance(node.func, cst.Attribute) else None  # container(platform=…).from_(…)
        before = chained.args if isinstance(chained, cst.Call) else ()
        platforms = [one.value for one in (*node.args, *before) if one.keyword and one.keyword.value == "platform"]
        rows = (row for one in libraries() if one.known(self.roots) for row in one.login.items())
        wanted = next((words for name, words in rows if _is(callee, name)), None)
        login = next((given[word] for word in wanted or () if word in given), "")
        needs = None if wanted is None else because("login-other" if login else "login-service")
        own = "".join(given[word] for word in sorted(_NODES & given.keys()))
        asked = self.nodes if own or wanted is not None else ""  # a pod may be put together elsewhere in the file
        nodes = of_labels_in(own) if "kubernetes.io/" in own else asked
        isolated = is_isolated(given.get("isolation", "").strip("\"'"))
        platform = WINDOWS if isolated else self.platform(platforms) or nodes
        return Around(tuple(mounts), tuple(dict.fromkeys(variables)), platform, needs, login)

    @cached_property
    def mapped(self) -> list[str]:
        """The paths at which the file mounts volumes after an image is named, of whichever container."""
        return list(mounts_of_later_calls(self.whole))

    @cached_property
    def nodes(self) -> str:
        """The platform of the nodes that the file selects, for whichever pod, "" for a common one or none."""
        return of_labels_in(self.whole)

    @cached_property
    def set_later(self) -> list[str]:
        """The variables that the file sets in containers of testcontainers, whichever these are."""
        return list(of_later_calls(self.whole))

    def platform(self, given: list[cst.BaseExpression]) -> str:
        """Return the platform that an argument names, "" for none or a common one; for a value from elsewhere, and for
        one given later, one of the platforms that the file names which is not common, if any."""
        if not given and not ("testcontainers" in self.roots and _PLATFORM_LATER.search(self.whole)):
            return ""
        named = (_PLATFORM.findall(self.strings.source(given[0])) if given else []) or _PLATFORM.findall(self.whole)
        return next((one for one in named if one not in COMMON_PLATFORMS), "")

    def callee(
        self, function: cst.BaseExpression, places: Parameters, within: str
    ) -> tuple[str, Parameters, Parameters]:
        """Return the name of the callee, the places of its image and those of other parts of the reference; ``places``
        and ``within`` are those of the class that contains the call."""
        if isinstance(function, cst.Attribute) and function.attr.value == "__init__":
            of_super = isinstance(function.value, cst.Call) and self.strings.source(function.value.func) == "super"
            return (within, places, ()) if of_super else _NO_CALL
        names = [*self.named(function), *self.of_instance(function)]
        found = self.places_of(function, names)
        if found:
            apart = (places for one in libraries() for callee, places in one.apart.items() if _ends(names, callee))
            return written(function).lstrip("."), found, next(apart, ())
        name = written(function)
        for library in libraries():
            others = names and not any(_root(name) in library.imports for name in names)
            if others or not library.imports & self.roots:
                continue
            for callee, places in library.calls.items():
                if callee[0] == "." and name.endswith(callee):
                    return callee[1:], places, library.apart.get(callee, ())
        return _NO_CALL

    def of_instance(self, function: cst.BaseExpression) -> list[str]:
        """Return the names of a method of an object that a name is given once, by a call of an imported class."""
        if not isinstance(function, cst.Attribute) or not isinstance(function.value, cst.Name):
            return []
        scope = self.strings.scopes.of(function.value)
        assignments = list(scope[function.value.value]) if scope else []
        values = [self.strings.values.get(id(one.node)) for one in assignments if isinstance(one, Assignment)]
        if len(assignments) != 1 or not values or not isinstance(values[0], cst.Call):
            return []
        return [f"{name}.{function.attr.value}" for name in self.named(values[0].func)]

    def places_of(self, function: cst.BaseExpression, names: list[str]) -> Parameters:
        """Return the places of the image in a call of an imported library name or a derived class of this file."""
        for name in names:
            for library in libraries():
                if _root(name) in library.imports:
                    for callee, places in library.calls.items():
                        if _ends([name], callee):
                            return places
        own = self.named(function, QualifiedNameSource.LOCAL)
        return next((self.derived[name] for name in own if name in self.derived), ())

    def named(self, node: cst.CSTNode, source: QualifiedNameSource = QualifiedNameSource.IMPORT) -> list[str]:
        """Return the qualified names of an expression that have the given source (import or local definition)."""
        scope = self.strings.scopes.of(node)
        found = scope.get_qualified_names_for(node) if scope else ()
        return sorted(one.name for one in found if one.source is source)

    # Strings

    def use(
        self, where: str, node: cst.BaseExpression, not_editable: Reason | None, around: Around = _NOTHING_AROUND
    ) -> None:
        """Record the possible values of an argument: each alternative of an expression is one use."""
        for one, doubt in alternatives(node):
            text = self.strings.string(one)
            if text is None or not _WORD.search(re.sub(r"\$\{[^{}]*\}", "", text.ref.value)):
                continue
            start, end = self.strings.inside(one)
            self.uses.append(Use(where, text, start, end, (doubt,) if doubt else (), not_editable, around))

    # Results

    def images(self) -> Iterator[Image]:
        """Yield an image for each use, with the reasons from other uses of its text."""
        for where, default in self.defaults:
            service = any(where in library.login for library in libraries())
            self.use(where, default, None, Around(needs_login=because("login-service") if service else None))
        for where, default in self.of_classes:
            self.use(where, default, None, Around(unsafe_reasons=self.of_users))
        for call, within in self.calls:
            self.called(call, within)
        for use in self.uses:
            ref = use.text.ref
            words = [*use.unsafe_reasons, *self.shared(use.text)]
            shared_spans = tuple((*run, one) for one in dict.fromkeys(words) for run in ref.spans)
            not_editable = use.not_editable or (None if _whole(use.text) else because("computed-part"))
            yield Image(
                ref,
                use.where,
                use.start,
                use.end,
                not_editable=not_editable,
                unsettled=use.text.unsettled,
                shared_spans=shared_spans,
                mounts=use.around.mounts,
                variables=use.around.variables,
                platform=use.around.platform,
                needs_login=use.around.needs_login,
                login=use.around.login,
                unsafe_reasons=use.around.unsafe_reasons,
            )

    def shared(self, text: Text) -> Iterator[Reason]:
        """Yield the reasons why a text must not be changed without a review of the rest of the file."""
        for assignment in text.names:
            if assignment not in self.serves:
                self.serves[assignment] = any(id(one.node) not in self.strings.taken for one in assignment.references)
            if self.serves[assignment]:
                yield because("name-elsewhere", name=assignment.name)
            if assignment.name in self.exported:
                yield because("exported", name=assignment.name)
        value = text.ref.value
        if value not in self.stands:
            others = (node for node in self.literals.get(value, ()) if id(node) not in self.strings.taken)
            self.stands[value] = next((self.strings.line(node) for node in others), 0)
        if self.stands[value]:
            yield because("text-elsewhere", line=str(self.stands[value]))


def _is(callee: str, name: str) -> bool:
    """Return whether a callee as written is the one that a library's row names."""
    return f".{callee}".endswith(f".{name}") or ("." not in callee and name.endswith(f".{callee}"))


def _ends(names: list[str], callee: str) -> bool:
    """Return whether an imported name, in full, is the one of a row that does not begin with a dot."""
    return callee[0] != "." and any(f".{name}".endswith(f".{callee}") for name in names)


def _whole(text: Text) -> bool:
    """Return whether no variable may be a digest, which would have to be removed together with its expression."""
    return "@" not in text.ref.value or not text.unsettled


def _argument(call: cst.Call, places: Parameters) -> cst.BaseExpression | None:
    """Return the argument at one of the places, or None."""
    position = 0
    for argument in call.args:
        if argument.star:
            position = len(call.args)  # later positions are not known
        elif argument.keyword is None:
            if position in places:
                return argument.value
            position += 1
        else:
            for place in places:
                name, _, key = str(place).partition(".")
                if name == argument.keyword.value:
                    return _entry(argument.value, key) if key else argument.value
    return None


def _entry(node: cst.BaseExpression, key: str) -> cst.BaseExpression | None:
    """Return the value of a key in a dictionary display, or None."""
    if not isinstance(node, cst.Dict):
        return None
    pairs = [one for one in node.elements if isinstance(one, cst.DictElement)]
    return next(
        (one.value for one in pairs if isinstance(one.key, cst.SimpleString) and one.key.evaluated_value == key), None
    )


def _root(name: str) -> str:
    return name.partition(".")[0]
