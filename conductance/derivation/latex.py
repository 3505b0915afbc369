r"""Equations as LaTeX, printed from the declaration: the neuron and its update rules.

Names follow the literature: `alpha_f_minus` is \alpha_{f}^{-}, `U_us` is U_{us}, the next step is U_{us}[t+1].
"""

from collections.abc import Iterable

import sympy
from sympy.printing.latex import LatexPrinter, greek_letters_set

from conductance.derivation.rules import Rule
from conductance.neurons.base import DT, INPUT, LAST_SPIKE, SPIKE, Neuron
from conductance.surrogates import DETACHED, SpikeStep
from conductance.tables import Tabulated

SIGNS = {"plus": "+", "minus": "-"}
SPECIAL = {
    DT: r"\Delta t",
    INPUT: r"I_{\mathrm{in}}",
    SPIKE: "s",
    LAST_SPIKE: "s[t]",
}
"""Symbols whose LaTeX does not follow from their name."""


def symbol(name: str) -> str:
    r"""One declared name as LaTeX.

    >>> symbol("alpha_s_minus")
    '\\alpha_{s}^{-}'
    """
    stem, *rest = name.split("_")
    sign = SIGNS.get(rest[-1], "") if rest else ""
    below = rest[:-1] if sign else rest
    greek = stem in greek_letters_set
    if not greek and len(stem) > 1:
        text = _index(r"\ ".join((stem, *below)))
    else:
        text = f"\\{stem}" if greek else stem
        text += "_{" + ",".join(map(_index, below)) + "}" if below else ""
    return text + (f"^{{{sign}}}" if sign else "")


def _index(part: str) -> str:
    """Words upright; single letters, numbers and the index of the ultra-slow timescale as they are."""
    return part if len(part) == 1 or part.isdigit() or part == "us" else rf"\mathrm{{{part}}}"


class Printer(LatexPrinter):
    """Sympy's printer with the field's names and the spike as a step function."""

    def __init__(self) -> None:
        super().__init__({"fold_short_frac": False, "ln_notation": True})

    def _print_Symbol(self, expression: sympy.Symbol, style: str = "plain") -> str:
        return SPECIAL.get(expression) or symbol(str(expression))

    def _print_SpikeStep(self, expression: SpikeStep, exp: str | None = None) -> str:
        return rf"\Theta\left({self._print(expression.args[1])}\right)"

    def _print_Tabulated(self, expression: Tabulated, exp: str | None = None) -> str:
        power = f"^{{{exp}}}" if exp else ""
        return rf"T_{{\mathrm{{{expression.samples.digest[:4]}}}}}{power}\left({self._print(expression.voltage)}\right)"


def latex(expression: sympy.Expr) -> str:
    """One expression."""
    return Printer().doprint(sympy.sympify(expression))


def neuron_equations(neuron: Neuron) -> tuple[str, ...]:
    """One line for each state, then the output, the event and the arrivals, as far as the neuron has them."""
    lines = []
    for state in neuron.states:
        if state.following is not None:
            draw = "".join(rf" + {latex(amplitude)}\,\xi_t" for amplitude in state.noise.values())
            lines.append(rf"{latex(state.symbol)}[t+1] = {latex(state.following)}{draw}")
            continue
        capacity = "" if state.capacity == 1 else latex(state.capacity) + r"\,"
        noise = "".join(
            rf" + {latex(amplitude)}\,\xi_{{\mathrm{{{_words(name)}}}}}"
            for name, amplitude in state.noise.items()
        )
        currents = _sum(state.currents.values())
        lines.append(rf"{capacity}\frac{{d {latex(state.symbol)}}}{{d t}} = {currents}{noise}")
    if neuron.event is not None:
        resets = "".join(
            rf",\; {latex(state)} \to {latex(target)}" for state, target in neuron.event.reset.items()
        )
        lines.append(rf"{latex(neuron.event.margin)} > 0: \quad s = 1{resets}")
    lines += [rf"{latex(state)} \to {latex(moved)}" for state, moved in neuron.arrivals.items()]
    if neuron.output != SPIKE:
        lines.append(rf"y = {latex(neuron.output)}")
    return tuple(lines)


def _words(name: str) -> str:
    return name.replace("_", r"\ ")


def _sum(currents: Iterable[sympy.Expr]) -> str:
    """The currents in their declared order, each as one term."""
    text = ""
    for current in currents:
        term = latex(current)
        if isinstance(current, sympy.Add) and text:
            term = rf"\left({term}\right)"
        if term.startswith("-"):
            text += f" - {term[1:].lstrip()}"
        else:
            text += f" + {term}" if text else term
    return text.strip()


def rule_equations(rule: Rule) -> tuple[str, ...]:
    """One line for each state one step later; a spike has a line of its own before them."""
    if rule.neuron.is_map:
        return neuron_equations(rule.neuron)
    margins: list[sympy.Expr] = []
    lines = []
    for state, expression in rule.next_states().items():
        found = sorted(sympy.sympify(expression).atoms(SpikeStep), key=str)
        # the spike of the output and the detached one of the reset are the same number
        margins += [spike.args[1] for spike in found if spike.args[1] not in margins]
        body = sympy.sympify(expression).xreplace(dict.fromkeys(found, SPIKE))
        lines.append(rf"{latex(state)}[t+1] = {latex(body)}")
    steps = [DETACHED.step(margin) for margin in dict.fromkeys(margins)]
    return (*(rf"s[t+1] = {latex(step)}" for step in steps), *lines)
