"""Two ways to write an element that the modules of the guest's definition share. Pure.

Values go in as data and come out escaped; nothing of a guest's definition is ever pasted together from strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def safe_text(text: str) -> str:
    """Text with the characters that no XML document may hold replaced."""
    return FORBIDDEN.sub("\ufffd", text)


def element(tag: str, attributes: Mapping[str, str | int] | None = None, *children: Element) -> Element:
    """An element; attributes that are '' are left out."""
    made = Element(tag, {key: safe_text(str(value)) for key, value in (attributes or {}).items() if value != ""})
    made.extend(children)
    return made


def leaf(parent: Element, tag: str, text: str | int = "", attributes: Mapping[str, str | int] | None = None) -> Element:
    """A child with text, appended to `parent`."""
    made = SubElement(parent, tag, {key: safe_text(str(v)) for key, v in (attributes or {}).items() if v != ""})
    made.text = safe_text(str(text)) or None
    return made
