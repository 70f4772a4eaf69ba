"""The webhooks' HTTP: requests in, events to the gate, answers that each provider understands.

A provider is answered with success only after the gate has recorded the event durably. Logs name neither bodies nor
secrets nor addresses.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gate.connectors import mailgun, twilio
from gate.connectors.config import Config, MailgunDomain, TwilioAccount
from gate.connectors.errors import MalformedError, RefusedError, UnavailableError
from gate.logs.lines import WEBHOOK_REFUSED
from gate.logs.tell import tell

Record = Callable[[pb.Event], Awaitable[None]]
"""Records an event durably. Raises RefusedError and UnavailableError."""

BODY_BYTES: Final = 256 * 1024
"""The longest request that is read. Twilio's are under 10 KiB; Mailgun's grow with a message's own variables."""

_BODY_TIMEOUT_S: Final = 15.0
_FORM: Final = "application/x-www-form-urlencoded"
_FORMS: Final = frozenset((_FORM, "multipart/form-data"))
_NO_REPLY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_ACCEPTABLE: Final = 406
_REQUEST_TIMEOUT: Final = 408
_TOO_LARGE: Final = 413
_UNSUPPORTED_MEDIA_TYPE: Final = 415
_UNAVAILABLE: Final = 503

_log: Final = logging.getLogger(__name__)


def application(config: Config, record: Record) -> Starlette:
    """Build the ASGI application that takes the webhooks of the configured accounts."""
    webhooks = _Webhooks(config, record)
    app = Starlette(
        routes=[
            Route("/twilio/inbound", webhooks.twilio_inbound, methods=["POST"]),
            Route("/twilio/status", webhooks.twilio_status, methods=["POST"]),
            Route("/mailgun/events", webhooks.mailgun_events, methods=["POST"]),
            Route("/healthz", _healthz, methods=["GET"]),
        ]
    )
    # A redirected webhook would no longer be the one that was signed.
    app.router.redirect_slashes = False
    return app


class _Webhooks:
    """What each path does."""

    def __init__(self, config: Config, record: Record) -> None:
        self._config = config
        self._record = record

    async def twilio_inbound(self, request: Request) -> Response:
        form, account = await self._twilio(request)
        await self._keep(request, lambda: twilio.inbound(form, account.location), never=_BAD_REQUEST)
        return Response(_NO_REPLY, media_type="text/xml")

    async def twilio_status(self, request: Request) -> Response:
        form, account = await self._twilio(request)
        await self._keep(request, lambda: twilio.status(form, account.location), never=_BAD_REQUEST)
        return Response(status_code=204)

    async def mailgun_events(self, request: Request) -> Response:
        """Take an event. 406 is the one refusal after which Mailgun does not try again."""
        body = await _body(request)
        kind = _media_type(request)
        if kind in _FORMS:
            raise _refused(request, _NOT_ACCEPTABLE, "legacy form posts are not taken; set up the webhook for JSON")
        if kind not in {"", "application/json"}:
            raise _refused(request, _UNSUPPORTED_MEDIA_TYPE, "not application/json")
        try:
            webhook = mailgun.read(body)
            signers = [each for each in self._config.mailgun if mailgun.signed_with(webhook, each.signing_key)]
            if not signers:
                raise _refused(request, _UNAUTHORIZED, "the signature is missing or no configured key made it")
            data = mailgun.event_data(webhook)
        except MalformedError as error:
            raise _refused(request, _BAD_REQUEST, str(error)) from error
        domain = _domain_of(data, signers)
        await self._keep(request, lambda: mailgun.event(data, domain.location), never=_NOT_ACCEPTABLE)
        return PlainTextResponse("ok")

    async def _twilio(self, request: Request) -> tuple[twilio.Form, TwilioAccount]:
        """Read a form and find the account that it was signed for."""
        body = await _body(request)
        signature = request.headers.get(twilio.SIGNATURE)
        if not signature:
            raise _refused(request, _FORBIDDEN, f"{twilio.SIGNATURE} is missing")
        if _media_type(request) not in {"", _FORM}:
            raise _refused(request, _UNSUPPORTED_MEDIA_TYPE, f"not {_FORM}")
        try:
            form = twilio.read_form(body)
        except MalformedError as error:
            raise _refused(request, _BAD_REQUEST, str(error)) from error
        account_sid = form.first("AccountSid")
        settings = request.headers.get(twilio.SIGNATURE_SETTINGS, "")
        for account in self._config.twilio:
            url = account.public_url + _target(request)
            if account.account_sid == account_sid and twilio.verified(
                form, url, signature, settings, account.auth_token
            ):
                return form, account
        raise _refused(request, _FORBIDDEN, "no configured account, token and public_url fit the signature")

    async def _keep(self, request: Request, read: Callable[[], pb.Event | None], never: int) -> None:
        """Record what a webhook tells, if anything; `never` is the status for what no retry can mend."""
        try:
            event = read()
            if event is not None:
                await self._record(event)
        except MalformedError as error:
            raise _refused(request, never, str(error)) from error
        except RefusedError as error:
            raise HTTPException(never, str(error)) from error
        except UnavailableError as error:
            raise HTTPException(_UNAVAILABLE, str(error)) from error


async def _healthz(_: Request) -> Response:
    """Say that this process takes requests. It says so while the gate is down, too: then providers get their 503."""
    return PlainTextResponse("ok")


def _domain_of(data: mailgun.Json, signers: list[MailgunDomain]) -> MailgunDomain:
    """Choose among the tables that share the key, by the domain that the event comes from; else the first."""
    by_domain = {each.domain: each for each in reversed(signers)}
    return next((by_domain[name] for name in mailgun.sending_domains(data) if name in by_domain), signers[0])


async def _body(request: Request) -> bytes:
    """Read the body within its bounds of size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise _refused(request, _TOO_LARGE, f"more than {BODY_BYTES} bytes")
    except TimeoutError as error:
        raise _refused(request, _REQUEST_TIMEOUT, "the body did not arrive in time") from error
    except ClientDisconnect as error:
        raise _refused(request, _BAD_REQUEST, "the body ended early") from error
    return bytes(body)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _target(request: Request) -> str:
    """Return path and query as they were sent, percent signs and all: that is what Twilio signed."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _refused(request: Request, status: int, problem: str) -> HTTPException:
    tell(_log, WEBHOOK_REFUSED, path=request.scope["path"], status=status, problem=problem)
    return HTTPException(status, problem)
