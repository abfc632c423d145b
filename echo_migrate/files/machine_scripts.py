"""The scripts that Terraform hands to machines which it sets up: nobody has logged in there.

Follows developer.hashicorp.com/terraform (functions ``file``, ``filebase64`` and ``templatefile``; provisioners
``file`` and ``remote-exec``), read in November 2026.
"""

import contextlib
import os

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import at_written, names_in, real, upwards
from echo_migrate.files.workspace import of_a_run

_NAMED = lazy_regex(
    r"(?m)(?:\b(?:template)?file(?:base64)?\([ \t]{0,20}|^[ \t]{0,40}(?:script|source)[ \t]{0,40}=[ \t]{0,20})"
    r"\"(?:\$\{path\.(?:cwd|module|root)\}/)?([^\"$\n]{1,300})\"",
    needs=("file", "script", "source"),
)
_ENDINGS = (".tf", ".tofu")
_MOST_FILES = 64
"""The maximum number of folders in one, and of files, that are looked at."""


def is_sent(path: str) -> bool:
    """Return whether a file of Terraform sends a script to a machine: one in the folder of the script, in one above it
    within its tree, or directly below that."""
    own = real(path)
    return any(own in _sent(place) for folder in upwards(path) for place in _modules(folder))


@of_a_run(4096)
def _modules(folder: str) -> tuple[str, ...]:
    below = (name for name in sorted(names_in(folder)) if "." not in name)
    places = [folder, *(os.path.join(folder, name) for name in below)]
    return tuple(one for one in places[:_MOST_FILES] if any(name.endswith(_ENDINGS) for name in names_in(one)))


@of_a_run(4096)
def _sent(folder: str) -> frozenset[str]:
    files = sorted(name for name in names_in(folder) if name.endswith(_ENDINGS))[:_MOST_FILES]
    named = (one for name in files for one in _NAMED.findall(_text(os.path.join(folder, name))))
    return frozenset(real(found) for one in named if (found := at_written(folder, one)))


def _text(path: str) -> str:
    with contextlib.suppress(Unreadable):
        return contents(path).decode("utf-8", "replace")
    return ""
