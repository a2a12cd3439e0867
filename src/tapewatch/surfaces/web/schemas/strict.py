"""What bodies that are read strictly have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """No value is converted, and no unknown name is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid")
