"""How does a field become a message? By a template, or a codec of the entry points ``dte_hpc.codecs``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dte_hpc.base.config import refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Field
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import (
    MESSAGES,
    RAW_VALUES,
    Context,
    Explained,
    Flow,
    Item,
    MaskedField,
    Options,
    Passing,
    Stage,
    Warmable,
)
from dte_hpc.postproc.actions import template_options as template
from dte_hpc.postproc.actions.raw import RawEncoder
from dte_hpc.postproc.naming import in_mars_words
from dte_hpc.postproc.options import near, read_options

KEEP = "keep"
RAW = "raw"
PACKINGS = ("simple", "ccsds")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions(Options):
    """Options of `Encode`.

    Attributes
    ----------
    format : str
        Name of the codec: grib; raw: the values leave as they are, for sinks that take those.
    packing : str
        simple (grid_simple) or ccsds (grid_ccsds: smaller, and still read point by point).
    bits_per_value : int or "keep"
        keep: what ``bitsPerValue`` and ``decimalScaleFactor`` of the metadata say, as a replayed file has.
    ccsds_block_size : int
        Samples in a block.
    ccsds_rsi : int
        Blocks in a reference sample interval, the least that is decoded to read one point.
    template : str or None
        A file with a GRIB2 message that each message is shaped like, packing and bits included.
    overwrite : mapping, or list of mappings
        ecCodes keys that the messages of a template have besides, where they are defined.
    additional_metadata, run : mapping
        Metadata that win over the field's own; two names of one option.
    atlas_named_grid : str or None
        The grid (O1280, N320, F160, L360x181) that replaces the template's.
    unstructured_grid_type : str
        Name of the grid of ocean fields that do not say it.
    grid_downloader_template : str or None
        Refused: no plan downloads anything here.
    encoding : mapping or None
        All of these options, written one level deeper.
    """

    format: str = "grib"
    packing: str = "simple"
    bits_per_value: int | str = 16
    ccsds_block_size: int = 32
    ccsds_rsi: int = 128
    template: str | None = None
    overwrite: Any = ()
    additional_metadata: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    atlas_named_grid: str | None = None
    unstructured_grid_type: str = ""
    grid_downloader_template: str | None = None
    encoding: Mapping[str, Any] | None = None

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield unknown names and impossible sizes, and what is wrong with the template."""
        if self.encoding is not None:
            yield from self._nested_mistakes(place)
            return
        yield from template.mistakes(self, place)
        for keyword, value, known in (
            ("format", self.format, (*plugs.names(plugs.CODECS), RAW)),
            ("packing", self.packing, PACKINGS),
        ):
            if value not in known:
                yield refuse(
                    f"{place}.{keyword}", repr(value) + near(value, known), f"one of {', '.join(known)}"
                )
        if self.bits_per_value != KEEP and not (
            isinstance(self.bits_per_value, int) and 1 <= self.bits_per_value <= 32
        ):
            yield refuse(f"{place}.bits-per-value", repr(self.bits_per_value), f"1 to 32, or {KEEP}")
        if self.ccsds_block_size not in (8, 16, 32, 64):
            yield refuse(f"{place}.ccsds-block-size", str(self.ccsds_block_size), "8, 16, 32 or 64")
        if not 1 <= self.ccsds_rsi <= 4096:
            yield refuse(f"{place}.ccsds-rsi", str(self.ccsds_rsi), "1 to 4096")

    def _nested_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        given = self.encoding or {}
        if replace(self, encoding=None) != EncodeOptions():
            yield refuse(f"{place}.encoding", "it beside other options of encode", "all of them in it")
        if "encoding" in given or "type" in given:
            word = "encoding" if "encoding" in given else "type"
            yield unknown_keyword(f"{place}.encoding", word, EncodeOptions.__dataclass_fields__)
            return
        yield from read_options(EncodeOptions, given, f"{place}.encoding")[1]

    def chosen(self) -> "EncodeOptions":
        """Return the options that count: those in ``encoding`` where it is given. Of checked options only."""
        if self.encoding is None:
            return self
        found, errors = read_options(EncodeOptions, self.encoding, "$.encoding")
        if found is None:
            raise errors[0]
        return found


class Encode(Passing):
    """Pack each field into a message, whose metadata are what the message says of itself."""

    Options = EncodeOptions
    emits = MESSAGES
    works_on_parts = True

    def __init__(self, options: EncodeOptions, context: Context) -> None:
        self._encoder = _encoder_of(options.chosen())

    @classmethod
    def gives(cls, options: EncodeOptions) -> frozenset[Stage]:
        """Messages, or bare values."""
        return RAW_VALUES if options.chosen().format == RAW else MESSAGES

    @classmethod
    def explain(cls, options: EncodeOptions, flow: Flow) -> Explained:
        """Say how large a value becomes."""
        options = options.chosen()
        if options.format == RAW:
            return Explained(does="bare values, without a header", flow=replace(flow, stage=Stage.RAW))
        if options.template is not None:
            packing, bits = template.packing_of(options.template)
            words = f"like {options.template}, {packing}, {bits} bits a value"
            return Explained(does=words, flow=replace(flow, stage=Stage.MESSAGE, value_bytes=bits / 8))
        bits = 32 if isinstance(options.bits_per_value, str) else options.bits_per_value
        precision = "bits as they came" if options.bits_per_value == KEEP else f"{bits} bits a value"
        words = f"{options.format}, {options.packing}, {precision}"
        return Explained(does=words, flow=replace(flow, stage=Stage.MESSAGE, value_bytes=bits / 8))

    def warm(self) -> None:
        """Load or compile the codec's loops, if it has any."""
        if isinstance(self._encoder, Warmable):
            self._encoder.warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the message."""
        return (self._encoder.encode(item.field),)


def _encoder_of(options: EncodeOptions) -> Any:
    if options.format == RAW:
        return RawEncoder()
    if options.template is not None:
        return template.encoder_of(options)
    from dte_hpc.codecs.encode import Packing  # ecCodes, which checking a plan does without

    choices: Any = (options.packing, options.bits_per_value)  # a checked plan's
    packing = Packing(
        packing=choices[0],
        bits_per_value=choices[1],
        ccsds_block_size=options.ccsds_block_size,
        ccsds_rsi=options.ccsds_rsi,
    )
    return _InMarsWords(plugs.find(plugs.CODECS, options.format)(packing))


class _InMarsWords:
    """A codec that is told of fields in MARS's words only, whatever a producer says beside them."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def warm(self) -> None:
        """Load or compile the codec's loops, if it has any."""
        if isinstance(self._encoder, Warmable):
            self._encoder.warm()

    def encode(self, field: Field) -> EncodedField:
        """Return the message; later actions may still ask for the producer's words."""
        metadata = in_mars_words(field.metadata)
        encoded: EncodedField = self._encoder.encode(
            field if metadata is field.metadata else Field(metadata=metadata, values=field.values)
        )
        if metadata is field.metadata:
            return encoded
        return replace(encoded, metadata=field.metadata.replace(**encoded.metadata))
