"""Chat, mail, and calls. A table."""

from outgate.redact.detect.detector import UUID, secret
from outgate.redact.detect.randomness import random

DETECTORS = (
    secret("slack-token", "xox[abceoprs]-", "[0-9A-Za-z-]{10,}", "xoxb-{d12}-{d13}-{w24}"),
    secret("slack-rotated-token", r"xoxe\.xox[bp]-", "[0-9]-[0-9A-Za-z-]{60,}", "xoxe.xoxp-1-{w160}"),
    secret("slack-app-token", "xapp-[0-9]-", "[0-9A-Z]+-[0-9]+-[0-9a-z]+", "xapp-1-A{u10}-{d13}-{h64}"),
    secret(
        "slack-webhook",
        "hooks[.]slack",
        "(?:-gov)?[.]com/(?:services|workflows|triggers)/([0-9A-Za-z_/-]{20,})",
        "https://hooks.slack.com/services/T{u10}/B{u10}/{w24}",
    ),
    secret(
        "discord-bot-token",
        "",
        r"\b[MNO][0-9A-Za-z_-]{23,27}\.[0-9A-Za-z_-]{6,7}\.[0-9A-Za-z_-]{27,40}",
        "MT{w24}.G{w5}.{b38}",
        hint=r"\.[0-9A-Za-z_-]{6,7}\.[0-9A-Za-z_-]{27}",
    ),
    secret(
        "discord-webhook",
        "discord",
        "(?:app)?[.]com/api/(?:v[0-9]+/)?webhooks/[0-9]{15,20}/([0-9A-Za-z_-]{50,})",
        "https://discord.com/api/webhooks/{d18}/{b68}",
    ),
    secret("discord-mfa-token", r"mfa\.", "[0-9A-Za-z_-]{84}", "mfa.{b84}"),
    secret(
        "telegram-bot-token",
        "",
        r"(?:\bbot|\b)([0-9]{8,10}:A[0-9A-Za-z_-]{34})",
        "{d10}:AA{b33}",
        hint="[0-9]:A[0-9A-Za-z_-]{8}",
    ),
    secret(
        "teams-webhook",
        r"\.(?:webhook\.)?office\.com/",
        "(webhook(?:b2)?/[0-9A-Za-z@/-]{60,})",
        "https://acme.webhook.office.com/webhookb2/{h8}-{h4}-{h4}-{h4}-{h12}@{h8}-{h4}-{h4}-{h4}-{h12}/IncomingWebhook/{h32}/{h8}-{h4}-{h4}-{h4}-{h12}",
    ),
    secret("twilio-key", "(?:SK|AC)[0-9A-Fa-f]{8}", "[0-9A-Fa-f]{24}", "SK{h32}"),
    secret("sendgrid-key", r"SG\.", r"[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}", "SG.{b22}.{b43}"),
    secret("mailgun-key", "key-", "[0-9a-z]{32}", "key-{h32}"),
    secret(
        "mailgun-signing-key",
        "",
        r"\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        "{h32}-{h8}-{h8}",
        hint="[0-9a-f]-[0-9a-f]{8}-[0-9a-f]{8}",
    ),
    secret("mailchimp-key", "", r"\b[0-9A-Za-z]{32}-us[0-9]{1,2}", "{h32}-us14", hint="[0-9A-Za-z]-us[0-9]"),
    secret("mandrill-key", "md-", "[0-9A-Za-z_-]{22}", "md-{w22}"),
    secret("brevo-key", "x(?:keys|smtps)ib-", "[0-9a-f]{64}-[0-9A-Za-z]{16}", "xkeysib-{h64}-{w16}"),
    secret("resend-key", "re_", "[0-9A-Za-z]{8}_[0-9A-Za-z]{20,}", "re_{w8}_{w24}"),
    secret("klaviyo-key", "pk_", "[0-9a-f]{34}", "pk_{h34}"),
    secret("courier-key", "pk_(?:prod|test)_", "[0-9A-Z]{28}", "pk_prod_{u28}"),
    secret("intercom-token", "dG9rO", "[0-9A-Za-z+/]{40,}={0,2}", "dG9rO{w55}"),
    secret("telnyx-key", "KEY0", "[0-9A-Fa-f]{31}_[0-9A-Za-z]{22}", "KEY0{h31}_{w22}"),
    secret("voiceflow-key", r"VF\.(?:DM|WS)\.", r"[0-9a-f]{24}\.[0-9A-Za-z]{16}", "VF.DM.{h24}.{w16}"),
    secret(
        "chat-webhook",
        "/hooks/",
        "([0-9a-z]{26}|[0-9A-Za-z]{17,24}/[0-9A-Za-z]{40,})",
        "https://chat.example/hooks/{l26}",
        check=random,
    ),
    secret(
        "lark-webhook",
        "/open-apis/bot/",
        f"(?:v[0-9]/)?hook/({UUID}|[0-9a-f]{{32}})",
        "https://open.feishu.cn/open-apis/bot/v2/hook/{h8}-{h4}-{h4}-{h4}-{h12}",
    ),
    secret("matrix-token", "syt_", "[0-9A-Za-z+/=]{2,}_[0-9A-Za-z]{20}_[0-9A-Za-z]{6}", "syt_amFuZQ_{w20}_{w6}"),
    secret("twitch-token", "oauth:", "([0-9a-z]{30})", "oauth:{l30}", check=random),
    secret("zoho-token", r"1000\.", r"[0-9a-f]{32}\.[0-9a-f]{32}", "1000.{h32}.{h32}"),
)
