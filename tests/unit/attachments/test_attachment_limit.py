import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.attachments.limit import refuse_too_large
from mailer.errors import AttachmentTooLarge
from mailer.model.message import MAX_MESSAGE_BYTES, base64_size


@given(st.binary(max_size=400))
def test_the_encoded_size_is_that_of_base64_in_lines(content: bytes) -> None:
    lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
    assert base64_size(len(content)) == len(lines)


def test_the_largest_file_that_fits_passes_and_one_byte_more_does_not() -> None:
    largest = max(size for size in range(30_640_000, 30_660_000) if base64_size(size) <= MAX_MESSAGE_BYTES)
    refuse_too_large("명세서.pdf", largest)
    with pytest.raises(AttachmentTooLarge, match=r"명세서.pdf") as error:
        refuse_too_large("명세서.pdf", largest + 1)
    assert error.value.next_step
