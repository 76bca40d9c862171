"""Addresses: a recipient's, a header's (`from`, `reply_to`), and how a screen or a log may show one.

By RFC 5321 and 5322, narrowed to what SES takes: an ASCII local part and a domain in punycode.
"""

import re
from functools import lru_cache

import idna

from mailer.errors import MalformedAddress
from mailer.model.encoded_word import encode_words

MAX_LOCAL_PART = 64
"""Characters before the '@' (RFC 5321, 4.5.3.1.1)."""
MAX_ADDRESS = 254
"""Characters of the whole address (RFC 5321, 4.5.3.1.3, without the angle brackets)."""
_MAX_HEADER_LINE = 998
"""Characters of one header line (RFC 5322, 2.1.1): what a name and its address may become at most."""

_BLANKS = " \t\u00a0\u3000"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_DOT_ATOM = re.compile(rf"{_ATEXT}+(\.{_ATEXT}+)*")
_QUOTED = re.compile(r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
_PHRASE = re.compile(rf"{_ATEXT}+( {_ATEXT}+)*")
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# An 'xn--' label goes to idna, which knows whether it stands for anything.
_ASCII_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_MAILBOX = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>]*?))\s*<(?P<address>[^<>]*)>')
_ADDRESS_IN_TEXT = re.compile(r"[^\s<>,;:'\"()]+@[^\s<>,;:'\"()]+")
_SHOWN_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")


def parse_recipient(raw: str) -> str:
    """The one plain address in `raw`: outer blanks cut, the domain in lower-case punycode (IDNA 2008, UTS 46).

    Raises MalformedAddress, whose message says why in a few words.
    """
    text = raw.strip(_BLANKS)
    if not text:
        raise MalformedAddress("malformed address: it is empty")
    if fault := _not_one_address(text):
        raise MalformedAddress(f"malformed address: {fault}")
    local, _, domain = text.rpartition("@")
    if fault := _local_part_fault(local):
        raise MalformedAddress(f"malformed address: {fault}")
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > MAX_ADDRESS:
        raise MalformedAddress(f"malformed address: longer than {MAX_ADDRESS} characters")
    return address


def header_address(raw: str) -> str:
    """A value for From or Reply-To out of 'name <address>' or a bare address; ASCII, on one line.

    A name that is not ASCII becomes encoded words (RFC 2047), one that needs quotes gets them.
    Raises MalformedAddress.
    """
    text = raw.strip(_BLANKS)
    if _CONTROL.search(text):
        raise MalformedAddress("malformed address: it holds a line break or another control character")
    if not text.endswith(">"):
        return parse_recipient(text)
    mailbox = _MAILBOX.fullmatch(text)
    if mailbox is None:
        raise MalformedAddress("malformed address: expected one 'name <address>'")
    address = parse_recipient(mailbox["address"])
    name = _display_name(mailbox["quoted"], mailbox["plain"])
    value = f"{name} <{address}>" if name else address
    if len(value) > _MAX_HEADER_LINE:
        raise MalformedAddress("malformed address: its name is too long for a header")
    return value


def mask_address(address: str) -> str:
    """How screens and logs show an address: 'k***@example.co.kr'. Takes anything; what is no address is '***'."""
    local, at, domain = address.strip(_BLANKS + "<>").rpartition("@")
    if not at or not _SHOWN_DOMAIN.fullmatch(domain) or len(domain) > MAX_ADDRESS:
        return "***"
    first = local.lstrip('"')[:1]
    return f"{first if first.isalnum() else ''}***@{domain}"


def mask_addresses(text: str) -> str:
    """`text` with everything in it that looks like an address masked."""
    return _ADDRESS_IN_TEXT.sub(lambda found: mask_address(found[0]), text)


def _not_one_address(text: str) -> str | None:
    """What shows at a glance that this isn't a single address; looked for outside a quoted local part."""
    if _CONTROL.search(text):
        return "it holds a line break or another control character"
    quoted = _QUOTED.match(text)
    plain = text[quoted.end() :] if quoted else text
    if plain.count("@") > 1 and re.search(rf"[,;{_BLANKS}]", plain):
        return "several addresses"
    if "," in plain or ";" in plain:
        return "it holds ',' or ';'"
    if "<" in plain or ">" in plain:
        return "it has a display name or angle brackets; expected the address alone"
    if "@" not in plain:
        return "it has no '@'"
    if any(blank in plain for blank in _BLANKS):
        return "it holds a blank"
    return None


def _local_part_fault(local: str) -> str | None:
    if not local:
        return "there is nothing before the '@'"
    if not local.isascii():
        return "the part before the '@' is not ASCII"
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED.fullmatch(local)):
        return "the part before the '@' holds what none may hold, or a misplaced dot"
    if len(local) > MAX_LOCAL_PART:
        return f"more than {MAX_LOCAL_PART} characters before the '@'"
    return None


@lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    """The domain as DNS has it. Cached: a list of a million has few domains, and idna takes its time."""
    lower = domain.lower()
    if _ASCII_DOMAIN.fullmatch(lower):
        return lower
    try:
        encoded = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as error:
        raise MalformedAddress("malformed address: the part after the '@' is no domain") from error
    # RFC 5321, 2.3.5: a full domain; a last label of digits alone is an IP address or a slip.
    if "." not in encoded or encoded.rpartition(".")[2].isdigit() or encoded.endswith("."):
        raise MalformedAddress("malformed address: the part after the '@' is no full domain")
    return encoded


def _display_name(quoted: str | None, plain: str | None) -> str:
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (plain or "").strip(_BLANKS)
    if quoted is None and "@" in name and ("," in name or ";" in name):
        raise MalformedAddress("malformed address: several addresses")
    if _PHRASE.fullmatch(name) or not name:
        return name
    try:
        encoded = encode_words(name)
    except UnicodeError as error:
        raise MalformedAddress("malformed address: its name holds half a character") from error
    if encoded != name:
        return encoded
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
