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

from tests.signing import BUNDLE, KeyPair, b64, digest_of, envelope, key_pair

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
        (folder / "ca.pem").write_bytes(self._issued(self.ca, _ROOT, "-selfsign"))
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
                    "timestampAuthorities": [],
                }
            )
        )

    def certificate(
        self, key: KeyPair, identity: str = IDENTITY, issuer: str = ISSUER, usage: str = "codeSigning", more: str = ""
    ) -> bytes:
        """Return a certificate of a key, as PEM, with the timestamp of the log of certificates in it."""
        raw = issuer.encode().hex(":")
        extensions = _LEAF.format(identity=identity, issuer=issuer, raw=raw, usage=usage) + more
        before = self._issued(key, extensions)
        (self.folder / "leaf.pem").write_bytes(before)
        self._openssl("asn1parse", "-in", "leaf.pem", "-strparse", "4", "-out", "tbs.der", "-noout")
        signed = (self.folder / "tbs.der").read_bytes()
        stamp = self._timestamp(signed)
        listed = struct.pack("!HH", len(stamp) + 2, len(stamp)) + stamp
        value = b"\x04" + (bytes([len(listed)]) if len(listed) < 128 else b"\x81" + bytes([len(listed)])) + listed
        return self._issued(key, f"{extensions}1.3.6.1.4.1.11129.2.4.2 = DER:{value.hex(':')}\n")

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

    def _issued(self, key: KeyPair, extensions: str, *more: str) -> bytes:
        """Return a certificate, as PEM, that is valid for the ten minutes around ``at``."""
        (self.folder / "extensions").write_text(extensions)
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("1234567890ABCDEF\n")
        self._openssl("req", "-new", "-key", str(key.private), "-subj", "/CN=leaf", "-out", "leaf.csr")
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(self.at + offset)) for offset in (-300, 300)]
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
