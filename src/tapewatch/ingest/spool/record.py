"""A judged delivery as the payload of a record, and back: what was acknowledged is replayed as it was judged, whatever has changed since.

The payload is MessagePack. Arrays travel as their little-endian bytes; sketches, which are objects, as maps.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
import numpy as np

from tapewatch.errors import ContractError
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch, TypedColumn
from tapewatch.store.base import Stored

_NUMBERS = {"<f8", "<i8", "|i1"}
_CODES = "<i4"


class _Numbers(msgspec.Struct, tag="numbers", array_like=True):
    dtype: str
    data: bytes


class _Words(msgspec.Struct, tag="words", array_like=True):
    codes: bytes
    values: list[str]


class _Sketches(msgspec.Struct, tag="sketches", array_like=True):
    values: list[dict[int, int] | None]


class _Batch(msgspec.Struct, array_like=True):
    table: str
    count: int
    columns: dict[str, _Numbers | _Words | _Sketches]
    period_s: float | None


class _Numbered(msgspec.Struct, tag="numbered", array_like=True):
    client: str
    sequence: int


class _Body(msgspec.Struct, tag="body", array_like=True):
    digest: str
    received_us: int


class _Record(msgspec.Struct, array_like=True):
    mark: _Numbered | _Body
    batches: list[_Batch]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Record)


def pack(stored: Stored) -> bytes:
    """Write a delivery.

    Raises:
        ContractError: It has no mark, or something that cannot be written.
    """
    if stored.mark is None:
        raise ContractError("a delivery without a mark cannot be replayed without doubling it")
    try:
        return _encoder.encode(_record_of(stored, stored.mark))
    except ContractError:
        raise
    except Exception as error:  # whatever it is, it is about this delivery alone
        raise ContractError(f"a delivery cannot be written to the spool: {type(error).__name__}: {error}") from error


def _record_of(stored: Stored, mark: Mark | BodyMark) -> _Record:
    batches = [
        _Batch(batch.table, batch.count, {name: _packed(name, values) for name, values in batch.columns.items()}, batch.period_s)
        for batch in stored.batches
    ]
    packed = _Body(mark.digest, mark.received_us) if isinstance(mark, BodyMark) else _Numbered(mark.client, mark.sequence)
    return _Record(packed, batches)


def unpack(payload: bytes) -> Stored:
    """Read a delivery; arrays are writable.

    Raises:
        ContractError: The bytes are none.
    """
    try:
        record = _decoder.decode(payload)
        batches = tuple(
            RowBatch(batch.table, batch.count, {name: _unpacked(packed) for name, packed in batch.columns.items()}, batch.period_s)
            for batch in record.batches
        )
    except Exception as error:  # as in `pack`
        raise ContractError(f"a record of the spool cannot be read: {error}") from error
    mark = record.mark
    return Stored(batches, BodyMark(mark.digest, mark.received_us) if isinstance(mark, _Body) else Mark(mark.client, mark.sequence))


def _packed(name: str, values: TypedColumn) -> _Numbers | _Words | _Sketches:
    if isinstance(values, Coded):
        return _Words(values.codes.astype(_CODES, copy=False).tobytes(), list(values.values))
    if values.dtype == np.object_:
        return _Sketches(cast("list[dict[int, int] | None]", values.tolist()))
    if values.dtype.str not in _NUMBERS:
        raise ContractError(f"column {name} holds {values.dtype}, which the spool does not know")
    return _Numbers(values.dtype.str, values.tobytes())


def _unpacked(packed: _Numbers | _Words | _Sketches) -> TypedColumn:
    if isinstance(packed, _Words):
        return Coded(np.frombuffer(packed.codes, _CODES).astype(np.int32), tuple(packed.values))
    if isinstance(packed, _Sketches):
        sketches = np.empty(len(packed.values), np.object_)
        sketches[:] = packed.values
        return sketches
    numbers: Any = np.frombuffer(packed.data, packed.dtype).copy()
    return cast("TypedColumn", numbers)
