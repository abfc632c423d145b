"""The makefiles that a makefile includes, which make looks for in the folder in which it runs.

Follows the GNU make manual 4.4, "Including Other Makefiles".
"""

import os
from itertools import chain, islice

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import dockerfile_at, matching, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.shell.makefiles import INCLUDE, MOST_INCLUDED

_HERE = lazy_regex(r"^\$[({]CURDIR[)}]/")


@of_a_run(64)  # each target that is called asks
def included(path: str, text: str) -> list[str]:
    """Return the paths of the makefiles that a text names to include in the one at ``path``, which are in its tree."""
    written = [_HERE.sub("", name) for match in INCLUDE.finditer(text) for name in match[1].split()]
    names = islice(chain.from_iterable(_matching(path, name) for name in written), MOST_INCLUDED + 1)
    return [found for name in names if (found := dockerfile_at(path, ".", name))]


def _matching(path: str, name: str) -> list[str]:
    """Return the names that one of ``include`` stands for: of a pattern, those of files in one folder of the tree."""
    folder, _, last = name.rpartition("/")
    if "*" not in last or "*" in folder or name[:1] == "/":
        return [name]
    own = os.path.dirname(path)
    return [os.path.relpath(one, own) for one in matching(own, name, real(top(path)))]
