"""Refusals as JSON, each with its status. What isn't listed here is a bug and reaches the log as one."""

import logging
from functools import partial
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from vouchsafe.api.schemas import Error
from vouchsafe.fleet import errors as fleet
from vouchsafe.kernel import errors as kernel

log = logging.getLogger(__name__)

# For each operation's `response=`: every refusal that it can answer.
REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 503), Error)


def install(api: NinjaAPI) -> None:
    """Make `api` answer our own errors."""

    _install_ours(api)
    _install_shapes(api)


def _install_ours(api: NinjaAPI) -> None:
    answer = partial(_answer, api)

    @api.exception_handler(kernel.KernelError)
    def of_kernel(request: HttpRequest, error: kernel.KernelError) -> HttpResponse:
        match error:
            case kernel.NotFound():
                return answer(request, 404, "not_found", str(error))
            case kernel.Stale():
                return answer(request, 409, "stale", str(error), revision=error.revision)
            case kernel.BadInput():
                return answer(
                    request, 422, "bad_input", str(error), place=error.place, reasons=list(error.reasons)
                )
            case kernel.Denied():
                return answer(
                    request, 403, "denied", str(error), roles=list(error.roles), holders=list(error.holders)
                )
            case kernel.SigningFailed():
                return answer(request, 403, "not_signed", str(error), reasons=list(error.reasons))
            case kernel.Refused():
                return answer(request, 409, "refused", str(error), reasons=list(error.reasons))
        raise error

    @api.exception_handler(fleet.FleetError)
    def of_fleet(request: HttpRequest, error: fleet.FleetError) -> HttpResponse:
        match error:
            case fleet.NotFound():
                return answer(request, 404, "not_found", str(error))
            case fleet.BadInput():
                return answer(request, 422, "bad_input", str(error), place=error.place)
            case fleet.TooLarge():
                return answer(request, 413, "too_large", str(error))
            case fleet.Refused():
                return answer(request, 409, "refused", str(error), reasons=list(error.reasons))
        raise error


def _install_shapes(api: NinjaAPI) -> None:
    answer = partial(_answer, api)

    @api.exception_handler(ValidationError)
    def of_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
        first = error.errors[0] if error.errors else {}
        place = ".".join(str(part) for part in first.get("loc", ()))
        return answer(
            request, 422, "bad_input", f"{place}: {first.get('msg', 'is not what was expected')}", place=place,
            reasons=[f"{'.'.join(map(str, e.get('loc', ())))}: {e.get('msg')}" for e in error.errors[:20]],
        )  # fmt: skip

    @api.exception_handler(AuthenticationError)
    def of_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answer(
            request, 401, "who_are_you", "Send a token: Authorization: Bearer vs_…, or sign in on the pages."
        )

    @api.exception_handler(OperationalError)
    def of_database(request: HttpRequest, error: OperationalError) -> HttpResponse:
        log.error("the database is away: %s", error)
        text = "The database is away for a moment; nothing is acknowledged. Try again."
        response = answer(request, 503, "away", text)
        response.headers["Retry-After"] = "2"
        return response

    @api.exception_handler(HttpError)
    def of_http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(request, error.status_code, "bad_request", str(error))


def _answer(
    api: NinjaAPI, request: HttpRequest, status: int, code: str, message: str, **more: Any
) -> HttpResponse:
    return api.create_response(request, Error(code=code, message=message, **more).dict(), status=status)
