"""How do messages end up in the store?"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.config import as_mapping, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.postproc.action import MESSAGES, Context, Options

USER_CONFIG = "userConfig"
USER_KEYWORDS = ("useSubToc", "preloadTocBTree")


@dataclass(frozen=True, slots=True, kw_only=True)
class FDBOptions(Options):
    """Options of `FDBSink`.

    Attributes
    ----------
    config : mapping, str or None
        The store's root directory, or its configuration as FDB's YAML has it (type, schema, spaces).
        Without one, or with an empty one, the job's store, else what the environment names
        (FDB_CONFIG_FILE). ``userConfig`` in it (useSubToc, preloadTocBTree) is MultIO's, and is understood:
        no writer here waits for another's toc, so that there is nothing to choose.
    """

    config: Mapping[str, Any] | str | None = None

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the store's configuration, without opening it."""
        from dte_hpc.fdb.places.config import config_of  # the store, which other plans do without

        yield from _user_mistakes(self.config, f"{place}.config")
        if isinstance(self.config, str) and "\0" in self.config:
            yield refuse(f"{place}.config", "a path with a NUL in it", "a directory")
            return
        try:
            if store_of(self.config):
                config_of(store_of(self.config))
        except InvalidConfig as error:
            at = f"{place}.config" + str(error.facts.get("place", "$")).removeprefix("$")
            yield InvalidConfig(f"{at}: {str(error).partition(': ')[2] or error}", place=at)


def store_of(config: Mapping[str, Any] | str | None) -> Mapping[str, Any] | str | None:
    """Return a store's configuration without what only FDB's library reads."""
    if not isinstance(config, Mapping):
        return config
    return {keyword: value for keyword, value in config.items() if keyword != USER_CONFIG}


def _user_mistakes(config: Any, place: str) -> Iterator[InvalidConfig]:
    if not isinstance(config, Mapping) or USER_CONFIG not in config:
        return
    try:
        given = as_mapping(f"{place}.{USER_CONFIG}", config[USER_CONFIG])
    except InvalidConfig as error:
        yield error
        return
    for keyword, value in given.items():
        if keyword not in USER_KEYWORDS:
            yield unknown_keyword(f"{place}.{USER_CONFIG}", keyword, USER_KEYWORDS)
        elif not isinstance(value, bool):
            yield refuse(f"{place}.{USER_CONFIG}.{keyword}", repr(value), "true or false")


class FDBSink:
    """Archive messages under their MARS keys; they are durable and visible after `flush`.

    Sinks of one pipeline with equal configurations share one handle, hence one transaction a flush. Where IO
    ranks flush together the pipeline does so for all of its stores, after every sink's `flush`.
    """

    Options = FDBOptions
    consumes = MESSAGES

    def __init__(self, options: FDBOptions, context: Context) -> None:
        # the store, which plans without one, and their check, do without
        from dte_hpc.fdb.store import FDB

        source = store_of(options.config) or context.store
        name = ("fdb5", json.dumps(source, sort_keys=True, default=str))
        self._is_flushed_here = not context.flushes_together
        self._store: FDB = context.shared(name, lambda: FDB(source, listener=context.listener))
        roots = self._store.config.roots("archive")
        self.journal_root: Path | None = roots[0] if roots else None

    @classmethod
    def explain(cls, options: FDBOptions) -> str:
        """Say which store."""
        config = store_of(options.config) or "of the job"
        return f"store {config if isinstance(config, str) else json.dumps(config, default=str)}"

    def write(self, item: EncodedField) -> None:
        """Archive one message; the store reads its key from the header, as for any other message."""
        self._store.archive(item)

    def flush(self) -> None:
        """Make everything archived durable and visible, unless the pipeline does."""
        if self._is_flushed_here:
            self._store.flush()

    def close(self) -> None:
        """Nothing: the handle is the pipeline's, which closes it."""
