"""The rows of one verified file into the database: in this process, or in pieces by the workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from edx_import.decryption import VerifiedContent
from edx_import.formats.lines import LINE_LIMIT
from edx_import.progress import Step
from edx_import.store.rejects import RejectLog
from edx_import.sync.pieces import Loaded, RowJob, load_piece, rows_of, table_of, with_header
from edx_import.sync.tools import Tools
from edx_import.sync.workers import Piece, Workers

#: How much of a file a worker gets at a time, in bytes: large enough that handing it over costs nothing, small enough for memory.
PIECE_SIZE = 2 * 2**20

#: A file up to this size is handed to a worker whole.
_WHOLE_LIMIT = 16 * 2**20


def load_rows(tools: Tools, job: RowJob, content: VerifiedContent | Iterable[bytes]) -> Loaded:
    """Loads the rows and gives their account; the rejected ones take the place of those of an earlier attempt.

    Bytes that are not known to be whole are read here, as they come. Raises Interrupted, StoreError, and the errors of reading.
    """
    log = RejectLog(tools.store, job.target.import_key, job.target.reject_file, tools.screen)
    if not (job.is_events and job.target.fresh):  # a file of events that was never begun has left nothing
        log.clear()
    if isinstance(content, VerifiedContent) and tools.workers is not None and _can_be_cut(job, content):
        loaded = _by_workers(tools, tools.workers, job, content, log)
    else:
        chunks = content.chunks() if isinstance(content, VerifiedContent) else content
        loaded = Loaded()
        rows = tools.stoppable(rows_of(job, tools.catalog, chunks, 1, loaded), job.target.import_key)
        load_piece(tools.rows, job, rows, loaded, log)
    log.flush()
    return loaded


def _can_be_cut(job: RowJob, content: VerifiedContent) -> bool:
    """Whether workers can have it: an event file or a table in pieces, whatever is small as one."""
    return job.is_events or content.size <= _WHOLE_LIMIT or table_of(job) is not None


def _by_workers(tools: Tools, workers: Workers, job: RowJob, content: VerifiedContent, log: RejectLog) -> Loaded:
    """Events go to all workers at once. Of a table, where two rows with one key are told apart by which is first, one piece after the other.

    Results are taken in the order of the file, so that of too many rejected rows the first are kept.
    """
    total, waiting = Loaded(), deque[Piece]()
    at_a_time = workers.jobs + 1 if job.is_events else 1
    for first_line, data in pieces(content.chunks(), _WHOLE_LIMIT if content.size <= _WHOLE_LIMIT and not job.is_events else PIECE_SIZE):
        tools.at(Step.READING, job.target.import_key)
        if first_line == 1 and not job.is_events and len(data) < content.size:
            job = with_header(job, data)
        if len(waiting) >= at_a_time:
            _take(waiting.popleft(), total, log)
        waiting.append(workers.submit(job, data, first_line))
    while waiting:
        _take(waiting.popleft(), total, log)
    return total


def _take(piece: Piece, total: Loaded, log: RejectLog) -> None:
    loaded = piece.result()
    total.join(loaded)
    log.take(loaded.rejects, loaded.reasons)


def pieces(chunks: Iterable[bytes], size: int, limit: int = LINE_LIMIT) -> Iterator[tuple[int, bytes]]:
    """Cuts a file into pieces of about `size` bytes or more that are whole lines; gives each with the number of its first line.

    Of a line that is over the limit only so much is kept that a reader can tell it is.
    """
    number, held, rest = 1, bytearray(), bytearray()
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        rest += chunk[:end] if end else chunk
        if not end:
            del rest[limit + 1 :]
            continue
        held += rest
        rest = bytearray(chunk[end:])
        if len(held) >= size:
            yield number, bytes(held)
            number += held.count(b"\n")
            held.clear()
    held += rest
    if held:
        yield number, bytes(held)
