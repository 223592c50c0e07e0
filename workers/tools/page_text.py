"""Web pages as a model reads them."""

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bs4

_NOISE = ["script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "link", "meta"]


def as_markdown(html: str) -> str:
    """Takes seconds for megabytes."""
    import markdownify

    try:
        soup = _soup(html)
        return str(markdownify.MarkdownConverter(heading_style="ATX", bullets="-").convert_soup(soup)).strip()
    except RecursionError:  # markup nested a thousand deep
        return as_text(html)


def as_text(html: str) -> str:
    """What a reader would see, one line per block."""
    lines = (line.strip() for line in _soup(html).get_text("\n").splitlines())
    return "\n".join(line for line in lines if line)


def _soup(html: str) -> "bs4.BeautifulSoup":
    import bs4  # heavy; idle sessions do without

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # guesses that the text might be a file name or XML
        soup = bs4.BeautifulSoup(html, "html.parser")
    for element in soup(_NOISE):
        element.decompose()
    return soup
