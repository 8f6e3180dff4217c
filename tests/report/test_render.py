"""Renderers: whatever the text, the page is well formed, stands alone, and runs nothing."""

import os
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markupsafe import escape

import bayesdeep as bd
from bayesdeep.display import notebook
from bayesdeep.display.text_table import text_table
from bayesdeep.plot.figure_style import new_figure
from bayesdeep.report import render, report, write_report
from bayesdeep.report.document import Callout, Code, Figure, Heading, Listing, Paragraph, Table
from bayesdeep.report.html import to_html
from bayesdeep.report.markdown import plain, to_markdown
from bayesdeep.report.numbers import decimals, number, texts
from bayesdeep.report.render import Chapter, Document
from bayesdeep.report.terminal import to_text

VOID = {"meta", "img", "br", "hr", "link", "input"}
EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Reads a page; anything left open, closed twice or missing is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [str(v) for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.text.append(data)


def check_page(text: str) -> Page:
    """Return a page after checking all that must hold of any."""
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags
    assert "iframe" not in tags
    assert len(page.ids) == len(set(page.ids))
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert attributes["alt"]
            assert str(attributes["src"]).startswith("data:image/")
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        for name in ("href", "src", "xlink:href", "xmlns", "style"):
            assert "http" not in str(attributes.get(name, "")), (tag, name)
        target = str(attributes.get("href", ""))
        if target:
            assert target.startswith("#")
            assert target[1:] in page.ids
    assert tags.count("table") == tags.count("caption")
    for used in re.findall(r"url\(#([^)]+)\)", text):
        assert used in page.ids
    root = dict(page.tags)["html"]
    assert root["lang"]
    assert "title" in tags
    assert any(attributes.get("name") == "viewport" for tag, attributes in page.tags if tag == "meta")
    assert not re.search(r"@import|url\(['\"]?http", text)
    return page


def every_block(text: str) -> tuple[Any, ...]:
    """Return one block of each kind that says ``text`` wherever it can."""
    figure, axes = new_figure(2.0)
    axes.plot([0, 1], [0, 1])
    axes.set_xlim(0.2, 0.8)
    axes.set_xlabel(text)
    frame = pd.DataFrame({text: [text, "b"], "n": [-1.5, float("nan")]}, index=[text, "other"])
    return (
        Heading(text),
        Paragraph(f"{text} and `{text}`", lead=True),
        Listing((text, "b")),
        Code(text),
        Callout("note", text),
        Table(frame, text, {"n": ".1f"}, text),
        Figure.of(figure, text, text),
        Figure.of(figure, text, text),
    )


def page_of(*blocks: Any) -> Document:
    """Return a document with one chapter."""
    return Document(EVIL, EVIL, (Chapter("one", EVIL, blocks), Chapter("two", "Second", ())))


def test_html_is_well_formed_whatever_is_written() -> None:
    page = check_page(to_html(page_of(*every_block(EVIL))))
    assert "".join(page.text).count(EVIL) >= 12


@pytest.mark.parametrize("text", ["a & b", "\"quoted\" 'too'", "</td></table>", "`", "a ` b", "$x$", "]]>", "ß ✓ 数"])
def test_html_shows_text_as_it_is(text: str) -> None:
    page = check_page(to_html(page_of(Heading(text), Table(pd.DataFrame({text: [text]}), text), Callout("bad", text))))
    assert "".join(page.text).count(text) == 5


def test_struck_numbers_are_struck_and_names_are_not() -> None:
    frame = pd.DataFrame({"mean": [0.25], "note": ["why"]}, index=["slope"])
    text = to_html(page_of(Table(frame, "c", {}, "", struck=True)))
    check_page(text)
    assert "<s>0.25</s>" in text
    assert "<s>why" not in text
    assert "<s>slope" not in text
    assert "~~0.25~~" in to_markdown(page_of(Table(frame, "c", {}, "", struck=True)), "f")[0]
    assert "(0.25?)" in to_text(page_of(Table(frame, "c", {}, "", struck=True)))


def test_a_table_says_the_same_everywhere() -> None:
    """One formatter for the page, Markdown, the terminal and the notebook; only marks and floats' digits differ."""
    frame = pd.DataFrame({"n": [3, 12345], "ok": [True, False], "who": ["a|b", None]}, index=["1 < 2", "x"])
    whole = texts(Table(frame, "caption", index="row"))
    assert [c.right for c in whole.columns] == [False, True, False, False]
    assert whole.rows == (("1 < 2", "3", "yes", "a|b"), ("x", "12,345", "no", "–"))
    assert whole == text_table(frame, index="row")
    seen = "".join(check_page(to_html(page_of(Table(frame, "caption", index="row")))).text)
    notes, marked = notebook.table(frame), to_markdown(page_of(Table(frame, "caption", index="row")), "f")[0]
    shown = to_text(page_of(Table(frame, "caption", index="row")))
    for row in whole.rows:
        assert "".join(row) in seen
        assert all(str(escape(text)) in notes for text in row)
        assert "| " + " | ".join(map(plain, row)) + " |" in marked
        assert re.search(" +".join(map(re.escape, row)), shown)


def test_columns_of_the_terminal_stand_below_each_other() -> None:
    frame = pd.DataFrame({"a": ["数数", "x"], "n": [1.5, -20.25]}, index=["[bold]one[/bold]", ":smile:"])
    lines = to_text(page_of(Table(frame, "c", {"n": ".2f"}, "name"))).splitlines()
    assert "  name              a          n" in lines
    assert "  [bold]one[/bold]  数数    1.50" in lines
    assert "  :smile:           x     −20.25" in lines


def test_figures_are_pictures_that_stand_alone() -> None:
    figure, axes = new_figure(2.0)
    axes.plot([0, 1], [0, 1])
    block = Figure.of(figure, "a line", "It rises.")
    ET.fromstring(block.image)
    assert b"<dc:date>" not in block.image
    text = to_html(page_of(block, Figure(b"\x89PNG", "png", "a dot", "It stays.")))
    page = check_page(text)
    assert [a["aria-label"] for t, a in page.tags if t == "svg"] == ["a line"]
    assert [a["alt"] for t, a in page.tags if t == "img"] == ["a dot"]


def test_markdown_escapes_and_names_its_figures() -> None:
    text, files = to_markdown(page_of(*every_block(EVIL)), "figures")
    outside = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
    assert "<" not in outside
    assert len(files) == 2
    assert all(f"](figures/{name})" in text for name in files)
    assert plain("a|b*c_d") == r"a\|b\*c\_d"
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_code_in_markdown_cannot_end_its_own_block() -> None:
    text, _ = to_markdown(page_of(Code("```\n# not a title")), "f")
    assert "````text\n```\n# not a title\n````" in text


def test_terminal_shows_no_control_characters() -> None:
    frame = pd.DataFrame({"a": ["\x1b[2Jgone"]}, index=["x\x07"])
    shown = to_text(page_of(Table(frame, "c"), Paragraph("\x1b[31mred"), Code("\x1b]0;title")))
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    ("value", "spec", "shown"), [(-1.25, ".1f", "−1.2"), (float("nan"), ".1f", "–"), (3, ",d", "3")]
)
def test_numbers(value: float, spec: str, shown: str) -> None:
    assert number(value, spec) == shown


@pytest.mark.parametrize(
    ("sd", "places"), [(0.085, 3), (0.55, 2), (1.5, 1), (12.0, 0), (340.0, 0), (0.0, 2), (1e-9, 6)]
)
def test_decimals_keep_two_digits_of_the_uncertainty(sd: float, places: int) -> None:
    assert decimals(sd) == places


def test_report_refuses_what_it_should(fit: Any, tmp_path: Path) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")
    with pytest.raises(bd.FitError, match="exists; pass overwrite=True"):
        report(fit, there)
    assert there.read_text() == "mine"
    with pytest.raises(bd.FitError, match=r"a report is \.html or \.md"):
        report(fit, tmp_path / "report.pdf")
    with pytest.raises(bd.FitError, match="there is no folder"):
        report(fit, tmp_path / "nowhere" / "report.html")
    with pytest.raises(bd.FitError, match="neither a fit nor a comparison"):
        report(object(), tmp_path / "report.html")
    assert [p.name for p in tmp_path.iterdir()] == ["there.html"]


def test_a_failure_leaves_the_old_report(fit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")

    def fails(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(bd.FitError, match="No space left"):
        report(fit, there, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["there.html"]
    assert there.read_text() == "mine"


def test_a_text_and_its_figures_change_together(fit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, true, failing, left = tmp_path / "there.md", os.fsync, [2], [0]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        true(handle)

    def rendered(made: str, folder: str) -> tuple[str, dict[str, bytes]]:
        left[0] = failing[0]
        return made, {"a.png": b"a", "b.png": b"b"}

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(render, "document", lambda subject, title: title)
    monkeypatch.setattr(write_report, "to_markdown", rendered)
    with pytest.raises(bd.FitError, match="No space left"):
        report(fit, there)
    assert list(tmp_path.iterdir()) == []
    failing[0] = 0
    report(fit, there)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert len(before) == 3
    failing[0] = 3
    with pytest.raises(bd.FitError, match="No space left"):
        report(fit, there, title="Another", overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
