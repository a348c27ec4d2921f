"""The findings of `pinpipe doctor --target aws` on a broker."""

from contract import names
from pinpipe.doctor import hops
from pinpipe.doctor.account import Account
from tests.support.program import Service
from tests.support.rest_proxy import BROKER, create_topic

USER_ID = "d0c7042d0c70"


def test_each_missing_topic_is_a_finding(kafka: Service) -> None:
    account = Account(
        {"KAFKA_BOOTSTRAP_SERVERS": BROKER, "USER_ID": USER_ID, "KAFKA_TOPICS": "further"}
    )
    topics = sorted(["further", *names.topics(USER_ID), names.dead_letter_topic(USER_ID)])
    found = list(hops.kafka(account))
    assert [finding.what for finding in found] == [f"there is no topic {name}" for name in topics]
    assert all("topics.sh" in finding.remedy for finding in found)

    for name in topics:
        create_topic(name)
    (finding,) = hops.kafka(account)
    assert finding.fine
