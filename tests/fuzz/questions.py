"""Questions to the studio: a right one with something in it changed, sent over its own connection."""

import http.client
import json
from typing import Any

from configurations import VALUES
from hypothesis import strategies as st
from outcomes import SECONDS, WALL, Outcomes

from conductance import PRESETS
from conductance.errors import ExcitableError
from excitable.studio.server import StudioServer

PATHS = ("/describe", "/simulate", "/regime", "/network")
KEYS = ("neuron", "values", "times", "currents", "start", "duration", "v0", "i0", "c0")
NAMES = st.sampled_from(["self", "name", "alpha_f", "tau_s", "__class__", "values", "", "x" * 500, "lambda"])


def right() -> dict[str, Any]:
    """What the page asks of the bursting set, for a short time."""
    preset = PRESETS["bursting"]
    return {
        "neuron": "mtc", "values": dict(preset.neuron.defaults), "times": [0.0], "currents": [-1.0],
        "start": list(preset.start), "duration": 50.0, "v0": 0.072, "i0": 1e-9, "c0": 1e-12,
    }  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, str, str]:
    """The kind of change, the path and the body."""
    what = draw(st.sampled_from(["value", "parameter", "missing", "text", "digits"]))
    body, path = right(), draw(st.sampled_from(PATHS))
    if what == "value":
        body[draw(st.sampled_from(KEYS))] = draw(VALUES)
    elif what == "parameter":
        body["values"][draw(st.one_of(NAMES, st.sampled_from(sorted(body["values"]))))] = draw(VALUES)
    elif what == "missing":
        del body[draw(st.sampled_from(KEYS))]
    text = json.dumps(body)
    if what == "text":
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=20)) + text[draw(st.integers(cut, len(text))) :]
    if what == "digits":
        text = text.replace("50.0", "1" + "0" * draw(st.sampled_from([30, 400, 5000, 90_000])))
    return what, path, text


class Refused(ExcitableError):
    """The studio said what is wrong with a question."""


def ask(server: StudioServer, path: str, body: str) -> None:
    """Send a question; no answer, or one that is no JSON, is an error of the studio."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=WALL * SECONDS)
    headers = {"Host": f"127.0.0.1:{server.server_address[1]}", "X-Excitable-Token": server.token}
    try:
        connection.request("POST", path, body=body.encode(errors="replace"), headers=headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status == 413:
        raise Refused("too long")
    if answer.status != 200:
        raise AssertionError(f"status {answer.status}: {content[:300]!r}")
    if "error" in json.loads(content):
        raise Refused("in words")


def judge(outcomes: Outcomes, server: StudioServer, case: tuple[str, str, str]) -> None:
    """One case."""
    what, path, body = case
    outcomes.judge(f"{path}: {what}", body, lambda: ask(server, path, body))
    if server.work.acquire(
        timeout=600
    ):  # a hanging question is one fault, not one of all that wait behind it
        server.work.release()
