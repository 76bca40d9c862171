from pathlib import Path

import pytest
from pydantic import SecretStr

from mailer.errors import NotFound
from mailer.model.database_url import OracleService, SqliteFile
from tests.given_settings import loaded, refused


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./자료/mailer.db", "자료/mailer.db"),
        ("/var/lib/mailer.db", "/var/lib/mailer.db"),
        ("sqlite:///rel.db", "rel.db"),
        ("sqlite:////abs/x.db", "/abs/x.db"),
        ("sqlite:///고객 %20.db", "고객 %20.db"),
        ("~/mailer.db", "/home/kim/mailer.db"),
    ],
)
def test_the_database_is_a_path_or_a_url(written: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    assert loaded(DATABASE=written).settings.database_address == SqliteFile(Path(path))


def test_the_database_on_oracle_has_its_login_in_settings_of_its_own() -> None:
    settings = loaded(
        DATABASE="oracle://db1:1521/MAILER",
        DATABASE_USER="MAILER",
        DATABASE_PASSWORD="비밀",
        DATABASE_TNS_ADMIN="/etc/tns",
        DATABASE_WALLET="/etc/wallet",
        DATABASE_WALLET_PASSWORD="지갑",
    ).settings
    address = settings.database_address
    assert address == OracleService("db1:1521/MAILER", "MAILER", "비밀", Path("/etc/tns"), Path("/etc/wallet"), "지갑")
    assert "비밀" not in repr((settings, address))
    assert "지갑" not in repr((settings, address))


@pytest.mark.parametrize("asked", ["crm", "CRM", "Crm"])
@pytest.mark.parametrize("variable", ["SOURCES__CRM__URL", "SOURCES__crm__url", "sources__Crm__URL"])
def test_a_source_is_found_whatever_the_case_of_its_name(asked: str, variable: str) -> None:
    settings = loaded(**{variable: "sqlite:////abs/x.db"}).settings
    assert settings.source(asked).address == SqliteFile(Path("/abs/x.db"))


def test_a_source_on_oracle_is_given_by_dsn_or_url() -> None:
    settings = loaded(
        SOURCES__ERP__DSN="(DESCRIPTION=(ADDRESS=(HOST=db1)))",
        SOURCES__ERP__USER="READER",
        SOURCES__ERP__PASSWORD="123",
        SOURCES__DW__URL="oracle://DW_HIGH",
        SOURCES__DW__PASSWORD='"quoted"',
    ).settings
    assert settings.source("erp").address == OracleService("(DESCRIPTION=(ADDRESS=(HOST=db1)))", "READER", "123")
    assert settings.source("dw").address == OracleService("DW_HIGH", password='"quoted"')


def test_an_unknown_source_is_named_with_those_there_are_and_the_variable_to_set() -> None:
    with pytest.raises(NotFound, match=r"'Crn'.*there are: crm, erp") as missing:
        loaded(SOURCES__ERP__DSN="x", SOURCES__CRM__DSN="x").settings.source("Crn")
    assert "MAILER_SOURCES__CRN__URL" in missing.value.next_step


@pytest.mark.parametrize(
    "url",
    [
        "crm.db",
        "sqlite:crm.db",
        "sqlite://crm.db",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=ro",
        "postgres://db1/crm",
        "oracle://SCOTT:tiger@db1/CRM",
    ],
)
def test_a_url_of_another_form_is_refused_without_showing_it(url: str) -> None:
    message = refused(SOURCES__CRM__URL=url)
    assert message.startswith("MAILER_SOURCES__CRM__URL ")
    assert url not in message
    assert "tiger" not in message


@pytest.mark.parametrize("url", ["sqlite:///", "oracle://"])
def test_a_url_of_nothing_is_refused(url: str) -> None:
    assert refused(SOURCES__CRM__URL=url).startswith("MAILER_SOURCES__CRM__URL names no ")


def test_a_source_has_a_url_or_a_dsn_and_not_both() -> None:
    assert refused(SOURCES__CRM__USER="x").startswith("MAILER_SOURCES__CRM needs one of")
    assert refused(SOURCES__CRM__URL="oracle://x", SOURCES__CRM__DSN="x").startswith("MAILER_SOURCES__CRM needs one of")


# Secrets


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("호랑이 \n", encoding="utf-8")
    settings = loaded(
        SOURCES__CRM__DSN="x",
        SOURCES__CRM__PASSWORD_FILE=str(tmp_path / "password"),
        DATABASE_PASSWORD_FILE=str(tmp_path / "password"),
    ).settings
    assert settings.source("crm").password == SecretStr("호랑이 ")
    assert settings.database_password == SecretStr("호랑이 ")


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"\xe9\n")
    for name, reason in [("missing", "No such file"), ("", "directory"), ("empty", "empty"), ("latin", "UTF-8")]:
        message = refused(SOURCES__CRM__DSN="x", SOURCES__CRM__PASSWORD_FILE=str(tmp_path / name))
        assert "MAILER_SOURCES__CRM__PASSWORD_FILE" in message
        assert reason in message


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    message = refused(SOURCES__CRM__DSN="x", SOURCES__CRM__PASSWORD="호랑이", SOURCES__CRM__PASSWORD_FILE="x")
    assert "MAILER_SOURCES__CRM__PASSWORD and MAILER_SOURCES__CRM__PASSWORD_FILE are both set" in message
    assert "호랑이" not in message
