"""A backup that is asked for, and what was copied."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, WithJsonSchema

from tapewatch.surfaces.web.schemas.strict import Strict


class BackupBody(Strict):
    """Where a backup is to be written."""

    directory: str


class BackupFileOut(BaseModel):
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str


class ManifestOut(BaseModel):
    """What a backup holds; also in its ``manifest.json``."""

    store: str
    format: int
    tapewatch: str
    taken_at: str
    rows: int
    rows_by_table: dict[str, int]
    files: list[BackupFileOut]


class BackupOut(BaseModel):
    """How the last backup went, or goes."""

    state: Annotated[str, WithJsonSchema({"type": "string", "enum": ["none", "running", "done", "failed"]})]
    directory: str | None = None
    since_us: int | None = None
    took_s: float | None = None
    message: str | None = None
    manifest: ManifestOut | None = None
