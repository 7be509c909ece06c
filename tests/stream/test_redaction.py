"""Redaction: personal data goes, everything else stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.stream.redaction import Redactor


def redact(text):
    """The text as a new redactor leaves it."""
    return Redactor().redact(text)


# Pieces of personal data and what surrounds them, so that random texts meet the patterns and their edges.
PIECES = [
    *["bob@example.com", "a@b", "+44 20 7946 0958", "(212) 555-1234", "0612345678", "4111 1111 1111 1111"],
    *["378282246310005", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "192.168.1.10", "2001:db8::1"],
    *["078-05-1120", "https://u:p@host/", "?token=abc", "&a=1", "2024-01-15", "12:30", "<email>", "://", "%40"],
    *[" ", ".", ",", "-", "/", ":", "+", "(", ")", "=", "@", "0", "7", "x", "邮", "\n"],
]
mixtures = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail bob.o'neil+x@mail.example.co.uk. Thanks", "mail <email>. Thanks"),
        ("josé@exämple.de", "<email>"),
        ("?to=bob%40example.com", "?to=<email>"),
        ("邮箱bob@qq.com谢谢", "邮箱<email>谢谢"),
        ("call +44 20 7946 0958 or 0049 30 1234567", "call <phone> or <phone>"),
        ("+1 (555) 123-4567, (212) 555-1234, 1-800-555-1234", "<phone>, <phone>, <phone>"),
        ("555-123-4567/212.555.1234", "<phone>/<phone>"),
        ("tel:0612345678 at 9:00", "tel:<phone> at 9:00"),
        ("06.12.34.56.78, 030 123456789, 0170/1234567", "<phone>, <phone>, <phone>"),
        ("电话13812345678请打", "电话<phone>请打"),
        ("4111 1111 1111 1111,378282246310005", "<card>,<card>"),
        ("3782 822463 10005 4012-8888-8888-1881", "<card> <card>"),
        ("4111 1111 1111 1111 123", "<card> 123"),
        ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN <iban> thanks"),
        ("gb82west12345698765432.", "<iban>."),
        ("from 192.168.1.10, 10.0.0.1.", "from <ip>, <ip>."),
        ("2001:0db8:85a3::8a2e:0370:7334 fe80::1.", "<ip> <ip>."),
        ("ssn 078-05-1120", "ssn <ssn>"),
        ("https://bob:s3c@ret@host.com/x", "https://<secret>@host.com/x"),
        (
            "/x?a=1&api_key=abc&X-Amz-Signature=ff#access_token=z",
            "/x?a=1&api_key=<secret>&X-Amz-Signature=<secret>#access_token=<secret>",
        ),
    ],
)
def test_personal_data_goes(text, clean):
    """Each kind is replaced by its name, and nothing around it is."""
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "I love hiking with my dogs",
        "at 12:30 on 2024-01-15 12:30:00, 2024-01-15T12:30:00+0100",
        "01.02.2024 12:30, 01/02/2024 10 people, 15.01.24, 05 06 2024, 9:00-17:00 2019-2023",
        "2024-01-15 05 06 07 08",
        "$1,234,567.89, 10 000 000 EUR, 5551234567.89 USD, 1,000,000,000",
        "3.1415926535 2.7182818284",
        "1700000000 1700000000000 20240115123000",
        "4111-1111-1111-1112",
        "GB82WEST12345698765433",
        "550e8400-e29b-41d4-a716-446655440000",
        "pages 100-1200, 12-15 years, +10 points, the score 21-19 21-17",
        "version 1.2.3, section 1.2.3.4.5, 256.1.1.1",
        "std::vector, dad::beef, ::1, 12:30:45",
        "000-12-3456, 123-45-67890",
        "@bob said a@b, 5*3=15",
        "https://example.com/search?q=dogs&page=2",
    ],
)
def test_other_texts_stay(text):
    """Dates, times, prices, versions and numbers with a wrong check digit are no personal data."""
    assert redact(text) == text


@given(mixtures)
def test_redacting_twice_changes_nothing(text):
    """A text that was redacted before it came, or is redacted again on a replay, stays the same."""
    once = redact(text)
    assert redact(once) == once


@given(st.text())
def test_texts_without_digits_or_signs_stay(text):
    """What has no digit, `@`, `=` or `::` has nothing to hide."""
    harmless = "".join(c for c in text if not c.isdecimal() and c not in "@=:")
    assert redact(harmless) == harmless


@given(
    mixtures, st.sampled_from(["bob@example.com", "(212) 555-1234", "4111 1111 1111 1111", "192.168.1.10"]), mixtures
)
def test_no_neighbour_hides_personal_data(before, secret, after):
    """Whatever else a text holds, personal data between two spaces does not survive."""
    assert f" {secret} " not in redact(f"{before} {secret} {after}")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "0 ",
        "a@",
        "a.",
        "AA12 ",
        "://",
        "?token",
        "abcd:",
        "+1",
        "(0)",
        "555-123-4567-",
        "a@b.cc+",
        "://u:p@",
    ],
)
def test_hostile_texts_end(piece):
    """A text of 100,000 characters made to slow a pattern down does not hold up a partition."""
    text = piece * (100_000 // len(piece)) + " @ = 1234567 ::"
    assert len(redact(text)) > 0


def test_what_was_found_is_counted():
    """Metrics show how much was hidden, by kind."""
    redactor = Redactor()
    redactor.redact("a@b.com c@d.com 555-123-4567")
    redactor.redact("nothing")
    assert redactor.counts == {"email": 2, "phone": 1}
