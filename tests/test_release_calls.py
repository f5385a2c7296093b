"""When is a method that a client does not have a mistake, and when is it meant for another object?"""

from __future__ import annotations

from tests.in_memory import audited

RESOURCES = """\
import aiohttp
from aiokafka import AIOKafkaProducer


async def end(resource{annotation}) -> None:
    await resource.close()


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    for resource in [producer{other}]:
        await end(resource)
"""

OWNER = """\
from aiokafka import AIOKafkaProducer


class Feed:
    def __init__(self) -> None:
        self.producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def end(self) -> None:
        await self.producer.close()
"""


def wrong_releases(**files: str) -> list[int]:
    """Lines of `main.py` with an alarm about a release method that does not exist."""
    report = audited({f"{name}.py": text for name, text in files.items()})
    return [finding.line for finding in report.findings if finding.code == "KA507"]


def test_what_can_only_be_the_client_is_told():
    assert wrong_releases(main=RESOURCES.format(annotation="", other="")) == [6]


def test_what_can_be_an_object_of_another_library_is_not_told():
    assert wrong_releases(main=RESOURCES.format(annotation="", other=", aiohttp.ClientSession()")) == []
    assert wrong_releases(main=RESOURCES.format(annotation=": aiohttp.ClientSession", other="")) == []


def test_an_object_of_the_project_in_the_same_place_may_have_the_method():
    other = "from main import Feed\n\n\nclass Spool:\n    async def close(self) -> None: ...\n\n\n"
    assert wrong_releases(main=OWNER, spooled=f"{other}feed = Feed()\nfeed.producer = Spool()\n") == []


def test_what_tests_put_in_the_place_excuses_nothing():
    fake = "class Fake:\n    async def close(self): ...\n\n\n"
    use = "def test_end():\n    feed = Feed()\n    feed.producer = AsyncMock()\n    feed.producer = Fake()\n"
    head = "from unittest.mock import AsyncMock\n\nfrom main import Feed\n\n\n"
    assert wrong_releases(main=OWNER, test_feed=head + fake + use) == [9]
