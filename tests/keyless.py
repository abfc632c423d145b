"""A small Sigstore, made by openssl: an authority, its log of certificates, a log of signatures, and what they sign.

By the specifications: the certificates' profile and extensions of Fulcio (certificate-specification.md, oid-info.md),
RFC 6962 for the certificate's timestamp and the tree, Rekor's dsse and hashedrekord entries, C2SP's signed notes.
"""

import base64
import hashlib
import json
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.signing import BUNDLE, IN_TOTO, KeyPair, b64, digest_of, envelope, key_pair

ISSUER = "https://issuer.example"
IDENTITY = "https://ci.example/release.yaml@refs/heads/main"
_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
private_key = ca.key
certificate = ca.pem
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""
_LEAF = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:{identity}
1.3.6.1.4.1.57264.1.1 = DER:{raw}
1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:{issuer}
"""
_STAMPS = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_TSA = """
[tsa]
default_tsa = own
[own]
serial = tsa.serial
crypto_device = builtin
signer_cert = tsa.pem
certs = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ordering = yes
"""
_ROOT = """
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


class Sigstore:
    """An instance of Sigstore with its trusted root in a file; ``at`` is the second of all that it signs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.at = folder, 1_780_000_000
        self.ca, self.ct, self.rekor = (key_pair(folder, name) for name in ("ca", "ct", "rekor"))
        (folder / "ca.cnf").write_text(_CONFIG)
        (folder / "ca.pem").write_bytes(self._issued(self.ca, _ROOT, "-selfsign", years=20))
        self.tsa = key_pair(folder, "tsa")
        (folder / "tsa.pem").write_bytes(self._issued(self.tsa, _STAMPS, years=20))
        self.root = folder / "trusted_root.json"
        authority = {"rawBytes": b64(self._der("x509", "-in", "ca.pem"))}
        since = {"start": "2020-01-01T00:00:00Z"}
        self.root.write_text(
            json.dumps(
                {
                    "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                    "tlogs": [self._log(self.rekor)],
                    "certificateAuthorities": [
                        {
                            "subject": {"organization": "example", "commonName": "authority"},
                            "uri": "https://fulcio.example",
                            "certChain": {"certificates": [authority]},
                            "validFor": since,
                        }
                    ],
                    "ctlogs": [self._log(self.ct)],
                    "timestampAuthorities": [self._time_authority()],
                }
            )
        )

    def certificate(
        self,
        key: KeyPair,
        identity: str = IDENTITY,
        issuer: str = ISSUER,
        usage: str = "codeSigning",
        more: str = "",
        years: int = 0,
    ) -> bytes:
        """Return a certificate of a key, as PEM, with the timestamp of the log of certificates in it."""
        raw = issuer.encode().hex(":")
        extensions = _LEAF.format(identity=identity, issuer=issuer, raw=raw, usage=usage) + more
        before = self._issued(key, extensions, years=years)
        (self.folder / "leaf.pem").write_bytes(before)
        self._openssl("asn1parse", "-in", "leaf.pem", "-strparse", "4", "-out", "tbs.der", "-noout")
        signed = (self.folder / "tbs.der").read_bytes()
        stamp = self._timestamp(signed)
        listed = struct.pack("!HH", len(stamp) + 2, len(stamp)) + stamp
        value = b"\x04" + (bytes([len(listed)]) if len(listed) < 128 else b"\x81" + bytes([len(listed)])) + listed
        return self._issued(key, f"{extensions}1.3.6.1.4.1.11129.2.4.2 = DER:{value.hex(':')}\n", years=years)

    def bundle(self, payload: bytes, key: KeyPair, certificate: bytes, **changed: Any) -> bytes:
        """Return a bundle of an attestation, with its entry in the log of signatures."""
        wrapped = envelope(payload, key)
        entry = self.entry(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
                    "payloadHash": {"algorithm": "sha256", "value": digest_of(payload)[7:]},
                    "signatures": [{"signature": wrapped["signatures"][0]["sig"], "verifier": b64(certificate)}],
                },
            }
        )
        (self.folder / "leaf.pem").write_bytes(certificate)
        material = {"certificate": {"rawBytes": b64(self._der("x509", "-in", "leaf.pem"))}, "tlogEntries": [entry]}
        made = {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": wrapped}
        return json.dumps(made | changed).encode()

    def stamped_bundle(self, payload: bytes, key: KeyPair, certificate: bytes, at: bytes = b"") -> bytes:
        """Return a bundle with an entry of Rekor's second version, which states no time, and a time stamp (RFC 3161) of
        the signature, or of something else."""
        wrapped = envelope(payload, key)
        signature = wrapped["signatures"][0]["sig"]
        (self.folder / "leaf.pem").write_bytes(certificate)
        raw = {"rawBytes": b64(self._der("x509", "-in", "leaf.pem"))}
        signed = b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)
        held = {"x509Certificate": raw, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        data = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(signed).digest())}
        spec = {"hashedRekordV002": {"data": data, "signature": {"content": signature, "verifier": held}}}
        entry = self.entry({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        del entry["integratedTime"], entry["inclusionPromise"]
        stamp = self._stamp(at or base64.b64decode(signature))
        stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}
        material = {"certificate": raw, "tlogEntries": [entry], "timestampVerificationData": stamps}
        return json.dumps({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": wrapped}).encode()

    def _stamp(self, content: bytes) -> bytes:
        (self.folder / "stamped").write_bytes(content)
        (self.folder / "tsa.cnf").write_text(_TSA)
        self._openssl("ts", "-query", "-data", "stamped", "-sha256", "-cert", "-out", "query.tsq")
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def _time_authority(self) -> dict[str, Any]:
        chain = [{"rawBytes": b64(self._der("x509", "-in", name))} for name in ("tsa.pem", "ca.pem")]
        return {
            "subject": {"organization": "example", "commonName": "leaf"},
            "uri": "https://tsa.example",
            "certChain": {"certificates": chain},
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }

    def annotations(self, payload: bytes, key: KeyPair, certificate: bytes) -> dict[str, str]:
        """Return the annotations of a keyless signature in cosign's older form (SIGNATURE_SPEC.md)."""
        signature = b64(key.sign(payload))
        held = {"content": signature, "publicKey": {"content": b64(certificate)}}
        spec = {"signature": held, "data": {"hash": {"algorithm": "sha256", "value": digest_of(payload)[7:]}}}
        return self.promised({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}, certificate) | {
            "dev.cosignproject.cosign/signature": signature
        }

    def promised(self, body: dict[str, Any], certificate: bytes) -> dict[str, str]:
        """Return the annotations with a certificate, and the promise of the log to have an entry."""
        content = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        payload = {"body": b64(content), "integratedTime": self.at, "logIndex": 0, "logID": self._id(self.rekor).hex()}
        promise = {"SignedEntryTimestamp": b64(self.promise(content)), "Payload": payload}
        return {
            "dev.sigstore.cosign/certificate": certificate.decode(),
            "dev.sigstore.cosign/bundle": json.dumps(promise),
        }

    def entry(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return an entry in the log of signatures, which has no other."""
        content = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        root = hashlib.sha256(b"\x00" + content).digest()
        note = f"rekor.example - 1\n1\n{b64(root)}\n"
        id = self._id(self.rekor)
        signature = b64(id[:4] + self.rekor.sign(note.encode()))
        return {
            "logIndex": "0",
            "logId": {"keyId": b64(id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(self.at),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.promise(content))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n\u2014 rekor.example {signature}\n"},
            },
            "canonicalizedBody": b64(content),
        }

    def promise(self, content: bytes) -> bytes:
        """Return the log's signature over an entry, its time and place (in canonical JSON)."""
        signed = {"body": b64(content), "integratedTime": self.at, "logID": self._id(self.rekor).hex(), "logIndex": 0}
        return self.rekor.sign(json.dumps(signed, sort_keys=True, separators=(",", ":")).encode())

    def _issued(self, key: KeyPair, extensions: str, *more: str, years: int = 0) -> bytes:
        """Return a certificate, as PEM, that is valid for the ten minutes around ``at``, or for years."""
        (self.folder / "extensions").write_text(extensions)
        (self.folder / "index.txt").write_text("")
        name, serial = ("authority", "01") if more else ("leaf", "1234567890ABCDEF")
        (self.folder / "serial").write_text(f"{serial}\n")
        self._openssl("req", "-new", "-key", str(key.private), "-subj", f"/CN={name}", "-out", "leaf.csr")
        around = years * 366 * 86400 or 300
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(self.at + offset)) for offset in (-around, around)]
        words = ["ca", "-batch", "-notext", "-config", "ca.cnf", "-extfile", "extensions", "-in", "leaf.csr", *more]
        self._openssl(*words, "-out", "issued.pem", "-startdate", dates[0], "-enddate", dates[1])
        return (self.folder / "issued.pem").read_bytes()

    def _timestamp(self, certificate: bytes) -> bytes:
        """Return the timestamp of the log of certificates (RFC 6962, 3.2)."""
        at = struct.pack("!Q", self.at * 1000)
        size = struct.pack("!I", len(certificate))[1:]
        signed = b"\x00\x00" + at + b"\x00\x01" + self._id(self.ca) + size + certificate + b"\x00\x00"
        signature = self.ct.sign(signed)
        return b"\x00" + self._id(self.ct) + at + b"\x00\x00\x04\x03" + struct.pack("!H", len(signature)) + signature

    def _log(self, key: KeyPair) -> dict[str, Any]:
        since = {"start": "2020-01-01T00:00:00Z"}
        public = {
            "rawBytes": b64(self._public(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": since,
        }
        return {
            "baseUrl": "https://log.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": public,
            "logId": {"keyId": b64(self._id(key))},
        }

    def _id(self, key: KeyPair) -> bytes:
        return hashlib.sha256(self._public(key)).digest()

    def _public(self, key: KeyPair) -> bytes:
        return base64.b64decode("".join(key.public.splitlines()[1:-1]))

    def _der(self, *words: str) -> bytes:
        return self._openssl(*words, "-outform", "DER")

    def _openssl(self, *words: str) -> bytes:
        return subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder).stdout
