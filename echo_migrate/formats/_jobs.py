"""The commands that a system runs in the image of a job or a step, as those of a container that is entered: how it is
started, and by whom, is the system's."""

from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import line
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, sequence
from echo_migrate.model import Image
from echo_migrate.shell.commands import SHELLS

_FILLED = lazy_regex(r"\$\{\{[^{}]*\}\}|\$\[\[[^\[\]]*\]\]|<<[^<>\n]*>>|\{\{[^{}]*\}\}|\$\([\w.-]+\)")
"""What systems fill in before a shell reads a script."""

_SETTINGS = frozenset(("CC", "CGO_ENABLED", "GOFLAGS"))
"""Variables whose values decide what a command calls (pkg.go.dev/cmd/go, Environment variables)."""
_PLAIN = lazy_regex(r"[\w ./=-]+")

_SHEBANG = lazy_regex(r"#![ \t]*(?:\S*/env[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?([^\s/]+)")


def entered(
    name: str,
    image: Image,
    scripts: Iterable[YamlNode | None],
    keys: dict[str, YamlNode] | None = None,
    user: Located | None = None,
) -> Iterator[Container]:
    """Yield the container of a job, or of a step, if it runs scripts; each is a text, or a list of texts, in the order
    in which they run. ``keys`` are those of the job or step, whose variables are set there, and ``user`` is the one
    that the file gives it."""
    text = "\n".join(one for script in scripts for one in _texts(script))
    if text:
        text = "".join(_exports(keys or {})) + text
        yield Container(
            name,
            image,
            (),
            user,
            (),
            False,
            image.mounts,
            open=True,
            kind="job",
            entered=(line("exec", _FILLED.sub("x", text), image.start, image.end),),
        )


def _exports(keys: dict[str, YamlNode]) -> Iterator[str]:
    """Yield the settings of go among the variables of a job, as commands that a shell would run before."""
    for key in ("env", "environment", "variables"):
        for name, value in effective(keys.get(key)).items():
            if name in _SETTINGS and is_scalar(value) and _PLAIN.fullmatch(value.value):
                yield f"export {name}='{value.value}'\n"


def _texts(script: YamlNode | None) -> Iterator[str]:
    """Yield the texts of a script that a shell reads; lists in the list are read too."""
    if is_text(script):
        shebang = _SHEBANG.match(script.value)
        if not shebang or shebang[1] in SHELLS:
            yield script.value
    elif script is not None and not is_mapping(script):
        for one in sequence(script):
            yield from (child.value for child in (one, *sequence(one)) if is_text(child))
