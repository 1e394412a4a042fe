import json
import random
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from aiprod_core.errors import InputError
from aiprod_server.egress.addresses import Reach
from aiprod_server.webhooks.message import RETRY_AFTER_S, Message, SigningSecret, deliver, judge, mint_secret

MESSAGE = Message(id="msg_7", body=json.dumps({"type": "job.completed", "data": {"title": "été"}}, ensure_ascii=False))
NOW_S = 1_700_000_000.0


def test_signature_is_verified_by_the_library():
    secret, now_s = mint_secret(), time.time()
    headers = MESSAGE.headers([secret], now_s)
    assert Webhook(secret.text).verify(MESSAGE.body.encode(), headers)["data"]["title"] == "été"
    for body, name, value in (
        (MESSAGE.body + " ", "webhook-id", "msg_7"),
        (MESSAGE.body, "webhook-id", "msg_8"),
        (MESSAGE.body, "webhook-timestamp", str(int(now_s) - 1)),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret.text).verify(body, {**headers, name: value})


def test_the_example_of_the_specification():
    # The vector that the reference libraries share.
    message = Message(id="msg_p5jXN8AQM9LWM0D4loKWxJek", body='{"test": 2432232314}')
    headers = message.headers([SigningSecret(text="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")], 1614265330.9)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_two_secrets_while_a_receiver_changes_over():
    old, new = mint_secret(), mint_secret()
    headers = MESSAGE.headers([new, old], time.time())
    for secret in (old, new):
        Webhook(secret.text).verify(MESSAGE.body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(mint_secret().text).verify(MESSAGE.body, headers)


def test_unsigned_messages_are_not_written():
    with pytest.raises(InputError, match="got no secret"):
        MESSAGE.headers([], NOW_S)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_weak_or_damaged_secrets(text):
    with pytest.raises(InputError, match="expected `whsec_` and 24 to 64 bytes"):
        SigningSecret(text=text)


def test_no_repr_shows_a_secret():
    secret = mint_secret(random.Random(1).randbytes)
    assert secret.text[6:12] not in f"{secret} {secret!r}"


def test_the_schedule():
    jitter = random.Random(3)
    for attempt, delay_s in enumerate((5, 300, 1800, 7200, 18000, 36000), start=1):
        verdict = judge(500, attempt=attempt, reason="500", now_s=NOW_S, jitter=jitter)
        assert verdict.state == "retry"
        assert NOW_S + delay_s <= verdict.retry_at_s < NOW_S + 1.2 * delay_s
    last = judge(500, attempt=7, reason="500", now_s=NOW_S, jitter=jitter)
    assert (last.state, last.retry_at_s, last.reason) == ("given_up", None, "500, after 7 attempts")


def test_jitter_comes_from_the_generator():
    def times(seed: int) -> list[float | None]:
        jitter = random.Random(seed)
        return [judge(503, attempt=2, reason="", now_s=NOW_S, jitter=jitter).retry_at_s for _ in range(5)]

    assert times(1) == times(1) != times(2)
    assert len(set(times(1))) == 5


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "delivered"), (204, "delivered"), (299, "delivered"), (410, "disabled")]
    + [(status, "retry") for status in (199, 300, 302, 400, 404, 409, 429, 500, 599, None)],
)
def test_verdicts(status, state):
    assert judge(status, attempt=1, reason="", now_s=NOW_S, jitter=random.Random(1)).state == state


def sent(url: str, reach: Reach, *, attempt: int = 1, secret: SigningSecret | None = None):
    signing = [secret or mint_secret()]
    return deliver(MESSAGE, url, signing, attempt=attempt, now_s=time.time(), jitter=random.Random(1), reach=reach)


def test_delivered_to_an_allowed_receiver(receiver):
    secret = mint_secret()
    assert sent(receiver.url, receiver.reach, secret=secret).state == "delivered"
    [(_, headers, body)] = receiver.seen
    assert Webhook(secret.text).verify(body, headers)["type"] == "job.completed"


def test_the_same_id_on_each_retry(receiver):
    receiver.status = 500
    verdicts = [sent(receiver.url, receiver.reach, attempt=n) for n in range(1, len(RETRY_AFTER_S) + 2)]
    assert [verdict.state for verdict in verdicts] == ["retry"] * 6 + ["given_up"]
    assert {headers["webhook-id"] for _, headers, _ in receiver.seen} == {"msg_7"}
    assert verdicts[0].reason == "the receiver answered 500"


def test_gone_disables(receiver):
    receiver.status = 410
    assert sent(receiver.url, receiver.reach).state == "disabled"


def test_a_redirect_inside_is_a_failure(receiver, open_receiver):
    inside = open_receiver()
    receiver.status, receiver.headers = 307, {"location": inside.url}
    assert sent(receiver.url, receiver.reach).state == "retry"
    assert inside.seen == []


def test_a_refused_address_is_never_connected_to(receiver):
    verdict = sent(receiver.url, Reach(ports=frozenset({receiver.port})))
    assert verdict.state == "retry"
    assert "not public" in verdict.reason
    assert receiver.seen == []
