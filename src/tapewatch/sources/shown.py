"""Foreign values in messages: short, printable, safe to write as JSON."""

from __future__ import annotations

from reprlib import Repr

SHOWN_CHARACTERS = 60
"""Characters of a foreign value that are told."""

_BRIEF = Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxstring, _BRIEF.maxother = 2, 4, 4, SHOWN_CHARACTERS, SHOWN_CHARACTERS


def shown(value: object) -> str:
    r"""A value as text for a person: at most sixty characters, none of them a control character or half of a pair.

    >>> shown("12,5"), shown({"a": [1, 2, 3, 4, 5]}), shown("two\nlines")
    ('12,5', "{'a': [1, 2, 3, 4, ...]}", 'two\ufffdlines')
    """
    try:
        text = value if isinstance(value, str) else _BRIEF.repr(value)
    except Exception:  # noqa: BLE001 - a value whose own repr fails must not stop the message about it
        text = type(value).__name__
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in text[: SHOWN_CHARACTERS + 1])
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
