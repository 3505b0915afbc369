"""The page of the mutations: what each list's mutations did to the tests, and every survivor with its reason."""

from collections.abc import Mapping, Sequence

from tests.mutants.runner import KILLED, SURVIVED, Mutation, Verdict

ALLOWED = 0.05
"""Share of the mutations that may survive."""
LEAST = 100


def page(
    mutations: Sequence[Mutation],
    verdicts: Sequence[Verdict],
    slept: Mapping[str, tuple[int, int]] | None = None,
) -> str:
    """The page as Markdown, from mutations and their verdicts in the same order; `slept` is of `first_survivors`."""
    first = slept or {}
    judged = [v for v in verdicts if v.outcome in (KILLED, SURVIVED)]
    pairs = list(zip(mutations, verdicts, strict=True))
    survivors = [(m, v) for m, v in pairs if v.outcome == SURVIVED]
    share = len(survivors) / max(1, len(judged))
    word = "reached" if len(judged) >= LEAST and share <= ALLOWED else "not reached"
    if len(judged) < len(verdicts):
        word += " by those judged"
    lines = [
        "# Mutations that the tests see",
        "",
        "This page is written by `make mutants`; nothing in it is typed by hand. A mutation is a small wrong change of "
        "one file: a sign, a factor, an edge. It runs in a copy of the repository, against the few tests that are "
        "related to it, and one of them must fail. The changes stand in `tests/mutants/*.toml`, the first lists with "
        "those that once passed all tests.",
        "",
        f"{len(judged)} of {len(mutations)} judged: {len(judged) - len(survivors)} killed, {len(survivors)} survived "
        f"({share:.1%}). Asked are at least {LEAST} and at most {ALLOWED:.0%}: **{word}**.",
        "",
        "Survived at first are those that passed their tests before one was written for the list: what fresh wrong "
        "changes find. Where the number is missing the list began with changes that tests had been written for.",
        "",
        "| list | mutations | killed | survived | not judged | survived at first |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for room in dict.fromkeys(mutation.room for mutation in mutations):
        mine = [verdict for mutation, verdict in pairs if mutation.room == room]
        killed, survived = (sum(v.outcome == outcome for v in mine) for outcome in (KILLED, SURVIVED))
        asleep, of = first.get(room, (0, 0))
        then = f"{asleep} of {of} ({asleep / of:.0%})" if of else ""
        left = len(mine) - killed - survived
        lines.append(f"| {room} | {len(mine)} | {killed} | {survived} | {left} | {then} |")
    lines += ["", "## Survivors", ""]
    lines += [
        f"- {m.room}, {m.name} (`{m.file}`): {m.reason or '**no reason is known: a hole in the tests**'}"
        for m, _ in survivors
    ] or ["None."]
    others = [(m, v) for m, v in pairs if v.outcome not in (KILLED, SURVIVED)]
    if others:
        lines += ["", "## Not judged", ""]
        lines += [f"- {m.room}, {m.name} (`{m.file}`): {v.outcome}, {v.by}" for m, v in others]
    lines += [
        "",
        "## Killed",
        "",
        "| list | mutation | file | the first test that failed |",
        "|---|---|---|---|",
    ]
    for m, v in pairs:
        if v.outcome == KILLED:
            lines.append(
                f"| {m.room} | {m.name} | `{m.file}` | `{v.by.partition('[')[0].rpartition('/')[2]}` |"
            )
    return "\n".join([*lines, ""])
