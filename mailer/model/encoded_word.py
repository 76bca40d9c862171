"""Text of any script as an ASCII header value: the encoded words of RFC 2047."""

import base64
import unicodedata

_MOST_BYTES = 39
"""UTF-8 bytes in one encoded word: 64 characters with its frame (RFC 2047, 2, allows 75), so that a line of 78 holds
it behind the name of any usual header."""


def encode_words(text: str) -> str:
    """`text` (NFC) as it is where it is printable ASCII, else as UTF-8 encoded words joined by one blank each.

    No character is cut in two and there is no line break in the result, so that a reader of each word alone sees whole
    letters. Raises ValueError where the text holds a lone surrogate.
    """
    text = unicodedata.normalize("NFC", text)
    # '=?' in plain ASCII would be read as an encoded word that somebody else wrote.
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    words: list[bytes] = []
    word = b""
    for letter in text:
        encoded = letter.encode("utf-8")
        if len(word) + len(encoded) > _MOST_BYTES:
            words.append(word)
            word = b""
        word += encoded
    words.append(word)
    return " ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)


def one_line(text: str) -> str:
    """`text` with each run of line breaks, tabs and other control characters made one blank, and outer blanks cut.

    What a row puts into a subject, a name or a header value can't begin another header.
    """
    if text.isprintable():
        return text.strip()
    # Zl and Zp are U+2028 and U+2029, which str.splitlines() and some readers take for line breaks.
    spaced = "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in text)
    return " ".join(part for part in spaced.split(" ") if part)
