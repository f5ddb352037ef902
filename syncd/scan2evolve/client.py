"""Scan2Evolve's three calls, sent and repeated within the request budget."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import structlog

from syncd.core.backoff import delay_s
from syncd.core.budget import RateBudget, parse_http_date
from syncd.core.order_json import OrderJson, order_json
from syncd.core.work_order import Fields, Status
from syncd.errors import (
    ConfigurationError,
    NotFound,
    Refused,
    RemoteError,
    Throttled,
    UnexpectedContent,
    Unreachable,
)
from syncd.http import DEADLINE_S, HttpClient, Response, parse_json_object
from syncd.scan2evolve.auth import (
    TOKEN_PATH,
    DownstreamAuth,
    V1Auth,
    downstream_refused,
    unechoed,
    v1_refused,
)
from syncd.scan2evolve.refusals import DOWNSTREAM, RefusedBy, raise_for, request_id
from syncd.scan2evolve.wire import Page, format_sync, parse_page

_LIST = "/api/v1/work-orders"
_LEAST_S = 5.0  # the deadline of a request that is sent although the cycle is nearly over
_LONGEST_ID = 500
_READ_ATTEMPTS = 3  # how often a GET that fails is sent, the first time included
_NO_ORDER = "syncd-check-of-credentials"  # an id that cannot exist; theirs are wo_…


@dataclass(frozen=True, slots=True)
class Ack:
    """A sync call that was answered with a clear success."""

    request_id: str | None


class Scan2EvolveClient:
    """Reads with the v1 pair, writes with the downstream pair, within one request budget.

    Safe to use from several threads.

    Args:
        reading, writing: two HTTP clients of the same origin, so that the headers of one pair
            can never be sent with the requests of the other.
        downstream: the credentials for writing; None: nothing is written.
        wait: sleeps that many seconds; False if it was cut short because we are to stop.
        waits: called before each wait with its seconds and with what happens at its end.

    Attributes:
        requests: how many requests were sent.
        deadline: the monotonic time after which it no longer waits for the budget.
        clock_skew_s: our clock minus the server's, from the last answer; None before the first.
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
        waits: Callable[[float, str], None] = lambda _seconds, _why: None,
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
        self._waits = waits
        self._spending = threading.Lock()
        self.requests = 0
        self.deadline = float("inf")
        self.clock_skew_s: float | None = None

    # ── the three calls ───────────────────────────────────────────────────────────────────

    def list_work_orders(
        self,
        *,
        status: Status | None = None,
        site_id: str | None = None,
        asset_id: str | None = None,
        sync_status: str | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> Page:
        """Read one page of the list. The API does not document the order of the rows.

        Raises every RemoteError but NotFound and Refused.
        """
        filters = {
            "status": status,
            "siteId": site_id,
            "assetId": asset_id,
            "syncStatus": sync_status,
        }
        params = {key: str(value) for key, value in filters.items() if value is not None}
        try:
            body = self._get(_LIST, params | {"limit": str(limit), "offset": str(offset)})
        except (NotFound, Refused) as error:
            raise UnexpectedContent(
                f"{error}; is SYNCD_S2E_URL Scan2Evolve's own, and are the site and asset ids?",
                side="s2e",
                status=error.status,
                request_id=error.request_id,
            ) from error
        page = parse_page(body)
        if page is None:
            raise UnexpectedContent(f"GET {_LIST} answered without workOrders", side="s2e")
        return page

    def get_work_order(self, s2e_id: str) -> OrderJson:
        """Read one work order, with its tasks in `raw`. Raises NotFound and other RemoteErrors."""
        path = f"{_LIST}/{_quoted(s2e_id)}"
        order = order_json(self._get(path, {}))
        if order is None or order.s2e_id != s2e_id:
            raise UnexpectedContent(f"GET {path} answered with another order, or none", side="s2e")
        return order

    def sync_work_order(self, s2e_id: str, fields: Fields) -> Ack:
        """Write these fields to one work order with one request.

        A second request is sent only if the first one was answered 401 and the credentials have
        been replaced in the meantime.

        Raises:
            ValueError: a field that the call does not take, or nothing to write: our bug.
            Refused, NotFound, CredentialsRefused, IntegrationInactive: nothing was changed.
            Unreachable, UnexpectedContent, Throttled: see `may_have_applied`.
        """
        response = self._post_sync(s2e_id, format_sync(fields))
        where = f"POST …/{_quoted(s2e_id)}/sync"
        parsed = parse_json_object(response, side="s2e", where=where)
        if parsed.get("success") is not True:
            raise UnexpectedContent(
                f"{where} answered {response.status} without success: true",
                side="s2e",
                status=response.status,
                request_id=request_id(response),
            )
        return Ack(request_id(response))

    def probe_sync(self) -> None:
        """Try the downstream pair on an order that cannot exist, so that nothing is written.

        Raises CredentialsRefused, IntegrationInactive, Unreachable and other RemoteErrors.
        """
        try:
            response = self._post_sync(_NO_ORDER, b"{}")
        except (NotFound, Refused):
            return
        parse_json_object(response, side="s2e", where="POST …/sync")

    def _post_sync(self, s2e_id: str, body: bytes) -> Response:
        if self._downstream is None:
            raise ConfigurationError(
                "SYNCD_S2E_SYNC_TOKEN and SYNCD_S2E_SYNC_API_KEY are not set; "
                "they are needed to write to Scan2Evolve"
            )
        path = f"{DOWNSTREAM}{_quoted(s2e_id)}/sync"
        headers = self._downstream.headers()
        response = self._write(path, body, headers)
        if response.status == 401 and (rotated := self._downstream.headers()) != headers:
            response = self._write(path, body, rotated)
        self._raise_for(response, f"POST {path}", downstream_refused)
        return response

    def _write(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        return self._send(
            lambda: self._writing.request(
                "POST", path, json_body=body, headers=headers, deadline_s=self._deadline_s()
            ),
            headers,
            writing=True,
        )

    # ── reading ───────────────────────────────────────────────────────────────────────────

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """The JSON object that a GET answers. A GET that fails is repeated: after the wait of a
        Throttled, and a few times after Unreachable and UnexpectedContent."""
        attempt = 1
        while True:
            try:
                return self._get_once(path, params)
            except Throttled as error:
                self._pause(error.wait_s, error)
            except (Unreachable, UnexpectedContent) as error:
                if attempt >= _READ_ATTEMPTS or _is_redirect(error):
                    raise
                self._pause(delay_s(attempt, self._random), error)
                attempt += 1

    def _get_once(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        header = self._auth.header()
        response = self._read(path, params, header)
        if response.status == 401 and self._auth.refresh(header):
            structlog.get_logger().info("auth.refreshed")
            response = self._read(path, params, self._auth.header())
        if response.ok or response.status == 404:
            self._auth.accepted()
        if response.status == 404 and "html" in response.headers.get("content-type", ""):
            # The API's own 404 is JSON. A web page comes from a proxy, and does not mean that there
            # is no such order.
            parse_json_object(response, side="s2e", where=f"GET {path}")
        self._raise_for(response, f"GET {path}", v1_refused)
        return parse_json_object(response, side="s2e", where=f"GET {path}")

    def _read(self, path: str, params: dict[str, str], authorization: str) -> Response:
        headers = {"Authorization": authorization, "Accept": "application/json"}
        return self._send(
            lambda: self._reading.request(
                "GET", path, params=params, headers=headers, deadline_s=self._deadline_s()
            ),
            headers,
        )

    # ── the budget, and errors ────────────────────────────────────────────────────────────

    def _deadline_s(self) -> float:
        return min(DEADLINE_S, max(self.deadline - self._monotonic(), _LEAST_S))

    def _send(
        self,
        request: Callable[[], Response],
        credentials: dict[str, str],
        *,
        writing: bool = False,
    ) -> Response:
        """Send one request as soon as the budget allows it; its answer updates the budget."""
        while (wait_s := self._take_turn(writing=writing)) > 0:
            unsent = Throttled(
                f"the rate limit allows the next request in {wait_s:.0f} s",
                side="s2e",
                wait_s=wait_s,
                may_have_applied=False,
            )
            self._pause(wait_s, unsent)
        response = request()
        self._learn(response)
        return unechoed(response, *credentials.values())

    def _take_turn(self, *, writing: bool) -> float:
        """Spend one request and return 0; or spend none, and return the seconds to wait."""
        with self._spending:
            now = self._monotonic()
            wait_s = self._budget.wait_s(now, writing=writing)
            if wait_s <= 0:
                self._budget.spend(now)
                self.requests += 1
            return wait_s

    def reads_left(self) -> int | None:
        """How many reads the budget allows before the next has to wait; None: no known limit."""
        with self._spending:
            return self._budget.reads_left(self._monotonic())

    def _learn(self, response: Response) -> None:
        """Update the budget and the clock skew from the headers of an answer."""
        with self._spending:
            self._budget.observe(response.status, response.headers, self._monotonic())
        theirs = parse_http_date(response.headers.get("date"))
        if theirs is not None:
            self.clock_skew_s = (self._utcnow() - theirs).total_seconds()

    def _pause(self, wait_s: float, error: RemoteError) -> None:
        """Wait. Raises `error` if that would last beyond the deadline, and Unreachable if we are to
        stop."""
        if self._monotonic() + wait_s > self.deadline:
            raise error
        if wait_s >= 1:
            structlog.get_logger().info(
                "api.throttled", wait_s=round(wait_s, 1), reason=f"{type(error).__name__}: {error}"
            )
        throttled = isinstance(error, Throttled)
        self._waits(wait_s, "rate limit resets" if throttled else "tries again")
        if not self._wait(wait_s):
            raise Unreachable("stopping", side="s2e", may_have_applied=error.may_have_applied)

    def _raise_for(self, response: Response, where: str, refused: RefusedBy) -> None:
        """Raise the error for this answer's status; nothing for 2xx."""
        with self._spending:
            now = self._monotonic()
            wait_s = self._budget.wait_s(now, writing=refused is downstream_refused)
        raise_for(response, where, refused, wait_s)

    def check_token_answer(self, response: Response) -> None:
        """Raise the error for an answer of the token exchange; nothing for 2xx."""
        with self._spending:
            self._budget.spend(self._monotonic())
            self.requests += 1
        self._learn(response)
        if response.status in {400, 403}:
            raise v1_refused(request_id(response), response.status)
        try:
            self._raise_for(response, f"POST {TOKEN_PATH}", v1_refused)
        except (NotFound, Refused) as error:
            raise UnexpectedContent(
                f"{error}; is SYNCD_S2E_URL Scan2Evolve's own?", side="s2e", status=error.status
            ) from error

    def close(self) -> None:
        self._reading.close()
        self._writing.close()


def _quoted(s2e_id: str) -> str:
    """The id as one segment of a path.

    Raises NotFound for a text that cannot be an order's id: a CMMS's reference field may hold
    anything, and such a path would lead elsewhere.
    """
    usable = 0 < len(s2e_id) <= _LONGEST_ID and s2e_id.isprintable() and s2e_id.strip(".")
    if not usable:
        raise NotFound(f"{s2e_id[:60]!a} cannot be the id of a work order", side="s2e")
    return quote(s2e_id, safe="")


def _is_redirect(error: RemoteError) -> bool:
    return error.status is not None and 300 <= error.status < 400
