"""The systems that are measured side by side: one file each, all asked the same."""

from bench.rivals.influxdb import InfluxDB
from bench.rivals.ours import Tapewatch
from bench.rivals.questdb import QuestDB
from bench.rivals.system import System
from bench.rivals.victoriametrics import VictoriaMetrics

SYSTEMS: tuple[type[System], ...] = (Tapewatch, QuestDB, VictoriaMetrics, InfluxDB)
