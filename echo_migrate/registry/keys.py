"""Public keys, and whether one of them made a signature.

Which algorithms count: ECDSA on P-256, P-384 and P-521, RSA of 2048 bits or more with PKCS #1 v1.5 or PSS, Ed25519; all
with a hash of the SHA-2 family that is as strong as the key. Cosign signs with SHA-256 whatever the curve, so that this
is tried too.
"""

from typing import TYPE_CHECKING, Any

from echo_migrate.registry.statements import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_SHORTEST_RSA = 2048
_LONGEST_RSA = 16_384
_LONGEST = 100_000
"""The most bytes of a key's file: the largest key that counts has 3,000."""

_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def public_key(pem: bytes) -> "Key":
    """Return the one public key in a PEM text; what stands around it is skipped. Raises ``Refused``."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if len(pem) > _LONGEST or pem.count(_BEGIN) != 1 or _END not in pem.partition(_BEGIN)[2]:
        raise Refused("is not one public key in PEM (BEGIN PUBLIC KEY)")
    start = pem.index(_BEGIN)
    try:
        key: Any = load_pem_public_key(pem[start : pem.index(_END, start) + len(_END)] + b"\n")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused("is not a valid public key") from None
    if isinstance(key, rsa.RSAPublicKey) and _SHORTEST_RSA <= key.key_size <= _LONGEST_RSA:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise Refused("is a key of an algorithm or a size that does not count as safe")


def signed_by(key: "Key", signature: bytes, message: bytes) -> bool:
    """Return whether a signature over a message is by a key."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    for attempt in _attempts(key):
        try:
            attempt(signature, message)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            continue
        return True
    return False


def _attempts(key: Any) -> list[Any]:
    """Return the ways in which a signature by a key may be made, each as a function that raises if it was not."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return [key.verify]
    if isinstance(key, ec.EllipticCurvePublicKey):
        own = {"secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}.get(key.curve.name)
        return [
            lambda signature, message, by=by: key.verify(signature, message, ec.ECDSA(by))
            for by in (hashes.SHA256(), own)
            if by
        ]
    if isinstance(key, rsa.RSAPublicKey):
        ways = (padding.PKCS1v15(), padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO))
        return [
            lambda signature, message, way=way: key.verify(signature, message, way, hashes.SHA256()) for way in ways
        ]
    return []
