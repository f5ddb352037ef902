"""Text as HTML and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.cmms.mapping.values.html_text import (
    from_entities,
    html_to_text,
    text_to_html,
    to_entities,
)
from syncd.core.equality import canonical_text

HOSTILE = [
    "<p>", "</p>", "<br>", "<pre>", "</pre>", "<script>", "</script>", "<ul>", "<li>", "<!--",
    "-->", "<![", "<", "&#0;", "&#x110000;", "<p style='white-space:pre'>", "<td>", "&nbsp;",
]  # fmt: skip
SPACES = st.sampled_from(" \t\n\r<>&;\"'ab-\xa0\u2028\x85")
TEXTS = st.text(st.one_of(SPACES, st.characters(exclude_categories=["Cs"])))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


@given(TEXTS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert html_to_text(text_to_html(text)) == CONTROL.sub(" ", canonical_text(text))


@given(st.one_of(TEXTS, st.lists(st.sampled_from(["&", "#38;", "&lt;", "<p>"])).map("".join)))
def test_entities_are_read_as_often_as_they_were_made(text: str) -> None:
    once = to_entities(text)
    assert not set("<>") & set(once)
    assert from_entities(once) == text
    assert from_entities(from_entities(to_entities(once))) == text


@given(TEXTS)
def test_the_html_holds_no_markup_but_ours(text: str) -> None:
    tags = set(re.findall(r"<[^>]*>", text_to_html(text)))
    assert tags <= {"<p>", "</p>", "<br>", '<p style="white-space: pre-wrap">'}


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=3))).map("".join))
def test_any_html_is_read_and_can_be_written_back(html: str) -> None:
    read = html_to_text(html)
    assert html_to_text(text_to_html(read)) == CONTROL.sub(" ", canonical_text(read))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>Pump leaks</p>", "Pump leaks"),
        ("<p>\n  Pump\n  leaks\n</p>\n<p>badly</p>", "Pump leaks\nbadly"),
        ("<p>a<br></p><p><br></p><p>b</p>", "a\n\nb"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("a &lt;b&gt; &amp; <b>c</b>", "a <b> & c"),
        ("<ul>\n<li> x </li><li><p>y</p></li></ul>", "- x\n- y"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<style>p {}</style><p>a</p><script>alert(1)</script>", "a"),
        ("<p>a</p><!--[if mso]><p>b</p><![endif]--><p>c</p>", "a\nc"),
        ("<![CDATA[x]]><p>a</p>", "a"),
        ("<pre>a\n  b</pre><p>c  d</p>", "a\n  b\nc d"),
        ('<p style="white-space: pre-wrap"> a  b </p>', " a  b "),
        ('<div style="white-space:pre"><div>a  b</div></div>c  d', "a  b\nc d"),
        ("<p>one <b> two</b> three", "one two three"),
        ("1&nbsp;000&nbsp;h", "1\xa0000\xa0h"),
        ("a<img src='x'/>b<wbr>c", "abc"),
    ],
)
def test_html_of_others_is_read_as_it_is_shown(html: str, text: str) -> None:
    assert html_to_text(html) == text
