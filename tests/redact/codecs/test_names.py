"""Names: those of a schema, and those that may say something."""

import pytest

from outgate.redact.codecs.names import telling


@pytest.mark.parametrize(
    "name",
    ["", "a", "card_number", "cardNumber2", "X-Card-Number", "@type", "$ref", "user[card][0]", "items.0",
     "xsi:type", "Straße", "7", "address line 1", "_id", "sha256", "x509CertificateSha256Thumbprint"],
)  # fmt: skip
def test_words_are_names(name):
    assert not telling(name)


@pytest.mark.parametrize(
    "name",
    ["jane@example.com", "4111111111111111", "+15550100", "550e8400-e29b-41d4-a716-446655440000", "1.2.3.4",
     "ghp_0a1b2c3d4e5f6g7h8i9j", "a/b", "https://a.example", "x" * 200,
     "ghp_iPVHB9aXsvmWCipTX52oCn2zSYBynHnQXXQP"],
)  # fmt: skip
def test_what_is_no_word_is_a_value(name):
    assert telling(name)
