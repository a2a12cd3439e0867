"""`tapewatch retire`: what has stopped for good leaves the verdicts, over a restart too, until it speaks again."""

import json
from pathlib import Path

from tests.started import refused, rows, tapewatch, up, verdicts, wait_for, write

QUIET = "watch_self = false\n"


def test_a_retired_series_stays_so_over_a_restart_and_comes_back_when_it_speaks(tmp_path: Path) -> None:
    with up(tmp_path, QUIET) as server:
        write(server, "exchange", {"venue": "kraken", "connected": True}, {"venue": "ftx", "connected": False}, period_s=3600)
        done = tapewatch("retire", "exchange", "venue=ftx", "--why", "closed", "--url", server.url, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("retired: exchange env=live")
        assert "venue=ftx source=test" in done.stdout
        assert [series["key"]["venue"] for series in verdicts(server, "exchange")] == ["kraken"]
    with up(tmp_path, QUIET) as server:
        frame = wait_for(lambda: (found := json.loads(server.get("/api/query?table=exchange&mode=latest")))["retired"] and found)
        assert [(one["key"]["venue"], one["why"]) for one in frame["retired"]] == [("ftx", "by hand: closed")]
        assert [row["venue"] for row in rows(server, "exchange")] == ["kraken"]
        assert len(rows(server, "exchange", mode="rows")) == 2, "the history has it"
        asked = tapewatch("query", "exchange", "--url", server.url, folder=tmp_path)
        assert "1 row · " in asked.stdout
        assert "1 retired" in asked.stdout
        write(server, "exchange", {"venue": "ftx", "connected": True}, period_s=3600)
        assert {row["venue"] for row in rows(server, "exchange")} == {"kraken", "ftx"}
        assert tapewatch("retire", "exchange", "venue=ftx", "--url", server.url, folder=tmp_path).returncode == 0
        back = tapewatch("retire", "exchange", "venue=ftx", "--back", "--url", server.url, folder=tmp_path)
        assert back.stdout.startswith("judged again: exchange")
        assert {row["venue"] for row in rows(server, "exchange")} == {"kraken", "ftx"}


def test_what_cannot_be_retired_is_told_by_name(tmp_path: Path) -> None:
    with up(tmp_path, QUIET) as server:
        for arguments, told in (
            (["exchange", "venue=ftx"], "no series of exchange that is not retired has venue=ftx"),
            (["exchange", "ftx"], "'ftx' is not tag=value"),
            (["exchanges", "venue=ftx"], "there is no table 'exchanges'"),
        ):
            done = tapewatch("retire", *arguments, "--url", server.url, folder=tmp_path)
            assert done.returncode == 1
            assert told in done.stderr
            assert "Traceback" not in done.stderr


def test_the_time_of_a_table_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text("[retire]\nafter_h = 24\n[retire.tables]\nfeeds = 12\n")
    told = refused("up", folder=tmp_path)
    assert "line 4" in told
    assert "there is no table 'feeds' whose series are retired" in told
