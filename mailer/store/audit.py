"""AUDIT_LOG: who did what; written in the transaction of what was done, never changed after."""

from mailer.db.database import Session


async def write_audit(transaction: Session, actor: str, action: str, target: str, details: str = "") -> None:
    """`action` is a verb like 'automation apply', `target` what it was done to; `details` hold no secret."""
    await transaction.execute(
        "insert_audit", {"actor": actor, "action": action, "done_to": target, "details": details[:4000] or None}
    )
