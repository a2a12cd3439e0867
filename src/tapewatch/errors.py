"""Every exception of tapewatch, ordered by what the operator must do.

::

    TapewatchError
     ├── ConfigError      stop; fix the settings (key, value, line, what is allowed)
     ├── SourceError      the watched system did not answer (permanent, or worth a retry)
     │    └── ServerRefused      do what the server's own words say
     ├── SenderError      the sender's to change, not the server's: nothing of the delivery was kept
     │    ├── TooFast          too much in too short a time: send the same again later
     │    └── WrongSource      it says it is a source that it is not
     ├── StoreError
     │    ├── StoreUnavailable   keep the rows, try again: the store is away or locked
     │    │    └── StoreFull          free some space: what is stored can be read meanwhile
     │    └── StoreRejected      drop the rows with the reason: the store will never take them
     ├── QueryError       the asker's fault; the position says where
     ├── DeliveryError    a message did not reach its provider (permanent, or worth a retry)
     └── ContractError    our bug; report it
"""

from __future__ import annotations


class TapewatchError(Exception):
    """Root of the tree; ``code`` is the stable name used in HTTP answers and logs."""

    code = "error"


class ConfigError(TapewatchError):
    """A setting is wrong: names key, value, line and what is allowed. Exit code 2.

    Args:
        message: What is wrong and what is allowed.
        path: The key as the parts of its path, such as ``("collectors", "kraken", "url")``; lets the line be found.
    """

    code = "bad_setting"

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class SourceError(TapewatchError):
    """A watched system did not answer as it should.

    Args:
        message: What happened, to what.
        permanent: True when a retry cannot help (wrong address, refused credentials).
    """

    code = "source_failed"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class SenderError(TapewatchError):
    """A delivery is refused as a whole because of who sent it, or how."""

    code = "delivery_refused"


class TooFast(SenderError):
    """A source sends more than its limits allow: names source, limit and setting; the same may be sent after ``retry_after_s`` seconds."""

    code = "too_fast"

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class WrongSource(SenderError):
    """The sender names a source that is not its own: names both."""

    code = "wrong_source"


class ServerRefused(SourceError):
    """A tapewatch server answered a command, and said no.

    Args:
        message: Its words.
        status: HTTP status.
        reason: Its stable name of the reason.
    """

    code = "server_refused"

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message, permanent=True)
        self.status = status
        self.reason = reason


class StoreError(TapewatchError):
    """The store did not do what was asked."""

    code = "store_failed"


class StoreUnavailable(StoreError):
    """The store is away, full, locked or stopping: nothing is lost, try again after ``retry_after_s`` seconds.

    ``is_unknown`` is True when it may still keep the rows, so that a repeat must carry the same mark.
    """

    code = "store_unavailable"

    def __init__(self, message: str, *, retry_after_s: float = 1.0, is_unknown: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_unknown = is_unknown


class StoreFull(StoreUnavailable):
    """The disk of the store is full: it can be read, and takes rows again by itself when there is space."""

    code = "store_full"


class StoreRejected(StoreError):
    """The store will never take these rows (or this file): the reason says why."""

    code = "store_rejected"


class QueryError(TapewatchError):
    """The question cannot be answered as asked; ``position`` names the part of it.

    Args:
        message: What is wrong and what is allowed.
        position: Path into the question, such as ``measures[0].column``.
    """

    code = "bad_query"

    def __init__(self, message: str, *, position: str = "") -> None:
        super().__init__(f"{position}: {message}" if position else message)
        self.position = position


class QueryTooLarge(QueryError):
    """The question exceeds the limit on rows, buckets or time; the message names the limit and how to ask for less."""

    code = "query_too_large"


class DeliveryError(TapewatchError):
    """A message did not reach its provider.

    Args:
        message: What the provider answered.
        permanent: True when a retry cannot help.
        retry_after_s: Seconds to wait before the next try, when the provider said so.
    """

    code = "delivery_failed"

    def __init__(self, message: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class ContractError(TapewatchError):
    """A part of tapewatch broke its contract with another: our bug."""

    code = "contract_broken"
