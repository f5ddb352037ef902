"""Text as HTML, and back, for a CMMS that keeps its long texts as HTML. Pure.

    html_to_text(text_to_html(text)) == text, for a text in canonical form

Written: each line becomes a paragraph. The paragraph of an empty line holds a line break, as
editors make it. The paragraph of a line with several spaces in a row has a style that keeps them.

Read: the text that a browser shows. White space collapses, blocks and breaks end a line, and items
of a list get a dash. Markup, images and scripts are left out.
"""

import re
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser

from syncd.core.equality import canonical_text

_AS_IT_STANDS = "white-space: pre-wrap"
_SPACES = re.compile(r"[ \t\n\r\f]+")
# A server's HTML parser drops these characters, or refuses the text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_KEEPS_SPACES = re.compile(r"white-space\s*:\s*(pre|break-spaces)")
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl",
    "dt", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "html", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "tbody",
    "tfoot", "thead", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"head", "noscript", "script", "style", "template", "title"})
_ENTITIES = {"&": "&#38;", "<": "&#60;", ">": "&#62;"}
_KNOWN = {"&#38;": "&", "&#60;": "<", "&#62;": ">", "&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_KNOWN))
_VOID = frozenset({"br", "hr", "img", "input", "wbr", "col", "link", "meta", "area", "embed"})

Attributes = Sequence[tuple[str, str | None]]


def text_to_html(text: str) -> str:
    """Write the text as HTML, a paragraph for each line; an empty text is empty HTML.

    >>> text_to_html("a < b\\n\\nc")
    '<p>a &lt; b</p><p><br></p><p>c</p>'
    """
    if not text:
        return ""
    clean = _CONTROL.sub(" ", canonical_text(text))
    return "".join(_paragraph(line) for line in clean.split("\n"))


def _paragraph(line: str) -> str:
    if not line:
        return "<p><br></p>"
    collapsed = _SPACES.sub(" ", line).strip(" ")
    style = "" if line == collapsed else f' style="{_AS_IT_STANDS}"'
    return f"<p{style}>{escape(line, quote=False)}</p>"


def to_entities(text: str) -> str:
    """Write &, < and > as numeric entities, as some systems store any text they are sent.

    >>> to_entities("<p>a &lt; b</p>")
    '&#60;p&#62;a &#38;lt; b&#60;/p&#62;'
    """
    return re.sub("[&<>]", lambda match: _ENTITIES[match.group()], text)


def from_entities(text: str) -> str:
    """Undo `to_entities`; the named entities of older releases of such systems are read, too.

    >>> from_entities("&#60;p&#62;a &#38;lt; b&lt;/p&gt; caf&eacute;")
    '<p>a &lt; b</p> caf&eacute;'
    """
    return _ENTITY.sub(lambda match: _KNOWN[match.group()], text)


def html_to_text(html: str) -> str:
    """Read the text that a browser would show.

    >>> html_to_text("<div>Leaks <b>badly</b><br/>since&nbsp;May</div><ul><li>pump</li></ul>")
    'Leaks badly\\nsince\\xa0May\\n- pump'
    """
    collector = _LineCollector()
    # html.parser raises at a marked section that it does not know; browsers take any for a comment.
    collector.feed(html.replace("<![", "<!x"))
    collector.close()
    return collector.text()


class _LineCollector(HTMLParser):
    """Collects the lines of the text.

    `_open` lists the open elements that change how their content is read, the innermost last, each
    with whether its spaces are kept. An element of the same name inside such a one is listed, too:
    its end tag must not end the outer one.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._space = False  # a space to write before the next text of this line
        self._dash = False  # a dash to write before the next text: an item of a list
        self._open: list[tuple[str, bool]] = []

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines)

    # ── html.parser's own names ───────────────────────────────────────────────────────────

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag == "p" and self._open and self._open[-1][0] == "p":
            self._open.pop()  # a paragraph ends where the next begins
        if tag == "br":
            self._break()
        elif tag in _BLOCKS:
            self._end_line()
        elif tag in _CELLS:
            self._space = bool(self._line)
        if tag == "li":
            self._dash = True
        self._enter(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.handle_starttag(tag, attrs)  # `<p/>` opens a paragraph in HTML

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        if tag in _BLOCKS:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if any(tag in _UNSEEN for tag, _ in self._open):
            return
        if self._open and self._open[-1][1]:
            self._add_as_it_stands(data)
        else:
            self._add(data)

    # ── lines ─────────────────────────────────────────────────────────────────────────────

    def _enter(self, tag: str, attrs: Attributes) -> None:
        if tag in _VOID:
            return
        style = next((value or "" for name, value in attrs if name == "style"), "")
        keeps = tag in {"pre", "textarea"} or _KEEPS_SPACES.search(style.lower()) is not None
        inside = bool(self._open)
        if keeps or tag in _UNSEEN or (inside and self._open[-1][0] == tag):
            self._open.append((tag, keeps or (inside and self._open[-1][1])))

    def _add(self, data: str) -> None:
        text = _SPACES.sub(" ", data)
        leading, trailing = text.startswith(" "), text.endswith(" ")
        text = text.strip(" ")
        self._space = self._space or (leading and bool(self._line))
        if text:
            self._flush()
            self._line.append(text)
            self._space = trailing

    def _add_as_it_stands(self, data: str) -> None:
        for number, line in enumerate(data.split("\n")):
            if number:
                self._break()
            if line:
                self._flush()
                self._line.append(line)

    def _flush(self) -> None:
        if self._dash:
            self._line.append("- ")
        elif self._space and self._line:
            self._line.append(" ")
        self._space = self._dash = False

    def _break(self) -> None:
        """End the line, though it may be empty."""
        self._lines.append("".join(self._line))
        self._line, self._space = [], False

    def _end_line(self) -> None:
        if self._line:
            self._break()
        self._space = False
