"""What packages are called in another distribution: ``mappings/packages/``."""

from collections.abc import Iterable

from echo_migrate.files.data import read_block
from echo_migrate.shell.package_managers import Call, joined, package_name

_COMPARED = {"wolfi": ("debian", "ubuntu")}
"""The distributions whose packages are compared with those of others: the families of the others."""


def named_there(calls: Iterable[Call], family: str | None) -> str:
    """Return what the packages that calls install are called in a distribution of a family, as text for a message; ""
    where that is not known of any of them, and the names without counterpart in parentheses where of some."""
    if family not in _COMPARED:
        return ""
    installs = [
        one for one in calls if one.action == "install" and not {*_COMPARED[family]}.isdisjoint(one.manager.families)
    ]
    words = (
        word for one in installs if not one.unnamed for word in one.packages if word.known and "/" not in word.value
    )
    rows = {name: read_block(f"packages/{family}.yaml", name) for name in dict.fromkeys(map(package_name, words))}
    known = joined(one for row in rows.values() for one in row or ())
    missing = joined(name for name, row in rows.items() if row is None)
    return f"{known} (no counterpart known: {missing})" if known and missing else known
