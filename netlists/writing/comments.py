"""Text for the reader of a netlist: user text made harmless, and numbers in engineering units."""

import re
import unicodedata

from quantiphy import Quantity

MODEL_UNITS = ("V0", "tau_m")
_LONGEST = 200
_SPELLED = str.maketrans({"\u03a9": "Ohm", "\u2126": "Ohm", "\u00b5": "u", "\u03bc": "u", "\u03c4": "tau"})
_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:_+\-*/=()\[\]<>^~@#&|!?%]+")


def comment(text: object) -> str:
    r"""User text as one harmless line of ASCII.

    What could end the line, continue it, or mean something to ngspice or a shell (dollar, quotes, braces, backslash)
    becomes a space; an apostrophe is left out, a semicolon becomes a comma. A text of more than 200 characters is cut.

    >>> comment("a title\n.control; $x")
    'a title .control, x'
    """
    plain = unicodedata.normalize("NFKD", str(text).translate(_SPELLED))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "").replace(";", ",")
    line = " ".join(_HARMLESS.sub(" ", plain).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


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
