"""Moments as compute spells them: seconds since the epoch in, text out, '' or None for what has not happened."""

from __future__ import annotations

from datetime import UTC, datetime

from actors.errors import CallerError, bad_request


def second(at: float) -> str:
    """2026-01-02T03:04:05Z."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def micro(at: float) -> str | None:
    """2026-01-02T03:04:05.678901, without a zone; None for 0."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}" if at else None


def parsed(field: str, text: str) -> float:
    """Of an ISO 8601 time, taken for UTC where it names no zone; raises `CallerError` 400."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise CallerError(bad_request(field, f"Invalid {field} value: it is no time of ISO 8601")) from None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except (OverflowError, ValueError):
        raise CallerError(bad_request(field, f"Invalid {field} value: it is out of range")) from None
