"""A paper desk: a system that tapewatch watches, with a simulated exchange, for the demo and the tests."""

from tapewatch.desk.addresses import Addresses, VenueAddress, desk_settings
from tapewatch.desk.demo import demo_script
from tapewatch.desk.desk import Desk
from tapewatch.desk.dialects import dialect
from tapewatch.desk.edits import Edit, edited
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import Recording, RecordingError, read_recording

__all__ = [
    "Addresses",
    "Desk",
    "Edit",
    "Pace",
    "Player",
    "Recording",
    "RecordingError",
    "VenueAddress",
    "demo_script",
    "desk_settings",
    "dialect",
    "edited",
    "read_recording",
]
