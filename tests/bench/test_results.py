"""The page of results keeps what was not measured again."""

from pathlib import Path

from bench.bars import Bar
from bench.results import keep, section


def test_a_script_measured_again_replaces_its_own_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    keep(
        {
            "store": section("store", [Bar("commit", 12.0, "ms", 100.0)], 0.2),
            "live": section("live", [Bar("pushed", 200.0, "ms", 150.0)], 3.0),
        },
        path,
    )
    keep({"live": section("live", [Bar("pushed", 90.0, "ms", 150.0)], 0.1)}, path)
    text = path.read_text()
    assert text.index("## live") < text.index("## store")
    assert "| pushed | 90 ms | ≤ 150 ms |  |" in text
    assert "| commit | 12 ms | ≤ 100 ms |  |" in text
    assert "missed" not in text
    assert text.count("## ") == 2
    assert "load before 0.1" in text
