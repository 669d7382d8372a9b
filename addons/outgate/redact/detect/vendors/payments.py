"""Payments and shops. A table."""

from outgate.redact.detect.detector import UUID, apart_from_public, secret
from outgate.redact.detect.randomness import random


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))


DETECTORS = (
    # Others write theirs alike: Clerk, Paystack.
    secret("stripe-key", "(?:sk|rk|sk_org)_(?:live|test|prod)_", "[0-9A-Za-z]{10,}", "sk_live_{w24}"),
    secret("webhook-secret", "whsec_", "[0-9A-Za-z+/]{20,}={0,2}", "whsec_{w32}"),
    secret("square-token", "sq0[a-z]{3}-", "[0-9A-Za-z_-]{22,43}", "sq0atp-{b22}"),
    secret("square-access-token", "EAAA", "[0-9A-Za-z_-]{22,}", "EAAA{b60}"),
    secret(
        "braintree-token",
        r"access_token\$(?:production|sandbox)\$",
        r"[0-9a-z]{16}\$[0-9a-f]{32}",
        "access_token$production${l16}${h32}",
    ),
    secret("braintree-key", "(?:production|sandbox)_", "[0-9a-z]{8}_[0-9a-z]{16}", "production_{l8}_{l16}"),
    secret("paypal-token", "A2[13]AA", "[0-9A-Za-z_-]{70,}", "A21AA{b92}"),
    secret("shopify-token", "shp(?:at|ca|pa|ss|ua|tka)_", "[0-9A-Fa-f]{32}", "shpat_{h32}"),
    secret(
        "plaid-token",
        "(?:access|public|link|processor)-(?:sandbox|development|production)-",
        UUID,
        "access-production-{h8}-{h4}-{h4}-{h4}-{h12}",
    ),
    secret(
        "adyen-key",
        "AQE[a-z]h",
        "[0-9A-Za-z+/=]{20,}-[0-9A-Za-z+/=]{20,}-[0-9A-Za-z+/=.-]{8,}",
        "AQEyh{w80}-{w44}-{w16}",
    ),
    secret("gocardless-token", "(?:live|sandbox)_", "[0-9A-Za-z_-]{40,}", "live_{b40}", around=apart_from_public),
    secret("mollie-key", "(?:live|test)_", "[0-9A-Za-z]{30}", "live_{w30}", around=apart_from_public),
    secret("lob-key", "(?:live|test)_", "(?:pub_)?[0-9a-f]{31,35}", "live_{h35}", around=apart_from_public),
    secret("flutterwave-key", "FLW(?:SEC|PUB)K", "(?:_TEST)?-[0-9A-Za-z]{12,}-X", "FLWSECK-{h32}-X"),
    secret("flutterwave-encryption-key", "FLWSECK_TEST-?", "[0-9a-f]{12}", "FLWSECK_TEST{h12}"),
    secret("razorpay-key", "rzp_(?:live|test)_", "[0-9A-Za-z]{14,}", "rzp_live_{w14}"),
    secret(
        "mercadopago-token",
        "(?:APP_USR|TEST)-",
        "[0-9]{10,}-[0-9]{6}-[0-9a-f]{32}-[0-9]+",
        "APP_USR-{d16}-{d6}-{h32}-{d9}",
    ),
    secret("checkout-key", "sk_", "(?:sbox_)?[0-9a-z]{26,32}", "sk_sbox_{l26}"),
    secret(
        "paddle-key",
        "pdl_(?:[a-z]+_)?apikey_",
        "[0-9a-z]{26}_[0-9A-Za-z]{22}_[0-9A-Za-z]{3}",
        "pdl_live_apikey_{l26}_{w22}_{w3}",
    ),
    secret("klarna-key", "klarna_(?:live|test)_api_", "[0-9A-Za-z_+/=-]{40,}", "klarna_live_api_{w60}"),
    secret("omise-key", "skey_(?:test_)?", "[0-9a-z]{19}", "skey_{l19}", check=_has_digit),
    secret("mollie-token", "access_", "[0-9A-Za-z]{30}", "access_{w30}", check=random),
    secret("persona-key", "persona_(?:production|sandbox)_", UUID, "persona_production_{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret(
        "onfido-token",
        "api_(?:live|sandbox)(?:_[a-z]{2})?[.]",
        r"[0-9A-Za-z_-]{11}\.[0-9A-Za-z_-]{32}",
        "api_live_eu.{w11}.{b32}",
    ),
    secret("sumsub-token", "(?:prd|sbx|tst):", r"[0-9A-Za-z]{24}\.[0-9A-Za-z]{32}", "prd:{w24}.{w32}"),
    secret("ebay-token", r"v\^1\.1#", r"[ifpIrt^0-9#]{10,}([0-9A-Za-z+/=]{40,})", "v^1.1#i^1#f^0#p^3#r^1#I^3#t^{w200}"),
    secret("ebay-certificate", "(?:PRD|SBX)-", "[0-9a-f]{12}(?:-[0-9a-f]{4}){4}", "PRD-{h12}-{h4}-{h4}-{h4}-{h4}"),
    secret("amazon-secret", r"amzn1\.oa2-cs\.v[0-9]\.", "[0-9a-f]{64}", "amzn1.oa2-cs.v1.{h64}"),
    secret("amazon-token", r"Atz[ar]\|", "[0-9A-Za-z+/=_-]{40,}", "Atza|{b200}"),
    secret("svix-key", "(?:test)?sk_", r"[0-9A-Za-z_-]{30,}\.(?:us|eu|in|ca)", "testsk_{b32}.us"),
)
