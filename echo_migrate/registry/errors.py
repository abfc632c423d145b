"""What goes wrong with a registry: each error has a message and a remedy, and shows no credential."""


class RegistryError(Exception):
    """A registry did not give what it was asked for; ``remedy`` says what to do, and may be ""."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    @property
    def sentence(self) -> str:
        """The message, with the remedy behind it."""
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class NotFound(RegistryError):
    """There is no such manifest or blob; with ``name_unknown``, no such repository either."""

    def __init__(self, message: str, remedy: str = "", name_unknown: bool = False) -> None:
        super().__init__(message, remedy)
        self.name_unknown = name_unknown


class Denied(RegistryError):
    """The registry refuses access.

    ``logged_in``: credentials were sent. ``login_refused``: they are what it refuses, so that nothing is known of the
    image; else the login is valid and does not cover the image, or the image does not exist, which many registries do
    not tell apart.
    """

    def __init__(
        self, message: str, remedy: str = "", logged_in: bool = False, login_refused: bool = False, status: int = 401
    ) -> None:
        super().__init__(message, remedy)
        self.logged_in = logged_in
        self.login_refused = login_refused
        self.status = status


class Unreachable(RegistryError):
    """The registry gave no answer, or reported an error of its own. ``broken``: a connection ended; trying again may
    help. ``silent``: no connection was made at all."""

    def __init__(self, message: str, remedy: str = "", broken: bool = False, silent: bool = False) -> None:
        super().__init__(message, remedy)
        self.broken = broken
        self.silent = silent


class Throttled(RegistryError):
    """The rate limit is reached; ``retry_after`` is the number of seconds to wait by the registry, None if unknown."""

    def __init__(self, message: str, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after = retry_after


class Malformed(RegistryError):
    """The answer is not what it claims to be: a wrong digest, no JSON, too large, too deep, pages that repeat."""
