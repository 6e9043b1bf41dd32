"""Vectors of passwords and tokens that a sentence, a list, a table or an index names."""

import pytest

from tests.guardrails.builders import SECRETS
from tests.guardrails.test_secrets_table import UUID, Rows, a, check_row, vectors, w, x

PERSON = "Sun" + "flower#87!"
MANAGER = "k6Bk" + "KFr$z!*uAmhB47O4lc5"
HASH = x(40)

ROWS: Rows = {
    "token-spoken": (f"could you check client_secret «{a(24)}» for me?",
                     "could you check the secret meeting-room-2024-floor for me?"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "near"), vectors(ROWS))
def test_row(name: str, text: str, near: str) -> None:
    """P4: the value is found whole and alone, its near miss is not."""
    check_row(name, text, near)


@pytest.mark.parametrize("text", [
    f"Please change the VERCEL_TOKEN on file to «{a(24)}» before Friday.",
    f"Hi, could you check COHERE_API_KEY «{a(40)}» for me?",
    f"the secret_key we hold for her is «{x(32)}», nothing else",
    f"My client secret is «{w(40)}».", f"use the deploy key `«{a(32)}»` from now on",
    f"we set SNYK_TOKEN to «{UUID}» yesterday", f"der API_KEY lautet «{a(20)}», bitte",
    f"- *api_key* \u2013 «{a(32)}»", f"- **api_key**: `«{a(32)}»`", f"**API key:** «{a(32)}»",
    f"| api_key | «{x(32)}» |", f"MISTRAL_API_KEY - «{a(32)}»", f'row["dd_api_key"] = "«{x(32)}»"',
    f'row["cfApiToken"] = "«{w(40)}»"', f"*SSWS* \u2013 «00{w(40)}»", f"ssws='«00{w(40)}»'",
    f"_auth_token_: «{a(32)}»", f"`client_secret` = «{w(24)}»", f"Our API key is: «{a(32)}»",
    f"here is my api key -> «{a(32)}»", f"the API key («{a(32)}») expired", f"apikey «{x(32)}»",
    f"<bgp_auth_key>«{a(24)}»</bgp_auth_key>", f"?access_token=«{a(24)}»&scope=all",
])  # fmt: skip
def test_a_named_token_is_found(text: str) -> None:
    """P4: in prose, Markdown, a row of a table or an index, the value goes and the name stays."""
    _found_alone(text)


@pytest.mark.parametrize("text", [
    f"password: «{MANAGER}»", f"db_password=«{MANAGER}» took=428ms",
    f"- *my password* \u2013 «{PERSON}»",
    f"Passwort : «{PERSON}»", f'"motDePasse": "«{PERSON}»"', f"mot de passe : «{PERSON}»",
    f"contrase\u00f1a: «{PERSON}»", f"has\u0142o: «{PERSON}»", f"Wachtwoord = «{PERSON}»",
    f"| password | «{PERSON}» |", f"please check my password «{PERSON}» again",
    f"Please change the pwd on file to «{MANAGER}» before Friday.",
    f"the password we hold for her is «{PERSON}», nothing else", f"my password is «{PERSON}»",
    f"The password is: «{PERSON}»", f"<password>«{MANAGER}»</password>",
    "password: «Gar" + "den&Lamp42»",
    f"https://h/x?pwd=«{'abc123' + 'xyz'}»&user=7", f"password=«{'abc123' + 'xyz'}»&amp;user=7",
    f"jdbc:postgresql://db:5432/x?user=app&password=«{'tmUbpAtEP' + 'lZUoWQvLG'}»&ssl=true",
])  # fmt: skip
def test_a_named_password_is_found(text: str) -> None:
    """P4: signs belong to a password, in whichever language and sentence it is named."""
    _found_alone(text)


@pytest.mark.parametrize("text", [
    f"the token limit was raised in commit {HASH}", f"the secret hash is {HASH}",
    f"the commit with the secret was {HASH}", f"the token id is {UUID}",
    "memfd_secret (__X32_SYSCALL_BIT + 447)", "secret (see section-4.2.1-and-following)",
    f"keep the secret in {UUID}", f"secret {HASH}",
    "the token was introduced in version-2.4.1-beta-of-2024", f"aws waf update --lock-token {UUID}",
    "move the secret to production/database2/credentials", "next_page_token is " + a(40),
    "from x import Ed25519PrivateKey as Ed25519PrivateKey",
    "def f(key: Ed25519PrivateKey | X25519PrivateKey)",
    "flags = FOR_OBJECT_ON_TOKEN | KIT_URI_FOR_MODULE2", "PrivateKey: testRSA2048PrivateKey",
    "| private key | `*ecdsa.PublicKey` |", "if password_ok(memberpassword) is False: return",
    "enter the password root@db1 asks for", "your password was changed to 12-character minimum",
    "curl --user bob:password 'localhost:5000/a?token=$BOB_TOKEN'", "toggle(Password): Show/hide",
    "a password manager such as KeePass2 or 1Password",
    "the password for the shop is printed below",
    "password - required", "| password | string |", "| token | string | required |",
    'row["password"] = form.cleaned_data2', 'row["token_count"] = 4096',
    "*password* \u2013 at least 8",
    "password: $PASSWORD2", "password=abc1${SUFFIX}", "PASSWORD=prefix1$(cat file)",
    "password=getPasswordFromTheVault", "token=getAccessTokenSilentlyOrThrow",
    "mot de passe oubli\u00e9", "Passwort vergessen?", "the bot token belongs to " + a(12),
])  # fmt: skip
def test_ordinary_sentences_stay(text: str) -> None:
    """Contract (secrets): prose about keys, types, constants, options, hashes and ids stays."""
    assert [(s.label, text[s.start : s.end]) for s in SECRETS.find(text)] == []


def test_a_name_far_away_tells_nothing() -> None:
    """P5: what stands further than LOOKBEHIND before a value is not looked at."""
    between = "which we were told about in a long letter that came in the post and"
    assert not SECRETS.find(f"the api_key, {between} says {a(19)}")


def _found_alone(marked: str) -> None:
    value = marked[marked.index("«") + 1 : marked.index("»")]
    text = marked.replace("«", "").replace("»", "")
    assert [text[span.start : span.end] for span in SECRETS.find(text)] == [value]
