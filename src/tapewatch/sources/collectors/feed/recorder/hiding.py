"""Hides secrets in messages, in each form in which a venue may repeat them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"

SHORTEST = 8
"""Longer secrets are hidden wherever they stand; shorter ones and numbers only where they stand alone, or data would be hidden too."""

_HIDDEN = HIDDEN.encode()
_QUOTED = b'"' + _HIDDEN + b'"'


_NUMBER = re.compile(r"-?\d[\d.eE+\-]*")


class Hider:
    """Hides texts.

    Args:
        secrets: The texts, numbers as they are written.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        ordered = sorted(set(secrets), key=lambda text: (-len(text), text))
        anywhere = [text for text in ordered if len(text) >= SHORTEST and not _NUMBER.fullmatch(text)]
        alone = [text for text in ordered if text not in anywhere]
        forms = {form.encode() for text in anywhere for form in _forms(text)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._escaped = _pattern(map(_any_escapes, anywhere), "%s")
        self._values = _pattern((re.escape(text) for text in alone if _NUMBER.fullmatch(text)), r"(?<=[:\[,])(\s*)%s(?=\s*[,}\]])")
        self._alone = _pattern((re.escape(form) for text in alone for form in _forms(text)), r"(?<![\w.])%s(?![\w.])")

    def hide(self, message: bytes) -> bytes:
        """The message without them; JSON remains JSON."""
        for form in self._forms:
            message = message.replace(form, _HIDDEN)
        if self._escaped and b"\\" in message:
            message = self._escaped.sub(_HIDDEN, message)
        if self._values:
            message = self._values.sub(rb"\1" + _QUOTED, message)
        return self._alone.sub(_HIDDEN, message) if self._alone else message


def _forms(text: str) -> set[str]:
    """A text as JSON and addresses write it."""
    escaped = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {*escaped, *(form.replace("/", "\\/") for form in escaped), quote(text), quote(text, safe="")}


def _any_escapes(text: str) -> str:
    """A pattern for a text of which any letter may be escaped."""
    return "".join(f"(?:{re.escape(letter)}|{_escapes(letter)})" for letter in text)


def _escapes(letter: str) -> str:
    units = letter.encode("utf-16-be", errors="surrogatepass")
    codes = "".join(rf"\\u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    return rf"{codes}|\\{re.escape(letter)}" if letter in '"\\/' else codes


def _pattern(texts: Iterable[str], around: str) -> re.Pattern[bytes] | None:
    found = "|".join(texts)
    return re.compile((around % f"(?:{found})").encode()) if found else None
