"""Code that is given back runs on, and what is not as in its file is left alone."""

import subprocess
import sys

import pytest

from tapewatch.code_pages import clean_pages

SMAPS = """\
55d0c0a00000-55d0c0a01000 r--p 00000000 fe:00 1311 /usr/bin/python3.11
Rss:                   4 kB
Private_Dirty:         0 kB
55d0c0a01000-55d0c0a02000 rw-p 00001000 fe:00 1311 /usr/bin/python3.11
Rss:                   4 kB
Private_Dirty:         0 kB
7f0000000000-7f0000003000 r-xp 00001000 fe:00 1312 /usr/lib/with a space.so (deleted)
Size:                 12 kB
Rss:                   8 kB
Private_Dirty:         0 kB
VmFlags: rd ex mr mw me
7f0000010000-7f0000012000 r-xp 00001000 fe:00 1313 /usr/lib/with-breakpoint.so
Rss:                   8 kB
Private_Dirty:         4 kB
7f0000020000-7f0000022000 r-xp 00000000 00:00 0
Rss:                   8 kB
Private_Dirty:         0 kB
7f0000030000-7f0000032000 r-xp 00001000 fe:00 1314 /usr/lib/untouched.so
Rss:                   0 kB
Private_Dirty:         0 kB
7ffd1f5f0000-7ffd1f5f2000 r-xp 00000000 00:00 0                          [vdso]
Rss:                   4 kB
Private_Dirty:         0 kB
"""

PROGRAM = """
import sys, duckdb, numpy
from pathlib import Path
from tapewatch.code_pages import give_back

def mapped_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

def work():
    return duckdb.connect().execute("SELECT sum(i * i) FROM range(1000) t(i)").fetchone(), float(numpy.linalg.norm(numpy.ones(16)))

before, first = work(), mapped_kb()
given = give_back()
left = mapped_kb()
print(given, first, left, work() == before)
"""


def test_only_code_and_constants_as_in_their_files_count() -> None:
    assert list(clean_pages(SMAPS)) == [(0x55D0C0A00000, 0x55D0C0A01000, 4096), (0x7F0000000000, 0x7F0000003000, 8192)]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's accounts of a process are read")
def test_code_that_was_given_back_still_runs() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    given, first_kb, left_kb, is_same = run.stdout.split()

    assert int(given) > 10_000_000
    assert int(left_kb) < int(first_kb) - 5_000
    assert is_same == "True"
