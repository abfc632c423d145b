"""A page: one file that loads nothing, by jinja2. Its policy allows its own style and script alone, by hash."""

import base64
import hashlib
import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from echo_migrate import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_ESCAPED = {ord(ch): f"\\u{ord(ch):04x}" for ch in "<>&'\u2028\u2029"}


def page(template: str, data: Any, **values: Any) -> str:
    """Return the page of a template: ``template`` is its path below this folder, without its suffixes, beside which the
    script lies that gives its list to that of all pages; ``data`` is what it reads. Raises ``click.UsageError`` if the
    library is missing."""
    style, script = _file("page.css"), _file("page.js") + _file(f"{template}.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text: str = (
        environment()
        .get_template(f"{template}.html.jinja")
        .render(values, policy=policy, style=style, script=script, data=embedded(data), version=__version__)
    )
    return text


def embedded(data: Any) -> str:
    """Return data as JSON that a script element can have."""
    return json.dumps(data, separators=(",", ":"), sort_keys=True).translate(_ESCAPED)


@cache
def environment() -> "Environment":
    """Return what renders templates, with every text escaped. Raises ``click.UsageError``."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        message = "a page needs its library: install echo-migrate[report] (or write .md or .json)"
        raise click.UsageError(message) from None
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
