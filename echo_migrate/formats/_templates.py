"""Templates from which YAML is generated: how they are known, and the images that they name literally.

Go templates (helm.sh, "The Chart Template Developer's Guide") and Jinja (jinja.palletsprojects.com, "Template Designer
Documentation").
"""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.spelling import TEMPLATE
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

MARK = lazy_regex(
    r"\{\{-?\s*(?:[.$#]|/\*|(?:include|template|if|range|with|else|end|define|toYaml|tpl|default|printf)\b)"
    r"|\{%-?\s*(?:block|elif|else|end(?:block|for|if|macro|raw|set)|extends|for|if|import|include|macro|raw|set)\b"
)
"""The beginning of an action of a Go template, or of a statement of Jinja."""

_FILLED_IN = lazy_regex(r"(?<!\$)\{\{-?\s*[a-z_]\w*(?:(?:\.\w+)+\s*(?:\|[^{}\n]*)?|\s*\|[^{}\n]*)-?\}\}")
"""A variable of Jinja, which other programs fill in too, but only in texts that are YAML."""

_REPLACED = lazy_regex(r"(?m)^[^#@\n]{0,200}[:-][ \t]+@[A-Za-z_]\w{0,50}@", needs=("@",))
"""A value that a program replaces, as ``configure`` and CMake do in their input; no text of YAML begins with ``@``."""

_COMMENT = lazy_regex(r"(?m)^[ \t]*#[^\n]*")
LITERAL = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]+([\"']?)([^\s\"'{}$#<>]+)\1[ \t]*(?:#[^\n]*)?\r?$")
_DEFAULT = lazy_regex(
    r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]+[\"']?\{\{-?[ \t]*[\w.$]{1,200}[ \t]*\|"
    r"[ \t]*default[ \t]*\(?[ \t]*([\"'])([\w./:@-]+)\1",
    needs=("default",),
    of_files=True,
)
"""The image of a template that its variables give another one, by the filter of Jinja or the function of Go."""
_NAMED = lazy_regex(rf"(?i).+{TEMPLATE}")
_IN_A_TEMPLATE = because("in-template")


def of_template(path: str) -> bool:
    """Return whether the name of a file says that it is a template."""
    return bool(_NAMED.fullmatch(path.rpartition("/")[2]))


def is_template(text: str) -> bool:
    """Return whether a text is a Go or Jinja template from which YAML is generated."""
    return ("{{" in text or "{%" in text) and bool(MARK.search(without_comments(text)))


def fails_as_template(text: str) -> bool:
    """Return whether a text that is no YAML is a template from which YAML is generated."""
    if is_template(text) or _REPLACED.search(text):
        return True
    return "{{" in text and bool(_FILLED_IN.search(without_comments(text)))


def without_comments(text: str) -> str:
    """Return a text with its comments replaced by spaces."""
    return _COMMENT.sub(lambda comment: " " * len(comment[0]), text)


def literals(text: str) -> Iterator[Image]:
    """Yield the images that a template names literally, which are reported but never rewritten."""
    for match in (*LITERAL.finditer(text), *_DEFAULT.finditer(text)):
        start, end = match.span(2)
        yield Image(Traced.of(text, start, end), "image", start, end, not_editable=_IN_A_TEMPLATE)
