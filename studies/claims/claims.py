"""The sentences, where they are answered, what is ours in the answer, and what is missing to settle it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from studies.quotes import Quote

HOLDS, FAILS, PARTLY, OPEN = "holds here", "fails here", "holds in part", "not settled"
ANSWERED = "answered here"
UNTESTED = "not tested"
SEARCH_AT_EDGE = "searches that end inside their grid for all models (all but one of MTC's end on the edge)"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence.

    Attributes:
        sentence: what is claimed, in our words, and how far we know that the paper says so.
        quotes: what the studies find.
        verdicts: from words that may be in the quotes to the verdict; the first that are there decide.
        ours: what in the answer is our choice.
        missing: what would settle it; empty where it is settled.
    """

    sentence: str
    quotes: tuple[Quote, ...] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    ours: str = "-"
    missing: str = ""

    def verdict(self, told: str) -> str:
        """The verdict by what the studies say; `UNTESTED` where nothing decides."""
        return next((verdict for words, verdict in self.verdicts.items() if words in told), UNTESTED)


def _against(quantity: str, other: str) -> tuple[Quote, ...]:
    """The first comparison on the page of Mackey-Glass is that of the shorter horizon, the last of the longer one."""
    sentence = rf"against {other}, {quantity} \([^)]*\) is \w+ \([^)]*\)"
    return (
        Quote(study="mackey-glass", pattern=rf"paper_steps[\s\S]*?({sentence})"),
        Quote(study="mackey-glass", pattern=rf"## Horizon: lyapunov[\s\S]*?({sentence})"),
    )


MTC = (
    Claim(
        sentence="MTC networks have a lower error than LIF on Mackey-Glass (digest)",
        quotes=_against("error", "lif"),
        verdicts={"is higher": FAILS, "is lower": HOLDS},
        ours="the series' step, widths, learning rates, updates and what is trained",
        missing=SEARCH_AT_EDGE + "; a GRU and an LSTM in the same table",
    ),
    Claim(
        sentence="and than AdLIF (digest)",
        quotes=_against("error", "adlif"),
        verdicts={"is higher": FAILS, "is lower": HOLDS},
        ours="as above; which AdLIF is meant is open",
        missing=SEARCH_AT_EDGE,
    ),
    Claim(
        sentence="they are sparser in communication, spikes per neuron and step (digest)",
        quotes=(*_against("communication", "lif"), *_against("communication", "adlif")),
        verdicts={"is higher": FAILS, "is lower": HOLDS},
        ours="a spike of MTC is an upward crossing of U_th = 0",
        missing="what a penalty on rates costs each model",
    ),
    Claim(
        sentence="and sparser in computation, the share of time with an output above zero (digest)",
        quotes=(*_against("computation", "lif"), *_against("computation", "adlif")),
        verdicts={"is higher": FAILS, "is lower": HOLDS},
        ours="U_th = 0 and U_sat = 1",
        missing="U_th and U_sat as factors, and what a penalty on the share costs",
    ),
    Claim(
        sentence="a horizon of 675 steps is about one Lyapunov time (digest)",
        quotes=(Quote(study="mackey-glass", pattern=r"is open; (0\.29 makes 675 steps one Lyapunov time)"),
                Quote(study="mackey-glass", pattern=r"675 steps as one[^:]*: ([\d.]+ time units)\.")),
        verdicts={"0.29 makes 675 steps one Lyapunov time": PARTLY},
        ours="the step, which decides; both readings are measured",
    ),
    Claim(
        sentence="such neurons are analog circuits: rhythms survive from the equation to transistors "
        "(Ribar and Sepulchre 2019)",
        quotes=(Quote(study="half-centre", pattern=r"(That model, equation and netlist .*? \*\*\w+\*\*)"),),
        verdicts={"**holds**": HOLDS, "**fails**": FAILS},
        ours="the generic 180 nm technology; two coupled bursting neurons as the example",
        missing="a measured chip",
    ),
)  # fmt: skip
QIF = (
    Claim(
        sentence="QIF learns better than LIF by exact gradients (2606.03935, on SHD)",
        quotes=(
            Quote(study="qif-lif", pattern=r"(QIF learns better than LIF, active start: .*?\))"),
        ),
        verdicts={"**confirmed**": HOLDS, "**not confirmed**": FAILS},
        ours="Yin-Yang in place of SHD, the search, starts, loss and budget",
        missing="SHD, whose files are not at hand; Fashion-MNIST, 784-100-10 and 784-100-100-10, five seeds",
    ),
    Claim(
        sentence="the loss of QIF networks is continuous in the weights (2309.14523)",
        quotes=(Quote(study="qif-lif", pattern=r"(That QIF losses are continuous is [^)]*\))"),),
        verdicts={"**confirmed**": HOLDS, "**not confirmed**": FAILS},
        ours="paths, their length, and what counts as a jump",
        missing="landscapes of ten seeds; those on the page have two",
    ),
    Claim(
        sentence="that of LIF networks is fragmented by jumps (2606.03935)",
        quotes=(Quote(study="qif-lif", pattern=r"(That LIF losses jump is [^)]*\))"),),
        verdicts={"**confirmed**": HOLDS, "**not confirmed**": FAILS},
        ours="the measures; the paper's are not available to us",
        missing="landscapes of ten seeds; those on the page have two",
    ),
    Claim(
        sentence="silent neurons wake: 99.7 % to 0 on MNIST (2309.14523 and its code)",
        quotes=(Quote(study="qif-lif", pattern=r"(Silent neurons go to zero, QIF, oscillating: [^)]*\))"),),
        verdicts={"oscillating: **confirmed**": HOLDS, "oscillating: **not confirmed**": OPEN},
        ours="Yin-Yang with I_0 = 0.4, trials of 5 tau and our loss",
        missing="the code's own form (I_0 = 5/4, tau = 6/pi, trial of 2, zero-mean weights) on images of that size",
    ),
    Claim(
        sentence="784-100-100-10 reaches 97.6 +- 0.1 % on MNIST (2309.14523)",
        missing="MNIST's files; Fashion-MNIST in their format is at hand (`excitable train fashion-qif`)",
    ),
)  # fmt: skip
DQIF = (
    Claim(
        sentence="DQIF is more accurate than LIF in deep networks (2510.05168)",
        quotes=(
            Quote(study="dqif", pattern=r"(Against its leaky twin its accuracy is [^)]*\))"),
            Quote(study="dqif-factors", pattern=r"(DQIF against its twin, both as usual: .*?, \d+ seeds? each)"),
        ),
        verdicts={"is higher": HOLDS, "is lower": FAILS, "not distinguishable": OPEN},
        ours="digits in place of CIFAR; u_th = 0.5, alpha = 1, the leaky twin's decay 0.5 and window 0.5",
        missing="CIFAR's files and a GPU; Fashion-MNIST with five seeds (`excitable train fashion-dqif`)",
    ),
    Claim(
        sentence="the analytic window of the surrogate follows from the neuron's parameters and fits it (2510.05168)",
        quotes=(Quote(study="dqif", pattern=r"\*\*Verdict\.\*\* (Against the best fixed window .*)"),),
        verdicts={"points further from": FAILS, "points nearer to": HOLDS},
        ours="both closures, since the theorem's text is not available to us",
        missing="the theorem; epochs to a target on a task where windows differ",
    ),
    Claim(
        sentence="its energy overhead on ResNet-19 is 0.94 to 3.23 % (2510.05168)",
        quotes=(Quote(study="dqif", pattern=r"0\.10 \| (.* %) \|\n\| 0\.20 \| (.* %) \|\n\| 0\.35 \| (.* %)"),),
        verdicts={"2.91 %": PARTLY},
        ours="one multiply-accumulate more per neuron and step; rates of 0.10, 0.20 and 0.35",
    ),
    Claim(
        sentence="its state does not run away (2510.05168)",
        quotes=(Quote(study="dqif", pattern=r"(With spikes and resets nothing escapes, [^;]*)"),),
        verdicts={"nothing escapes": HOLDS},
        ours="the proof that the threshold must lie below the unstable fixed point",
    ),
    Claim(
        sentence="open question: does it train without tdBN? (2510.05168)",
        quotes=(Quote(study="dqif", pattern=r"\| (DQIF without tdBN, fixed window 0\.5) \| ([\d.]+ ± [\d.]+)"),),
        verdicts={"±": ANSWERED},
        ours="digits",
    ),
    Claim(
        sentence="open question: what does the extra arithmetic cost in hardware? (2510.05168)",
        quotes=(Quote(study="dqif-circuit", pattern=r"(An error below 0\.001 V0 takes .* longer)\."),),
        verdicts={"longer": ANSWERED},
        ours="the circuit",
    ),
    Claim(
        sentence="CIFAR-10 96.86 %, CIFAR-100 80.62 %, CIFAR10-DVS 83.00 %, ImageNet 70.38 % (2510.05168)",
        missing="the data and a GPU; a configuration for each is shipped",
    ),
)  # fmt: skip
PAPERS: Mapping[str, tuple[Claim, ...]] = {
    "MTC: Fulleda-Garcia, Soldado-Magraner, Margarit-Taulé, arXiv 2605.11835": MTC,
    "QIF: Wenig, Memmesheimer, Klos, arXiv 2606.03935; Klos, Memmesheimer, arXiv 2309.14523": QIF,
    "DQIF: Jahns, Moreno, Stojkov, Kinsy, arXiv 2510.05168": DQIF,
}
