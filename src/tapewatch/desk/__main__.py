"""`python -m tapewatch.desk`: the paper desk, or one recording played as its venue."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tapewatch.desk.addresses import VenueAddress
from tapewatch.desk.demo import demo_script
from tapewatch.desk.desk import Desk
from tapewatch.desk.dialects import DIALECTS, dialect
from tapewatch.desk.faults import Script
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import RecordingError, read_recording
from tapewatch.desk.reporter import desk_client

_LAST_WORDS_S = 1.0  # for rows that wait when the desk stops
_WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM.

    Returns:
        Exit code: 0 after a clean stop, 2 when something given is wrong or a port is taken (one line on stderr says what).
    """
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(_play(given) if given.command == "play" else _desk(given))
    except (RecordingError, ValueError, OSError) as error:
        sys.stderr.write(f"desk: {error}\n")
        return _WRONG_USE
    return 0


async def _desk(given: argparse.Namespace) -> None:
    """The desk, with its rows going to ``--to``."""
    client = desk_client(given.to, given.token)
    script = demo_script(given.seed) if given.faults == "demo" else Script()
    try:
        async with Desk(client, seed=given.seed, script=script, port_base=given.port_base) as desk:
            _say(desk.addresses.to_json())
            await _told_to_stop()
    finally:
        await asyncio.to_thread(client.close, _LAST_WORDS_S)


async def _play(given: argparse.Namespace) -> None:
    """One recording as its venue."""
    recording = read_recording(given.recording, dialect(given.venue))
    async with Player(recording, Pace(speed=given.speed, is_looping=given.loop), port=given.port) as player:
        symbols = tuple(sorted(recording.offer.symbols))
        _say(VenueAddress(given.venue, player.url, symbols).to_json())
        await _told_to_stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tapewatch.desk", description="A paper desk: everything it says is simulated.")
    parser.add_argument("--to", default="http://127.0.0.1:4780", help="address of tapewatch")
    parser.add_argument("--token", help="secret that tapewatch asks for")
    parser.add_argument("--seed", type=int, default=7, help="of all randomness")
    parser.add_argument("--port-base", type=int, default=0, help="first of four ports; 0 takes free ones")
    parser.add_argument("--faults", choices=("demo", "none"), default="demo", help="what goes wrong")
    commands = parser.add_subparsers(dest="command")
    play = commands.add_parser("play", help="play a recording as its venue")
    play.add_argument("recording", type=Path, help="gzip text of recorded traffic")
    play.add_argument("--venue", required=True, choices=[known.venue for known in DIALECTS])
    play.add_argument("--speed", type=float, default=1.0, help="times the recorded pace")
    play.add_argument("--port", type=int, default=0, help="0 takes a free one")
    play.add_argument(
        "--loop", action="store_true", help="at the end close the connection; the next one hears the recording from its start"
    )
    return parser


def _say(line: str) -> None:
    """One line on stdout: ready."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _told_to_stop() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()


if __name__ == "__main__":
    sys.exit(main())
