"""Scan2Evolve's three calls, with every answer sorted into a class of `syncd.errors`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import structlog

from syncd.core.backoff import delay_s
from syncd.core.budget import RateBudget
from syncd.core.work_order import Fields, Priority, S2eOrder, Status
from syncd.errors import (
    ConfigurationError,
    CredentialsRefused,
    IntegrationInactive,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import DEADLINE_S, HttpClient, Response, parse_json_object
from syncd.scan2evolve.auth import DownstreamAuth, V1Auth, downstream_refused, v1_refused
from syncd.scan2evolve.wire import Page, format_sync, parse_page, parse_work_order

_LIST = "/api/v1/work-orders"
_TEXT = 300  # characters of their error text that are told
_OUTAGES = {408, 425}


@dataclass(frozen=True, slots=True)
class Ack:
    """A sync call that was answered with a clear success."""

    request_id: str | None


class Scan2EvolveClient:
    """Reads with the v1 pair, writes with the downstream pair, within one request budget.

    Attributes:
        requests: how many requests were sent.
        deadline: the monotonic time beyond which it does not wait for the budget.
        clock_skew_s: our clock less the server's, from its last answer; None before one.
    """

    def __init__(
        self,
        *,
        reading: HttpClient,
        writing: HttpClient,
        auth: V1Auth,
        downstream: DownstreamAuth | None,
        budget: RateBudget,
        wait: Callable[[float], bool],
        monotonic: Callable[[], float],
        utcnow: Callable[[], datetime],
        random: Callable[[], float],
        read_attempts: int = 3,
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._auth = auth
        self._downstream = downstream
        self._budget = budget
        self._wait = wait
        self._monotonic = monotonic
        self._utcnow = utcnow
        self._random = random
        self._read_attempts = read_attempts
        self.requests = 0
        self.deadline = float("inf")
        self.clock_skew_s: float | None = None

    # ── the three calls ───────────────────────────────────────────────────────────────────

    def list_work_orders(
        self,
        *,
        status: Status | None = None,
        priority: Priority | None = None,
        site_id: str | None = None,
        asset_id: str | None = None,
        sync_status: str | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> Page:
        """Read one page of the list. The order of its rows is not documented.

        Raises RemoteError of any class but NotFound and Refused.
        """
        filters = {
            "status": status,
            "priority": priority,
            "siteId": site_id,
            "assetId": asset_id,
            "syncStatus": sync_status,
        }
        params = {key: str(value) for key, value in filters.items() if value is not None}
        body = self._get(_LIST, params | {"limit": str(limit), "offset": str(offset)})
        page = parse_page(body)
        if page is None:
            raise UnexpectedContent(f"GET {_LIST} answered without workOrders", side="s2e")
        return page

    def get_work_order(self, s2e_id: str) -> S2eOrder:
        """Read one work order, with its tasks in `raw`. Raises NotFound and other RemoteErrors."""
        path = f"{_LIST}/{quote(s2e_id, safe='')}"
        order = parse_work_order(self._get(path, {}))
        if order is None or order.s2e_id != s2e_id:
            raise UnexpectedContent(f"GET {path} answered with another order, or none", side="s2e")
        return order

    def sync_work_order(self, s2e_id: str, fields: Fields) -> Ack:
        """Write these fields to one work order, with exactly one request.

        Raises:
            Refused, NotFound, CredentialsRefused, IntegrationInactive: nothing was changed.
            Unreachable, UnexpectedContent, Throttled: `may_have_applied` tells.
        """
        response = self._post_sync(s2e_id, format_sync(fields))
        path = f"POST …/{s2e_id}/sync"
        parsed = parse_json_object(response, side="s2e", where=path)
        if parsed.get("success") is not True:
            raise UnexpectedContent(
                f"{path} answered {response.status} without success: true",
                side="s2e",
                status=response.status,
                request_id=_request_id(response, parsed),
            )
        return Ack(_request_id(response, parsed))

    def probe_sync(self) -> None:
        """Try the downstream pair on an order that cannot exist: nothing is written.

        Raises CredentialsRefused, IntegrationInactive, or what keeps it from answering.
        """
        try:
            self._post_sync("syncd-check-of-credentials", b"{}")
        except (NotFound, Refused):
            return

    def _post_sync(self, s2e_id: str, body: bytes) -> Response:
        if self._downstream is None:
            raise ConfigurationError(
                "SYNCD_S2E_SYNC_TOKEN and SYNCD_S2E_SYNC_API_KEY are not set; "
                "they are needed to write to Scan2Evolve"
            )
        path = f"/api/downstream/work-orders/{quote(s2e_id, safe='')}/sync"
        response = self._send(
            lambda headers: self._writing.request(
                "POST", path, json_body=body, headers=headers, deadline_s=self._deadline_s()
            ),
            self._downstream.headers(),
        )
        self._raise_for(response, f"POST {path}", downstream_refused)
        if not response.ok:
            raise UnexpectedContent(
                f"POST {path} answered {response.status}", side="s2e", status=response.status
            )
        return response

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """The JSON object of a GET, asked again while that makes sense."""
        attempt = 1
        while True:
            try:
                return self._get_once(path, params)
            except Throttled as error:
                self._pause(error.wait_s, error)
            except (Unreachable, UnexpectedContent) as error:
                if attempt >= self._read_attempts or _is_redirect(error):
                    raise
                self._pause(delay_s(attempt, self._random), error)
                attempt += 1

    def _get_once(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        header = self._auth.header()
        response = self._read(path, params, header)
        if response.status == 401 and self._auth.refresh(header):
            structlog.get_logger().info("auth.refreshed")
            response = self._read(path, params, self._auth.header())
        self._raise_for(response, f"GET {path}", v1_refused)
        return parse_json_object(response, side="s2e", where=f"GET {path}")

    def _read(self, path: str, params: dict[str, str], authorization: str) -> Response:
        return self._send(
            lambda headers: self._reading.request(
                "GET", path, params=params, headers=headers, deadline_s=self._deadline_s()
            ),
            {"Authorization": authorization, "Accept": "application/json"},
        )

    # ── the budget, and what an answer means ──────────────────────────────────────────────

    def _deadline_s(self) -> float:
        return DEADLINE_S

    def _send(
        self, request: Callable[[dict[str, str]], Response], headers: dict[str, str]
    ) -> Response:
        """Send one request when the budget allows it, and learn from its answer."""
        wait_s = self._budget.wait_s(self._monotonic())
        if wait_s > 0:
            unsent = Throttled(
                f"the rate limit allows the next request in {wait_s:.0f} s",
                side="s2e",
                wait_s=wait_s,
                may_have_applied=False,
            )
            self._pause(wait_s, unsent)
        self._budget.spend(self._monotonic())
        self.requests += 1
        response = request(headers)
        self.learn(response)
        return response

    def learn(self, response: Response) -> None:
        """Take the rate limit and the clock from an answer."""
        self._budget.observe(response.status, response.headers, self._monotonic())
        date = response.headers.get("date")
        if date is not None:
            try:
                theirs = parsedate_to_datetime(date)
            except ValueError:
                return
            if theirs.tzinfo is None:
                theirs = theirs.replace(tzinfo=UTC)
            self.clock_skew_s = (self._utcnow() - theirs).total_seconds()

    def _pause(self, wait_s: float, error: RemoteError) -> None:
        """Wait, unless that would go beyond the deadline or we are to stop: then raise."""
        if self._monotonic() + wait_s > self.deadline:
            raise error
        if wait_s >= 1:
            structlog.get_logger().info(
                "api.throttled", wait_s=round(wait_s, 1), reason=f"{type(error).__name__}: {error}"
            )
        if not self._wait(wait_s):
            raise Unreachable("stopping", side="s2e", may_have_applied=error.may_have_applied)

    def _raise_for(
        self,
        response: Response,
        where: str,
        refused: Callable[[str | None], CredentialsRefused],
    ) -> None:
        """Raise what this status means; nothing for 2xx."""
        status = response.status
        if response.ok:
            return
        text, request_id = _error_text(response)
        told: dict[str, Any] = {"side": "s2e", "status": status, "request_id": request_id}
        said = f"{where} answered {status}{f': {text}' if text else ''}"
        if status == 429:
            wait_s = self._budget.wait_s(self._monotonic())
            raise Throttled(said, wait_s=wait_s, **told)
        if status >= 500 or status in _OUTAGES:
            raise Unreachable(said, **told)
        if status == 401:
            raise refused(request_id)
        if status == 403 and "/downstream/" in where:
            raise IntegrationInactive(
                f"{said}. The downstream integration is not active: "
                "Scan2Evolve, Admin → Settings → Downstream Integration",
                **told,
            )
        if status == 403:
            raise CredentialsRefused(said, **told)
        if status == 404:
            raise NotFound(said, **told)
        raise Refused(said, **told)

    def check_token_answer(self, response: Response) -> None:
        """Raise what an answer of the token exchange means; nothing for 2xx."""
        self.learn(response)
        self.requests += 1
        if response.status == 400:
            raise v1_refused(_error_text(response)[1])
        self._raise_for(response, "POST /api/v1/auth/token", v1_refused)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()


def _error_text(response: Response) -> tuple[str, str | None]:
    """Their text and requestId, as far as the answer holds them."""
    try:
        parsed = parse_json_object(response, side="s2e", where="")
    except UnexpectedContent:
        return "", response.headers.get("x-request-id")
    text = " ".join(str(parsed.get("error", "")).split())[:_TEXT]
    return text, _request_id(response, parsed)


def _request_id(response: Response, parsed: dict[str, Any]) -> str | None:
    told = parsed.get("requestId") or response.headers.get("x-request-id")
    return str(told)[:100] if told else None


def _is_redirect(error: RemoteError) -> bool:
    return error.status is not None and 300 <= error.status < 400
