"""The value flow reaches its end whatever the order: what is read early is read again when more of it is known."""

from __future__ import annotations

from tests.in_memory import audited

MANY = 200
"""More objects than a place takes."""


def test_a_place_that_is_full_of_other_objects_still_takes_a_client():
    classes = "".join(f"class Part{number}: ...\n" for number in range(MANY))
    puts = "".join(f"    store.put(Part{number}())\n" for number in range(MANY))
    text = f"""\
from kafka import KafkaProducer
{classes}
class Store:
    def put(self, thing):
        self.thing = thing
    def close(self):
        self.thing.close()

store = Store()

def fill():
{puts}
def main():
    store.put(KafkaProducer())
    store.close()
"""
    (producer,) = audited({"main.py": text}).producers
    assert producer.place == "self.thing"
    assert [release.owner for release in producer.released.by] == ["Store.close"]


def test_a_container_known_by_its_place_alone_is_read_again_when_something_is_put_in():
    text = """\
from kafka import KafkaProducer

def end(shelf, name):
    shelf.producers[name].close()

def begin(shelf, name):
    shelf.producers[name] = KafkaProducer()
"""
    (producer,) = audited({"main.py": text}).producers
    assert [release.owner for release in producer.released.by] == ["end"]


def test_a_method_that_a_later_file_overrides_is_called_from_the_base():
    base = """\
from kafka import KafkaProducer

class Worker:
    def __init__(self):
        self.producer = KafkaProducer()
    def run(self):
        self.finish()
"""
    later = """\
from base import Worker

class Sender(Worker):
    def finish(self):
        self.producer.close()

Sender().run()
"""
    (producer,) = audited({"base.py": base, "later.py": later}).producers
    assert producer.released.verdict == "always"


def test_a_fixture_of_a_file_that_is_looked_at_later_is_what_a_test_is_given():
    conftest = """\
import pytest
from kafka import KafkaProducer

@pytest.fixture
def sender():
    return KafkaProducer()
"""
    test = """\
import kafka

def test_sending(sender):
    sender.close()
"""
    (producer,) = audited({"tests/conftest.py": conftest, "tests/a/test_sending.py": test}).producers
    assert [release.owner for release in producer.released.by] == ["test_sending"]
