"""Regular expressions that are compiled on first use, as most runs use only a few of those in the rules."""

import re
from typing import Any, cast


class _Lazy:
    def __init__(self, pattern: str, flags: int) -> None:
        self._written = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._written), name)
        setattr(self, name, value)  # later lookups bypass __getattr__
        return value


def lazy_regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled on first use."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
