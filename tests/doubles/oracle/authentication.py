"""The logon's proof of a password, by the generations of Oracle's verifiers.

Each side sends half a key under the password's hash; both join them, and the password travels under the joined key.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """One key and value of a logon message; `flags` of AUTH_VFR_DATA are the verifier's type."""

    key: str
    value: str
    flags: int = 0


class Verifier(Protocol):
    """What the server keeps of a password."""

    def challenge(self) -> tuple[bytes, list[Pair]]:
        """The server's half of the key, and the answer to the logon's first phase."""

    def answer(self, half: bytes, pairs: Mapping[str, str]) -> bytes | None:
        """The joined key, if the client's second phase proves the password; else None."""


class Verifier12c:
    """PBKDF2 and SHA-512: the default since 12.1."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._salt = secrets.token_bytes(16)
        self._key_salt = secrets.token_bytes(16)
        speedy = hashlib.pbkdf2_hmac("sha512", self._password, self._salt + b"AUTH_PBKDF2_SPEEDY_KEY", 4096, 64)
        self._hash = hashlib.sha512(speedy + self._salt).digest()[:32]

    def challenge(self) -> tuple[bytes, list[Pair]]:
        half = secrets.token_bytes(32)
        return half, [
            Pair("AUTH_SESSKEY", _hex(_encrypt(self._hash, half))),
            Pair("AUTH_VFR_DATA", _hex(self._salt), 0x4815),
            Pair("AUTH_PBKDF2_CSK_SALT", _hex(self._key_salt)),
            Pair("AUTH_PBKDF2_VGEN_COUNT", "4096"),
            Pair("AUTH_PBKDF2_SDER_COUNT", "3"),
        ]

    def answer(self, half: bytes, pairs: Mapping[str, str]) -> bytes | None:
        theirs = _decrypt(self._hash, bytes.fromhex(pairs["AUTH_SESSKEY"]))
        joined = _hex(theirs[:32] + half[:32]).encode()
        key = hashlib.pbkdf2_hmac("sha512", joined, self._key_salt, 3, 32)
        return key if _proves(key, pairs, self._password) else None


class Verifier11g:
    """SHA-1: accounts whose password is older than 12.1."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._salt = secrets.token_bytes(10)
        self._hash = hashlib.sha1(self._password + self._salt, usedforsecurity=False).digest() + bytes(4)

    def challenge(self) -> tuple[bytes, list[Pair]]:
        half = secrets.token_bytes(48)
        return half, [
            Pair("AUTH_SESSKEY", _hex(_encrypt(self._hash, half))),
            Pair("AUTH_VFR_DATA", _hex(self._salt), 0x1B25),
        ]

    def answer(self, half: bytes, pairs: Mapping[str, str]) -> bytes | None:
        theirs = _decrypt(self._hash, bytes.fromhex(pairs["AUTH_SESSKEY"]))
        mixed = bytes(ours ^ their for ours, their in zip(half[16:40], theirs[16:40], strict=True))
        key = (_md5(mixed[:16]) + _md5(mixed[16:]))[:24]
        return key if _proves(key, pairs, self._password) else None


class Verifier10g:
    """DES: accounts whose password is older than 11.1. No driver in thin mode takes it, so nobody proves anything."""

    def challenge(self) -> tuple[bytes, list[Pair]]:
        return b"", [Pair("AUTH_SESSKEY", "00" * 32), Pair("AUTH_VFR_DATA", "00" * 10, 0x939)]

    def answer(self, half: bytes, pairs: Mapping[str, str]) -> bytes | None:
        return None


def server_proof(key: bytes) -> str:
    """AUTH_SVR_RESPONSE: shows the client that the server knew the password too."""
    return _hex(_encrypt(key, secrets.token_bytes(_BLOCK) + b"SERVER_TO_CLIENT" + bytes((_BLOCK,)) * _BLOCK))


def _proves(key: bytes, pairs: Mapping[str, str], password: bytes) -> bool:
    clear = _decrypt(key, bytes.fromhex(pairs["AUTH_PASSWORD"]))
    return secrets.compare_digest(clear[_BLOCK : -clear[-1]], password)


def _encrypt(key: bytes, clear: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).encryptor()
    return encryptor.update(clear) + encryptor.finalize()


def _decrypt(key: bytes, secret: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).decryptor()
    return decryptor.update(secret) + decryptor.finalize()


def _md5(text: bytes) -> bytes:
    return hashlib.md5(text, usedforsecurity=False).digest()


def _hex(value: bytes) -> str:
    return value.hex().upper()
