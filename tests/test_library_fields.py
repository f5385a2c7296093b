"""A class that derives from a client fills a field of it: the library's own release ends what is in there."""

from __future__ import annotations

from tests.in_memory import audited

TEXT = """\
from aiokafka import AIOKafkaClient
from aiokafka.admin import AIOKafkaAdminClient


class Admin(AIOKafkaAdminClient):
    def __init__(self, servers):
        self._closed = False
        self.{field} = AIOKafkaClient(bootstrap_servers=servers)


async def topics(servers):
    admin = Admin(servers)
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()
"""


def alarms(field: str) -> list[tuple[str, int]]:
    findings = audited({"admin.py": TEXT.format(field=field)}, ("producer", "admin")).findings
    return [(finding.code, finding.line) for finding in findings]


def test_the_field_of_the_library_is_ended_by_the_library():
    assert alarms("_client") == []


def test_a_field_of_the_class_itself_is_its_own_to_end():
    assert alarms("_probe") == [("KA202", 8)]
