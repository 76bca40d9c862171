"""What Oracle's and the driver's errors mean, and what a person can do about each."""

import re
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from mailer.model.database_url import OracleService

_CODE = re.compile(r"\b(?:ORA|DPY)-\d{4,5}\b")
_TOO_LONG = re.compile(
    r'"(?P<table>[^"]+)"\."(?P<column>[^"]+)" \(actual: (?P<actual>\d+), maximum: (?P<maximum>\d+)\)'
)
_CONSTRAINT = re.compile(r"constraint \((?P<name>[^)]+)\)")


class Kind(Enum):
    """What a caller can do."""

    AWAY = auto()
    """No answer, or not now: the same may succeed later. Whether a statement under way took effect is not known."""
    LATE = auto()
    """No answer in time: away, or busy with it."""
    DENIED = auto()
    """It answers, and will not have us until a person has acted: a try more may even lock the account."""
    UNDONE = auto()
    """The statement was rolled back for another session's sake: do the transaction again."""
    DUPLICATE = auto()
    EXISTS = auto()
    """An object that was to be made is there already."""
    REFUSED = auto()
    """It refuses the statement for what it says."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A database in messages: 'data source 'crm' (user MAILER_READ at db1/CRM)', and the settings that lead there."""

    what: str
    service: OracleService
    url_setting: str
    prefix: str
    """Of its other settings: MAILER_DATABASE_ or MAILER_SOURCES__CRM__."""

    def __str__(self) -> str:
        place = self.service.dsn.rpartition("@")[2]  # before an '@' there may be a password
        return f"{self.what} (user {self.service.user or 'unknown'} at {place[:80]})"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error, understood."""

    kind: Kind
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    kind: Kind
    says: str
    advice: str = ""


def read_error(error: BaseException, where: Whereabouts) -> Trouble:
    """What an error of the driver, of the network or of a bound's end (TimeoutError) means.

    The message never holds a value of a row: newer servers quote values behind the first line, some in it.
    """
    if isinstance(error, TimeoutError):
        return _told("", where, _Meaning(Kind.LATE, "no answer in time", _MEANINGS["DPY-4011"].advice))
    if isinstance(error, OSError):
        return _network_trouble(error, where)
    if isinstance(error.__cause__, OSError):
        return _network_trouble(error.__cause__, where)
    text = str(error)
    codes = _CODE.findall(text)
    telling = [code for code in codes if code not in _GENERAL] or codes
    code = next((code for code in telling if code in _MEANINGS), telling[0] if telling else "")
    return _told(code, where, _meaning(code, text))


def _network_trouble(error: OSError, where: Whereabouts) -> Trouble:
    if isinstance(error, ssl.SSLError):
        advice = "Check {prefix}WALLET and its password, and the host in {url}."
        return _told("", where, _Meaning(Kind.DENIED, f"TLS could not be agreed on: {error}", advice))
    return _told("", where, _Meaning(Kind.AWAY, f"can't be reached: {error}", _MEANINGS["DPY-6005"].advice))


def _meaning(code: str, text: str) -> _Meaning:
    """The code's own meaning, with what the text says where that says more."""
    line = text.partition(f"{code}: ")[2].partition("\n")[0] or text.partition("\n")[0]
    meaning = _MEANINGS.get(code, _Meaning(Kind.REFUSED, line))
    if code == "ORA-12899" and (found := _TOO_LONG.search(line)):
        says = "{table}.{column} takes at most {maximum}, and the value has {actual} (a Korean letter has 3 bytes)"
        return _Meaning(Kind.REFUSED, says.format_map(found.groupdict()), "Shorten the value.")
    if code == "ORA-00001" and (found := _CONSTRAINT.search(line)):
        return _Meaning(Kind.DUPLICATE, f"the unique key {found['name']} has the row already")
    return meaning if meaning.says else _Meaning(meaning.kind, line, meaning.advice)


def is_dead(error: BaseException) -> bool:
    """Whether the error is the end of the connection that it came on."""
    details = error.args[0] if error.args else None
    return isinstance(error, OSError) or bool(getattr(details, "is_session_dead", False))


def _told(code: str, where: Whereabouts, meaning: _Meaning) -> Trouble:
    advice = meaning.advice.format(url=where.url_setting, prefix=where.prefix)
    return Trouble(meaning.kind, f"{f'{code} from ' if code else ''}{where}: {meaning.says}", advice)


_GENERAL = {"DPY-6005", "DPY-6000", "DPY-4011", "ORA-00604", "ORA-06512", "ORA-04088"}
"""Codes that stand around another one, which says more."""

_WAIT = "It is tried again by itself; if it lasts, ask the DBA."
_ASK_DBA_SPACE = "Ask the DBA for room; it goes on by itself then."
_NO_NATIVE_ENCRYPTION = (
    "The server may demand Native Network Encryption, which this driver can't do: use TLS (tcps://… in {url}), "
    "or let the DBA set SQLNET.ENCRYPTION_SERVER to ACCEPTED for this client."
)

_MEANINGS: dict[str, _Meaning] = {
    # The login.
    "ORA-01017": _Meaning(Kind.DENIED, "wrong user or password", "Check {prefix}USER and {prefix}PASSWORD."),
    "ORA-01005": _Meaning(Kind.DENIED, "no password is set", "Set {prefix}PASSWORD or {prefix}PASSWORD_FILE."),
    "DPY-4001": _Meaning(
        Kind.DENIED, "no user or password is set", "Set {prefix}USER and {prefix}PASSWORD or {prefix}PASSWORD_FILE."
    ),
    "ORA-28000": _Meaning(Kind.DENIED, "the account is locked", "Ask the DBA: ALTER USER … ACCOUNT UNLOCK."),
    "ORA-28001": _Meaning(
        Kind.DENIED, "the password has expired", "Ask the DBA for a new one: ALTER USER … IDENTIFIED BY …, then set it."
    ),
    "ORA-01045": _Meaning(Kind.DENIED, "the user may not log in", "Ask the DBA: GRANT CREATE SESSION TO …."),
    "DPY-3015": _Meaning(
        Kind.DENIED,
        "the password is kept in a form older than 11g, which this driver can't use",
        "Ask the DBA to set it anew (ALTER USER … IDENTIFIED BY …) with SQLNET.ALLOWED_LOGON_VERSION_SERVER=12.",
    ),
    "DPY-3001": _Meaning(
        Kind.DENIED, "the server demands what the driver has not, often encryption", _NO_NATIVE_ENCRYPTION
    ),
    "DPY-3010": _Meaning(
        Kind.DENIED, "the server is older than 12.1, which this driver can't speak with", "Use a newer database."
    ),
    "DPY-3040": _Meaning(Kind.DENIED, "the database's character set is not known to this driver", "Ask the DBA."),
    "DPY-3012": _Meaning(
        Kind.DENIED, "the national character set is not AL16UTF16", "Avoid NCHAR, NVARCHAR2 and NCLOB columns."
    ),
    # The way there.
    "DPY-4000": _Meaning(
        Kind.DENIED, "tnsnames.ora has no such alias", "Check {url}, and tnsnames.ora in the folder {prefix}TNS_ADMIN."
    ),
    "DPY-4027": _Meaning(
        Kind.DENIED, "an alias needs a tnsnames.ora", "Set {prefix}TNS_ADMIN to its folder, or write host:port/service."
    ),
    "DPY-4026": _Meaning(Kind.DENIED, "the folder of tnsnames.ora has none", "Check {prefix}TNS_ADMIN."),
    "DPY-4017": _Meaning(Kind.DENIED, "the connect descriptor can't be understood", "Check {url}."),
    "DPY-4018": _Meaning(Kind.DENIED, "the connect string can't be understood", "Write host:port/service in {url}."),
    "DPY-4021": _Meaning(Kind.DENIED, "the connect string names an unknown protocol", "Use tcp or tcps in {url}."),
    "DPY-2018": _Meaning(
        Kind.DENIED, "there is no ewallet.pem in the wallet's folder", "Check {prefix}WALLET; cwallet.sso does not do."
    ),
    "DPY-6002": _Meaning(
        Kind.DENIED, "the server's certificate is another's", "Check the host in {url}, and SSL_SERVER_CERT_DN."
    ),
    "DPY-6001": _Meaning(
        Kind.AWAY,
        "the listener does not know the service (ORA-12514): it is starting, or its name is wrong",
        "If it stays so, check the service's name in {url}.",
    ),
    "DPY-6003": _Meaning(
        Kind.AWAY, "the listener does not know the SID (ORA-12505)", "Use the service's name in {url}."
    ),
    "ORA-12514": _Meaning(
        Kind.AWAY, "the listener does not know the service: it is starting, or its name is wrong", "Check {url}."
    ),
    "ORA-12541": _Meaning(Kind.AWAY, "no listener there", "Check host and port in {url}, and that the listener runs."),
    "ORA-12516": _Meaning(Kind.AWAY, "the listener has no free handler: too many sessions", _WAIT),
    "ORA-12519": _Meaning(Kind.AWAY, "the listener has no free handler: too many sessions", _WAIT),
    "ORA-12520": _Meaning(Kind.AWAY, "the listener has no free handler: too many sessions", _WAIT),
    "DPY-6000": _Meaning(Kind.AWAY, "the listener refuses the connection", _WAIT),
    "DPY-6005": _Meaning(Kind.AWAY, "", "Check host and port in {url}, and that the database runs."),
    # The database as a whole.
    "DPY-4011": _Meaning(
        Kind.AWAY,
        "the connection was lost",
        "It is tried again by itself. If it is so from the first call on: the server may demand Native Network "
        "Encryption, which this driver can't do; use TLS.",
    ),
    "DPY-4033": _Meaning(Kind.AWAY, "the session was idle for longer than its profile allows", _WAIT),
    "ORA-00018": _Meaning(Kind.AWAY, "the database has as many sessions as it may", _WAIT),
    "ORA-00020": _Meaning(Kind.AWAY, "the database has as many processes as it may", _WAIT),
    "ORA-00028": _Meaning(Kind.AWAY, "the session was killed", _WAIT),
    "ORA-02391": _Meaning(
        Kind.AWAY,
        "the user has as many sessions as its profile allows",
        "Lower {prefix}POOL, or raise SESSIONS_PER_USER.",
    ),
    "ORA-01033": _Meaning(Kind.AWAY, "the database is starting or shutting down", _WAIT),
    "ORA-01034": _Meaning(Kind.AWAY, "the database is down", _WAIT),
    "ORA-01089": _Meaning(Kind.AWAY, "the database is shutting down", _WAIT),
    "ORA-01090": _Meaning(Kind.AWAY, "the database is shutting down", _WAIT),
    "ORA-00257": _Meaning(Kind.AWAY, "the archiver has no room: the database stands still", _ASK_DBA_SPACE),
    "ORA-01653": _Meaning(Kind.AWAY, "the tablespace of a table is full", _ASK_DBA_SPACE),
    "ORA-01654": _Meaning(Kind.AWAY, "the tablespace of an index is full", _ASK_DBA_SPACE),
    "ORA-01691": _Meaning(Kind.AWAY, "the tablespace of a LOB is full", _ASK_DBA_SPACE),
    "ORA-01652": _Meaning(Kind.AWAY, "the temporary tablespace is full", _ASK_DBA_SPACE),
    "ORA-01536": _Meaning(Kind.AWAY, "the user's quota is used up", "Ask the DBA: ALTER USER … QUOTA … ON …."),
    "ORA-30036": _Meaning(Kind.AWAY, "the undo tablespace is full", _ASK_DBA_SPACE),
    "ORA-16000": _Meaning(Kind.AWAY, "the database is open for reading only (a standby?)", "Check {url}."),
    # Another session was in the way.
    "ORA-00060": _Meaning(Kind.UNDONE, "a deadlock with another session was broken here", _WAIT),
    "ORA-08177": _Meaning(Kind.UNDONE, "another session changed the same rows", _WAIT),
    "ORA-00054": _Meaning(Kind.UNDONE, "another session holds a lock", _WAIT),
    "ORA-30006": _Meaning(Kind.UNDONE, "another session holds a lock", _WAIT),
    # A statement.
    "ORA-00001": _Meaning(Kind.DUPLICATE, "a unique key has the row already"),
    **dict.fromkeys(
        ("ORA-00955", "ORA-01408", "ORA-01430", "ORA-01442", "ORA-02260", "ORA-02261", "ORA-02264", "ORA-02275"),
        _Meaning(Kind.EXISTS, "", "Somebody else's object has that name: mailer needs a schema of its own."),
    ),
    "ORA-00942": _Meaning(
        Kind.REFUSED,
        "a table is not there, or the user may not see it",
        "Ask its owner: GRANT SELECT ON … TO …; and write OWNER.TABLE, or make a synonym. See docs/oracle.md.",
    ),
    "ORA-01031": _Meaning(
        Kind.REFUSED, "the user lacks a right", "Ask the DBA for the grants that docs/oracle.md lists."
    ),
    "ORA-01950": _Meaning(
        Kind.REFUSED, "the user may store nothing in the tablespace", "Ask the DBA: ALTER USER … QUOTA … ON …."
    ),
    "ORA-01456": _Meaning(
        Kind.REFUSED, "the query would change something", "Target and mapping queries may only read."
    ),
    "ORA-01722": _Meaning(Kind.REFUSED, "a text that should be a number is none"),
    **dict.fromkeys(
        ("ORA-01830", "ORA-01840", "ORA-01841", "ORA-01843", "ORA-01847", "ORA-01858", "ORA-01861"),
        _Meaning(Kind.REFUSED, "a text that should be a date is none"),
    ),
}
