"""HTML as plain text: lines, lists and links, the rows of a table line by line."""

import re
from collections.abc import Callable

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from mailer.errors import TemplateFault

_LONGEST = 500_000
"""Characters of one mail's HTML that are turned into text: about a second's work."""

_LINES = frozenset({"table", "thead", "tbody", "tfoot", "tr", "caption", "center", "form"})
_CELLS = frozenset({"td", "th"})
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that lxml reads out of a page but does not take."""
_STRICT = ParserConfig(css=CSS_PROFILES["strict"])


def html_to_text(html: str) -> str:
    """The text part of one rendered mail. Raises TemplateFault where the HTML is too long for that."""
    if len(html) > _LONGEST:
        raise TemplateFault(
            f"text: an HTML of more than {_LONGEST:,} characters is not turned into text",
            "give the template a text part of its own",
        )
    lines: list[str] = []
    for line in html_lines(html, str):
        if line or (lines and lines[-1]):
            lines.append(line)
    return ended("\n".join(lines))


def ended(text: str) -> str:
    """A text part: no blank lines around it, a line break at its end; nothing stays nothing."""
    text = text.strip("\n")
    return text and text + "\n"


def html_lines(html: str, written: Callable[[str], str]) -> list[str]:
    """The lines of an HTML page, without blanks at their ends.

    `written` turns what stands in the page for something else into that, so that a link whose text says its address
    already is known as such.
    """
    unused = (character for character in map(chr, range(0xF8FF, 0xE000, -1)) if character not in html)
    boundary = next(unused)
    try:
        page = document_fromstring(html.encode("utf-8", "replace"), parser=HTMLParser(encoding="utf-8"))
    except etree.ParserError:  # there is no element in it
        return []
    etree.strip_tags(page, etree.Comment, etree.ProcessingInstruction)
    for element in page.iter():
        _rewrite(element, lambda text: _NOT_XML.sub("", text))
    for element in list(page.iter()):
        _flatten(element, boundary, written)
    for element in page.iter():
        # inscriptis decodes entities a second time: `?a=1&copy=2` would lose its `&copy`.
        _rewrite(element, lambda text: text.replace("&", "&amp;"))
    text = Inscriptis(page, _STRICT).get_text()
    return [cells for line in text.split("\n") if (cells := _cells(line, boundary)) is not None]


def _flatten(element: HtmlElement, boundary: str, written: Callable[[str], str]) -> None:
    """Make a table's rows plain lines (inscriptis's own layout moves what stands between rows), and links text."""
    tag = element.tag
    style = element.attrib.pop("style", "").replace(" ", "").lower()
    if any(written(name) != name for name in (tag, *element.attrib)) or _may_hide(style, written):
        raise TemplateFault("text: how an element looks depends on the row")
    if ("display:none" in style or "hidden" in element.attrib) and element.getparent() is not None:
        element.drop_tree()
    elif tag in _CELLS:
        element.tag = "span"
        element.tail = f" {boundary} {element.tail or ''}"
    elif tag in _LINES:
        element.tag = "div"
    elif tag == "ol" and written(text := "".join(element.itertext())) != text:
        element.tag = "ul"  # its numbers would be those of the template
    elif tag == "img":
        element.tag, element.text = "span", _NOT_XML.sub("", element.get("alt", ""))
    elif tag == "a":
        _append(element, _target(element, written))


def _may_hide(style: str, written: Callable[[str], str]) -> bool:
    """Whether `display` stands in a style that changes from row to row, or may: as in style="$(STYLE)"."""
    changing = [declaration for declaration in style.split(";") if written(declaration) != declaration]
    return any("display" in one or "$(" in written(one.partition(":")[0]) for one in changing)


def _target(link: HtmlElement, written: Callable[[str], str]) -> str:
    href = _NOT_XML.sub("", link.get("href", "")).strip()
    address = href.removeprefix("mailto:").removeprefix("tel:")
    if not address or address.startswith(("#", "javascript:")):
        return ""
    text = "".join(link.itertext()).strip()
    return "" if written(text) in (written(address), written(href)) else f" ({address})"


def _append(element: HtmlElement, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _rewrite(element: HtmlElement, change: Callable[[str], str]) -> None:
    element.text = element.text and change(element.text)
    element.tail = element.tail and change(element.tail)


def _cells(line: str, boundary: str) -> str | None:
    """The line with two blanks between cells; None where it is made of empty cells alone."""
    if boundary not in line:
        return line.rstrip()
    cells = [cell.strip() for cell in line.split(boundary)]
    return "  ".join(filter(None, cells)) or None
