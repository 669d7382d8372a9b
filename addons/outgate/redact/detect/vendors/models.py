"""Language models and machine learning. A table."""

from outgate.redact.detect.detector import secret

DETECTORS = (
    secret(
        "openai-key",
        "sk-",
        "(?:(?:proj|svcacct|service|admin|None)-[0-9A-Za-z_-]{40,}|[0-9A-Za-z_-]{16,}T3BlbkFJ[0-9A-Za-z_-]{16,}|[0-9A-Za-z]{32,64})",
        "sk-proj-{b74}T3BlbkFJ{b74}",
    ),
    secret("anthropic-key", "sk-ant-", "[a-z]{2,8}[0-9]{2}-[0-9A-Za-z_-]{20,}", "sk-ant-api03-{b93}AA"),
    secret("openrouter-key", "sk-or-", "(?:v[0-9]-)?[0-9a-f]{40,}", "sk-or-v1-{h64}"),
    secret("huggingface-token", "hf_", "[0-9A-Za-z]{30,40}", "hf_{w34}"),
    secret("huggingface-organisation-token", "api_org_", "[0-9A-Za-z]{30,40}", "api_org_{w34}"),
    secret("groq-key", "gsk_", "[0-9A-Za-z]{48,56}", "gsk_{w52}"),
    secret("replicate-token", "r8_", "[0-9A-Za-z_]{37,40}", "r8_{w37}"),
    secret("perplexity-key", "pplx-", "[0-9A-Za-z]{40,}", "pplx-{w48}"),
    secret("xai-key", "xai-", "[0-9A-Za-z_]{70,}", "xai-{w80}"),
    secret("fireworks-key", "fw_", "[0-9A-Za-z]{22,40}", "fw_{w22}"),
    secret("together-key", "tgp_v[0-9]_", "[0-9A-Za-z_-]{30,}", "tgp_v1_{b43}"),
    secret("langsmith-key", "lsv2_(?:pt|sk)_", "[0-9a-f]{32}_[0-9a-f]{10}", "lsv2_pt_{h32}_{h10}"),
    secret("langfuse-key", "sk-lf-", "[0-9a-f-]{36}", "sk-lf-{h8}-{h4}-{h4}-{h4}-{h12}"),
    secret("pinecone-key", "pcsk_", "[0-9A-Za-z_]{50,}", "pcsk_{w6}_{w63}"),
    secret("elevenlabs-key", "sk_", "[0-9a-f]{48}", "sk_{h48}"),
    secret("tavily-key", "tvly-", "(?:dev-|prod-)?[0-9A-Za-z]{28,}", "tvly-dev-{w32}"),
    secret("nvidia-key", "nvapi-", "[0-9A-Za-z_-]{60,}", "nvapi-{b64}"),
    secret("voyage-key", "pa-", "[0-9A-Za-z_-]{43}", "pa-{b43}"),
    secret("jina-key", "jina_", "[0-9a-f]{32}[0-9A-Za-z_-]{20,}", "jina_{h32}{w28}"),
    secret("stability-key", "sk-stability-", "[0-9A-Za-z]{32,}", "sk-stability-{w48}"),
    secret("llama-cloud-key", "llx-", "[0-9A-Za-z_-]{40,}", "llx-{b48}"),
    secret("cerebras-key", "csk-", "[0-9a-z]{40,}", "csk-{l48}"),
    secret("firecrawl-key", "fc-", "[0-9a-f]{32}", "fc-{h32}"),
    secret("e2b-key", "e2b_", "[0-9a-f]{40}", "e2b_{h40}"),
    secret("runpod-key", "rpa_", "[0-9A-Z]{40,}[0-9a-z]*", "rpa_{u44}"),
    secret("scrapfly-key", "scp-(?:live|test)-", "[0-9a-f]{32}", "scp-live-{h32}"),
    secret("wandb-key", "wandb_v[0-9]_", "[0-9A-Za-z_]{40,}", "wandb_v1_{w80}"),
)
