#!/usr/bin/python3
"""Verifies a JWT from the portal's GET /token with PyJWT and cryptography (Debian: python3-jwt, python3-cryptography).

    verify.py PORTAL AUDIENCE [TOKEN]

Without TOKEN, reads it from standard input. Prints the email address and exits with code 0, or prints the reason and exits with code 1.
A long-running program should cache the keys for as long as the response's Cache-Control allows.
"""

import json
import sys
import urllib.request
from urllib.parse import urljoin, urlsplit

import jwt

SKEW = 30  # tolerated clock difference in seconds

# The key determines the algorithm. Otherwise an attacker could choose "none", or HS256 with the public key as the secret.
ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("RSA", None): "RS256", ("EC", "P-256"): "ES256"}


class Refused(Exception):
    pass


def fetch_keys(portal: str) -> list:
    with urllib.request.urlopen(urljoin(portal, "/api/v2/jwks.json"), timeout=5) as answer:
        return json.load(answer)["keys"]


def origin(url: str) -> str:
    """Returns scheme, host and port, without the default port: the issuer of the portal."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, usual) else f":{parts.port}")


def email_of(portal: str, audience: str, token: str) -> str:
    header = jwt.get_unverified_header(token)
    for name in ("jku", "jwk", "x5u", "x5c", "crit"):
        if name in header:
            raise Refused(f"its header has {name}")
    key = next((key for key in fetch_keys(portal) if key.get("kid") == header.get("kid")), None)
    if key is None:
        raise Refused("the portal has no such key")
    algorithm = ALGORITHMS.get((key.get("kty"), key.get("crv")))
    if algorithm is None or key.get("alg") != algorithm:
        raise Refused("its key is of an unknown kind")
    claims = jwt.decode(
        token, jwt.PyJWK(key, algorithm).key, algorithms=[algorithm], audience=audience, issuer=origin(portal), leeway=SKEW,
        options={"require": ["iss", "aud", "exp", "nbf", "sub"]})
    # Tokens of service accounts have their own claims, but no subject.
    if not claims["sub"] or claims.get("email") != claims["sub"]:
        raise Refused("it names nobody who is signed in")
    return claims["email"]


def main() -> int:
    try:
        if len(sys.argv) not in (3, 4):
            raise Refused("usage: verify.py PORTAL AUDIENCE [TOKEN]")
        token = sys.argv[3] if len(sys.argv) == 4 else sys.stdin.read()
        print(email_of(sys.argv[1], sys.argv[2], token.strip()))
        return 0
    except (Refused, jwt.PyJWTError, OSError, ValueError, KeyError) as why:
        print("The token is not accepted:", str(why).replace("\n", " "), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
