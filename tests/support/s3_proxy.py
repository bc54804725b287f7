"""A proxy in front of an S3 server that does to chosen requests what networks, servers and other people do.

    with FaultProxy(server_url) as proxy:
        proxy.faults.append(Fault(status(503, "SlowDown"), key="2020-01-12", times=2))
        ... AWS_ENDPOINT_URL=proxy.url ...
        assert [seen.fault for seen in proxy.requests] == [...]

The first fault that matches a request is done to it; all else passes unchanged, Host header and signature included.
"""

from __future__ import annotations

import http.client
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

_LINGER_AND_RESET = struct.pack("ii", 1, 0)
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"))


@dataclass(frozen=True)
class Reply:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Fault:
    """What is done to requests of `method` whose path and query (unquoted) hold `key`: from the `nth` of them on, `times` of them (None: for ever).

    `listing`: to listings instead of objects.
    """

    do: Callable[[Exchange], None]
    key: str = ""
    method: str = "GET"
    nth: int = 1
    times: int | None = 1
    listing: bool = False
    seen: int = 0

    def takes(self, request: Request) -> bool:
        """Whether this request is one of them. Counts it."""
        if request.method != self.method or self.key not in request.path or request.is_listing != self.listing:
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)

    @property
    def name(self) -> str:
        return self.do.__name__


@dataclass
class Request:
    """A request that came. `fault` names what was done to it."""

    method: str
    path: str
    headers: dict[str, str]
    fault: str = ""

    @property
    def is_listing(self) -> bool:
        return "list-type=" in self.path

    @property
    def range(self) -> str:
        return self.headers.get("Range", "")

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)


class Exchange(BaseHTTPRequestHandler):
    """One request, and what can be done to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # clients are as rude as servers
            super().handle()

    def handle_any(self) -> None:
        self.sent_body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, unquote(self.path), dict(self.headers))
        fault = self.server.proxy.taken_up(request)
        (fault.do if fault else pass_on)(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def ask_server(self) -> Reply:
        """What the server behind says to this request."""
        behind = http.client.HTTPConnection(self.server.proxy.behind, timeout=60)
        try:
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                behind.putheader(name, value)
            behind.endheaders(self.sent_body)
            answer = behind.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            length = answer.headers.get("Content-Length", "0")
            body = answer.read()
            return Reply(answer.status, headers | {"Content-Length": length if self.command == "HEAD" else str(len(body))}, body)
        finally:
            behind.close()

    def begin(self, reply: Reply) -> None:
        """Sends status and headers."""
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def reset(self) -> None:
        """Ends the connection as a machine does that knows nothing of it."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AND_RESET)
        # for good, though the handler's files still hold the socket
        os.close(self.connection.detach())

    def wait(self, seconds: float) -> None:
        """Lets time pass, unless the proxy is closed."""
        self.server.proxy.closed.wait(seconds)

    def log_message(self, format: str, *args: object) -> None: ...


Action = Callable[[Exchange], None]


def pass_on(exchange: Exchange) -> None:
    """As if there were no proxy."""
    reply = exchange.ask_server()
    exchange.begin(reply)
    exchange.wfile.write(reply.body)


def status(code: int, error: str, message: str = "as told") -> Action:
    """The server refuses."""

    def refused(exchange: Exchange) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{error}</Code><Message>{message}</Message></Error>".encode()
        exchange.begin(Reply(code, {"Content-Type": "application/xml", "Content-Length": str(len(body))}, body))
        exchange.wfile.write(body)

    return refused


def reset(after: int | None = None) -> Action:
    """The connection is reset: after so many bytes of the body, None for before any answer."""

    def was_reset(exchange: Exchange) -> None:
        if after is not None:
            reply = exchange.ask_server()
            exchange.begin(reply)
            exchange.wfile.write(reply.body[:after])
            time.sleep(0.02)  # what is under way would be lost with the connection
        exchange.reset()

    return was_reset


def cut(after: int, honest: bool = False) -> Action:
    """The body ends early; `honest`: and its Content-Length says so."""

    def was_cut(exchange: Exchange) -> None:
        reply = exchange.ask_server()
        if honest:
            reply.headers["Content-Length"] = str(min(after, len(reply.body)))
        exchange.begin(reply)
        exchange.wfile.write(reply.body[:after])
        exchange.close_connection = True

    return was_cut


def trickle(piece: int, pause: float) -> Action:
    """The body comes slowly, but it comes."""

    def trickled(exchange: Exchange) -> None:
        reply = exchange.ask_server()
        exchange.begin(reply)
        for start in range(0, len(reply.body), piece):
            exchange.wfile.write(reply.body[start : start + piece])
            exchange.wait(pause)

    return trickled


def hang(after: int | None = None) -> Action:
    """Nothing more comes, and the connection stays: after so many bytes of the body, None for no answer at all."""

    def hung(exchange: Exchange) -> None:
        if after is not None:
            reply = exchange.ask_server()
            exchange.begin(reply)
            exchange.wfile.write(reply.body[:after])
        exchange.wait(60)
        exchange.close_connection = True

    return hung


def first(happens: Callable[[], Any], then: Action = pass_on) -> Action:
    """Something happens before the server is asked: the object is replaced, or removed."""

    def meanwhile(exchange: Exchange) -> None:
        happens()
        then(exchange)

    return meanwhile


def damage(at: int = 0) -> Action:
    """A byte arrives as another."""

    def damaged(exchange: Exchange) -> None:
        reply = exchange.ask_server()
        body = bytearray(reply.body)
        body[at] ^= 0x20
        exchange.begin(reply)
        exchange.wfile.write(body)

    return damaged


def answer(reply: Reply) -> Action:
    """Something else answers in the server's place."""

    def answered(exchange: Exchange) -> None:
        exchange.begin(Reply(reply.status, {"Content-Length": str(len(reply.body))} | reply.headers, reply.body))
        exchange.wfile.write(reply.body)

    return answered


def without(*headers: str) -> Action:
    """The server is not told these headers of the request."""

    def unheard(exchange: Exchange) -> None:
        for name in headers:
            del exchange.headers[name]
        pass_on(exchange)

    return unheard


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: FaultProxy


@dataclass
class FaultProxy:
    """A context manager; `upstream` is the URL of the S3 server. `faults` may be changed at any time, `requests` are those that came."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.behind = urlsplit(self.upstream).netloc
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def taken_up(self, request: Request) -> Fault | None:
        """Writes it down, and finds what is to be done to it."""
        with self._lock:
            # each counts its requests, so all are asked
            taking = [fault for fault in self.faults if fault.takes(request)]
            request.fault = taking[0].name if taking else ""
            self.requests.append(request)
            return taking[0] if taking else None

    def of_objects(self, key: str = "") -> list[Request]:
        """The requests for objects whose key holds `key`."""
        return [request for request in self.requests if not request.is_listing and key in request.path]

    def forget(self) -> None:
        """No faults any more, and nothing seen."""
        with self._lock:
            self.faults.clear()
            self.requests.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
