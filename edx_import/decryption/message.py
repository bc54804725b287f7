"""One gpg that decrypts one message: its threads, and the streams into it and out of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread, current_thread
from typing import BinaryIO, Final

from edx_import.decryption.gpg import INSTALL_HINT, Gpg, as_sent
from edx_import.decryption.verdict import Testimony
from edx_import.errors import DecryptionError
from edx_import.settings import Secret

_CHUNKS_WAITING: Final = 8
_PATIENCE_SECONDS: Final = 10.0


class Conversation:
    """One gpg that decrypts one message: python-gnupg in a thread, its plaintext on a bounded queue."""

    def __init__(self, gpg: Gpg, sealed: BinaryIO, passphrase: Secret | None, options: Sequence[str] = ()) -> None:
        self._gpg = copy.copy(gpg)  # to make a new one would start gpg to ask for its version
        self._gpg.process = self._gpg.heard = None
        self._gpg.on_data = self._take
        self._passphrase = passphrase
        self._options = ["--skip-verify", *options]
        self._sealed = _SealedBytes(sealed, self._gpg.kill)
        self._plain = _Plaintext()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="gpg", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """How many sealed bytes were read."""
        return self._sealed.size

    def chunks(self) -> Iterator[bytes]:
        """The plaintext as it comes, not to be believed yet."""
        return self._plain.chunks()

    def end(self) -> None:
        """Ends gpg if it still runs, and waits for the threads."""
        self._sealed.stopped = True
        self._plain.leave()
        if not self._plain.ended:
            self._gpg.kill()
        self._thread.join()
        self._sealed.join()

    def testimony(self) -> Testimony:
        """What gpg said, after the end. Raises what went wrong on our side: an error of the source is raised as it is."""
        heard = self._gpg.heard
        failure = self._sealed.error or self._failure or (heard.on_data_failure if heard else None)
        if failure is self._failure and isinstance(failure, OSError):
            why = (failure.strerror or str(failure)).lower()
            raise DecryptionError(f"gpg cannot be started: {why}", f"Is there enough memory, and is gpg still there? {INSTALL_HINT}") from None
        if failure is not None:
            raise failure
        if heard is None:
            raise DecryptionError("gpg did not start", INSTALL_HINT)
        return heard.testimony

    def _run(self) -> None:
        try:
            self._gpg.decrypt_file(self._sealed, passphrase=as_sent(self._passphrase), extra_args=self._options)
        except BaseException as error:
            heard = self._gpg.heard
            # Once gpg has ended, what is left to fail is handing it the rest of the message, which it no longer wants.
            if heard is None or heard.returncode is None:
                self._failure = error
        finally:
            self._plain.end()

    def _take(self, data: bytes) -> bool:
        """Called by python-gnupg, which swallows what is raised here, and collects the plaintext unless False is returned."""
        if data:
            self._plain.put(data)
        return False


class _SealedBytes:
    """The sealed bytes on their way to gpg, read in a thread of python-gnupg; keeps an error of the source, which that would take for the end."""

    def __init__(self, source: BinaryIO, on_error: Callable[[], None]) -> None:
        self._source = source
        self._on_error = on_error
        self._reader: Thread | None = None
        self.size = 0
        self.error: BaseException | None = None
        self.stopped = False

    def read(self, size: int) -> bytes:
        self._reader = current_thread()
        if self.stopped:
            return b""
        try:
            data = self._source.read(size)
        except BaseException as error:
            self.error = error
            self._on_error()
            return b""
        self.size += len(data)
        return data

    def join(self) -> None:
        """Waits for the reading thread, but not for ever for a source that hangs."""
        if self._reader is not None:
            self._reader.join(_PATIENCE_SECONDS)


class _Plaintext:
    """A bounded queue of chunks between gpg's thread and a consumer who may leave early."""

    def __init__(self) -> None:
        self._chunks: Queue[bytes] = Queue(_CHUNKS_WAITING)
        self._left = Event()
        self.ended = False

    def put(self, chunk: bytes) -> None:
        """Waits for room; drops the chunk when the consumer has left."""
        while not self._left.is_set():
            with suppress(Full):
                self._chunks.put(chunk, timeout=0.1)
                break

    def end(self) -> None:
        """No more chunks will come."""
        self.ended = True
        self.put(b"")

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._chunks.get():
            yield chunk

    def leave(self) -> None:
        """The consumer wants no more; whoever waits for room goes on."""
        self._left.set()
        with suppress(Empty):
            while True:
                self._chunks.get_nowait()
