"""The smallest PDF that shows one line of Korean: for the demo's attachments."""

_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 595]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>"
# Not embedded: the reader's own Korean font stands in for it (ISO 32000-1, 9.7.5.2: predefined CMaps).
_FONT = b"""<</Type/Font/Subtype/Type0/BaseFont/HYGoThic-Medium-UniKS-UTF16-H/Encoding/UniKS-UTF16-H\
/DescendantFonts[6 0 R]>>"""
_CID_FONT = b"""<</Type/Font/Subtype/CIDFontType0/BaseFont/HYGoThic-Medium/FontDescriptor 7 0 R\
/CIDSystemInfo<</Registry(Adobe)/Ordering(Korea1)/Supplement 1>>/DW 1000/W[1 95 500]>>"""
_DESCRIPTOR = b"""<</Type/FontDescriptor/FontName/HYGoThic-Medium/Flags 4/FontBBox[-6 -145 1003 880]\
/ItalicAngle 0/Ascent 880/Descent -145/CapHeight 737/StemV 58>>"""


def tiny_pdf(line: str) -> bytes:
    """A PDF of one page that says `line`; the same bytes for the same line."""
    shown = b"BT /F 16 Tf 40 530 Td <%b> Tj ET" % line.encode("utf-16-be").hex().encode("ascii")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        _PAGE,
        _FONT,
        b"<</Length %d>>stream\n%b\nendstream" % (len(shown), shown),
        _CID_FONT,
        _DESCRIPTOR,
    )
    pdf = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    entries = b"0000000000 65535 f \n"
    for number, body in enumerate(objects, start=1):
        entries += b"%010d 00000 n \n" % len(pdf)
        pdf += b"%d 0 obj%b\nendobj\n" % (number, body)
    size = len(objects) + 1
    return pdf + b"xref\n0 %d\n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        entries,
        size,
        len(pdf),
    )
