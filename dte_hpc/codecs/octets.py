"""Which octets of a header say when, at which step, on which level, of which member?

Those are the octets in which the fields of one kind differ. Reading them gives MARS's words without
ecCodes, writing them turns one field's header into another's. Where they stand is WMO's (FM 92 GRIB);
that ecCodes means the same by them is checked by whoever uses this, once for each kind and keyword.

GRIB2, from the start of a section::

    1: year@12:2 month@14 day@15 hour@16 minute@17 second@18
    4: template@7:2 unit@17 forecast_time@18:4 surface@22 scale@23 level@24:4 second_surface@28
       templates 1, 11: number@35    templates 8, 11, from 34 or 37: end year:2 month day hour minute second
       n_ranges@+7 process@+12 unit@+14 length@+15:4

GRIB1, from the start of the PDS::

    level_type@9 level@10:2 year@12 month@13 day@14 hour@15 minute@16 unit@17 P1@18 P2@19 range@20 century@24
"""

import datetime
import struct
from collections.abc import Mapping
from typing import Any

from dte_hpc.codecs.layout import grib1_sections, grib2_sections

VARIABLE = ("date", "time", "step", "levelist", "number", "startStep", "endStep")
HOUR = 1
PRESSURE, HYBRID = 100, 105
PRESSURE1, HYBRID1 = 100, 109
_RANGE_AT = {8: 34, 11: 37}
_END = struct.Struct(">HBBBBB")
Identity = tuple[bytes, ...]


def read_variable(view: memoryview) -> tuple[Identity, dict[str, str | int]]:
    """Return what is fixed and what varies in the header of a message.

    Returns
    -------
    identity : tuple of bytes
        The names in `words`, and the header's sections with the octets blank that they were read from. (A
        level of zero, which is not read, has the octets of a blank one.)
    words : dict
        date (YYYYMMDD), time (HHMM), step (hours, the end of a range), levelist (hPa or number), number,
        timespan ('24h') - those that stand in octets understood here.
    """
    fixed, words = _read2(view) if view[7] == 2 else _read1(view)
    return (" ".join(words).encode(), *fixed), words


def _read2(view: memoryview) -> tuple[Identity, dict[str, str | int]]:
    sections = grib2_sections(view)
    header = {number: where for number, where in sections.items() if number < 5}
    fixed = {number: bytearray(view[at : at + length]) for number, (at, length) in header.items()}
    words = _read_time(fixed[1]) | _read_level(fixed[4]) | _read_step(fixed[4])
    return (bytes(view[6:7]), *(bytes(fixed[number]) for number in sorted(fixed))), words


def _read_time(section1: bytearray) -> dict[str, str | int]:
    year, month, day, hour, minute, second = struct.unpack_from(">HBBBBB", section1, 12)
    if second:
        return {}
    section1[12:19] = bytes(7)
    return {"date": year * 10000 + month * 100 + day, "time": hour * 100 + minute}


def _read_level(section4: bytearray) -> dict[str, str | int]:
    if len(section4) < 34 or section4[23] or section4[28] != 255:
        return {}
    level = int.from_bytes(section4[24:28], "big")
    if section4[22] == PRESSURE and level % 100 == 0 and level:
        level //= 100
    elif section4[22] != HYBRID:
        return {}
    section4[24:28] = bytes(4)
    return {"levelist": level}


def _read_step(section4: bytearray) -> dict[str, str | int]:
    template = section4[7] << 8 | section4[8]
    words: dict[str, str | int] = {}
    if template in (1, 11) and len(section4) > 36:
        words["number"] = section4[35]
        section4[35] = 0
    if template not in (0, 1, 8, 11) or len(section4) < 34 or section4[17] != HOUR:
        return words
    start, end = int.from_bytes(section4[18:22], "big"), 0
    if template in _RANGE_AT:
        at = _RANGE_AT[template]
        if len(section4) < at + 24 or section4[at + 7] != 1 or section4[at + 14] != HOUR:
            return words
        end = int.from_bytes(section4[at + 15 : at + 19], "big")
        section4[at : at + 7], section4[at + 15 : at + 19] = bytes(7), bytes(4)
        words["timespan"] = f"{end}h"
    section4[18:22] = bytes(4)
    return words | {"step": start + end}


def _read1(view: memoryview) -> tuple[Identity, dict[str, str | int]]:
    pds_at, gds_at, _, _ = grib1_sections(view, 0)
    pds = bytearray(view[pds_at : pds_at + int.from_bytes(view[pds_at : pds_at + 3], "big")])
    gds = bytes(view[gds_at : gds_at + int.from_bytes(view[gds_at : gds_at + 3], "big")]) if gds_at else b""
    year = (pds[24] - 1) * 100 + pds[12]
    words: dict[str, str | int] = {
        "date": year * 10000 + pds[13] * 100 + pds[14],
        "time": pds[15] * 100 + pds[16],
    }
    pds[12:17], pds[24:25], pds[26:28] = bytes(5), bytes(1), bytes(2)
    if pds[9] in (PRESSURE1, HYBRID1):
        words["levelist"] = pds[10] << 8 | pds[11]
        pds[10:12] = bytes(2)
    if pds[17] == HOUR and pds[20] in (0, 10):
        words["step"] = pds[18] << 8 | pds[19] if pds[20] == 10 else pds[18]
        pds[18:19] = bytes(1)
        if pds[20] == 10:
            pds[19:20] = bytes(1)
    return (b"1", bytes(pds), gds), words


def variable_words(metadata: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the metadata that `patch` can write, as whole numbers; None if one of them is not."""
    words = {}
    for keyword in VARIABLE:
        if keyword in metadata:
            try:
                words[keyword] = int(metadata[keyword])
                if float(metadata[keyword]) != words[keyword] or words[keyword] < 0:
                    return None
            except (ValueError, OverflowError):
                return None
    return words if _is_possible(words) else None


def _is_possible(words: Mapping[str, int]) -> bool:
    if words.get("number", 0) > 255 or words.get("levelist", 1) not in range(1, 1 << 20):
        return False
    if max(words.get("step", 0), words.get("endStep", 0)) >= 1 << 20:
        return False
    return _moment(words) is not None


def _moment(words: Mapping[str, int]) -> datetime.datetime | None:
    date, time = words.get("date", 20000101), words.get("time", 0)
    try:
        return datetime.datetime(
            date // 10000, date // 100 % 100, date % 100, time // 100, time % 100, tzinfo=datetime.UTC
        )
    except ValueError:
        return None


def patch(header: bytes, words: Mapping[str, int]) -> bytes | None:
    """Return the header of another field of the same kind.

    Parameters
    ----------
    header : bytes
        Sections 0 to 4 of a GRIB2 message that ecCodes made.
    words : Mapping[str, int]
        What `variable_words` gave: everything that varies.

    Returns
    -------
    bytes or None
        None when the header has these words in octets not understood here.
    """
    patched = bytearray(header)
    at4 = _section4(header)
    moment = _moment(words)
    if moment is None:
        return None
    if "date" in words and "time" in words:
        _END.pack_into(patched, 28, *moment.timetuple()[:6])
    if "levelist" in words and not _patch_level(patched, at4, words["levelist"]):
        return None
    if "number" in words:
        if header[at4 + 7] << 8 | header[at4 + 8] not in (1, 11):
            return None
        patched[at4 + 35] = words["number"]
    return bytes(patched) if _patch_step(patched, at4, words, moment) else None


def _section4(header: bytes) -> int:
    at = 16
    while header[at + 4] != 4:
        at += int.from_bytes(header[at : at + 4], "big")
    return at


def _patch_level(header: bytearray, at4: int, level: int) -> bool:
    surface = header[at4 + 22]
    if surface not in (PRESSURE, HYBRID) or header[at4 + 23]:
        return False
    header[at4 + 24 : at4 + 28] = (level * 100 if surface == PRESSURE else level).to_bytes(4, "big")
    return True


def _patch_step(header: bytearray, at4: int, words: Mapping[str, int], moment: datetime.datetime) -> bool:
    if "step" not in words and "endStep" not in words:
        return True
    template = header[at4 + 7] << 8 | header[at4 + 8]
    if header[at4 + 17] != HOUR or template not in (0, 1, 8, 11):
        return False
    end = words.get("endStep", words.get("step", 0))
    if template not in _RANGE_AT:
        header[at4 + 18 : at4 + 22] = end.to_bytes(4, "big")
        return True
    at = at4 + _RANGE_AT[template]
    start = words.get("startStep", 0)
    if header[at + 14] != HOUR or end < start:
        return False
    header[at4 + 18 : at4 + 22] = start.to_bytes(4, "big")
    header[at + 15 : at + 19] = (end - start).to_bytes(4, "big")
    try:
        _END.pack_into(header, at, *(moment + datetime.timedelta(hours=end)).timetuple()[:6])
    except OverflowError:
        return False
    return True
