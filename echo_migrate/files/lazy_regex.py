"""Regular expressions that are compiled when they are first used: most runs use few of those that rules have."""

import re
from typing import Any, cast


class _Lazy:
    def __init__(self, pattern: str, flags: int) -> None:
        self._written = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._written), name)
        setattr(self, name, value)  # the next look-up does not come here
        return value


def lazy_regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """``re.compile``, put off."""
    return cast("re.Pattern[str]", _Lazy(pattern, flags))
