"""How do messages end up in the store?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.events import FieldStored
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.postproc.action import MESSAGES, Context, Options
from dte_hpc.postproc.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class FDBOptions(Options):
    """Options of `FDBSink`.

    Attributes
    ----------
    config : mapping or str
        The store's configuration, as FDB's YAML has it (type, schema, spaces), or its root directory.
    """

    config: Mapping[str, Any] | str


class FDBSink:
    """Archive messages; they are durable and visible after `flush`.

    Sinks of one pipeline with equal configurations share one handle, hence one transaction a flush.
    """

    Options = FDBOptions
    consumes = MESSAGES

    def __init__(self, options: FDBOptions, context: Context) -> None:
        # ecCodes and the store, which checking a plan does without
        from dte_hpc.codecs.decode import mars_key
        from dte_hpc.fdb.store import FDB

        name = ("fdb5", json.dumps(options.config, sort_keys=True, default=str))
        self._store: Any = context.shared(name, lambda: FDB(options.config))
        self._keys: Keys = context.shared("keys", lambda: Keys(mars_key))
        self._listener = context.listener
        self.journal_root: Path | None = Path(self._store.root)

    @classmethod
    def explain(cls, options: FDBOptions) -> str:
        """Say which store."""
        config = options.config
        return f"store {config if isinstance(config, str) else json.dumps(config, default=str)}"

    def write(self, item: EncodedField) -> None:
        """Archive one message under its MARS key."""
        key = self._keys.key_of(item)
        self._store.archive(item, key)
        self._listener(FieldStored(key=repr(key), n_bytes=len(item.message)))

    def flush(self) -> None:
        """Make everything archived durable and visible."""
        self._store.flush()

    def close(self) -> None:
        """Nothing: the handle is the pipeline's, which closes it."""
