"""Asks a model over Kafka and prints its answer.

    pip install -r requirements.txt
    python ask_model.py

Settings are those of the workers: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, TOPIC_PREFIX.
"""

import io
import json
import os
import struct
import sys
import time
import urllib.request
import uuid

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition

BROKERS = os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092")
REGISTRY = os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081").rstrip("/")
PREFIX = os.environ.get("TOPIC_PREFIX", "")
TIMEOUT_S = 60


def registry(path):
    """What the schema registry answers to a GET."""
    with urllib.request.urlopen(f"{REGISTRY}{path}", timeout=10) as response:
        return json.load(response)


class Codec:
    """Avro in Confluent wire format: a zero byte, four bytes with the schema id, the Avro bytes."""

    def __init__(self):
        self._written = {}

    def encode(self, topic, record):
        latest = registry(f"/subjects/{topic}-value/versions/latest")
        value = io.BytesIO()
        value.write(struct.pack(">bI", 0, latest["id"]))
        fastavro.schemaless_writer(value, fastavro.parse_schema(json.loads(latest["schema"])), record)
        return value.getvalue()

    def decode(self, value):
        magic, schema_id = struct.unpack(">bI", value[:5])
        if magic != 0:
            raise ValueError("not in Confluent wire format")
        if schema_id not in self._written:
            schema = json.loads(registry(f"/schemas/ids/{schema_id}")["schema"])
            self._written[schema_id] = fastavro.parse_schema(schema)
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), self._written[schema_id])


def replies_from_now_on(topic):
    """A reader of a topic that begins at its end, and is in no consumer group."""
    consumer = Consumer(
        {
            "bootstrap.servers": BROKERS,
            "group.id": "unused",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = [TopicPartition(topic, p, consumer.get_watermark_offsets(TopicPartition(topic, p))[1]) for p in partitions]
    consumer.assign(ends)
    return consumer


def ask(request):
    """The completion of a request, whatever its status."""
    codec = Codec()
    replies = f"{PREFIX}model.replies"
    correlation_id = str(uuid.uuid4()).encode()
    # Before the request is written, so that no answer is missed.
    consumer = replies_from_now_on(replies)
    producer = Producer({"bootstrap.servers": BROKERS, "acks": "all", "enable.idempotence": True})
    try:
        topic = f"{PREFIX}model.requests"
        producer.produce(
            topic,
            key=request["requestId"],
            value=codec.encode(topic, request),
            headers={"reply-topic": replies.encode(), "correlation-id": correlation_id},
        )
        if producer.flush(10) > 0:
            raise TimeoutError("Kafka did not take the request")
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is None or message.error() is not None:
                continue
            if dict(message.headers() or []).get("correlation-id") == correlation_id:
                return codec.decode(message.value())
        raise TimeoutError(f"no completion within {TIMEOUT_S} s; ask again under the same id")
    finally:
        consumer.close()


def main():
    prompt = os.environ.get("PROMPT", "What is the capital of France?")
    completion = ask(
        {
            # The same id is the same request: asked again, by whomever, it is not paid for again.
            "requestId": os.environ.get("REQUEST_ID", str(uuid.uuid4())),
            "model": os.environ.get("MODEL", "quickstart-chat"),
            # A union says which of its records it is.
            "input": ("io.modelservice.ChatInput", {"messages": [{"role": "USER", "content": [{"text": prompt}]}]}),
        }
    )
    if completion["status"] != "COMPLETED":
        error = completion["error"] or {"code": "?", "message": "no reason given"}
        sys.exit(f"{completion['status']}: {error['code']}: {error['message']}")
    print(completion["chat"]["text"])


if __name__ == "__main__":
    main()
