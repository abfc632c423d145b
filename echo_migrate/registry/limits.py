"""The limits of all that a registry can make a run wait for, read or keep. Times are in seconds, sizes in bytes."""

from typing import NamedTuple

MB = 1_000_000


class Limits(NamedTuple):
    """The limits of a client."""

    connect: float = 10.0
    """Until a connection to one address is made, TLS included."""
    stall: float = 20.0
    """Without any byte."""
    request: float = 60.0
    """For a request with its answer, redirects and the wait for a free connection included."""
    stream: float = 900.0
    """For a request whose answer is a layer."""
    run: float = 1800.0
    """For all requests of a client."""
    wait: float = 20.0
    """The longest Retry-After that is waited for; a longer one ends the requests to that registry."""
    attempts: int = 3
    """For a request whose connection breaks, or that the registry fails to answer (status 500, 502, 503, 504)."""
    throttled: int = 6
    """The same for a request that is throttled (status 429)."""
    backoff: float = 0.5
    """Before the second attempt, doubled before each further one, where the registry does not say how long."""
    failures: int = 3
    """Requests in a row without an answer, or refusals of a login, after which a registry is not asked again."""
    redirects: int = 5
    addresses: int = 4
    """Of a host name, tried one after the other."""
    connections: int = 32
    """At a time."""
    manifest: int = 8 * MB
    blob: int = 32 * MB
    layer: int = 4000 * MB
    page: int = 16 * MB
    """Of a list of tags, repositories or referrers."""
    pages: int = 5000
    error: int = MB // 4
    """Of an answer that is no success, and of that of a token server."""
    names: int = 250_000
    """Tags of a repository, or repositories of a registry."""
    referrers: int = 10_000
