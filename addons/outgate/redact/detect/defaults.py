"""The rules that hold where documents say nothing else, good enough to be left alone.

Owns which headers, cookies, parameters and fields are secret by what they are for; what names and values tell comes
from `vocabulary` and from the detectors. Secrets become tokens, so that equal ones stay equal; what programs read by
its form keeps the form.
"""

from __future__ import annotations

from outgate.policy.redaction_model import Carrier, Format, RedactionRule, Replacement, Selector, Strategy
from outgate.redact.detect.detector import Group
from outgate.redact.detect.patterns import DETECTORS
from outgate.redact.detect.vocabulary import CLASSES

EVERY = "*"
"""As the name of a cookie: all of them."""

HEADERS = """
authorization proxy-authorization x-authorization x-forwarded-authorization x-original-authorization authentication
x-api-key api-key apikey x-apikey x-auth-key x-auth-token x-access-token x-id-token x-refresh-token x-session-token
x-session-id x-csrf-token x-xsrf-token x-amz-security-token x-goog-api-key x-goog-iam-authorization-token
x-goog-iap-jwt-assertion x-ms-token-aad-access-token x-ms-token-aad-id-token x-ms-token-aad-refresh-token
x-ms-client-principal x-functions-key ocp-apim-subscription-key aeg-sas-key x-forwarded-access-token
cf-access-jwt-assertion cf-access-client-secret cf-access-token cf-authorization x-vault-token x-consul-token
x-nomad-token x-shopify-access-token x-shopify-hmac-sha256 x-figma-token private-token job-token deploy-token
x-gitlab-token dd-api-key dd-application-key x-insert-key x-query-key x-license-key x-honeycomb-team x-rapidapi-key
x-algolia-api-key x-postmark-server-token x-postmark-account-token x-mailgun-signature x-twilio-signature
x-slack-signature x-hub-signature x-hub-signature-256 x-line-signature stripe-signature paypal-transmission-sig
x-parse-rest-api-key x-parse-master-key x-parse-session-token x-plex-token x-sentry-auth x-sendgrid-signature
x-tableau-auth x-dockerhub-token x-registry-auth x-ibm-client-secret x-auth-email x-telegram-bot-api-secret-token
x-client-secret x-hasura-admin-secret x-webhook-secret x-signature webhook-signature dpop signature
sec-token-binding x-shared-secret x-otp x-github-otp svix-signature x-webhook-signature x-shopify-customer-access-token
x-request-signature x-payload-signature x-signature-ed25519 x-cc-webhook-signature psu-id
"""
PARAMETERS = """
x-amz-signature x-amz-credential x-amz-security-token awsaccesskeyid signature sig x-goog-signature x-goog-credential
googleaccessid key-pair-id policy hdnea hdnts hdntl __token__ __gda__ hmac code auth key apikey api_key ticket sid jwt
id_token_hint login_hint logout_token samlresponse samlrequest session sessionid session_id access_key
"""
"""Of URLs: what signs one, and what signs somebody in."""
FIELDS = """
code assertion client_assertion samlresponse samlrequest device_code code_verifier subject_token actor_token
authtoken auth_token session_key
"""
"""Of forms, where these names mean what OAuth and SAML mean by them."""

_TOKEN = Replacement(Strategy.TOKEN)
_FORMATS = {
    "email": Format.EMAIL,
    "phone": Format.PHONE,
    "card": Format.CARD,
    "iban": Format.IBAN,
    "birth-date": Format.DATE,
}
_CONSTANT = {"security-code": "REDACTED", "geo": "0"}
"""Too short for a token to hide: whoever has the tokens of ten thousand numbers has the number. And what is a number
for whoever reads it."""
_DETECTED = {
    Format.EMAIL: ("email",),
    Format.PHONE: tuple(each.name for each in DETECTORS if each.name.startswith("phone")),
    Format.CARD: ("card",),
    Format.IBAN: ("iban",),
    Format.DATE: ("birth-date",),
}


def _replacement(meaning: str) -> Replacement:
    if meaning in _CONSTANT:
        return Replacement(Strategy.CONSTANT, _CONSTANT[meaning])
    return Replacement(Strategy.FORMAT, format=_FORMATS[meaning]) if meaning in _FORMATS else _TOKEN


def _carried(name: str, carrier: Carrier, names: str) -> RedactionRule:
    return RedactionRule(name, tuple(Selector(carrier, each) for each in names.split()), replacement=_TOKEN)


def _named(meaning: str) -> RedactionRule:
    selectors = tuple(Selector(Carrier.KEY, expression) for expression in CLASSES[meaning])
    return RedactionRule(f"default-{meaning}-by-name", selectors, replacement=_replacement(meaning))


RULES: tuple[RedactionRule, ...] = (
    _carried("default-headers", Carrier.HEADER, HEADERS),
    _carried("default-cookies", Carrier.COOKIE, EVERY),
    _carried("default-parameters", Carrier.QUERY, PARAMETERS),
    _carried("default-fields", Carrier.FIELD, FIELDS),
    *map(_named, CLASSES),
    RedactionRule("default-secrets", detectors=(Group.SECRETS,), replacement=_TOKEN),
    *(
        RedactionRule(f"default-{form}", detectors=names, replacement=Replacement(Strategy.FORMAT, format=form))
        for form, names in _DETECTED.items()
    ),
    RedactionRule("default-security-code", detectors=("security-code",), replacement=_replacement("security-code")),
    RedactionRule("default-pii", detectors=(Group.PII,), replacement=_TOKEN),
)
"""In the order in which they decide."""
