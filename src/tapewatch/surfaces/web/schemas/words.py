"""Words of enumerations, as the interface describes them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import WithJsonSchema

from tapewatch.model.table import Kind, Status


def word(words: type[StrEnum]) -> WithJsonSchema:
    """One of the words of an enumeration; `tapewatch.query.wire` refuses others by name."""
    return WithJsonSchema({"type": "string", "enum": [str(word) for word in words]})


KindWord = Annotated[str, word(Kind)]
StatusWord = Annotated[str, word(Status)]
