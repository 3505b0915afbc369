"""Records for TensorBoard, written at once and by ourselves.

TensorBoard's own writer writes in a thread, which loses the error of a full disk or waits for ever, and puts the
name of the host into the file's name.
"""

import os
import time
from pathlib import Path
from typing import Any

from conductance.errors import extra
from conductance.files import cannot_write
from conductance.training.metrics import Record

with extra("training"):
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
    from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

TENSORBOARD = "tensorboard"
"""Where TensorBoard's files are, below the folder of a training."""


class EventFile:
    """An event file of TensorBoard; every training call makes its own, and TensorBoard joins them.

    Args:
        folder: is made where it is missing.
        begin: the first step that this file will hold; what older files hold from there on is not shown any more.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(self, folder: Path, *, begin: int) -> None:
        self.path = folder / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"
        try:
            folder.mkdir(exist_ok=True)
            self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        self._write(step=begin, session_log=SessionLog(status=SessionLog.START))

    def append(self, record: Record) -> None:
        """Add the numbers of a record, each as `name/split`.

        Raises:
            StorageError: the file cannot be written.
        """
        values = [
            Summary.Value(tag=f"{name}/{record.split}", simple_value=number)
            for name, number in record.numbers().items()
        ]
        self._write(step=record.step, summary=Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **content: Any) -> None:
        try:
            self._records.write(Event(wall_time=time.time(), **content).SerializeToString())
        except OSError as error:
            raise cannot_write(self.path, error) from error
