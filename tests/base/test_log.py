import logging

from dte_hpc.base.events import RecordSkipped, Waited
from dte_hpc.base.log import log_trouble


def test_trouble_is_logged_and_everyday_events_are_not(caplog) -> None:
    with caplog.at_level(logging.INFO, "dte_hpc"):
        log_trouble(Waited(what="credit", seconds=1.0))
        log_trouble(RecordSkipped(where="toc, byte 128", reason="its checksum is wrong"))
    assert [record.getMessage() for record in caplog.records] == [
        "dte: skipped toc, byte 128: its checksum is wrong"
    ]
