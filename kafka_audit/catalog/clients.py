"""Which classes are Kafka clients?

The rows stand in one module per library; `tests/clients` repeats their claims on the installed releases.
Left out on purpose: the clients of `confluent_kafka.schema_registry`, which speak HTTP and hold no Kafka connection.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.aiokafka import AIOKAFKA
from kafka_audit.catalog.confluent import CONFLUENT, CONFLUENT_ASYNC
from kafka_audit.catalog.frameworks import FRAMEWORK_LIBRARIES, FRAMEWORKS
from kafka_audit.catalog.kafka_python import KAFKA_PYTHON
from kafka_audit.catalog.schema import Client, Note
from kafka_audit.model import Severity

__all__ = ["CLIENTS", "ERRORS", "FRAMEWORK_LIBRARIES", "LIBRARIES", "Client", "Note", "import_severity"]

LIBRARIES: Final = ("aiokafka", "confluent_kafka", "kafka")
"""Root packages that hold clients; a file whose bytes name none of them creates no client by itself."""

CLIENTS: Final[tuple[Client, ...]] = (*AIOKAFKA, *CONFLUENT, *CONFLUENT_ASYNC, *KAFKA_PYTHON, *FRAMEWORKS)

ERRORS: Final[dict[str, tuple[str, ...]]] = {
    "aiokafka": ("KafkaError", "RuntimeError"),
    "confluent-kafka": ("KafkaException",),
    "kafka-python": ("KafkaError",),
}
"""By distribution: the classes by any of which a handler takes every error that calls on its clients raise.

The libraries' own base class, and what that derives from in every version (aiokafka 0.14.0, confluent-kafka 2.16.1,
kafka-python 3.0.12, run; kafka-python's derived from RuntimeError before 3.0).
"""


def import_severity(client: Client) -> Severity:
    """Say how bad it is to construct this client while a module is imported.

    An error when the constructor raises for want of a loop or waits for a broker; otherwise a warning, because native
    threads that exist before a fork are lost in the child.
    """
    return "error" if client.needs_running_loop or client.blocks_on_construct else "warning"
