"""Who owns what a pull request changes, by CODEOWNERS as its forge reads it."""

from collections import Counter
from collections.abc import Iterable

from echo_migrate.files.code_owners import CodeOwners, Grammar, code_owners

NO_OWNERS = CodeOwners("", "github")


def read(top: str, grammar: Grammar | None) -> CodeOwners:
    """Return the owners that a repository names; none if it has no file that can be read. Without a ``grammar``, the
    file tells which forge it is for."""
    return code_owners(top, grammar) or NO_OWNERS


def with_account(owners: Iterable[str]) -> tuple[str, ...]:
    """Return the owners that a forge knows by name: nobody can be asked by an address."""
    return tuple(owner for owner in owners if owner.startswith("@"))


def by_share(owned: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the owners of some files that can be asked, those who own the most of them first."""
    return [owner for owner, _ in Counter(owner for owners in owned for owner in with_account(owners)).most_common()]
