"""Live panels: one WebSocket per tab, every distinct panel computed and encoded once, deltas, slow clients told."""

from __future__ import annotations

from tapewatch.surfaces.web.live.hub import Hub, HubLimits

__all__ = ["Hub", "HubLimits"]
