"""The file of sign-in methods: what is offered where, and what refuses to start."""

import shutil
from pathlib import Path

import pytest

from config import ROOT, Misconfigured, load
from integrations.identity.available import methods
from simulators.authority import Authority

PRODUCTION = {
    "SAVITARNA_ENVIRONMENT": "production",
    "SAVITARNA_CUSTOMER_URL": "https://my.example.lt",
    "SAVITARNA_STAFF_URL": "https://work.example.lt",
    "SAVITARNA_MAIL_URL": "smtp://mail.example.lt",
    "SAVITARNA_MAIL_FROM": "savitarna@example.lt",
    "SAVITARNA_TRUSTED_PROXIES": "1",
    **{f"SAVITARNA_{name}_KEY": name[0] * 40 for name in ("CUSTOMER_SECRET", "STAFF_SECRET", "EVENT", "QUEUE")},
}
LIVE = """
mode = "live"
relying_party_uuid = "11111111-2222-4333-8444-555555555555"
relying_party_name = "Savitarna"
"""
# What is written behind them counts instead.
BANK = """
mode = "live"
base_url = "https://bank.example"
client_id = "savitarna"
client_secret = "secret"
personal_code = "code"
"""
GATEWAY = f"""
mode = "live"
pid = "VSID1"
key = "{ROOT}/pyproject.toml"
gateway_key = "{ROOT}/pyproject.toml"
"""


def configured(tmp_path: Path, text: str, **environ: str):
    file = tmp_path / "identity.toml"
    file.write_text(last_said(text))
    shutil.copy(ROOT / "config" / "trust" / "smart-id" / "demo" / "TEST_EID-Q_2024E.pem", tmp_path / "sk.pem")
    return load({"SAVITARNA_DATA_DIR": str(tmp_path), "SAVITARNA_IDENTITY": str(file)} | environ)


def last_said(text: str) -> str:
    """TOML takes no key twice: the last one stays."""
    tables: list[dict[str, str]] = []
    for line in filter(str.strip, text.splitlines()):
        if line.strip().startswith("[") or not tables:
            tables.append({"": line})
        else:
            tables[-1][line.partition("=")[0].strip()] = line
    return "\n".join(line for table in tables for line in table.values())


def test_without_a_file_development_offers_the_simulators_and_production_nothing(tmp_path: Path) -> None:
    desk = load({"SAVITARNA_DATA_DIR": str(tmp_path)}).sign_in_methods("any")
    assert {"smart_id", "mobile_id"} <= set(desk)
    assert {method.mode for method in desk.values()} == {"simulator"}
    assert load(PRODUCTION | {"SAVITARNA_DATA_DIR": str(tmp_path)}).sign_in_methods("any") == {}


def test_an_organisation_differs_where_its_own_table_says(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        """
        [smart_id]
        mode = "demo"
        [mobile_id]
        mode = "demo"
        [organisations.energija.smart_id]
        relying_party_name = "Energija"
        [organisations.namai.smart_id]
        offered = false
        """,
    )
    assert config.sign_in_methods("another")["smart_id"].relying_party_name == "DEMO"
    own = config.sign_in_methods("energija")["smart_id"]
    assert (own.relying_party_name, own.mode) == ("Energija", "demo")
    assert set(config.sign_in_methods("namai")) == {"mobile_id"}


def test_live_needs_ones_own_name_and_the_pinned_certificates(tmp_path: Path) -> None:
    config = configured(tmp_path, f'[smart_id]{LIVE}\ntls = "{tmp_path}/sk.pem"', **PRODUCTION)
    live = config.sign_in_methods("any")["smart_id"]
    assert (live.base_url, live.scheme_name) == ("https://rp-api.smart-id.com/v3", "smart-id")
    assert Path(live.trust_dir) == ROOT / "config" / "trust" / "smart-id" / "live"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[smart_di]\nmode = "demo"', "smart_di is not a sign-in method"),
        ('[smart_id]\nmode = "demo"\ncolour = "red"', "smart_id.colour is not a setting of it"),
        ('[smart_id]\nmode = "demo"\nversion = "3"', "smart_id.version must be a whole number"),
        ('[smart_id]\nmode = "demo"\nversion = 1', "smart_id.version must be one of 2, 3"),
        ('[smart_id]\nmode = "demo"\nsignature_algorithm = "md5"', "smart_id.signature_algorithm must be one of"),
        ('[smart_id]\nmode = "demo"\nhash_algorithm = "SHA-1"', "smart_id.hash_algorithm must be one of"),
        ('[smart_id]\nmode = "demo"\nsignature_algorithm = "sha256WithRSAEncryption"', "hash_algorithm must be that of"),
        ('[smart_id]\nlevel = "QUALIFIED"', "smart_id.mode is missing"),
        ('[smart_id]\nmode = "prod"', "smart_id.mode must be one of live, demo, simulator"),
        ('[smart_id]\nmode = "live"', "relying_party_uuid must be the UUID"),
        (f"[smart_id]{LIVE}", "tls must name the file"),
        (f'[smart_id]{LIVE}ocsp_url = "http://127.0.0.1"', "ocsp_url is for tests"),
        (f'[smart_id]{LIVE}base_url = "http://rp-api.smart-id.com/v3"', "base_url must start with https"),
        (f'[smart_id]{LIVE}trust_dir = "{ROOT}/config/trust/smart-id/demo"', "must not be trusted in live mode"),
        ('[smart_id]\nmode = "demo"\ntrust_dir = "/nowhere"', "there is no directory /nowhere"),
        ('[smart_id]\nmode = "demo"\ntls = "/nowhere.pem"', "there is no file /nowhere.pem"),
        (f'[smart_id]\nmode = "demo"\ntls = "{__file__}"', "is not a certificate"),
        ('[smart_id]\nmode = "simulator"\nbase_url = "https://example.com"', "must be this install's own simulator"),
        (f'[oidc.bank]{BANK}personal_code = ""', "oidc.bank.personal_code must be the claim with it"),
        (f'[oidc.bank]{BANK}profile = "google"', "oidc.bank.personal_code must be the claim with it"),
        (f'[oidc.bank]{BANK}profile = "myspace"', "oidc.bank.profile must be one of bank, google, facebook"),
        (f'[oidc.bank]{BANK}client_auth = "none"', "oidc.bank.client_auth must be one of"),
        (f'[oidc.bank]{BANK}client_auth = "private_key_jwt"', "oidc.bank.client_key must name a file that is there"),
        (f'[oidc.bank]{BANK}token_endpoint = "http://bank.example/token"', "oidc.bank.token_endpoint must start with https"),
        (f'[oidc.bank]{BANK}base_url = "http://bank.example"', "oidc.bank.base_url must start with https"),
        (f'[oidc.bank]{BANK}client_id = ""', "oidc.bank.client_id must be"),
        (f'[oidc.bank]{BANK}client_secret = ""', "oidc.bank.client_secret must be"),
        (f'[oidc.bank]{BANK}client_secret = ""\nclient_secret_file = "/nowhere"', "oidc.bank.client_secret must be"),
        (f"[oidc.smart_id]{BANK}", "oidc.smart_id must be a table, and its name a word of its own"),
        (f'[oidc.bank]{BANK}name = "another"', "oidc.bank.name is not a setting of it"),
        (f'[viisp]{GATEWAY}pid = ""', "viisp.pid must be"),
        (f'[viisp]{GATEWAY}key = "/nowhere.pem"', "viisp.key must name a file that is there"),
        (f'[viisp]{GATEWAY}gateway_key = "/nowhere.pem"', "viisp.gateway_key must name a file that is there"),
        (f'[viisp]{GATEWAY}portal_url = "http://gateway.example"', "viisp.portal_url must start with https"),
        (f'[viisp]{GATEWAY}providers = "auth.lt.bank auth.login.pass"', "viisp.providers must be ways that prove"),
        ('[organisations.a.smart_id]\ncolour = 1\nmode = "demo"', "organisations.a.smart_id.colour"),
        ("[smart_id", "is not TOML"),
    ],
)
def test_what_is_unknown_or_unsafe_refuses_to_start_by_name(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Misconfigured, match=f"SAVITARNA_IDENTITY: .*{sentence}"):
        configured(tmp_path, text)


def test_a_method_that_believes_nobody_yet_is_not_offered(tmp_path: Path) -> None:
    text = f'[smart_id]{LIVE}tls = "{tmp_path}/sk.pem"\n[mobile_id]\nmode = "demo"'
    assert set(methods(configured(tmp_path, text), "any")) == {"mobile_id"}


def test_the_simulators_issuers_refuse_to_start_among_live_ones(tmp_path: Path) -> None:
    Authority(tmp_path / "sk", "")
    with pytest.raises(Misconfigured, match=r"issuer\.pem must not be trusted in live mode"):
        configured(tmp_path, f'[mobile_id]{LIVE}tls = "{tmp_path}/sk.pem"\ntrust_dir = "{tmp_path}/sk/trust"')


@pytest.mark.parametrize("mode", ["demo", "simulator"])
def test_production_believes_nobody_who_may_be_anybody(tmp_path: Path, mode: str) -> None:
    with pytest.raises(Misconfigured, match=r'smart_id\.mode must be "live" in production'):
        configured(tmp_path, f'[smart_id]\nmode = "{mode}"', **PRODUCTION)


def test_a_file_that_is_not_there_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        load({"SAVITARNA_DATA_DIR": str(tmp_path), "SAVITARNA_IDENTITY": str(tmp_path / "none.toml")})


def test_google_needs_only_what_google_gave(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from google\n")
    text = f'[oidc.google]\nmode = "live"\nprofile = "google"\nclient_id = "x"\nclient_secret_file = "{tmp_path}/secret"'
    google = configured(tmp_path, text, **PRODUCTION).sign_in_methods("any")["google"]
    assert (google.base_url, google.other_issuers) == ("https://accounts.google.com", "accounts.google.com")
    assert (google.title, google.level, google.client_secret) == ("Google", "low", "from google")
    assert "from google" not in repr(google)


def test_a_bank_and_the_gateway_may_be_live_in_production(tmp_path: Path) -> None:
    """Theirs to be found wanting are named above; whole they are taken, and each organisation may have an agreement of its own."""
    text = f'[oidc.bank]{BANK}\n[viisp]{GATEWAY}\n[organisations.energija.oidc.bank]\nclient_id = "energija"'
    config = configured(tmp_path, text, **PRODUCTION)
    assert {name: method.level for name, method in config.sign_in_methods("any").items() if name == "bank"} == {"bank": "high"}
    assert config.sign_in_methods("energija")["bank"].client_id == "energija"
    assert config.sign_in_methods("any")["viisp"].base_url.startswith("https://www.epaslaugos.lt/")
