"""Keyless signatures in cosign's older form: beside the signature a certificate, and the promise of a log to have it.

The library ``sigstore`` verifies bundles alone, which have the log's proof as well; a promise is what cosign itself
relies on where it is offline. Its parts are verified here by the library's functions in the library's order. Some of
these are not public: the tests make such signatures with openssl, so that another version of it cannot go unnoticed.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.registry import keyless, statements
from echo_migrate.registry.keys import signed_by
from echo_migrate.registry.statements import Refused

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from echo_migrate.registry.trust import Identity

CERTIFICATE = "dev.sigstore.cosign/certificate"
_PROMISE = "dev.sigstore.cosign/bundle"
_LONGEST = 100_000


class Signed(NamedTuple):
    """What is signed: the bytes that are, those that the log may have the hash of, and the signatures over it."""

    message: bytes
    hashed: tuple[bytes, ...]
    signatures: tuple[bytes, ...]


class _Promise(NamedTuple):
    """The promise of a log to have an entry, by its signature over the entry, its time and its place."""

    body: str
    time: int
    log: str
    place: int
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that the log has signed: canonical JSON."""
        table = {"body": self.body, "integratedTime": self.time, "logID": self.log, "logIndex": self.place}
        return json.dumps(table, sort_keys=True, separators=(",", ":")).encode()


def verify(signed: Signed, annotations: Mapping[str, str], identities: "Iterable[Identity]", root: str) -> None:
    """Verify that something was signed by one of some identities, by the annotations of its layer. Raises
    ``Refused``."""
    from cryptography.x509 import load_pem_x509_certificate
    from sigstore.errors import VerificationError

    promise = _promise(annotations.get(_PROMISE, ""))
    try:
        certificate = load_pem_x509_certificate(annotations[CERTIFICATE].encode())
        _verify_certificate(certificate, promise, keyless.Policy(tuple(identities)), keyless.instance(root))
        key: Any = certificate.public_key()
        if not any(signed_by(key, one, signed.message) for one in signed.signatures):
            raise Refused("its signature is not by the key of its certificate")
        entry = json.loads(base64.b64decode(promise.body, validate=True))
        if not _is_about(entry, certificate, {hashlib.sha256(one).hexdigest() for one in signed.hashed}):
            raise Refused("its log entry is about something else")
    except Refused:
        raise
    except VerificationError as error:
        raise Refused(keyless.said(error)) from None
    except Exception:  # of many libraries, for what a stranger wrote
        raise Refused("its certificate or log entry cannot be read") from None


def _promise(text: str) -> _Promise:
    if not text or len(text) > _LONGEST:
        raise Refused("keyless, without an entry in a log")
    table = statements.read(text.encode(), "its log entry")
    payload = table.get("Payload")
    values = payload if isinstance(payload, dict) else {}
    texts = [values.get(key) for key in ("body", "logID")]
    numbers = [values.get(key) for key in ("integratedTime", "logIndex")]
    if not all(isinstance(one, str) for one in texts) or not all(type(one) is int and one >= 0 for one in numbers):
        raise Refused("its log entry cannot be read")
    (body, log), (time, place) = map(str, texts), (int(one or 0) for one in numbers)
    return _Promise(body, time, log, place, statements.decoded(table.get("SignedEntryTimestamp")))


def _verify_certificate(
    certificate: "Certificate", promise: _Promise, policy: keyless.Policy, instance: keyless.Instance
) -> None:
    """Verify what the library verifies of the certificate of a bundle, at the time that the log states."""
    from cryptography.x509 import ExtendedKeyUsage, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from sigstore._internal.sct import verify_sct
    from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
    from sigstore._internal.trust import KeyringPurpose
    from sigstore._utils import KeyID

    logs = instance.root.rekor_keyring(KeyringPurpose.VERIFY)
    logs.verify(key_id=KeyID(bytes.fromhex(promise.log)), signature=promise.signature, data=promise.signed)
    time = datetime.fromtimestamp(promise.time, tz=UTC)
    stated = TimestampVerificationResult(source=TimestampSource.TRANSPARENCY_SERVICE, time=time)
    chain = instance.verifier._verify_chain_at_time(certificate, stated)
    verify_sct(certificate, chain, instance.root.ct_keyring(KeyringPurpose.VERIFY))
    usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    extended = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise Refused("its certificate is not for signing code")
    policy.verify(certificate)


def _is_about(entry: Any, certificate: "Certificate", hashes: set[str]) -> bool:
    """Return whether an entry of a log is about this certificate and this content: else its time would be that of
    another signature (CVE-2022-36056)."""
    spec, kind = entry["spec"], (entry["kind"], entry["apiVersion"])
    if kind == ("hashedrekord", "0.0.1"):
        stated, keys = spec["data"]["hash"], [spec["signature"]["publicKey"]["content"]]
    elif kind == ("dsse", "0.0.1"):
        stated, keys = spec["payloadHash"], [one["verifier"] for one in spec["signatures"]]
    elif kind == ("intoto", "0.0.1"):
        stated, keys = spec["content"]["hash"], [spec["publicKey"]]
    elif kind == ("intoto", "0.0.2"):
        content = spec["content"]
        stated, keys = content["payloadHash"], [one["publicKey"] for one in content["envelope"]["signatures"]]
    else:
        raise Refused("its log entry is of an unknown kind")
    return stated["algorithm"] == "sha256" and stated["value"] in hashes and _are(keys, certificate)


def _are(keys: list[str], certificate: "Certificate") -> bool:
    """Return whether there are keys, and all of them are the certificate."""
    from cryptography.x509 import load_pem_x509_certificate

    return bool(keys) and all(load_pem_x509_certificate(base64.b64decode(one)) == certificate for one in keys)
