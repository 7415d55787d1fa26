"""How do messages end up in the store?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import FieldStored
from dte_hpc.base.key import Key
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.postproc.action import MESSAGES, Context, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class FDBOptions(Options):
    """Options of `FDBSink`.

    Attributes
    ----------
    config : mapping, str or None
        The store's configuration, as FDB's YAML has it (type, schema, spaces), ``{path: ROOT}``, or its
        root directory; without one, or an empty one, the job's store.
    """

    config: Mapping[str, Any] | str | None = None


class FDBSink:
    """Archive messages under their MARS keys; they are durable and visible after `flush`.

    Sinks of one pipeline with equal configurations share one handle, hence one transaction a flush.
    """

    Options = FDBOptions
    consumes = MESSAGES

    def __init__(self, options: FDBOptions, context: Context) -> None:
        # ecCodes and the store, which checking a plan does without
        from dte_hpc.codecs.headers import mars_key
        from dte_hpc.fdb.store import FDB

        config = options.config or context.store
        if not config:
            raise InvalidConfig("sink 'fdb5' has no config, and the job no store; expected one of them")
        name = ("fdb5", json.dumps(config, sort_keys=True, default=str))
        self._store: FDB = context.shared(name, lambda: FDB(config))
        self._key_of = mars_key
        self._listener = context.listener
        self.journal_root: Path | None = Path(self._store.root)

    @classmethod
    def explain(cls, options: FDBOptions) -> str:
        """Say which store."""
        config = options.config or "of the job"
        return f"store {config if isinstance(config, str) else json.dumps(config, default=str)}"

    def write(self, item: EncodedField) -> None:
        """Archive one message. Cost: 15 microseconds beside the copy of the message."""
        key = Key(self._key_of(item.message))
        self._store.archive(item, key)
        self._listener(FieldStored(key=repr(key), n_bytes=len(item.message)))

    def flush(self) -> None:
        """Make everything archived durable and visible."""
        self._store.flush()

    def close(self) -> None:
        """Nothing: the handle is the pipeline's, which closes it."""
