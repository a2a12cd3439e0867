"""Runs a simulated venue on virtual time and collects what arrives."""

import json
from dataclasses import dataclass
from typing import Any

from tapewatch.desk.faults import Fault, Script
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues import SIMULATED

START_US = 1_700_000_000_000_000
CLASSES = {spec.name: (spec, messages) for spec, messages in SIMULATED}


@dataclass(frozen=True)
class Heard:
    at_s: float
    stream: Stream | None
    text: str

    @property
    def message(self) -> Any:
        return json.loads(self.text)


def run(venue: str, *faults: Fault, seconds: float = 30, seed: int = 7, step_s: float = 0.01) -> list[Heard]:
    spec, messages = CLASSES[venue]
    simulation = Simulation(spec, messages, seed=seed, script=Script(faults), start_us=START_US)
    if venue == "kraken":
        heard = [Heard(0.0, Stream(item.symbol, "book-10"), "") for item in spec.instruments]
        for one in heard:
            assert one.stream is not None
            simulation.welcome(one.stream, None, 0.0)
    return [
        Heard(step * step_s, arrival.stream, arrival.text)
        for step in range(round(seconds / step_s))
        for arrival in simulation.advance(step * step_s)
    ]


def of(heard: list[Heard], symbol: str, channel: str) -> list[Heard]:
    return [one for one in heard if one.stream is not None and one.stream.is_of(symbol, channel)]
