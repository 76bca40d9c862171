"""Everything mailer raises on purpose: one class for each decision that a caller makes.

A person sees `str(error)`, which says what went wrong and where, and `next_step`, which says what to do.
Neither ever holds a secret or a full address.
"""

from collections.abc import Sequence


class MailerError(Exception):
    """The root. `exit_code` is what a command ends with when this reaches it."""

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step


class ConfigurationError(MailerError):
    """A setting, an argument or a file is wrong; a person must change it. Nothing was done."""

    exit_code = 2


class NotFound(ConfigurationError):
    """There is no automation, job, delivery or file of that name."""


class MigrationNeeded(ConfigurationError):
    """The schema is older or newer than this program; nothing may run on it."""


class DefinitionInvalid(ConfigurationError):
    """A definition has faults; `faults` holds one line each. Nothing was saved."""

    def __init__(self, message: str, faults: Sequence[str], next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.faults = tuple(faults)


class Conflict(MailerError):
    """Another job of the automation is active, or the job is in a state that forbids the verb."""

    exit_code = 3


class Unreachable(MailerError):
    """Something that is needed does not answer; the same call may succeed later."""

    exit_code = 4


class DatabaseAway(Unreachable):
    """mailer's own database does not answer. Whether a commit under way took effect is not known."""


class DatabaseDenied(DatabaseAway):
    """It answers, and will not have us before a person has acted: a wrong password, a locked account, no encryption."""

    exit_code = 2


class TransactionUndone(DatabaseAway):
    """The database broke a deadlock, or a lock stayed held: nothing of the transaction was written. Do it again."""


class DatabaseRefused(MailerError):
    """The database answered and refused the statement for what it says; trying again can't help."""


class DuplicateKey(DatabaseRefused):
    """A unique key refused the row; ask the tables which one."""


class AlreadyExists(DatabaseRefused):
    """The table, index or constraint that was to be made is there already."""


class SourceAway(Unreachable):
    """A data source does not answer, or is locked for longer than MAILER_DB_PATIENCE."""


class SourceDenied(SourceAway):
    """A data source answers, and will not have us before a person has acted: a wrong password, a locked account."""

    exit_code = 2


class QueryFailed(MailerError):
    """A data source answered that a query of the definition is wrong or took too long."""

    exit_code = 2


class StorageAway(Unreachable):
    """The attachment storage does not answer."""


class TransportAway(Unreachable):
    """SES, or the outbox folder, can't be asked at all (`doctor`, `test-mail`; a job waits instead)."""


class TemplateFault(MailerError):
    """A template can't be compiled, or can't be rendered with this row."""

    exit_code = 2


class MalformedAddress(MailerError):
    """Not one plain address; the message says why, without the address."""

    exit_code = 2


class AttachmentMissing(MailerError):
    """The storage has no file of that name."""


class AttachmentAmbiguous(MailerError):
    """Two files answer to that name; the message names both."""


class AttachmentTooLarge(MailerError):
    """The mail would be larger than SES takes."""


class JobStopped(MailerError):
    """The job must stop here, before another mail of it leaves; the message is the cause that its LOG keeps."""


class FenceLost(MailerError):
    """Somebody else holds the claim by now: stop working on it; answers in hand are still written."""


def innermost(error: BaseException) -> BaseException:
    """The error itself, out of the groups that tasks put around it: one of ours where there is one."""
    while isinstance(error, BaseExceptionGroup):
        ours, _ = error.split(MailerError)
        error = (ours or error).exceptions[0]
    return error
