"""Who is told, and how, that something is complete?

A trigger of action ``sink`` waits for notifications (`notify` of a model) and makes a JSON event of one::

    triggers:
      - {type: NotifyMetadata, key: step, host: localhost, port: 10000, info: {app: model}}
      - {type: MetadataChange, key: trigger, values: [step], file: /run/events.json}

``NotifyMetadata`` fires for every notification that has the key (without `values`, or with one of them),
``MetadataChange`` when its value is another than in the notification before. The event is MultIO's, one line:
``{"type": "NotifyMetadata", "info": {"app": "multio", ...}, "metadata": {"step": "1"}}``, appended to `file`,
sent over TCP to `host`, or both. MULTIO_CONFIG_TRIGGERS (YAML: ``triggers: [...]``, or the list) adds
triggers to every plan.

Nothing hangs: each try of a host ends after `timeout` seconds, there are 1 + `retries` of them, all together
at most `MAX_SECONDS`. A host that is down is one sentence: an error with ``failOnRetry: true``, else a
warning of the log ``dte_hpc.plan``. A crash leaves events that were told and none that was not asked for.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dte_hpc.base.config import as_list, as_mapping, describe, parse_yaml, refuse
from dte_hpc.base.errors import InvalidConfig, StorageFailed
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.action import Options
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.options import near, read_options

log = logging.getLogger("dte_hpc.plan")

ENVIRONMENT = "MULTIO_CONFIG_TRIGGERS"
KINDS = ("MetadataChange", "NotifyMetadata")
APP = "multio"
"""Who sends an event, for those who listen to MultIO, unless `info` says another."""
MAX_TRIGGERS = 32
MAX_RETRIES = 100
MAX_SECONDS = 300.0
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOptions(Options):
    """One trigger.

    Attributes
    ----------
    kind : str
        MetadataChange or NotifyMetadata; ``type`` in the plan.
    key : str
        The keyword a notification must have.
    values : tuple
        Values that count; every one when empty.
    file, host : str or None
        Where events go.
    port : int
    retries : int
        Tries after the first one.
    timeout : float
        Seconds one try may take.
    fail_on_retry : bool
        ``failOnRetry``: whether a host that cannot be told is an error.
    info : mapping
        Goes into every event.
    """

    key: str
    kind: str = "NotifyMetadata"
    values: tuple[Any, ...] = ()
    file: str | None = None
    host: str | None = None
    port: int = 10000
    retries: int = 5
    timeout: float = 60.0
    fail_on_retry: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield nonsense."""
        if self.kind not in KINDS:
            yield refuse(f"{place}.type", repr(self.kind) + near(self.kind, KINDS), " or ".join(KINDS))
        if self.file is None and self.host is None:
            yield refuse(place, "neither 'file' nor 'host'", "one of them, or both")
        if not 0 < self.port < 65536:
            yield refuse(f"{place}.port", str(self.port), "1 to 65535")
        if not 0 <= self.retries <= MAX_RETRIES:
            yield refuse(f"{place}.retries", str(self.retries), f"0 to {MAX_RETRIES}")
        if not 0 < self.timeout <= MAX_SECONDS:
            yield refuse(
                f"{place}.timeout", f"{self.timeout:g}", f"more than 0 and at most {MAX_SECONDS:g} s"
            )


def read_triggers(nodes: Sequence[Any], place: str) -> tuple[list[TriggerOptions], list[InvalidConfig]]:
    """Return the triggers of a list, and all that is wrong with them."""
    if len(nodes) > MAX_TRIGGERS:
        return [], [refuse(place, f"{len(nodes)} triggers", f"at most {MAX_TRIGGERS}")]
    found: list[TriggerOptions] = []
    errors: list[InvalidConfig] = []
    for index, node in enumerate(nodes):
        at = f"{place}[{index}]"
        try:
            given = dict(as_mapping(at, node))
            if not isinstance(given.get("type"), str):
                raise refuse(f"{at}.type", describe(given.get("type")), " or ".join(KINDS))
        except InvalidConfig as error:
            errors.append(error)
            continue
        given["kind"] = given.pop("type")
        if "failOnRetry" in given:
            given["fail-on-retry"] = given.pop("failOnRetry")
        options, wrong = read_options(TriggerOptions, given, at)
        errors += wrong
        found += [options] if options else []
    return found, errors


def of_environment() -> list[TriggerOptions]:
    """Return the triggers that MULTIO_CONFIG_TRIGGERS says, if it is set."""
    text = os.environ.get(ENVIRONMENT, "").strip()
    if not text:
        return []
    node = parse_yaml(text, source=ENVIRONMENT)
    listed = node.get("triggers", ()) if isinstance(node, Mapping) else node
    found, errors = read_triggers(as_list(ENVIRONMENT, listed), ENVIRONMENT)
    if errors:
        raise errors[0]
    return found


class Triggers:
    """Makes events of notifications.

    Parameters
    ----------
    triggers : sequence of TriggerOptions
    """

    def __init__(self, triggers: Sequence[TriggerOptions]) -> None:
        self._triggers = triggers
        self._last: dict[int, str] = {}

    def notify(self, metadata: Metadata) -> None:
        """Tell everybody whose trigger a notification fires; StorageFailed when one must hear and cannot."""
        for number, trigger in enumerate(self._triggers):
            value = value_of(metadata, trigger.key)
            if value is None or not self._fires(number, trigger, text_of(value)):
                continue
            line = _event(trigger, value)
            if trigger.file is not None:
                _append(trigger.file, line)
            if trigger.host is not None:
                _tell(trigger, line)

    def _fires(self, number: int, trigger: TriggerOptions, value: str) -> bool:
        changed = self._last.get(number) != value
        self._last[number] = value
        if trigger.values and value not in {text_of(each) for each in trigger.values}:
            return False
        return changed or trigger.kind == "NotifyMetadata"


def _event(trigger: TriggerOptions, value: Scalar) -> bytes:
    event = {"type": trigger.kind, "info": {"app": APP, **trigger.info}, "metadata": {trigger.key: value}}
    return json.dumps(event, default=str).encode() + b"\n"


def _append(path: str, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageFailed(f"the trigger's file {path} refused an event: {error}", path=path) from error
    if written != len(line):
        raise StorageFailed(f"the trigger's file {path} took {written} of {len(line)} bytes", path=path)


def _tell(trigger: TriggerOptions, line: bytes) -> None:
    end = time.monotonic() + MAX_SECONDS
    reason: OSError | None = None
    tried = 0
    while tried <= trigger.retries and time.monotonic() < end:
        if tried:
            time.sleep(min(PAUSE_SECONDS, trigger.timeout))
        tried += 1
        try:
            seconds = max(0.001, min(trigger.timeout, end - time.monotonic()))
            with socket.create_connection((str(trigger.host), trigger.port), timeout=seconds) as connection:
                connection.sendall(line)
            return
        except OSError as error:
            reason = error
    sentence = (
        f"the trigger's host {trigger.host}:{trigger.port} was not told of {trigger.key}: {reason}; "
        f"{tried} tries; expected somebody who listens there"
    )
    if trigger.fail_on_retry:
        raise StorageFailed(sentence, host=trigger.host, port=trigger.port)
    log.warning(sentence)
