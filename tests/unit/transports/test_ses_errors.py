"""Errors of the AWS SDK that no double can cause, and their texts."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, SSLError

from mailer.model.message import Message
from mailer.model.outcome import (
    AccountPaused,
    JobRefused,
    NoAnswer,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.transports.ses_errors import outcome_of


def answer(code: object, message: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendEmail")


def test_an_error_that_nobody_foresaw_leaves_the_mail_in_doubt(mail: Message) -> None:
    assert outcome_of(KeyError("MessageId"), mail) == NoAnswer("KeyError", "'MessageId'")
    assert isinstance(outcome_of(ClientError({}, "SendEmail"), mail), NoAnswer)


def test_could_not_connect_is_believed_only_if_aiohttp_says_so_too(mail: Message) -> None:
    reset = EndpointConnectionError(endpoint_url="https://ses", error=ConnectionResetError(104, "reset by peer"))
    outcome = outcome_of(reset, mail)
    assert isinstance(outcome, NoAnswer)
    assert "broke before SES answered" in outcome.text


def test_missing_credentials_pause_the_account(mail: Message) -> None:
    assert isinstance(outcome_of(NoCredentialsError(), mail), AccountPaused)


def test_a_refused_certificate_is_nobodys_failure(mail: Message) -> None:
    outcome = outcome_of(SSLError(endpoint_url="https://ses", error="certificate verify failed"), mail)
    assert isinstance(outcome, TransportDown)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (answer("Throttling", "Maximum sending rate exceeded."), Throttled),
        (answer("MessageRejected", "Maximum sending rate exceeded"), Throttled),
        (answer("429", "Too Many Requests", 429), Throttled),
        (answer("TooManyRequestsException", "Daily message quota exceeded.", 429), AccountPaused),
        (answer("LimitExceededException", "Too many instances of the resource."), AccountPaused),
        (answer("SendingPausedException", "Sending paused for configuration set monthly."), AccountPaused),
        (answer("IncompleteSignature", "…"), AccountPaused),
        (answer("MessageRejected", "Email addresses are not verified."), JobRefused),
        (answer("MessageRejected", "Message contains a virus"), RecipientRefused),
        (answer("BadRequestException", "Local address contains control or whitespace"), RecipientRefused),
        (answer("BadRequestException", "Domain contains illegal character"), RecipientRefused),
        (answer("BadRequestException", "Invalid email address ."), RecipientRefused),
        (answer("BadRequestException", "Header name is invalid"), Refused),
        (answer("ImUsed", "…", 418), Refused),
        (answer(400, "from a proxy that answers in JSON"), TransportDown),
    ],
)
def test_an_answer_is_judged_by_its_words_and_its_code(mail: Message, error: ClientError, decision: type) -> None:
    assert type(outcome_of(error, mail)) is decision


def test_in_the_sandbox_a_mail_to_oneself_from_an_unverified_sender_stops_the_job(mail: Message) -> None:
    said = "Email address is not verified. The following identities failed the check in region AP-NORTHEAST-2: "
    to_oneself = Message("1", "나 <hong@example.com>", "hong@example.com", "s", "h", "t")
    assert isinstance(outcome_of(answer("MessageRejected", said + "hong@example.com"), mail), RecipientRefused)
    assert isinstance(outcome_of(answer("MessageRejected", said + "hong@example.com"), to_oneself), JobRefused)
    assert isinstance(outcome_of(answer("MessageRejected", said + "HONG@example.com"), mail), RecipientRefused)


def test_the_text_of_an_outcome_is_one_short_line_without_an_address(mail: Message) -> None:
    said = "Bad\r\naddress hong@example.com " + "x" * 5000 + " billing@example.co.kr"
    outcome = outcome_of(answer("MessageRejected", said), mail)
    assert isinstance(outcome, RecipientRefused)
    assert outcome.text.startswith("Bad address h***@example.com xxx")
    assert len(outcome.text) == 500
