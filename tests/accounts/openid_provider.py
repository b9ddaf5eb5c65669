"""A small OpenID provider in the test's own process: it signs whatever a test wants it to sign."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "hub", "the secret of the hub"


class SigningKey:
    """A key pair with an id."""

    def __init__(self, kid: str, *, bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        told = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.public = {**told, "kid": kid, "alg": "RS256", "use": "sig"}


KEY, OTHER_KEY = SigningKey("first"), SigningKey("second")


class OpenIdProvider:
    """Answers discovery, keys, codes and userinfo on a loopback port. `sign` is how the next tokens are made."""

    def __init__(self) -> None:
        self.keys = [KEY]
        self.sign: Any = self.signed
        self.document: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, Any]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None: ...

            def do_GET(self) -> None:
                provider.asked.append(self.path)
                answers = {
                    "/.well-known/openid-configuration": provider.discovery,
                    "/keys": lambda: {"keys": [key.public for key in provider.keys]},
                    "/userinfo": lambda: provider.userinfo,
                }
                self._say(200 if self.path in answers else 404, answers.get(self.path, dict)())

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self._say(*provider.trade(form, self.headers.get("Authorization", "")))

            def _say(self, status: int, told: Any) -> None:
                if status == 302:
                    self.send_response(302)
                    self.send_header("Location", told)
                    self.end_headers()
                    return
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def discovery(self) -> dict[str, Any]:
        addresses = {
            f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "userinfo")
        }
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "code_challenge_methods_supported": ["S256"],
            **addresses,
            **self.document,
        }

    def trade(self, form: dict[str, str], header: str) -> tuple[int, Any]:
        """One code, once, for who shows the secret and the verifier."""
        known = self.codes.pop(form.get("code", ""), None)
        right = f"Basic {base64.b64encode(f'{CLIENT}:{quote_plus(SECRET)}'.encode()).decode()}"
        if known is None or header != right or form["redirect_uri"] != known["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != known["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.sign(known["claims"])}

    def signed(self, claims: dict[str, Any], *, key: SigningKey = KEY, **head: Any) -> str:
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid, **head})

    def vouch(self, address: str, sub: str, /, **claims: Any) -> dict[str, str]:
        """Somebody signed in at `address`, where DeployHub sent them: the answer that their browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        now, code = int(time.time()), secrets.token_urlsafe()
        told = {
            "iss": self.issuer, "sub": sub, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "auth_time": now, "name": sub.title(), "preferred_username": sub, "groups": [], **claims,
        }  # fmt: skip
        told = {name: value for name, value in told.items() if value is not None}
        self.codes[code] = {**asked, "claims": told}
        return {"code": code, "state": asked["state"]}
