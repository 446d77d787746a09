"""Text that others wrote, such as names of files and messages: shown as it is, whatever it holds."""

from __future__ import annotations


def visible(text: object) -> str:
    """The text with everything that is not printable as an escape: what a path or label holds moves no cursor, and
    half a character (an undecodable byte of a file's name) can be written. Ends of lines stay."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in str(text))


def one_line(text: object) -> str:
    """`visible`, with ends of lines as escapes too."""
    return visible(text).replace("\n", "\\n")
