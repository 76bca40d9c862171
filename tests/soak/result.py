"""How a soak ended, in one line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """`lost` and `twice` are what must be 0."""

    recipients: int
    kills: int
    sent: int
    lost: int
    twice: int
    unknown: int
    """Mails of which a death left unknown whether SES had accepted them."""
    unknown_at_most: int
    settled: int
    """Those of them that a person has settled since, by SES's record."""
    longest_stall: float

    @property
    def is_good(self) -> bool:
        """Whether every promise held."""
        return not self.lost and not self.twice and self.unknown <= self.unknown_at_most

    def __str__(self) -> str:
        return (
            f"recipients={self.recipients} kills={self.kills} sent={self.sent} lost={self.lost} twice={self.twice} "
            f"unknown={self.unknown} settled={self.settled} longest_stall_s={self.longest_stall:.1f}"
        )
