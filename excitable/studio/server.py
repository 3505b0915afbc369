"""The studio's own small server: this machine only, a token, the page and its questions, no file.

marimo's app server was not taken: it needs seconds to start, keeps the page inside its own, so that the address is not
the studio's, and serves what it finds beside a notebook.
"""

import hmac
import json
import secrets
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from conductance.errors import ExcitableError
from excitable.runs.series import SeriesRun
from excitable.studio.answers import describe, overlay, regime
from excitable.studio.catalogue import Catalogue
from excitable.studio.page import page
from excitable.studio.perturbed import Perturbation
from excitable.studio.questions import read_question
from excitable.studio.run_view import network_view
from netlists.vacask.ahead import Ahead

HOST = "127.0.0.1"
LARGEST_BODY = 100_000
PATIENCE = 20.0
"""Seconds after which a client that sends nothing is dropped."""

MOST_CONNECTIONS = 32
"""At a time: a browser opens six."""

Answer = Callable[[Any], dict[str, Any]]


class StudioServer(ThreadingHTTPServer):
    """Serves one studio on a free port of the loopback interface; `address` opens it."""

    daemon_threads = True

    def __init__(
        self, offered: Catalogue, run: SeriesRun | None = None, *, port: int = 0, simulator: str = "ngspice"
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self.page = page(offered, token=self.token).encode()
        self.ahead = Ahead()
        self.answers: dict[str, Answer] = {
            "/describe": lambda body: describe(read_question(body, offered)),
            "/simulate": lambda body: overlay(read_question(body, offered), simulator, self.ahead),
            "/regime": lambda body: regime(read_question(body, offered)),
            "/network": lambda _: network_view(run, offered),
        }
        if run is not None:
            self.answers["/perturb"] = Perturbation(run).answer
        # classify, ngspice and netlists one after another: two cores, and the newest question is the one that counts
        self.work = threading.Lock()
        self.free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((HOST, port), Handler)

    def server_close(self) -> None:
        """Close the port, and end the simulator that waits."""
        super().server_close()
        self.ahead.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own; one too many is closed."""
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed before its answer came is no error; everything else keeps its trace."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Where the browser finds the studio."""
        return f"http://{HOST}:{self.server_address[1]}/?token={self.token}"

    def allows_host(self, host: str) -> bool:
        """Whether the browser asked this server by its own name: another name may be a page that rebinds DNS."""
        return host in {f"{name}:{self.server_address[1]}" for name in (HOST, "localhost")}


class Handler(BaseHTTPRequestHandler):
    """GET / with the token gives the page; POST with the token in a header asks one of `answers`."""

    server: StudioServer
    server_version = "excitable"
    sys_version = ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        """The page, to who has the token."""
        path, _, query = self.path.partition("?")
        given = parse_qs(query).get("token", [""])[0]
        if path != "/":
            self._refuse(404, "there is only one page here: /")
        elif self._trusted(given):
            self._send(200, "text/html; charset=utf-8", self.server.page)

    def do_POST(self) -> None:
        """An answer as JSON; a user's error is an answer too."""
        if not self._trusted(self.headers.get("X-Excitable-Token", "")):
            return
        answer = self.server.answers.get(self.path)
        length = self.headers.get("Content-Length", "")
        if answer is None:
            self._refuse(404, "this question is not known")
        elif not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
            self._refuse(413, f"a question has a length of at most {LARGEST_BODY} bytes")
        else:
            self._answer(answer, self.rfile.read(int(length)))
            self.server.ahead.start()  # while the user looks at the picture

    def _answer(self, answer: Answer, body: bytes) -> None:
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError) as error:
            found = {"error": f"the page's question is no JSON ({error})"}
        else:
            found = self._found(answer, asked)
        self._send(200, "application/json", json.dumps(found).encode())

    def _found(self, answer: Answer, asked: Any) -> dict[str, Any]:
        try:
            with self.server.work:
                return answer(asked)
        except ExcitableError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001  # the page says it, the terminal shows the trace
            traceback.print_exc()
            return {
                "error": f"the studio failed at this question ({type(error).__name__}: {error}); please report it"
            }

    def _trusted(self, token: str) -> bool:
        if not self.server.allows_host(self.headers.get("Host", "")):
            self._refuse(403, "the studio answers only under its own address")
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(
                403, "the token is missing or wrong; open the address that `excitable shape` printed"
            )
        else:
            return True
        return False

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", reason.encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal belongs to the user."""


def serve(
    offered: Catalogue, run: SeriesRun | None = None, *, port: int = 0, simulator: str = "ngspice"
) -> StudioServer:
    """A studio that listens; `serve_forever` runs it.

    Args:
        offered: the neurons that it shows.
        run: a run folder whose network it shows, read only.
        port: of the loopback interface; a free one where 0.
        simulator: of the overlay: ngspice, vacask, or auto.
    """
    return StudioServer(offered, run, port=port, simulator=simulator)
