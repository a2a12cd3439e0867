"""What is answered to a request that was refused."""

from __future__ import annotations

from pydantic import BaseModel


class ErrorInside(BaseModel):
    """What went wrong."""

    code: str
    message: str


class ErrorOut(BaseModel):
    """The one form of every error."""

    error: ErrorInside
