"""The text of a login as it is searched for the name of a registry or a provider."""

from echo_migrate.files.lazy_regex import lazy_regex

_PUNCTUATION = lazy_regex(r"\W")


def login_text(written: str) -> str:
    """Return what a login says, as written and as words of variables have it: a secret is named for its registry or
    vendor (echo, echo-pull, prod/echo)."""
    return f"{written} _{_PUNCTUATION.sub('_', written)}_" if written.strip() else ""
