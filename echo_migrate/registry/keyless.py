"""Signatures whose key has a certificate of a few minutes in place of a name that is known (Sigstore, "keyless").

The library ``sigstore`` verifies them: the certificate and its time, the logs of certificates and of signatures, the
signature. It is given a root of trust that is here already, its own or a file, so that it asks nobody.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from echo_migrate.registry.names import printable
from echo_migrate.registry.statements import Bundle, Refused

if TYPE_CHECKING:
    from sigstore.verify import Verifier
    from sigstore.verify.policy import VerificationPolicy

    from echo_migrate.registry.trust import Identity


def verify(bundle: Bundle, manifest: bytes, identities: "Iterable[Identity]", root: str) -> None:
    """Verify that a bundle was signed by one of some identities. Raises ``Refused``.

    Its envelope is what counts where it has one, else the manifest. ``root`` is the path of a trusted root, "" for that
    of the library.
    """
    from sigstore.models import Bundle as Parsed

    verifier = _verifier(root)
    try:
        parsed = Parsed.from_json(bundle.content)
        if bundle.envelope is None:
            verifier.verify_artifact(manifest, parsed, _policy(identities))
            return
        kind, payload = verifier.verify_dsse(parsed, _policy(identities))
    except Exception as error:  # of many libraries, for what a stranger wrote
        raise Refused(f"its certificate or log entry does not verify: {printable(_first_line(error))}") from None
    if (kind, payload) != (bundle.envelope.payload_type, bundle.envelope.payload):
        raise Refused("its envelope can be read in two ways")


@lru_cache(maxsize=8)
def _verifier(root: str) -> "Verifier":
    import logging

    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    logging.getLogger("sigstore").setLevel(logging.CRITICAL)  # it warns that it is offline, which is what is wanted
    try:
        return Verifier(trusted_root=TrustedRoot.from_file(root)) if root else Verifier.production(offline=True)
    except Exception as error:  # of many libraries, for a file that a user names
        raise Refused(f"the root of trust cannot be used: {printable(_first_line(error))}") from None


def _policy(identities: "Iterable[Identity]") -> "VerificationPolicy":
    from sigstore.verify import policy

    return policy.AnyOf([policy.Identity(identity=one.identity, issuer=one.issuer) for one in identities])


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
