"""The names of all log events, with their meanings. The reference page is made of them."""

from collections.abc import Mapping
from types import MappingProxyType

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "daemon.started": "the daemon is active, or stands by for the lease",
        "daemon.stopped": "the daemon has ended, or lost the lease",
        "cycle.finished": "one cycle, with what it did; an idle one says little",
        "cycle.skipped_overlap": "a tick came while a cycle was still running",
        "clock.set_ahead": "this machine's clock was set ahead; writes under way wait from now on",
        "clock.set_back": "this machine's clock was set back; waits and readings begin anew",
        "sweep.finished": "one pass over the whole list: complete, or partial and why",
        "backfill.progressed": "a page of the first read of the list is in the mirror",
        "link.created": "a record was created in the CMMS and linked",
        "link.adopted": "a record that was there already was linked",
        "link.duplicate": "several records carry one order's id: a person has to decide",
        "link.lost": "a linked record is no longer found in the CMMS",
        "link.answered": "a person's answer about a link was acted on: relink, recreate or drop",
        "link.refused": "such an answer could not be acted on any more",
        "push.applied": "a change was sent and answered with success",
        "push.refused": "a change was refused, or it is certain that it was not sent",
        "push.in_doubt": "a change was sent and its outcome is unknown: it is read back first",
        "push.confirmed": "a read showed what was sent",
        "push.altered": "a side keeps its own form of what was sent, and both agree; or, as "
        "`not_kept`, something else, and the field is parked",
        "push.side_effect": "a write has changed another field; that counts as the CMMS's own edit",
        "push.ignored": "a side said success and kept the old value, or a write did not arrive",
        "conflict.found": "both sides changed a field to different values",
        "conflict.resolved": "a conflict that waited for a person is over",
        "drift.found": "a change that the other side cannot or may not take",
        "order.parked": "a write is not tried again until a person answers or its value changes",
        "order.released": "a person has released what was parked",
        "order.tombstoned": "Scan2Evolve answered 404 in two cycles",
        "guard.latched": "a plan was refused until a person releases the guard",
        "guard.released": "a person has let a refused plan through",
        "api.throttled": "waiting, for the rate limit or after a failure",
        "api.unexpected_content": "an answer is not one of the API",
        "record.unread": "one CMMS record cannot be read now, or has no id: the rest flows",
        "record.ahead": "a CMMS record's time of change is of the future: no read goes by it",
        "api.paging_anomaly": "the list's paging contradicts itself",
        "auth.failed": "credentials were refused, or the integration is not active",
        "auth.refreshed": "a token was exchanged anew",
        "s2e.unreachable": "Scan2Evolve does not answer; logged once",
        "s2e.recovered": "Scan2Evolve answers again",
        "cmms.unreachable": "the CMMS does not answer; logged once",
        "cmms.recovered": "the CMMS answers again",
        "store.full": "the mirror's disk is full: nothing is written to either side",
        "store.unavailable": "the mirror cannot be used: nothing is written to either side",
        "store.recovered": "the mirror can be used again",
        "library.said": "a warning or an error of a library syncd uses",
        "mapping.learned": "what records are read by beside the mapping was read from the CMMS",
        "mapping.changed": "records were read with another mapping, and that alone writes nothing; "
        "as a warning: words of the CMMS mean something else on its server, and what depends waits",
        "mapping.restored": "the CMMS's server says again what is pinned: what waited goes on",
        "mirror.upgraded": "the mirror's schema was brought to this version's",
    }
)
