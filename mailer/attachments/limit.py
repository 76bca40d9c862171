"""How large an attachment may be."""

from mailer.attachments.names import shown
from mailer.errors import AttachmentTooLarge
from mailer.model.message import MAX_MESSAGE_BYTES, base64_size


def refuse_too_large(path: str, size: int) -> None:
    """Raises AttachmentTooLarge where a file of `size` bytes alone would make a mail larger than SES takes."""
    encoded = base64_size(size)
    if encoded > MAX_MESSAGE_BYTES:
        raise AttachmentTooLarge(
            f"{shown(path)} has {size:,} bytes, {encoded:,} after base64; a mail may have {MAX_MESSAGE_BYTES:,}",
            "Make the file smaller, or let the mail hold a link to it.",
        )
