"""What is refused before anybody looks at what was asked."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from definitions.errors import LongpoleError


class RequestRefused(LongpoleError):
    """A request that can't be read; `status` is what HTTP calls it."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class BodyMalformed(RequestRefused):
    """A body that is no JSON, or nested too deep."""

    default_code = "malformed_body"


class BodyTooLarge(RequestRefused):
    """A body over the limit of its route."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


class BodyTooSlow(RequestRefused):
    """A body that did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    default_code = "body_too_slow"


class MediaTypeUnsupported(RequestRefused):
    """A body that does not say that it is JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"
