"""How large an attachment may be."""

from mailer.attachments.names import shown
from mailer.errors import AttachmentTooLarge

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html: 40 MB a message, after base64.
MAIL_BYTES = 40 * 1024 * 1024


def encoded_size(size: int) -> int:
    """Bytes that `size` bytes take in a mail: base64 in lines of 76 characters and CRLF (RFC 2045 section 6.8)."""
    return 4 * -(-size // 3) + 2 * -(-size // 57)


def refuse_too_large(path: str, size: int) -> None:
    """Raises AttachmentTooLarge where a file of `size` bytes alone would make a mail larger than SES takes."""
    if encoded_size(size) > MAIL_BYTES:
        raise AttachmentTooLarge(
            f"{shown(path)} has {size:,} bytes, {encoded_size(size):,} after base64; a mail may have {MAIL_BYTES:,}",
            "Make the file smaller, or let the mail hold a link to it.",
        )
