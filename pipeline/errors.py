"""What can go wrong, by who can mend it, and the exit code each ends the program with.

DistillError          1  our fault: printed with a traceback
├── UserError         2  the user can mend it: value, place and remedy, no traceback
└── BudgetReached     3  a ceiling was met: the same command goes on once it is raised
"""

from __future__ import annotations


class DistillError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code = 1


class UserError(DistillError):
    """Something the user can mend: `what` names the value and the place, `remedy` the next thing to do."""

    exit_code = 2

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}\n  {remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy


class BudgetReached(DistillError):
    """A ceiling on tokens or cost was met before the work was done; everything paid for is kept."""

    exit_code = 3
