"""Times as the store keeps them: microseconds since 1970, UTC.

Nothing here reads a clock.
"""

from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """The stored form of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(stored: int, *, zone_minutes: int = 0) -> datetime:
    """The aware time of a stored one, written in the zone that lies `zone_minutes` east of UTC."""
    found = _EPOCH + timedelta(microseconds=stored)
    return found.astimezone(timezone(timedelta(minutes=zone_minutes))) if zone_minutes else found


def zone_minutes(moment: datetime) -> int:
    """How far east of UTC an aware time is written, in whole minutes."""
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)
