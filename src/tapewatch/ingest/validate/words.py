"""Tags, states, ids and texts of one column; venues and symbols as tapewatch writes them."""

from __future__ import annotations

import re
from types import NoneType

import numpy as np

from tapewatch.ingest.validate.book import Positions
from tapewatch.ingest.validate.cells import Cells
from tapewatch.model.rows import NULL_CODE, Coded
from tapewatch.model.table import Kind
from tapewatch.model.venue import Names

LONGEST_WORD = 255
"""Characters of a tag or an id."""

LONGEST_TEXT_BYTES = 8_192
"""Bytes of a text in UTF-8; the rest is cut."""

ALL_SYMBOLS = "*"
"""The symbol of rows that are about all symbols together."""

NAME_RULE = f"1 to {LONGEST_WORD} characters, not only spaces and none a control character"

_LARGEST_ID = 2**128
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_bad_name(word: str) -> bool:
    """Whether a text cannot be a tag or an id."""
    return len(word) > LONGEST_WORD or not word.strip() or _CONTROL.search(word) is not None


def words(cells: Cells) -> Coded:
    """Dictionary-coded words, checked by the rules of the column's kind."""
    coded = cells.values if isinstance(cells.values, Coded) else Coded.of(_strings(cells))
    match cells.column.kind:
        case Kind.STATE:
            return _states(cells, coded)
        case Kind.TEXT:
            return _texts(cells, coded)
        case _:
            return _names(cells, coded)


def _strings(cells: Cells) -> list[str | None]:
    items = cells.items()
    if set(map(type, items)) <= {str, NoneType}:
        return items
    takes_numbers = cells.column.kind is Kind.ID
    strings: list[str | None] = [None] * len(items)
    wrong: list[int] = []
    for i, value in cells.each():
        if isinstance(value, str):
            strings[i] = str.__str__(value)  # an enumeration's value, not its name
        elif takes_numbers and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_ID:
            strings[i] = str(value)
        else:
            wrong.append(i)
    hint = "text or an integer" if takes_numbers else "text in quotes"
    cells.refuse(wrong, "wrong_type", lambda _: f"{cells.column.name} takes {hint}.")
    return strings


def _where(coded: Coded, codes: list[int]) -> Positions:
    return np.flatnonzero(np.isin(coded.codes, np.array(codes, np.int32)))


def recode(coded: Coded, names: list[str | None]) -> Coded:
    """Replace each word by the name at its place; None makes it null, equal names become one word."""
    seen: dict[str, int] = {}
    table = np.full(len(names) + 1, NULL_CODE, np.int32)  # the last place is that of null: code -1
    for i, name in enumerate(names):
        if name is not None:
            table[i] = seen.setdefault(name, len(seen))
    return Coded(table[coded.codes], tuple(seen))


def _without(coded: Coded, codes: list[int]) -> Coded:
    gone = set(codes)
    return recode(coded, [None if i in gone else word for i, word in enumerate(coded.values)])


def _names(cells: Cells, coded: Coded) -> Coded:
    faulty = [i for i, word in enumerate(coded.values) if is_bad_name(word)]
    if not faulty:
        return coded
    cells.refuse(_where(coded, faulty), "bad_tag", lambda _: f"{cells.column.name} takes {NAME_RULE}.")
    return _without(coded, faulty)


def _states(cells: Cells, coded: Coded) -> Coded:
    allowed = [state.name for state in cells.column.states]
    unknown = [i for i, word in enumerate(coded.values) if word not in allowed]
    if not unknown:
        return coded
    cells.refuse(_where(coded, unknown), "unknown_state", lambda _: f"{cells.column.name} takes {', '.join(allowed)}.")
    return _without(coded, unknown)


def _texts(cells: Cells, coded: Coded) -> Coded:
    changed: dict[str, list[int]] = {"shortened": [], "replaced_characters": []}
    names: list[str | None] = []
    for i, word in enumerate(coded.values):
        text = word
        if _UNSTORABLE.search(text):
            text = _UNSTORABLE.sub("\ufffd", text)
            changed["replaced_characters"].append(i)
        if len(text) * 4 > LONGEST_TEXT_BYTES and len(data := text.encode()) > LONGEST_TEXT_BYTES:
            text = data[:LONGEST_TEXT_BYTES].decode(errors="ignore")
            changed["shortened"].append(i)
        names.append(text)
    if not any(changed.values()):
        return coded
    for reason, codes in changed.items():
        cells.note(_where(coded, codes), reason)
    return recode(coded, names)


def venues(cells: Cells, coded: Coded, names: Names) -> Coded:
    """Venue ids as tapewatch writes them; unknown ones are kept and noted."""
    found = [names.venue(word) for word in coded.values]
    unknown = [i for i, (_, is_known) in enumerate(found) if not is_known]
    if unknown:
        cells.note(_where(coded, unknown), "unknown_venue", coded.values[unknown[0]])
    return recode(coded, [name for name, _ in found])


def symbols(cells: Cells, coded: Coded, venue: Coded | None, names: Names) -> Coded:
    """Symbols as tapewatch writes them; those not understood are kept as they came and noted."""
    places = ("",) if venue is None else (*venue.values, "")
    where = np.zeros(len(coded), np.int64)
    if venue is not None:
        where[:] = np.where(venue.codes < 0, len(venue.values), venue.codes)
    width = len(coded.values) + 1
    pairs, inverse = np.unique(where * width + (coded.codes + 1), return_inverse=True)
    found: list[str | None] = []
    unknown: list[int] = []
    for i in range(len(pairs)):
        place, symbol = places[int(pairs[i]) // width], int(pairs[i]) % width - 1
        if symbol < 0:
            found.append(None)
            continue
        word = coded.values[symbol]
        name, is_known = (word, True) if word == ALL_SYMBOLS else names.symbol(word, place)
        found.append(name)
        if not is_known:
            unknown.append(i)
    coded_pairs = Coded(inverse.astype(np.int32), tuple(map(str, range(len(pairs)))))
    if unknown:
        cells.note(_where(coded_pairs, unknown), "unknown_symbol", found[unknown[0]])
    return recode(coded_pairs, found)
