"""Signatures whose key has a certificate of a few minutes in place of a name that is known (Sigstore, "keyless").

The library ``sigstore`` verifies them: the certificate and its time, the logs of certificates and of signatures, the
signature. It is given a root of trust that is here already, the one it comes with or a file, so that it asks nobody.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.registry.names import printable
from echo_migrate.registry.statements import Bundle, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    from echo_migrate.registry.trust import Identity

_ROOT = ("https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")
"""Where the library has the root of Sigstore's public instance: ``production()`` would write it to the home folder, and
from then on prefer that copy to the newer one of a newer library."""


def verify(bundle: Bundle, manifest: bytes, identities: "Iterable[Identity]", root: str) -> None:
    """Verify that a bundle was signed by one of some identities. Raises ``Refused``.

    Its envelope is what counts where it has one, else the manifest. ``root`` is the path of a trusted root, "" for that
    of the library.
    """
    from sigstore.errors import VerificationError
    from sigstore.models import Bundle as Parsed

    verifier, policy = instance(root).verifier, Policy(tuple(identities))
    try:
        parsed = Parsed.from_json(bundle.content)
        if bundle.envelope is None:
            verifier.verify_artifact(manifest, parsed, policy)
            return
        kind, payload = verifier.verify_dsse(parsed, policy)
    except Refused:
        raise
    except VerificationError as error:
        raise Refused(said(error)) from None
    except Exception:  # of many libraries, for what a stranger wrote
        raise Refused("its bundle, certificate or log entry cannot be read") from None
    if (kind, payload) != (bundle.envelope.payload_type, bundle.envelope.payload):
        raise Refused("its envelope can be read in two ways")


class Policy(NamedTuple):
    """The policy that a certificate is of one of some identities."""

    identities: "tuple[Identity, ...]"

    def verify(self, certificate: "Certificate") -> None:
        from sigstore.errors import VerificationError
        from sigstore.verify import policy

        for one in self.identities:
            try:
                policy.Identity(identity=one.identity, issuer=one.issuer).verify(certificate)
            except VerificationError:
                continue
            return
        raise Refused("its certificate is of another identity or issuer")


def said(error: Exception) -> str:
    """Return what an error of verification means, in a line."""
    text = str(error).partition(": expected")[0].partition("\n")[0]
    return f"its certificate or log entry does not verify: {printable(text, 80)}"


class Instance(NamedTuple):
    """An instance of Sigstore: its root of trust, and what verifies by it."""

    root: "TrustedRoot"
    verifier: "Verifier"


@lru_cache(maxsize=8)
def instance(root: str) -> Instance:
    """Return the instance of the trusted root in a file, Sigstore's public one for "". Raises ``Refused``."""
    import logging
    from importlib import resources

    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    logging.getLogger("sigstore").setLevel(logging.CRITICAL)  # it warns of keys in a root that it does not know
    try:
        with resources.as_file(resources.files("sigstore._store").joinpath(*_ROOT)) as own:
            trusted = TrustedRoot.from_file(root or str(own))
        return Instance(trusted, Verifier(trusted_root=trusted))
    except Exception:  # of many libraries, for a file that a user names
        raise Refused("the root of trust cannot be used") from None
