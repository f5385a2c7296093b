"""What the opt-in rules about order and delivery tell of: KA803 and KA804."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings

HEAD = """\
import asyncio
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from kafka import KafkaProducer

"""


def alarms(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> list[tuple[str, str]]:
    """Code and line, as the text has it, of every alarm of the two rules."""
    (folder / "main.py").write_text(HEAD + text, encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("_txt", ".txt")).write_text(content, encoding="utf-8")
    monkeypatch.chdir(folder)
    report = audit(Settings(paths=(".",), select=("KA803", "KA804"), jobs=1))
    assert not report.problems
    lines = (HEAD + text).splitlines()
    return [(finding.code, lines[finding.line - 1].strip()) for finding in report.findings]


REORDERED = [
    'Producer({"bootstrap.servers": "k", "retries": 3})',
    'Producer({"bootstrap.servers": "k", "message.send.max.retries": "3", "max.in.flight": 5})',
    'Producer({"bootstrap.servers": "k", "retries": 3, "enable.idempotence": False})',
    'KafkaProducer(bootstrap_servers="k", retries=3, acks=1)',
    'KafkaProducer(bootstrap_servers="k", retries=3, enable_idempotence=False)',
]
KEPT = [
    'Producer({"bootstrap.servers": "k"})',
    'Producer({"bootstrap.servers": "k", "retries": 0})',
    'Producer({"bootstrap.servers": "k", "retries": 3, "max.in.flight": 1})',
    'Producer({"bootstrap.servers": "k", "retries": 3, "enable.idempotence": True})',
    'Producer({"bootstrap.servers": "k", "retries": 3, "transactional.id": "t"})',
    'Producer({"bootstrap.servers": "k", "retries": 3, **more})',
    'Producer({"bootstrap.servers": "k", "retries": more})',
    'KafkaProducer(bootstrap_servers="k", retries=3)',
    'KafkaProducer(bootstrap_servers="k", retries=3, acks="all")',
    'KafkaProducer(bootstrap_servers="k", retries=3, acks=1, max_in_flight_requests_per_connection=1)',
]


@pytest.mark.parametrize("code", REORDERED)
def test_retries_with_several_requests_in_flight_change_the_order(code: str, tmp_path: Path, monkeypatch):
    assert [code for code, _ in alarms(f"def main(more):\n    {code}\n", tmp_path, monkeypatch)] == ["KA803"]


@pytest.mark.parametrize("code", KEPT)
def test_what_keeps_the_order_or_is_not_known_is_no_alarm(code: str, tmp_path: Path, monkeypatch):
    assert alarms(f"def main(more):\n    {code}\n", tmp_path, monkeypatch) == []


def test_before_three_kafka_python_is_not_idempotent(tmp_path: Path, monkeypatch):
    text = 'def main():\n    KafkaProducer(bootstrap_servers="k", retries=3)\n'
    found = alarms(text, tmp_path, monkeypatch, requirements_txt="kafka-python==2.0.2\n")
    assert [code for code, _ in found] == ["KA803"]


UNCHECKED = """\
def report(error, message):
    print(error, message)


def native():
    producer = Producer({"bootstrap.servers": "k"})
    producer.produce("t", b"1")  # told
    producer.flush(10)  # told


def native_with_report():
    producer = Producer({"bootstrap.servers": "k"})
    producer.produce("t", b"1", on_delivery=report)
    producer.flush(10)


def native_with_report_in_options():
    producer = Producer({"bootstrap.servers": "k", "on_delivery": report})
    producer.produce("t", b"1")
    if producer.flush(10):
        print("left")


def native_until_all_is_gone():
    producer = Producer({"bootstrap.servers": "k", "on_delivery": report})
    producer.produce("t", b"1")
    producer.flush()


def plain():
    producer = KafkaProducer(bootstrap_servers="k", acks=0)  # told
    producer.send("t", b"1")  # told
    producer.send("t", b"2").get(timeout=5)
    future = producer.send("t", b"3")
    future.add_errback(report)
    producer.close()


async def tasks():
    async with AIOKafkaProducer(bootstrap_servers="k") as producer:
        await producer.send("t", b"1")  # told
        await producer.send_and_wait("t", b"2")
        delivered = await producer.send("t", b"3")
        await delivered
        sends = []
        for item in (b"4", b"5"):
            sends.append(producer.send("t", item))
        await asyncio.gather(*sends)  # told
        futures = await asyncio.gather(producer.send("t", b"6"))
        await asyncio.gather(*futures)


async def in_a_thread():
    producer = Producer({"bootstrap.servers": "k"})
    await asyncio.to_thread(producer.produce, "t", b"1", b"key")  # told
    await asyncio.to_thread(producer.produce, "t", b"1", on_delivery=report)
    left = await asyncio.to_thread(producer.flush, 5)
    print(left)
"""


def test_a_delivery_that_nobody_looks_at_is_told(tmp_path: Path, monkeypatch):
    found = alarms(UNCHECKED, tmp_path, monkeypatch)
    wanted = [line.strip() for line in UNCHECKED.splitlines() if line.endswith("# told")]
    assert found == [("KA804", line) for line in wanted]


ANSWERING = """\
class Outbox:
    def __init__(self):
        self._producer = Producer({"bootstrap.servers": "k"})

    def publish(self, text):
        try:
            self._producer.produce("t", text, on_delivery=print)
            self._producer.flush()
        except Exception as error:
            return {"success": False, "error": str(error)}
        return {"success": True}

    def say(self, text):
        try:
            self._producer.produce("t", text, on_delivery=print)
            self._producer.flush()
        except Exception as error:
            print(error)
            return False
        return True


class Spool:
    def publish(self, text):
        print(text)


def thrown_away(outbox: Outbox):
    outbox.publish(b"1")  # told
    outbox.say(b"2")
    if not outbox.publish(b"3")["success"]:
        raise RuntimeError


def one_or_the_other(is_local):
    if is_local:
        target = Spool()
        target.publish(b"1")
    else:
        target = Outbox()
        target.publish(b"2")  # told
"""


def test_an_answer_that_alone_tells_of_a_failure_and_that_nobody_reads_is_told(tmp_path: Path, monkeypatch):
    found = alarms(ANSWERING, tmp_path, monkeypatch)
    wanted = [line.strip() for line in ANSWERING.splitlines() if line.endswith("# told")]
    assert found == [("KA804", line) for line in wanted]
