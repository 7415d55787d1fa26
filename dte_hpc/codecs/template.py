"""How does a field become a message shaped like a template?

ecCodes sets what varies in a copy of the template, once for each kind of field; the other headers of the kind
are patched (`headers`). The values are packed by our own loops, in the template's packing.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.base.key import Scalar
from dte_hpc.codecs import grib, packing
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.codecs.headers import HeaderMemory, Memory, mars_key
from dte_hpc.codecs.layout import EncodedField, read_layout
from dte_hpc.codecs.sections import Target, write_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the template says of the values, after the assignments.

    Attributes
    ----------
    target : Target
        The data section.
    bits : int
        Of a value.
    missing : float or None
        Which value means missing, beside NaN; None without a bitmap.
    """

    target: Target
    bits: int
    missing: float | None


class TemplateEncoder:
    """Turns fields into messages shaped like one GRIB2 template."""

    def __init__(self, template: bytes) -> None:
        self._template = template
        self._headers = HeaderMemory()
        self._shapes: Memory[Shape] = Memory()

    def warm(self) -> None:
        """Load or compile the loops of both packings."""
        packing.warm(ccsds=True)

    def encode(
        self,
        field: Field,
        kind: Hashable,
        words: Mapping[str, int],
        assignments: Callable[[], Iterable[Assignment]],
    ) -> EncodedField:
        """Return the field as a message.

        Parameters
        ----------
        field : Field
        kind : hashable
            What the header depends on besides `words`.
        words : mapping
            What varies within the kind, as `octets.patch` writes it.
        assignments : callable
            Yields what ecCodes is to set, when it is asked.

        Raises
        ------
        InvalidPart
            Naming the key that ecCodes refuses, or when a value cannot be packed.
        """
        kind = (kind, field.values.size)

        def ask() -> bytes:
            header, facts = grib.with_assignments(
                self._template, assignments(), field.values.size, field.metadata
            )
            self._shapes[kind] = _shape(facts, field.metadata)
            return header

        header = self._headers.header(kind, words, ask)
        if kind not in self._shapes:
            ask()
        shape = self._shapes[kind]
        values = frozen(_marked(field.values, shape.missing))
        try:
            message, offsets = write_message(header, values, shape.target, shape.bits, None)
        except InvalidPart as error:
            raise InvalidPart(f"field {field.metadata}: {error}", metadata=field.metadata) from error
        metadata = Metadata({**field.metadata, **mars_key(message)})
        return EncodedField(
            metadata=metadata, message=message, layout=read_layout(message), block_offsets=offsets
        )


def _marked(values: Values, missing: float | None) -> Values:
    """Return values with NaN where they are `missing`; the same array when none is."""
    if missing is None:
        return values
    marked = values == values.dtype.type(missing)
    return np.where(marked, values.dtype.type(np.nan), values) if marked.any() else values


def _shape(facts: Mapping[str, Scalar], metadata: Metadata) -> Shape:
    name, bits = facts["packingType"], int(facts["bitsPerValue"])
    if name not in ("grid_simple", "grid_ccsds") or bits > 32:
        raise InvalidPart(
            f"field {metadata} has a template packed as {name} with {bits} bits; expected grid_simple or "
            "grid_ccsds, and at most 32",
            packing=name,
        )
    decimal, binary = int(facts["decimalScaleFactor"]), int(facts["binaryScaleFactor"])
    target = Target(
        ccsds=name == "grid_ccsds",
        decimal_scale=decimal if bits == 0 or binary == 0 else 0,
        block_size=int(facts.get("ccsdsBlockSize", 32)),
        rsi=int(facts.get("ccsdsRsi", 128)),
        always_bitmap=bool(facts["bitmapPresent"]),
    )
    missing = float(facts["missingValue"]) if facts["bitmapPresent"] else None
    return Shape(target=target, bits=bits, missing=missing)
