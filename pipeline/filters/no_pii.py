"""Keeps replies without personal data or secrets: e-mail, phone, IP address, card, IBAN, US SSN, keys.

Numbers count only where more than their look speaks for them: a checksum (card, IBAN), a plus sign or the word *phone*, an
address that is routed. Addresses and numbers reserved for examples are no hits, nor are versions and the numbers of a solution.
A verdict tells kind and place, never what was found. Not found are names, streets and national numbers of other countries.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

Kind = Literal["email", "phone", "ip", "card", "iban", "ssn", "secret"]
KINDS: tuple[Kind, ...] = ("email", "phone", "ip", "card", "iban", "ssn", "secret")
BEFORE = 40
"""Characters before a number in which a word may say what it is."""
RESERVED = re.compile(
    r"(?:^|\.)(?:example(?:\.\w+)?|test|invalid|localhost|(?:your|my)?(?:-?domain|-?company|-?site)\.\w+|^latest\.\w+)$"
)
"""RFC 2606, and what people write for a domain of their own."""
NOBODY = (
    "git",
    "noreply",
    "no-reply",
    "user",
    "username",
    "name",
    "your.name",
    "yourname",
    "email",
    "someone",
    "test",
    "example",
    "john.doe",
    "jane.doe",
)
ARITHMETIC = re.compile(r"[-+*/×÷=<^$€£%(,.]\s*$")
ADDEND = re.compile(r"(?:[\d)\]}*/×÷=<+-]|\b[A-Za-z])\s*$")
"""What stands before a plus sign that adds."""
EQUATION = re.compile(r"\s*[-+*/×÷=<>^%]|[.,]\d")
CALLED = re.compile(r"\b(?:phone|tel|telephone|mobile|cell|call|fax|whatsapp|sms|text|contact)\b", flags=re.IGNORECASE)
CARD_WORD = re.compile(r"\b(?:card|visa|mastercard|amex|american express|discover|credit|debit|payment)\b", flags=re.IGNORECASE)
VERSION = re.compile(r"(?:\bv|\b(?:version|release|build|section|chapter|firmware)\W{0,3}|(?<![/:])/)$", flags=re.IGNORECASE)
SECTION = re.compile(r"\s{1,3}(?:section|chapter|version|release|build)\b", flags=re.IGNORECASE)
"""What stands behind dotted numbers that are no address."""
WORDS_OF_A_PLACEHOLDER = re.compile(
    r"[-_](?:your|my|api|here|example|placeholder|dummy|fake)(?![A-Za-z0-9])", flags=re.IGNORECASE
)
CARD_BRAND = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|3(?:0[0-5]|[68]\d)\d{11}"
)
IBAN_LENGTHS = {
    code[:2]: int(code[2:])
    for code in re.findall(
        r"\w+",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 "
        "GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 "
        "MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 "
        "TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}
SIGNS = re.compile(r"[0-9@]|-----BEGIN")
"""One of these is in all that is looked for."""
PUBLISHED_SSN = ("078-05-1120", "219-09-9999", "123-45-6789")
"""Printed in advertisements, or written by everybody for an example."""


@dataclass(frozen=True)
class Found:
    """Where something is that looks like one kind, with the text around it."""

    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]

    @property
    def before(self) -> str:
        return self.text[max(0, self.start - BEFORE) : self.start]

    @property
    def digits(self) -> str:
        return re.sub(r"\D", "", self.value)

    @property
    def computed(self) -> bool:
        """Whether it stands among the signs of a computation."""
        return bool(ARITHMETIC.search(self.before) or EQUATION.match(self.text, self.end))


def _is_email(found: Found) -> bool:
    local, _, domain = found.value.lower().partition("@")
    return not RESERVED.search(domain) and local not in NOBODY


def _is_phone(found: Found) -> bool:
    if not 8 <= len(found.digits) <= 15 or EQUATION.match(found.text, found.end) or "555-01" in found.value:
        return False
    if found.value.startswith("+"):
        return ADDEND.search(found.before) is None or CALLED.search(found.before) is not None
    return CALLED.search(found.before) is not None


def _is_ip(found: Found) -> bool:
    try:
        address = ipaddress.ip_address(found.value)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):  # 1.2.3.4 is a section or a version, 8.8.8.8 is everybody's
        named = VERSION.search(found.before) or SECTION.match(found.text, found.end)
        return address.is_global and any(octet > 9 for octet in address.packed) and not named
    return address.is_global and address.packed[0] >> 5 == 1  # 2000::/3; `a::b` is code


def _is_card(found: Found) -> bool:
    digits = found.digits
    if not CARD_BRAND.fullmatch(digits) or len(set(digits)) <= 2 or not _luhn(digits):  # 4242… is everybody's
        return False
    grouped = re.fullmatch(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{4,5}", found.value)
    return not found.computed and (grouped is not None or CARD_WORD.search(found.before) is not None)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _is_iban(found: Found) -> bool:
    code = found.value.replace(" ", "")
    if len(code) != IBAN_LENGTHS.get(code[:2]):
        return False
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1


def _is_ssn(found: Found) -> bool:
    return found.value not in PUBLISHED_SSN and not found.computed


def _is_secret(found: Found) -> bool:
    """A key has signs enough to be drawn at random; `sk-your-key-here` has not."""
    key = found.value
    made_up = key.endswith("EXAMPLE") or WORDS_OF_A_PLACEHOLDER.search(key) is not None
    return key.startswith("-----") or (len(set(key)) >= 12 and any(map(str.isdigit, key)) and not made_up)


CHECKS: dict[Kind, tuple[re.Pattern[str], Callable[[Found], bool]]] = {
    "email": (re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), _is_email),
    "phone": (
        re.compile(
            r"(?<![\w+.])\+[1-9](?:[ .()/-]{0,2}\d){7,14}(?!\d)"
            r"|(?<![\w.])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"
        ),
        _is_phone,
    ),
    "ip": (
        re.compile(
            r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?[\w-])"
            r"|(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:|::)[0-9A-Fa-f:]{1,37}(?![\w:])"
        ),
        _is_ip,
    ),
    "card": (re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])"), _is_card),
    "iban": (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _is_iban),
    "ssn": (re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"), _is_ssn),
    "secret": (
        re.compile(
            r"\b(?:A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,90}|glpat-[\w-]{20}|hf_[A-Za-z0-9]{30,40}"
            r"|sk-(?:ant-|proj-|or-)?[\w-]{20,200}|[rs]k_live_[A-Za-z0-9]{24,100}|xox[abeprs]-[\w-]{10,200}|AIza[\w-]{35}"
            r"|eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000})"
            r"|-----BEGIN (?:[A-Z]{2,12} )?PRIVATE KEY-----"
        ),
        _is_secret,
    ),
}


class NoPii(RowFilter):
    """None of the kinds is in the target or the reasoning; the score is how many things were found."""

    source: ClassVar[str] = "datatrove, formatters/pii; ISO 7812 (Luhn), ISO 13616 (IBAN), RFC 2606, RFC 5737, RFC 3849"
    filter: Literal["no_pii"]
    """Tells nothing personal."""
    looks_for: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    """What is looked for: email, phone, ip, card, iban, ssn, secret."""

    def judge(self, task: Task, sample: Sample) -> Word:
        texts = {"reply": sample.target, "reasoning": sample.reasoning or ""}
        found = [
            f"{kind} at {start}–{end} of the {where}"
            for where, text in texts.items()
            for kind, start, end in personal_data(text, self.looks_for)
        ]
        if not found:
            return keep("nothing personal", 0)
        kind = found[0].partition(" ")[0]
        return drop(f"personal data: {kind}", len(found), "; ".join(found)[:200])


def personal_data(text: str, kinds: tuple[Kind, ...] = KINDS) -> Iterator[tuple[Kind, int, int]]:
    """Kind, first character and end of all that is found, kind by kind."""
    if not SIGNS.search(text):
        return
    for kind in kinds:
        pattern, holds = CHECKS[kind]
        for each in pattern.finditer(text):
            if holds(Found(text, each.start(), each.end())):
                yield kind, each.start(), each.end()
