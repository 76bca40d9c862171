"""What Oracle's and the driver's errors are told as: each with a next step, none with a value or a secret."""

import socket
import ssl

import oracledb
import pytest

from mailer.db.oracle_errors import Kind, Whereabouts, read_error
from mailer.model.database_url import OracleService

WHERE = Whereabouts(
    "data source 'crm'",
    OracleService("db1/CRM", "MAILER_READ", "s3cret"),
    "MAILER_SOURCES__CRM__URL",
    "MAILER_SOURCES__CRM__",
)


def error(text: str) -> oracledb.Error:
    return oracledb.DatabaseError(text)


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("ORA-01017: invalid username/password; logon denied", Kind.DENIED, "ORA-01017"),
        ("ORA-28000: The account is locked.", Kind.DENIED, "ORA-28000"),
        ("ORA-28001: the password has expired", Kind.DENIED, "ORA-28001"),
        ("DPY-3015: password verifier type 0x939 is not supported", Kind.DENIED, "DPY-3015"),
        (
            "DPY-6005: cannot connect\nDPY-3001: Native Network Encryption is only in thick mode",
            Kind.DENIED,
            "DPY-3001",
        ),
        ("DPY-3010: connections to this database server version are not supported", Kind.DENIED, "DPY-3010"),
        ("DPY-4000: unable to find 'CRM' in tnsnames.ora", Kind.DENIED, "DPY-4000"),
        ("DPY-4027: no configuration directory specified", Kind.DENIED, "DPY-4027"),
        ('DPY-6005: cannot connect\nDPY-6001: Service "X" (Similar to ORA-12514)', Kind.AWAY, "DPY-6001"),
        ("DPY-6005: cannot connect\nDPY-6000: refused. (Similar to ORA-12541)", Kind.AWAY, "ORA-12541"),
        ("DPY-6005: cannot connect\nDPY-6000: refused. (Similar to ORA-12520)", Kind.AWAY, "ORA-12520"),
        ("ORA-01033: ORACLE initialization or shutdown in progress", Kind.AWAY, "ORA-01033"),
        ("ORA-01034: ORACLE not available", Kind.AWAY, "ORA-01034"),
        ("DPY-4011: the connection was closed\nORA-00028: your session has been killed", Kind.AWAY, "ORA-00028"),
        ("ORA-00060: deadlock detected", Kind.UNDONE, "ORA-00060"),
        ("ORA-00942: table or view does not exist", Kind.REFUSED, "ORA-00942"),
        ("ORA-01031: insufficient privileges", Kind.REFUSED, "ORA-01031"),
        ("ORA-02275: such a referential constraint already exists", Kind.EXISTS, "ORA-02275"),
    ],
)
def test_what_is_known_is_told_with_where_it_was_and_a_next_step(text: str, kind: Kind, code: str) -> None:
    trouble = read_error(error(text), WHERE)
    assert trouble.kind is kind
    assert trouble.message.startswith(f"{code} from data source 'crm' (user MAILER_READ at db1/CRM): ")
    assert trouble.next_step
    assert "{" not in trouble.message + trouble.next_step


def test_what_a_trigger_says_is_told_and_not_where_in_it() -> None:
    text = "ORA-20001: 법적 보존 중입니다\nORA-06512: at line 3\nORA-04088: error during execution of trigger"
    trouble = read_error(error(text), WHERE)
    assert trouble.kind is Kind.REFUSED
    assert trouble.message.endswith(": 법적 보존 중입니다")


@pytest.mark.parametrize(
    "text",
    [
        "ORA-00001: unique constraint (CRM.KEY) violated on table CRM.T columns (A)\nORA-03301: values (A:'비밀값')",
        "ORA-01722: unable to convert string value containing '비밀값' to a number: ",
        "ORA-01861: literal '비밀값' does not match format string",
        "ORA-00904: invalid identifier\n비밀값",
    ],
)
def test_a_value_of_a_row_is_never_told(text: str) -> None:
    assert "비밀값" not in str(read_error(error(text), WHERE))


def test_a_host_that_nobody_knows_and_a_port_where_nobody_listens_are_away() -> None:
    for cause in (socket.gaierror(-2, "Name or service not known"), ConnectionRefusedError(111, "refused")):
        trouble = read_error(cause, WHERE)
        assert trouble.kind is Kind.AWAY
        assert "MAILER_SOURCES__CRM__URL" in trouble.next_step


def test_a_certificate_that_does_not_fit_is_a_persons_to_mend() -> None:
    trouble = read_error(ssl.SSLCertVerificationError(1, "certificate verify failed"), WHERE)
    assert trouble.kind is Kind.DENIED
    assert "MAILER_SOURCES__CRM__WALLET" in trouble.next_step


def test_a_password_in_the_connect_string_is_never_told() -> None:
    where = Whereabouts(
        "mailer's database", OracleService("mailer/s3cret@db1/X"), "MAILER_DATABASE", "MAILER_DATABASE_"
    )
    assert "s3cret" not in read_error(error("ORA-01017: denied"), where).message


def test_no_answer_in_time_is_not_taken_for_a_refusal() -> None:
    assert read_error(TimeoutError(), WHERE).kind is Kind.LATE
