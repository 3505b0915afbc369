"""The studio's server: this machine only, its token, no file but its page; its answers, and bad questions in words."""

import http.client
import json
import re
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from circuits.data.circuit import CurrentSource
from circuits.data.scaling import Scaling
from conductance import PRESETS, lif, mtc, qif, tanh
from conductance.elements import linear, tabulated
from conductance.stimulus import Stimulus
from excitable.config.own import OwnError, load_neuron
from excitable.studio import serve
from excitable.studio.answers import _circuit as drawn_in
from excitable.studio.catalogue import catalogue, signature, usual
from excitable.studio.page import module
from excitable.studio.questions import Question, QuestionError, read_question
from excitable.studio.server import MOST_CONNECTIONS
from excitable.studio.texts import python
from excitable.studio.widget import Studio


@pytest.fixture(scope="module")
def offered():
    return catalogue()


@pytest.fixture(scope="module")
def server(offered):
    made = serve(offered)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def asked(server, method, path, *, host=None, token=None, body=None, headers=None):
    """(status, text) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    sent = {"Host": host or f"127.0.0.1:{server.server_address[1]}", **(headers or {})}
    if token:
        sent["X-Excitable-Token"] = token
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def question(**changed):
    """What the page asks of the bursting set."""
    preset = PRESETS["bursting"]
    return {
        "neuron": "mtc", "values": dict(preset.neuron.defaults), "times": [0.0], "currents": [-1.0],
        "start": list(preset.start), "duration": 1000.0, "v0": 0.072, "i0": 1e-9, "c0": 1e-12, **changed,
    }  # fmt: skip


def test_it_listens_on_the_loopback_interface_only(server):
    """Another machine cannot reach it."""
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(("method", "path", "host", "status"), [
    ("GET", "/", None, 403), ("GET", "/?token=guess", None, 403), ("GET", "/?token={token}", "evil.example", 403),
    ("GET", "/../../etc/passwd?token={token}", None, 404), ("GET", "/pyproject.toml?token={token}", None, 404),
    ("POST", "/describe", None, 403), ("GET", "/?token={token}", None, 200),
    ("GET", "/..%2f..%2fetc/passwd?token={token}", None, 404), ("GET", "http://[::1?token={token}", None, 404),
])  # fmt: skip
def test_only_the_token_opens_the_page_and_no_file_is_served(server, method, path, host, status):
    """Without it, under another name, or for another path, the answer is a refusal."""
    assert asked(server, method, path.format(token=server.token), host=host)[0] == status


def test_two_studios_at_once_keep_apart(offered, server):
    """Each has its own port, and the token of one does not open the other."""
    other = serve(offered)
    assert other.server_address[1] != server.server_address[1]
    assert asked(server, "GET", f"/?token={other.token}")[0] == 403
    other.server_close()


@pytest.mark.parametrize(("changed", "words"), [
    ({"neuron": "nobody"}, "neuron 'nobody' is unknown"), ({"values": {"tau_s": -1}}, "tau_s = -1 is not allowed"),
    ({"values": {"tau_s": "20"}}, "is not a finite number"), ({"duration": 1e9}, "beyond"),
    ({"times": []}, "times must be"),
    ({"times": [0, 0], "currents": [1, 2]}, "times must increase"), ({"start": [0]}, "has 3 states"),
    ({"i0": 0}, "current_unit = 0.0 must be"), ({"values": {"self": 1.0}}, "self"), ({"values": {"name": 1.0}}, "name"),
    ({"duration": 10**400}, "duration"), ({"values": {"tau_s": 10**400}}, "tau_s"), ({"c0": 10**400}, "C is beyond"),
    ({"times": [10**400]}, "times"), ({"start": [10**400, 0, 0]}, "start"),
])  # fmt: skip
def test_a_bad_question_is_answered_in_words(server, changed, words):
    """The answer names what was wrong, and nothing is computed."""
    status, text = asked(server, "POST", "/simulate", token=server.token, body=question(**changed))
    assert status == 200 and words in json.loads(text)["error"]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 50_000, b"1" * 5000])
def test_what_is_no_json_is_answered_in_words(server, body):
    """Empty, no text, nested without end, a number without end: an answer, and the next question is answered, too."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request("POST", "/describe", body=body, headers={"X-Excitable-Token": server.token})
    assert "no JSON" in json.loads(connection.getresponse().read())["error"]


def test_connections_have_a_cap(offered):
    """One too many is closed at once; when room is made, the next question is answered."""
    made = serve(offered)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    held = [socket.create_connection(made.server_address, timeout=20) for _ in range(MOST_CONNECTIONS)]
    try:
        time.sleep(0.2)
        with socket.create_connection(made.server_address, timeout=20) as one_more:
            assert one_more.recv(1) == b""
        for each in held:
            each.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                status, _ = asked(made, "GET", f"/?token={made.token}")
            except (http.client.HTTPException, ConnectionError):
                time.sleep(0.05)
            else:
                break
        assert status == 200
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.mark.vacask
def test_the_next_simulator_waits_and_ends_with_the_studio(offered):
    """With VACASK, a process waits after each answer, and answers as one of its own does; none outlives the server."""
    made = serve(offered, simulator="vacask")
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    answers, groups = [], []
    try:
        for _ in range(2):
            _, text = asked(made, "POST", "/simulate", token=made.token, body=question(duration=100.0))
            answers.append(json.loads(text))
            deadline = time.monotonic() + 20
            while made.ahead.guard is None and time.monotonic() < deadline:
                time.sleep(0.01)
            groups.append(made.ahead.guard)
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
    assert answers[0]["voltage"] == answers[1]["voltage"]
    assert answers[0]["time"] == answers[1]["time"]
    assert None not in groups and groups[0] != groups[1]
    assert made.ahead.guard is None


def test_the_answer_describes_the_circuit(server):
    """Netlist with its bench, and the schematic as a picture."""
    found = json.loads(asked(server, "POST", "/describe", token=server.token, body=question())[1])
    assert ".subckt mtc" in found["spice"] and ".tran" in found["spice"] and found["schematic"]


@pytest.mark.simulator
def test_ngspice_lays_its_trace_over_the_model(server):
    """Spikes of the bursting set: the count of the equation, and a trace in the model's units."""
    found = json.loads(asked(server, "POST", "/simulate", token=server.token, body=question())[1])
    assert "ngspice: 10 upward crossings" in found["words"]
    assert found["time"][-1] == pytest.approx(1000, rel=1e-6)
    assert min(found["voltage"]) == pytest.approx(-2.2, abs=0.1) and max(found["voltage"]) == pytest.approx(
        3.5, abs=0.1
    )


@pytest.mark.simulator
@pytest.mark.parametrize(("made", "current", "interval"), [
    (lif(), 1.5, np.log(3)), (qif(), 1.0, 2 * np.pi / np.sqrt(3) - np.log(201 / 199)),
])  # fmt: skip
def test_ngspice_shows_neurons_with_events(server, made, current, interval):
    """LIF at 1.5 fires every ln 3; QIF whose synapse is held at 1 every 2 pi / sqrt 3, less its finite peak."""
    asks = question(
        neuron=made.name, values=dict(made.defaults), currents=[current], duration=40.0,
        start=[0.0] * (len(made.states) - 1) + [current if made.arrivals else 0.0],
    )  # fmt: skip
    found = json.loads(asked(server, "POST", "/simulate", token=server.token, body=asks)[1])
    time, voltage = np.array(found["time"]), np.array(found["voltage"])
    rises = time[1:][(voltage[:-1] <= 0.5) & (voltage[1:] > 0.5)]
    assert np.median(np.diff(rises)) == pytest.approx(interval, rel=0.01)
    assert abs(int(re.search(r"(\d+) spikes", found["words"]).group(1)) - rises.size) <= 1


def test_without_ngspice_the_page_says_so(server, monkeypatch):
    """A missing simulator is an answer in words."""
    monkeypatch.setenv("PATH", "")
    answer = json.loads(asked(server, "POST", "/simulate", token=server.token, body=question())[1])
    assert "ngspice" in answer["error"]


def test_the_drawn_input_reaches_the_circuit_as_it_was_held(offered):
    """Each held value from its time on."""
    read = read_question(question(times=[0, 10.0, 30.0], currents=[-1.0, 0.5, -2.0]), offered)
    assert (read.stimulus.times, read.stimulus.values) == ((0, 10, 30), (-1, 0.5, -2))


def test_a_neuron_declared_later_appears_without_new_code():
    """A user's own structure gets a model, an example and texts of its own, before all others."""
    own = mtc((tanh("fast", -3.0), tanh("ultraslow", 2.0, 0.3)), name="mine")
    found = catalogue([own])
    assert found.examples[0].neuron is own and found.keys[0] == "mine"


def test_elements_of_ones_own_are_printed_like_any_other():
    """Five tanh elements, one with its own name, come back from the Python text; a table and a line get a model."""
    five = mtc((*PRESETS["bursting"].neuron.elements, tanh("ultraslow", 0.3, 0.5, name="extra")), name="five")
    volts = np.linspace(-4, 4, 9)
    table = mtc((tabulated("fast", volts, np.tanh(volts), gain=-2.0), linear("slow", 1.2)), name="table")
    found = catalogue([five, table])
    assert found.keys[:2] == ("five", "table") and '"table":' in module(found)
    text = re.sub(r"{{(\w+)}}", lambda name: str({**five.defaults}.get(name[1], 0)), python(five))
    scope = {}
    exec(text.split("stimulus = ")[0], scope)
    assert signature(scope["neuron"]) == signature(five) and scope["neuron"].defaults == five.defaults


def test_a_users_file_names_its_neuron(tmp_path):
    """FILE.py:NAME; what is missing, fails or is no neuron is said."""
    file = tmp_path / "mine.py"
    file.write_text("from conductance import mtc\nneuron = mtc(tau_s=30.0)\nnumber = 3\n")
    assert load_neuron(f"{file}:neuron").defaults["tau_s"] == 30
    for place, words in (
        (f"{file}:number", "is a int"),
        (f"{file}:none", "is nothing"),
        ("no.py:x", "must be FILE.py:NAME"),
    ):
        with pytest.raises(OwnError, match=words):
            load_neuron(place)
    file.write_text("1 / 0\n")
    with pytest.raises(OwnError, match="ZeroDivisionError"):
        load_neuron(f"{file}:neuron")


def test_no_run_is_said(server):
    """The Network tab asks for a run in words."""
    assert "--run" in json.loads(asked(server, "POST", "/network", token=server.token, body={})[1])["error"]


def test_a_widget_gives_the_shown_neuron_to_python():
    """Its address, which the page sets, is read back as the neuron with its values and the input."""
    shown = Studio()
    assert shown.neuron.name == PRESETS["tonic"].neuron.name and shown.current == -0.7
    values = "&".join(f"{name}={value}" for name, value in mtc(tau_s=31.5).defaults.items())
    shown.address = f"neuron=mtc&{values}&stimulus=constant&stimulus.current=-1.25"
    assert shown.neuron.defaults == mtc(tau_s=31.5).defaults and shown.current == -1.25


def test_a_token_is_compared_to_its_end(server):
    """One that begins alike is wrong."""
    for wrong in (server.token[:-1] + "_", server.token[:-1], server.token + "a"):
        assert asked(server, "GET", f"/?token={wrong}")[0] == (200 if wrong == server.token else 403)


def test_a_question_may_be_twenty_usual_traces_long(offered):
    """Of a flow and of a map, and not longer."""
    dqif = {"neuron": "dqif", "values": {}, "start": [0.0]}
    for changed in ({}, dqif):
        longest = 20 * usual(offered.neuron(changed.get("neuron", "mtc")))[1]
        assert read_question(question(duration=longest, **changed), offered).duration == longest
        with pytest.raises(QuestionError, match="duration"):
            read_question(question(duration=1.01 * longest, **changed), offered)


def test_a_drawn_current_is_held_in_a_synapse_that_decays_twice_as_fast():
    """The synapse settles where its decay takes what flows in: twice the drawn current for I_s' = -2 I_s."""
    neuron = qif()
    first, second = neuron.states
    twice = replace(second, currents={name: 2 * current for name, current in second.currents.items()})
    found = []
    for synapse in (second, twice):
        made = replace(neuron, states=(first, synapse))
        asked_for = Question(
            neuron=made, declared=made, stimulus=Stimulus.constant(0.3), start=(0.0, 0.3), duration=10.0,
            scaling=Scaling(),
        )  # fmt: skip
        (source,) = [d for d in drawn_in(asked_for).devices if isinstance(d, CurrentSource)]
        assert source.sink == synapse.name
        found.append(source.waveform.values[0])
    assert found == pytest.approx([0.3e-9, 0.6e-9])
