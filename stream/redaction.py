"""Removes personal data from texts, before anything stores or embeds them.

What is found by its form alone: e-mail addresses, payment cards, IBANs, telephone numbers, IP addresses, US social
security numbers, and credentials in URLs. Names and street addresses need a model and are not looked for. Numbers are
checked where they carry a check digit (Luhn for cards, ISO 13616 for IBANs), so that order numbers mostly stay; dates,
times, prices and years are not taken for telephone numbers.

The patterns take time linear in the text, because words are matched possessively or within a bound, so a hostile text
costs no more than any other. None lets a neighbour decide that its own replacement would change, so that one round
finds nearly all, and a second what followed an IBAN.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

ROUNDS = 8  # two are enough for whatever people write; the bound is for those who try

_SUSPECT = re.compile(r"[@=\d]|::")  # all below needs one of these; most texts have none
_SEVEN_DIGITS = re.compile(r"(?:[0-9][^0-9]{0,4}){6}[0-9]")  # no number worth hiding has fewer

# Numbers stand alone: not inside a word, not part of a decimal number.
# A pattern begins with what its first character may be: where it is none of these, nothing else is tried.
_ALONE = r"(?<![0-9A-Za-z])(?<![0-9]\.)"
_END = r"(?![0-9A-Za-z]|\.[0-9])"

# One letter of an e-mail address. CJK and Hangul are left out: they are written without spaces around the address.
_LETTER = r"[^\W\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]"
_LABEL = rf"(?:{_LETTER}|-)++"
_EMAIL = re.compile(rf"(?:{_LETTER}|[.+'-])++((?:@|%40){_LABEL}(?:\.{_LABEL})++)?+")  # any word, with a host or without
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#<>]+@")
_PARAMETER = re.compile(r"(?<=[?&#;])([\w.-]++)=[^\s&#;<>]++")
_SECRET = re.compile(
    r"token|secret|passw|pwd|key|signature|session|credential|auth|\b(?:sig|sid|code|jwt|otp|pin)\b", re.I
)

_IBAN = re.compile(
    r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?: ?[0-9A-Za-z]{4}){2,7}(?: ?[0-9A-Za-z]{1,4})?(?![0-9A-Za-z])"
)
_CARD = (
    re.compile(  # 13 to 19 digits in one piece, or grouped as printed: 4-4-4-4, American Express 4-6-5, Diners 4-6-4
        rf"(?=[2-6]){_ALONE}(?:2[2-7]|[3-6][0-9])(?:[0-9]{{11,17}}|[0-9]{{2}}([ -])"
        rf"(?:[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{3}})?|[0-9]{{6}}\1[0-9]{{4,5}})){_END}"
    )
)
_SSN = re.compile(rf"(?=[0-9]){_ALONE}(?<!-)(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}(?!-){_END}")
_PHONE = re.compile(
    # Dates and times are matched first and kept, so that no number begins within one.
    r"(?=[+(0-9])(?:(?P<keep>(?<![0-9])(?:[0-9]{4}([./-])[0-9]{1,2}\2[0-9]{1,2}|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
    r"|[0-9]{1,2}([./ -])[0-9]{1,2}\3(?:[0-9]{4}|[0-9]{2}))(?![./-]?[0-9]))"
    rf"|{_ALONE}(?<!\+)(?:"
    # International: + or 00, then up to 15 digits (E.164).
    r"(?:\+ ?|00)[1-9](?:[ ./()-]{0,2}[0-9]){7,14}"
    # National with a trunk prefix 0, as in most of Europe, Africa and Asia: 9 to 12 digits.
    r"|\(?0[1-9](?:[ ./()-]{0,2}[0-9]){7,10}"
    # North America, grouped or in one piece.
    r"|(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}|[2-9][0-9]{9}"
    # Mainland China's mobile numbers.
    r"|1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"
    rf"){_END}(?!:[0-9]{{2}}(?![0-9])))"  # the hour of a time that follows is not its last digits
)

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![0-9A-Za-z.]){_OCTET}(?:\.{_OCTET}){{3}}(?!\.?[0-9A-Za-z])")
# Global, unique-local and link-local addresses begin with four digits, which times and C++ names do not.
_IPV6 = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f]{4}(?=:)[0-9A-Fa-f:]++(?:(?<=:)[0-9.]++)?+(?![A-Za-z])")


class Redactor:
    """Replaces personal data with `<email>`, `<phone>`, `<card>`, `<iban>`, `<ip>`, `<ssn>`, `<secret>`.

    Attributes:
        counts: How often each kind was found, for metrics; never what was found.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._rules = [
            (may_have, [(rule.pattern, self._replacer(rule)) for rule in rules]) for may_have, rules in _RULES
        ]

    def redact(self, text: str) -> str:
        """The text without personal data; redacting its result changes nothing."""
        if _SUSPECT.search(text) is None:
            return text
        for _ in range(ROUNDS):
            cleaned = self._once(text)
            if cleaned == text:
                break
            text = cleaned
        return text

    def _once(self, text: str) -> str:
        for may_have, rules in self._rules:
            if may_have(text):
                for pattern, replace in rules:
                    text = pattern.sub(replace, text)
        return text

    def _replacer(self, rule: "_Rule") -> Callable[[re.Match[str]], str]:
        def replace(found: re.Match[str]) -> str:
            replaced = rule.replace(found)
            if replaced is None:
                return found[0]
            self.counts[rule.kind] += 1
            return replaced

        return replace


def _email(found: re.Match[str]) -> str | None:
    return "<email>" if found[1] else None


def _parameter(found: re.Match[str]) -> str | None:
    return f"{found[1]}=<secret>" if _SECRET.search(found[1]) else None


def _phone(found: re.Match[str]) -> str | None:
    return None if found["keep"] else "<phone>"


def _card(found: re.Match[str]) -> str | None:
    text = found[0]
    for end in (len(text), 19):  # the last three of 4-4-4-4-3 may be the card's security code
        if _luhn(text[:end].replace(" ", "").replace("-", "")):
            return "<card>" + text[end:]
    return None


def _luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1: from the right, every second digit doubled."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[::-2]))) % 10 == 0


def _iban(found: re.Match[str]) -> str | None:
    """The longest part that is an IBAN, up to a space: the words that follow may look like groups."""
    text = found[0]
    end = len(text)
    while end >= 15:
        if _mod97(text[:end].replace(" ", "")) == 1:
            return "<iban>" + text[end:]
        end = text.rfind(" ", 0, end)
    return None


def _mod97(iban: str) -> int:
    """ISO 7064 as ISO 13616 uses it: country and check digits to the end, letters as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def _ipv6(found: re.Match[str]) -> str | None:
    text = found[0]
    address = text if text.endswith("::") else text.rstrip(".:")
    try:
        IPv6Address(address)
    except AddressValueError:
        return None
    return "<ip>" + text[len(address) :]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind: what may be it, and what to write instead; None where it is something else after all."""

    kind: str
    pattern: re.Pattern[str]
    replace: Callable[[re.Match[str]], str | None]


def _may_have_address(text: str) -> bool:
    return "@" in text or "=" in text or "%40" in text


def _may_have_number(text: str) -> bool:
    return _SEVEN_DIGITS.search(text) is not None


def _may_have_host(text: str) -> bool:
    return text.count(".") >= 3 or text.count(":") >= 2


# In this order: the host in `user:password@host` is no e-mail address, and a card's digits are no telephone number.
_RULES: tuple[tuple[Callable[[str], bool], tuple[_Rule, ...]], ...] = (
    (
        _may_have_address,
        (
            _Rule("secret", _CREDENTIALS, lambda _: "<secret>@"),
            _Rule("secret", _PARAMETER, _parameter),
            _Rule("email", _EMAIL, _email),
        ),
    ),
    (_may_have_host, (_Rule("ip", _IPV4, lambda _: "<ip>"), _Rule("ip", _IPV6, _ipv6))),
    (
        _may_have_number,
        (
            _Rule("iban", _IBAN, _iban),
            _Rule("card", _CARD, _card),
            _Rule("ssn", _SSN, lambda _: "<ssn>"),
            _Rule("phone", _PHONE, _phone),
        ),
    ),
)
