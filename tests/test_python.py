"""Python sources: every row of the data, Python's own parser as the judge, and texts that are hostile or odd."""

import ast
import io
import json
import resource
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files import data
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.formats import python, recognised
from echo_migrate.formats.python.calls import called
from echo_migrate.formats.python.code import read
from echo_migrate.formats.python.prune import concerned
from echo_migrate.images import catalog
from echo_migrate.model import Image, Problem, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run

DATA = data.parse_yaml((Path(data.folder()) / "places/python.yaml").read_text())
ROWS = [
    (library, callee, place)
    for library, row in DATA["libraries"].items()
    for callee, places in row.get("calls", {}).items()
    for place in places
]
SETTINGS = Settings(catalog.load(), (RULES["unhardened-image"],), apply=True)
HEAD = "from testcontainers.core.container import DockerContainer as C\n"
OLD, NEW = "python:3.12", "reg.echohq.com/python:3.12"


def fix_source(text: str | bytes, unsafe: bool = False) -> Result:
    source = Source.of("app.py", text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
    assert recognised(source.path, source.text) is python
    return fix.fix_source(source, python, SETTINGS._replace(unsafe=unsafe, logins=frozenset(["python"])))


def images(text: str) -> list[Image]:
    return [node for node in python.parse(Source("app.py", text)) if isinstance(node, Image)]


# What is not read


PIECES = (
    *('IMAGE = "python:3.12"\n', "def other(IMAGE):\n    return IMAGE\n", "OTHER = IMAGE\n", '__all__ = ["IMAGE"]\n'),
    *("C(IMAGE)\n", 'C("python:3.12")\n', 'print("python:3.12")\n', "def f():\n    x = 1\n    C(IMAGE)\n    y = 2\n"),
    "class D(C):\n    def __init__(self, image='python:3.12'):\n        super().__init__(image)\n\n"
    "    def g(self):\n        x()\n",
    *(
        "D()\n",
        "D('python:3.11')\n",
        "global IMAGE\n",
        "for IMAGE in ():\n    pass\n",
        "a = 1; C(IMAGE)\n",
        "C = print\n",
    ),
    *("if a:\n    b = 1\nelse:\n    C(f'python:{b}')\n", "try:\n    C(IMAGE)\nexcept E as IMAGE:\n    pass\n"),
    *('"""C("python:3.12")\n# no comment\n"""\n', "@wraps\ndef h():\n    # a word\n    return 1\n", "# a word\n"),
    *("with C(IMAGE) as C2:\n    a()\n    b()\n", "IMAGE: str = 'python:3.11'\n", "def i(): return C(IMAGE)\n"),
    "def j():\n    global IMAGE\n    IMAGE = 'x'\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_is_left_out_changes_no_answer(pieces: list[str], newline: str) -> None:
    text = (HEAD + "".join(pieces)).replace("\n", newline)
    source, tree = Source("app.py", text), ast.parse(text)
    rest = concerned(source, tree, called(tree))
    whole, _ = read(text, text)
    assert (read(rest, text)[0] if rest else []) == whole
    assert not rest or [len(line) for line in rest.split("\n")] == [len(line) for line in text.split("\n")]


# The data


def test_the_data_is_in_order() -> None:
    assert set(DATA) == {"date", "libraries"}
    libraries = DATA["libraries"]
    assert list(libraries) == sorted(libraries)
    imports = [name for row in libraries.values() for name in row["imports"]]
    assert len(imports) == len(set(imports))
    for library, row in libraries.items():
        assert set(row) <= {"imports", "source", "calls", "apart", "login", "attributes"}, library
        assert set(row) & {"calls", "attributes"}, library
        calls, attributes = row.get("calls", {}), row.get("attributes", [])
        assert row["imports"] == sorted(row["imports"]), library
        assert row["source"].startswith("https://"), library
        assert list(calls) == sorted(calls), library
        assert attributes == sorted(attributes), library
        assert set(row.get("apart", {})) <= set(calls), library
        assert set(row.get("login", {})) <= {*calls, *attributes}, library
        for callee, places in calls.items():
            assert all(part.isidentifier() for part in callee.removeprefix(".").split(".")), callee
            assert len([place for place in places if isinstance(place, str)]) == 1, callee
            assert [place for place in places if isinstance(place, int)] == places[:-1], callee
            assert len(places) <= 2, callee


def _call(callee: str, place: int | str, value: str) -> str:
    name = f"thing{callee}" if callee[0] == "." else callee
    if isinstance(place, int):
        return f"{name}({'None, ' * place}{value})"
    keyword, _, key = place.partition(".")
    return f"{name}({keyword}={{'{key}': {value}}})" if key else f"{name}({keyword}={value})"


def _file(library: str, callee: str, call: str) -> str:
    (name, *_) = DATA["libraries"][library]["imports"]
    first = callee.partition(".")[0]
    return f"from {name}.some.module import {first or 'thing'}\n{call}\n"


@pytest.mark.parametrize(("library", "callee", "place"), ROWS)
def test_each_row(library: str, callee: str, place: int | str) -> None:
    text = _file(library, callee, _call(callee, place, f'"{OLD}"'))
    result = fix_source(text)
    assert [outcome.image.ref.value for outcome in result.outcomes] == [OLD]
    assert result.fixed.text == text.replace(OLD, NEW)
    elsewhere = text.replace(f"from {DATA['libraries'][library]['imports'][0]}.", "from another.")
    assert images(f"import {DATA['libraries'][library]['imports'][0]} as z\n{elsewhere}") == []
    others = [_call(callee, place, other) for other in (f'"{OLD}".encode()', f'b"{OLD}"', f'["{OLD}"]', f'f("{OLD}")')]
    if isinstance(place, str):
        others.append(_call(callee, place, f'"{OLD}"').replace(place.partition(".")[0], "another"))
    assert images(_file(library, callee, "\n".join(others))) == []


@pytest.mark.parametrize(
    ("library", "callee", "place"),
    [
        (library, callee, place)
        for library, row in DATA["libraries"].items()
        for callee, places in row.get("apart", {}).items()
        for place in places
    ],
)
def test_each_part_that_stands_apart(library: str, callee: str, place: int | str) -> None:
    more = '"3"' if isinstance(place, int) else f'{place}="3"'
    text = _file(library, callee, _call(callee, 0, f'"{OLD}", {more}'))
    result = fix_source(text, unsafe=True)
    assert [outcome.state for outcome in result.outcomes] == ["needs-person"]
    assert result.fixed.text == text


# Python's own parser as the judge

NEUTRAL = (
    '"""A text with C(\'python:3.12\') in it."""',
    "# C('python:3.12')",
    "x = 'naïve 🐍 text', b'\\xff'",
    "def f():\n\treturn 'python:3.1'",
    "\x0c",
    "y = f'{x!r:>{10}} {{}}'  # python:3.12",
    "if x:\n    '''C('python:3.12')\n'''",
    "z = {'image': 'python:3'}; é = x",
    "w = x \\\n    or y",
)
USES = (
    "C('{}')",
    'C(image="{}")',
    "ü = C(\n    # python:3.12\n    r'''{}''',\n)",
    "C('p' 'ython:3.12')",
    "K{n} = '{}'\nC(K{n}); C(image=K{n})",
    "'ö' and C('{}') or C(f'{}')",
    "@C('{}')\nclass D: pass",
)
MODULES = st.lists(st.sampled_from(NEUTRAL + USES), max_size=12)


@given(MODULES, st.sampled_from(["\n", "\r\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_only_the_images_change(lines: list[str], newline: str, bom: bytes) -> None:
    def module(image: str) -> bytes:
        body = [line.replace("{n}", str(n)) for n, line in enumerate(lines)]
        body = [one.replace("{}", image) if lines[n] in USES else one for n, one in enumerate(body)]
        split = image.replace("python:3.12", "p' 'ython:3.12")
        text = "\n".join(["from testcontainers.core.container import DockerContainer as C", *body, "C(x, '')", ""])
        return bom + text.replace("C('p' 'ython:3.12')", f"C('{split}')").replace("\n", newline).encode()

    result = fix_source(module(OLD))
    assert result.refused is None
    assert result.fixed.data == module(NEW)
    again = fix_source(result.fixed.data)
    assert again.fixed is again.source
    assert _blank(result.source.data) == _blank(result.fixed.data)
    assert _tokens(result.source.data) == _tokens(result.fixed.data)


def _blank(text: bytes) -> str:
    """The syntax tree with the images away."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == NEW:
            node.value = OLD
    return ast.dump(tree)


def _tokens(text: bytes) -> list[tuple[int, str]]:
    strings = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -2)}
    tokens = tokenize.tokenize(io.BytesIO(text).readline)
    return [(one.type, "" if one.type in strings else one.string) for one in tokens]


@given(st.text(max_size=60), st.sampled_from(["C({})", "C(image={})", "C('python:3.12', {})", "{}"]))
def test_any_text_ends_in_an_answer(text: str, form: str) -> None:
    source = Source("app.py", HEAD + form.format(text))
    result = fix.fix_source(source, python, SETTINGS._replace(unsafe=True))
    if result.fixed is not result.source:
        assert ast.dump(ast.parse(source.text)).count("Call(") == ast.dump(ast.parse(result.fixed.text)).count("Call(")


@given(st.text(alphabet="py:3.12-$@{}%\\'\"/ \n\té", max_size=30))
def test_a_literal_has_the_place_of_each_character(value: str) -> None:
    text = HEAD + "C({value!r})\nC({('a' + value)!r} {value!r})\n"
    for image in images(text):
        written = "".join(text[start:end] for start, end in image.ref.spans)
        assert image.ref.value in (value, "a" + value + value)
        assert image.ref.spans == () or written == image.ref.value


# Odd files


@pytest.mark.parametrize("cookie", ["latin-1", "cp1252", "utf-8"])
def test_another_encoding(cookie: str) -> None:
    head = f"# -*- coding: {cookie} -*-\nfrom testcontainers.core.container import DockerContainer\n"
    text = (head + "x = 'é'; DockerContainer('python:3.12')  # é\n").encode(cookie)
    assert fix_source(text).fixed.data == text.replace(OLD.encode(), NEW.encode())


def test_a_comment_in_another_encoding_than_is_told() -> None:
    text = HEAD.encode() + b"# caf\xe9\nC('python:3.12')  # \xff\n"
    result = fix_source(text)
    assert result.refused is None
    assert result.fixed.data == text.replace(OLD.encode(), NEW.encode())


@pytest.mark.parametrize(
    "rest",
    [
        'print "old"',
        "x = 'é'".encode("latin-1").decode("utf-8", "surrogateescape"),
        "def f(:",
        "x = " + "(" * 250 + "1" + ")" * 250,
        "x = " + "-" * 5000 + "1",
        "x = a" + ".b" * 5000,
        "x = a" + "()" * 900,
        "x = " + "lambda: " * 500 + "1",
        "x = " + "+".join("a" * 3000),
        "".join(" " * n + "if a:\n" for n in range(150)) + " " * 150 + "pass",
        "if a: pass\n" + "elif a: pass\n" * 3000,
        "a\n" * 60_000,
        "{% for x in y %}",
        "!pip install docker\n%matplotlib inline",
    ],
)
def test_what_cannot_be_read_is_a_note(rest: str) -> None:
    text = f"from testcontainers.core.container import DockerContainer\n{rest}\nDockerContainer('{OLD}')\n"
    source = Source("app.py", text)
    assert [(type(node), node.level) for node in python.parse(source) if isinstance(node, Problem)] == [
        (Problem, "note")
    ]
    result = fix.fix_source(source, python, SETTINGS)
    assert result.fixed is result.source
    assert result.outcomes == ()


@pytest.mark.parametrize(
    "rest",
    [
        "C('python:3.12')\n" * 625,
        "I = 'python:3.12'\n" + "C(I)\n" * 500,
        "C('python:3.12'); x = 'python:3.12'\n" * 250,
        "A0 = 'a'\n" + "".join(f"A{n} = f'{{A{n - 1}}}{{A{n - 1}}}'\n" for n in range(1, 60)) + "C(A59)\n",
        "A = f'{B}'\nB = f'{A}'\nC(A)\nC(f'{B}x')\n",
        "C(" + "'a' " * 10_000 + ")\n",
        "C(f'" + "{a}" * 5_000 + "x')\n",
        "C('" + "%s" * 25_000 + "x' % a)\n",
        "# echo-migrate: ignore\n" * 5_000 + "C('python:3.12')\n",
    ],
)
def test_long_files_end_within_seconds(run: Run, tmp_path: Path, rest: str) -> None:
    path = tmp_path / "app.py"
    path.write_text(HEAD + rest)
    done = run("check", "-q", "app.py", limits={resource.RLIMIT_CPU: 4})
    assert done.returncode in (0, 1)
    assert done.stderr == b""
    assert b"fault of echo-migrate" not in done.stdout


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("import docker\ndocker.from_env().containers.run('a')\n", True),
        ("import os, docker\ndocker.from_env().containers.run('a')\n", True),
        ("from testcontainers.redis import RedisContainer\nRedisContainer('a')\n", True),
        ("import dockerfile\nx.container.run('a')\n", False),
        ("docker.from_env().containers.run('a')\n", False),
        ("import docker\nprint('containers')\n", False),
        ("from kfp.dsl import component\n@component(base_image=X)\ndef f(): pass\n", False),
        ("image = 'postgres:16'\n", False),
    ],
)
def test_recognised_by_its_text(text: str, known: bool) -> None:
    assert (recognised("app.py", text) is python) == known
    assert recognised("app.pyi", text) is None
    assert recognised("app.ipynb", text) is None


@pytest.mark.parametrize("name", ["app.py", "Containerfile.pyc", "setup.PY"])
def test_no_name_leaves_no_doubt(name: str) -> None:
    assert python.NAME.fullmatch(name) is None


@pytest.mark.parametrize(
    ("start", "end", "new", "refused"),
    [
        ("python:3.12", "", "node:22", False),
        ("x = ", "", "y = ", True),
        ("# note", "", "# nose", True),
        ("'py", "", "b'py", True),
        ("python:3.12'", "", "python:3.12', 1", True),
        ("python:3.12'", "", "python:3.12", True),
        ("'other'", "", "'another'", True),
    ],
)
def test_only_an_image_may_change(start: str, end: str, new: str, refused: bool) -> None:
    text = "x = 1  # note\nC('python:3.12')\ny = 'other'\n"
    place = text.index(start)
    edit = Edit(place, place + len(start), new)
    image = text.index("python:3.12")
    said = Edit(image, image + len("python:3.12"), "")  # what the fix was said to change
    before = Source("app.py", text)
    assert (python.verify(before, before.apply([edit]), [said]) is not None) == refused


def test_an_expression_in_a_string_is_never_edited() -> None:
    text = HEAD + "C(f'postgres@{digest}')\nC(f'node:{a}.{b}-alpine')\n"
    (digest, tag) = images(text)
    assert digest.not_editable
    assert tag.unsettled == ("a", "b")
    assert tag.ref.value == "node:${a}.${b}-alpine"
    fixed = fix_source(text, unsafe=True).fixed.text
    assert fixed == text.replace("node:{a}.{b}-alpine", "reg.echohq.com/node:{a}.{b}")


def test_a_traced_constant_is_edited_where_it_is_written() -> None:
    text = HEAD + "I = 'python:3.12'\nC(I)\n"
    (image,) = images(text)
    place = text.index(OLD)
    assert image.ref == Traced.of(text, place, place + len(OLD))
    assert text[image.start : image.end] == "I"


def test_a_constant_that_is_shown_with_its_name_is_not_followed() -> None:
    (image,) = images(HEAD + "I = '12'\nC(f'python:3.{I=}')\nC(f'{I!r}')\n")
    assert image.unsettled == ("I",)


PROJECT = '[project]\nname = "acme"\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
POETRY = '[tool.poetry]\nname = "acme"\n[build-system]\nrequires = []\nbuild-backend = "poetry.core.masonry.api"\n'


@pytest.mark.parametrize(
    ("files", "path", "left"),
    [
        ({"pyproject.toml": PROJECT}, "src/acme/db.py", True),
        ({"pyproject.toml": PROJECT, "acme/__init__.py": ""}, "acme/db.py", True),
        ({"lib/pyproject.toml": PROJECT}, "lib/src/acme/db.py", True),
        ({"pyproject.toml": POETRY}, "src/acme/db.py", True),
        ({"setup.py": "setup(\n    name='acme',\n)\n"}, "src/acme/db.py", True),
        ({"setup.cfg": "[metadata]\nname = acme\n"}, "src/acme/db.py", True),
        ({"pyproject.toml": POETRY.replace("\n[", "\npackage-mode = false\n[", 1)}, "src/acme/db.py", False),
        ({"pyproject.toml": PROJECT + "# classifiers: Private :: Do Not Upload\n"}, "src/acme/db.py", False),
        ({"pyproject.toml": PROJECT.partition("[build")[0]}, "src/acme/db.py", False),
        ({"pyproject.toml": "[tool.ruff]\n"}, "src/acme/db.py", False),
        ({"pyproject.toml": PROJECT, "tests/__init__.py": ""}, "tests/db.py", False),
        ({"pyproject.toml": PROJECT}, "db.py", False),
        ({}, "src/acme/db.py", False),
    ],
)
def test_the_defaults_of_a_published_library_are_those_of_its_users(
    run: Run, tmp_path: Path, files: dict[str, str], path: str, left: bool
) -> None:
    code = (
        "from testcontainers.core.container import DockerContainer\n_IMAGE = 'node:22'\n"
        "class A(DockerContainer):\n    def __init__(self, image: str = 'ruby:3.4', **more): ...\n"
        "class B(DockerContainer):\n    def __init__(self, *, image=_IMAGE): ...\n"
    )
    for name, text in (files | {path: code}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for arguments, state in ([], "ignored"), ([path], "needs-person"), (["--include", "**/db.py"], "needs-person"):
        found = json.loads(run("inventory", "--output-format", "json", *arguments).stdout)["references"]
        assert {one["state"] for one in found} == ({state} if left else {"migrate"})
        assert {one["reasons"][0]["id"] for one in found if left} == ({"library-default"} if left else set())
        assert len(found) == 2


def test_what_a_published_library_starts_itself_moves(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("import docker\ndocker.from_env().containers.run('node:22', 'true')\n")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert one["state"] == "migrate"
