"""Key pairs and JSON Web Tokens signed with them, by the openssl program alone."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

GENPKEY = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["-algorithm", "ed25519"],
    "weak": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
}


def openssl(*args: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw_pair(der: bytes) -> bytes:
    """r and s side by side, out of SEQUENCE { INTEGER r, INTEGER s }."""
    r_end = 4 + der[3]
    parts = der[4:r_end], der[r_end + 2 :]
    return b"".join(part.lstrip(b"\0").rjust(32, b"\0") for part in parts)


class Signer:
    """A key pair; `setting` is its public key as JWT_PUBLIC_KEY takes it."""

    def __init__(self, alg: str = "ES256") -> None:
        self.alg = alg
        self._folder = tempfile.TemporaryDirectory(prefix="sandgate-key-")
        self._private = Path(self._folder.name) / "private.pem"
        self._private.write_bytes(openssl("genpkey", *GENPKEY[alg]))
        self.pem = openssl("pkey", "-in", str(self._private), "-pubout").decode()
        self.setting = base64.b64encode(self.pem.encode()).decode()

    def _sign(self, text: bytes) -> bytes:
        if self.alg == "EdDSA":
            given = Path(self._folder.name) / "input"
            given.write_bytes(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-in", str(given), "-inkey", str(self._private))
        signature = openssl("dgst", "-sha256", "-sign", str(self._private), data=text)
        return _raw_pair(signature) if self.alg == "ES256" else signature

    def token(self, header: dict[str, Any] | None = None, exp: float | None = 3600, **claims: Any) -> str:
        """`exp` is in seconds from now; None: there is none."""
        if exp is not None:
            claims["exp"] = int(time.time() + exp)
        parts = [{"alg": self.alg, "typ": "JWT"} if header is None else header, claims]
        text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        return f"{text}.{base64url(self._sign(text.encode()))}"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
