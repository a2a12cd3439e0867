"""Dashboards as data, in the order of the rail; behind them the pages of one thing."""

from __future__ import annotations

from tapewatch.surfaces.dashboards.exchange import EXCHANGE
from tapewatch.surfaces.dashboards.feeds import FEEDS
from tapewatch.surfaces.dashboards.health import HEALTH
from tapewatch.surfaces.dashboards.overview import OVERVIEW
from tapewatch.surfaces.dashboards.panel import Dashboard
from tapewatch.surfaces.dashboards.pipeline import PIPELINE
from tapewatch.surfaces.dashboards.subjects import SUBJECTS
from tapewatch.surfaces.dashboards.system import SYSTEM

DASHBOARDS: tuple[Dashboard, ...] = (OVERVIEW, EXCHANGE, FEEDS, PIPELINE, HEALTH, SYSTEM, *SUBJECTS)
