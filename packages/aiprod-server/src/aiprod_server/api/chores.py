"""What this gateway does beside its requests: who is told, what expires, what is written down later."""

from aiprod_server.access import keys, usage_log
from aiprod_server.access.audit_log import Author
from aiprod_server.api.service import Service
from aiprod_server.housekeeping import Chore, Housekeeping
from aiprod_server.money.cost_log import CostLog
from aiprod_server.money.tariff import Tariff
from aiprod_server.queue import expiry
from aiprod_server.webhooks import outbox

DAY_S = 24 * 3600.0
USAGE_KEPT_S = 400 * DAY_S  # a year, and the month that is compared with last year's


def housekeeping(service: Service) -> Housekeeping:
    """The chores of a gateway, which begin with `start`."""
    engine, storage, clock = service.engine, service.storage, service.clock
    author = Author(name="gateway", key=service.audit_key)
    retention_days = service.settings.retention_days or service.orchestration.local_storage.retention_days
    cost_log = CostLog(engine, Tariff.of(service.orchestration))
    previews = expiry.Previews(engine)

    def deliver() -> bool:
        return bool(outbox.deliver_due(engine, service.reach, now_s=clock(), author=author))

    def expire_inputs() -> None:
        expiry.expire_inputs(engine, storage, older_than_s=retention_days * DAY_S)

    def forget_usage() -> None:
        usage_log.forget(engine, before_s=clock() - USAGE_KEPT_S)

    def look() -> None:
        service.metrics.collect()  # so that no scrape waits for the first look, which goes through all there is

    return Housekeeping(
        [
            Chore(name="webhooks", every_s=1.0, do=deliver),
            Chore(name="usage", every_s=1.0, do=lambda: service.usage.flush(engine)),
            Chore(name="keys used", every_s=10.0, do=lambda: keys.touch(engine, service.identities.used())),
            Chore(
                name="refused logins",
                every_s=60.0,
                do=lambda: service.refused.flush(engine, author=author, now_s=clock()),
            ),
            Chore(name="files", every_s=30.0, do=lambda: expiry.expire(engine, storage, now_s=clock())),
            Chore(name="previews", every_s=60.0, do=lambda: previews.forget(clock())),
            Chore(name="metrics", every_s=30.0, do=look),
            Chore(name="costs", every_s=60.0, do=lambda: cost_log.close_days(clock())),
            Chore(name="pictures given", every_s=3600.0, do=expire_inputs),
            Chore(name="old usage", every_s=DAY_S, do=forget_usage),
        ],
        on_error=service.record,
    )
