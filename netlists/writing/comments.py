"""Text for the reader of a netlist: user text made harmless, and numbers in engineering units."""

import re
import textwrap
import unicodedata

from quantiphy import Quantity

MODEL_UNITS = ("V0", "tau_m")
_LONGEST = 200
_WIDTH = 120
_SPELLED = str.maketrans({"\u03a9": "Ohm", "\u2126": "Ohm", "\u00b5": "u", "\u03bc": "u", "\u03c4": "tau"})
_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:_+\-*/=()\[\]<>^~@#&|!?%]+")


def comment(text: object) -> str:
    r"""User text as one harmless line of ASCII.

    What could end the line, continue it, or mean something to ngspice or a shell (dollar, quotes, braces, backslash)
    becomes a space; an apostrophe is left out, a semicolon becomes a comma. Of a text of more than 200 characters the
    last words are left out.

    >>> comment("a title\n.control; $x")
    'a title .control, x'
    """
    line = _harmless(text)
    if len(line) <= _LONGEST:
        return line
    return (
        line[: _LONGEST - 3].rpartition(" ")[0] + " ..." if " " in line[: _LONGEST - 3] else line[:_LONGEST]
    )


def paragraph(text: object, mark: str) -> list[str]:
    """User text as comment lines that begin with a mark, harmless as a `comment` and whole.

    >>> paragraph("a title; one word", "* ")
    ['* a title, one word']
    """
    return textwrap.wrap(_harmless(text), _WIDTH, initial_indent=mark, subsequent_indent=f"{mark}  ")


def _harmless(text: object) -> str:
    plain = unicodedata.normalize("NFKD", str(text).translate(_SPELLED))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "").replace(";", ",")
    return " ".join(_HARMLESS.sub(" ", plain).split())


def engineering(value: float, unit: str) -> str:
    """A number as a designer reads it; units of the model take no prefix.

    >>> engineering(2.5e-13, "F")
    '250 fF'
    >>> engineering(-0.9, "V0")
    '-0.9 V0'
    """
    if unit in MODEL_UNITS:
        return f"{value:.5g} {unit}"
    if unit in ("", "1"):
        return Quantity(value).render(form="si", prec=4) if value else "0"
    return Quantity(value, unit).render(form="si", prec=4)


def trailing(*parts: str) -> str:
    """A comment for the end of a line, or nothing where all parts are empty."""
    text = comment(", ".join(part for part in parts if part))
    return f" ; {text}" if text else ""
