"""The way of SES's events as moto plays it over HTTP: a standard topic, its queue, and the queue's dead letters."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

REGION = "ap-northeast-2"
RECEIVES = 3
"""How often a message may be received before it is a dead letter."""


@contextmanager
def moto_server() -> Iterator[str]:
    """moto's server; its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class EventStreet:
    """One topic, and what hangs on it. Blocks: not for use on an event loop."""

    def __init__(self, endpoint: str, *, is_raw: bool = True, visibility: int = 1) -> None:
        """`is_raw`: raw message delivery; `visibility`: seconds until what was received comes again."""
        keys = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self._sqs: Any = boto3.client("sqs", endpoint_url=endpoint, **keys)
        self._sns: Any = boto3.client("sns", endpoint_url=endpoint, **keys)
        name = f"ses-events-{uuid4()}"
        self._dead = self._sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": self._arn(self._dead), "maxReceiveCount": str(RECEIVES)}
        attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy)}
        self.url: str = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._topic = self._sns.create_topic(Name=name)["TopicArn"]
        self._sns.subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=self._arn(self.url),
            Attributes={"RawMessageDelivery": "true"} if is_raw else {},
        )
        self.environment = {"AWS_ENDPOINT_URL_SQS": endpoint, "MAILER_SES_EVENTS_QUEUE": self.url}
        """For a process that consumes from it."""

    def publish(self, *records: Mapping[str, Any]) -> None:
        """As SES does."""
        for record in records:
            self._sns.publish(TopicArn=self._topic, Message=json.dumps(record, ensure_ascii=False))

    def put(self, body: str) -> None:
        """Into the queue itself, as somebody else might."""
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Messages that are not deleted: those that wait and those that somebody has received."""
        return self._count(self.url)

    def dead(self) -> int:
        """Dead letters."""
        return self._count(self._dead)

    def _count(self, url: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def _arn(self, url: str) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn: str = answer["Attributes"]["QueueArn"]
        return arn
