"""Tokens: which are taken, what they grant, and why the others are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import pytest

from chatroom.core.grants import NOTHING, USUAL, Grant, Identity, Right
from chatroom.server.access import (
    Algorithm,
    Keys,
    TokenAlgorithmWrong,
    TokenAudienceWrong,
    TokenClaimWrong,
    TokenExpired,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNotYetValid,
    TokenRevoked,
    Tokens,
    TokenSignatureWrong,
    TokenUnusable,
)
from chatroom.server.access.keys import public_key
from chatroom.server.access.parts import TOKEN_BYTES
from chatroom.server.access.tokens import KEPT
from tests.server.access.making import (
    NOW,
    SECRET,
    claims,
    encoded,
    key,
    keys,
    public_pem,
    token,
)


def refused(shown: str, of: Keys | None = None, now: float = NOW) -> TokenUnusable:
    """With what a token is refused."""
    with pytest.raises(TokenUnusable) as caught:
        Tokens(of or keys()).identity(shown, now)
    return caught.value


@pytest.mark.parametrize("algorithm", list(map(str, Algorithm)))
def test_a_token_of_each_algorithm_says_who_shows_it(algorithm: str) -> None:
    """Subject, name, end with the leeway, key, id and grant."""
    said = claims(
        name="Ann", jti="t1", iat=NOW, nbf=NOW, chat={"rooms": ["lobby"], "moderate": True}
    )
    expected = Identity(
        grant=Grant(USUAL | {Right.MODERATE}, ("lobby",)),
        subject="ann",
        name="Ann",
        expires=NOW + 90,
        key_id=algorithm,
        token_id="t1",
    )
    assert expected == Tokens(keys()).identity(token(said, by=key(algorithm)), NOW)


# ---- Attacks -----------------------------------------------------------------


def with_hmac(header: Mapping[str, object], secret: bytes) -> str:
    """A token that somebody signs with whatever bytes they have."""
    message = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims()).encode())}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def unsigned(algorithm: str) -> str:
    """A token with an empty signature."""
    header = {"alg": algorithm, "kid": "EdDSA"}
    return f"{token(header=header).rpartition('.')[0]}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("named", [True, False])
def test_an_unsigned_token_is_refused(algorithm: str, named: bool) -> None:
    """RFC 8725, section 2.1: in every spelling, with and without a kid, signed or not."""
    header = {"alg": algorithm} | ({"kid": "EdDSA"} if named else {})
    one = keys("EdDSA")
    assert isinstance(refused(token(header=header), one), TokenAlgorithmWrong)
    assert isinstance(refused(unsigned(algorithm), one), TokenAlgorithmWrong)


def test_a_missing_signature_is_a_wrong_one() -> None:
    """With the right algorithm in the header."""
    assert isinstance(refused(unsigned("EdDSA")), TokenSignatureWrong)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("line_end", [b"\n", b""])
def test_a_public_key_is_no_secret(algorithm: str, line_end: bytes) -> None:
    """RS/HS confusion (CVE-2015-9235): everybody has the public key."""
    pem = public_pem({"RS256": "2048", "ES256": "P-256", "EdDSA": "Ed25519"}[algorithm])
    of = Keys({"k": public_key("k", Algorithm(algorithm), pem)})
    for header in ({"alg": "HS256", "kid": "k"}, {"alg": "HS256"}):
        shown = with_hmac(header, pem.rstrip(b"\n") + line_end)
        assert isinstance(refused(shown, of), TokenAlgorithmWrong)


@pytest.mark.parametrize(
    "key_id",
    [
        "../../../../dev/null",
        "/etc/hostname",
        "file:///dev/null",
        "EdDSA\x00",
        "x' UNION SELECT 'secret",
        "| cat /etc/passwd",
        "",
        "eddsa",
        "__class__",
        "\ud800",
    ],
)
def test_a_kid_is_a_key_of_a_dictionary_and_nothing_else(key_id: str) -> None:
    """A path, SQL, a command: it is unknown, and is not repeated to whoever sent it."""
    for shown in (
        with_hmac({"alg": "HS256", "kid": key_id}, b""),
        token(header={"alg": "EdDSA", "kid": key_id}),
    ):
        error = refused(shown)
        assert isinstance(error, TokenKeyUnknown)
        assert "the key that the token names (kid) is not known here" == str(error)


@pytest.mark.parametrize("key_id", [1, True, ["EdDSA"], {"EdDSA": 1}, 1.5])
def test_a_kid_that_is_no_text_is_malformed(key_id: object) -> None:
    """Also one that no dictionary takes as a key."""
    assert isinstance(refused(token(header={"alg": "EdDSA", "kid": key_id})), TokenMalformed)


def test_keys_in_the_header_are_not_looked_at() -> None:
    """jwk, jku, x5u, x5c (RFC 8725, section 2.10; CVE-2018-0114)."""
    mine = {"kty": "oct", "k": encoded(SECRET)}
    header: dict[str, object] = {"alg": "EdDSA", "kid": "EdDSA", "jwk": mine, "jku": "http://h/"}
    header |= {"x5u": "http://h/", "x5c": ["AAAA"]}
    assert isinstance(refused(with_hmac(header, SECRET)), TokenSignatureWrong)


@pytest.mark.parametrize("algorithm", list(map(str, Algorithm)))
def test_the_header_may_only_agree_with_the_key(algorithm: str) -> None:
    """Every other algorithm is refused, by whatever key it was signed."""
    for other in [*(set(map(str, Algorithm)) - {algorithm}), "HS512", "ES384", "PS256"]:
        for by in map(key, set(map(str, Algorithm)) & {algorithm, other}):
            shown = token(by=by, header={"alg": other, "kid": algorithm})
            assert isinstance(refused(shown), TokenAlgorithmWrong)


def test_another_key_of_the_same_kind_has_not_signed_it() -> None:
    """Nor has one that is called the same."""
    other = Keys({"HS256": key("HS256")})
    shown = with_hmac({"alg": "HS256", "kid": "HS256"}, SECRET[::-1])
    assert isinstance(refused(shown, other), TokenSignatureWrong)


def test_claims_of_others_cannot_be_put_under_a_signature() -> None:
    """Each part is signed."""
    head, body, tail = token().split(".")
    richer = encoded(json.dumps(claims(chat={"admin": True})).encode())
    assert isinstance(refused(f"{head}.{richer}.{tail}"), TokenSignatureWrong)
    same = encoded(json.dumps({"kid": "EdDSA", "alg": "EdDSA"}).encode())
    assert isinstance(refused(f"{same}.{body}.{tail}"), TokenSignatureWrong)


def test_without_a_kid_the_only_key_counts() -> None:
    """Of several none does."""
    shown = token(header={"alg": "EdDSA"})
    assert "ann" == Tokens(keys("EdDSA")).identity(shown, NOW).subject
    assert "the token names no key (kid), and there are several" == str(refused(shown))
    assert isinstance(refused(shown, Keys()), TokenKeyUnknown)


# ---- Form --------------------------------------------------------------------

GOOD = token()
HEAD, BODY, TAIL = GOOD.split(".")


def last_bit(part: str) -> str:
    """Another spelling of the same bytes: the unused bits at the end are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = part[:-1] + alphabet[alphabet.index(part[-1]) + 1]
    assert base64.urlsafe_b64decode(part + "==") == base64.urlsafe_b64decode(other + "==")
    return other


MALFORMED = {
    "nothing": "",
    "a point": ".",
    "two points": "..",
    "no signature part": f"{HEAD}.{BODY}",
    "no header": f".{BODY}.{TAIL}",
    "no claims": f"{HEAD}..{TAIL}",
    "four parts": f"{GOOD}.{TAIL}",
    "five parts, as JWE has": f"{GOOD}.{TAIL}.{TAIL}",
    "cut in a part": GOOD[:20],
    "a space before": f" {GOOD}",
    "a line end": f"{GOOD}\n",
    "a null character": f"{GOOD}\0",
    "padding": f"{GOOD}==",
    "a sign inside that base64 may skip": f"{HEAD}.{BODY}.{TAIL[:4]}!{TAIL[4:]}",
    "the other base64": f"{HEAD}.{BODY}.+/{TAIL[2:]}",
    "letters of other scripts": f"{HEAD}.{BODY}.é{TAIL}",
    "a lone surrogate": f"\ud800{GOOD}",
    "a part of one character": f"{HEAD}.{BODY}.A",
    "another spelling of the signature": f"{HEAD}.{BODY}.{last_bit(TAIL)}",
    "too long": token(claims(more="x" * TOKEN_BYTES)),
    "a megabyte": "A" * (1 << 20),
    "a header that is no JSON": token(header=b"{"),
    "a header that is no object": token(header=b'["alg"]'),
    "a header that is not UTF-8": token(header=b'{"alg":"EdDSA\xff"}'),
    "a header that is deep": token(header=b"[" * 1400),
    "a header with two algorithms": token(header=b'{"alg":"none","alg":"EdDSA","kid":"EdDSA"}'),
    "a header without an algorithm": token(header={"kid": "EdDSA"}),
    "an algorithm that is null": token(header={"alg": None, "kid": "EdDSA"}),
    "an algorithm that is a list": token(header={"alg": ["EdDSA"], "kid": "EdDSA"}),
    "a critical extension": token(header={"alg": "EdDSA", "kid": "EdDSA", "crit": ["exp"]}),
    "an empty list of them": token(header={"alg": "EdDSA", "kid": "EdDSA", "crit": []}),
    "one that PyJWT knows": token(
        header={"alg": "EdDSA", "kid": "EdDSA", "crit": ["b64"], "b64": True}
    ),
    "claims that are not encoded": token(
        header={"alg": "EdDSA", "kid": "EdDSA", "crit": ["b64"], "b64": False}
    ),
    "the same said without crit": token(header={"alg": "EdDSA", "kid": "EdDSA", "b64": False}),
    "claims that are no JSON": token(b"sub=ann"),
    "claims that are not UTF-8": token(b'{"sub":"\xff"}'),
    "claims after a byte order mark": token(b"\xef\xbb\xbf" + json.dumps(claims()).encode()),
    "claims that are a list": token(b'[{"sub":"ann"}]'),
    "claims that are null": token(b"null"),
    "claims that are deep": token(b'{"a":' * 500),
    "claims that are very deep": token(b"[" * 2800),
    "a claim that comes twice": token(b'{"sub":"ann","exp":9,"sub":"bob"}'),
    "a right that comes twice": token(b'{"sub":"a","exp":9,"chat":{"send":false,"send":true}}'),
    "a time that is not a number": token(b'{"sub":"ann","exp":NaN}'),
    "a time without end": token(b'{"sub":"ann","exp":Infinity}'),
    "a token in a token": token(GOOD.encode()),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_token_is_malformed(what: str) -> None:
    """A good token in other words is none, either. The sentence quotes nothing of it."""
    error = refused(MALFORMED[what])
    assert isinstance(error, TokenMalformed)
    assert len(str(error)) < 200
    assert str(error).isprintable()


def test_the_longest_token_is_taken() -> None:
    """And one byte more is not."""
    sizes: dict[int, str] = {}
    for filling in range(8):  # no part has a length of 1 modulo 4
        header = {"alg": "EdDSA", "kid": "EdDSA", "typ": "J" * (filling // 4)}
        missing = TOKEN_BYTES - len(token(claims(more=""), header=header))
        shown = token(claims(more="x" * (missing * 3 // 4 + filling % 4 - 1)), header=header)
        sizes[len(shown)] = shown
    assert "ann" == Tokens(keys()).identity(sizes[TOKEN_BYTES], NOW).subject
    assert isinstance(refused(sizes[TOKEN_BYTES + 1]), TokenMalformed)


@pytest.mark.parametrize("cut", range(1, len(TAIL)))
def test_a_signature_that_is_cut_is_no_signature(cut: int) -> None:
    """Wherever it is cut."""
    assert isinstance(refused(GOOD[:-cut]), TokenMalformed | TokenSignatureWrong)


# ---- Claims ------------------------------------------------------------------

NO_TIMES: list[object] = ["9", True, False, [], {}, -1, -0.5, 253_402_300_800, 10**400]
NO_BOOLEANS: list[object] = [1, 0, "true", "", [], {}, 1.0]
NO_ROOMS: list[object] = [
    "",
    "Lobby",
    "a_b",
    "a?",
    "[a]",
    "lobby\n",
    "x" * 65,
    "é",
    "a/b",
    1,
    ["a"],
]
WRONG_VALUES: dict[str, list[object]] = {
    "sub": ["", "x" * 129, "a\nb", "\x1b[2J", "a\u202eb", "\ud800", 7, True, ["ann"], {"a": 1}],
    "exp": NO_TIMES,
    "nbf": NO_TIMES,
    "iat": NO_TIMES,
    "jti": ["", "x" * 129, "a\tb", 7, True, [], {}],
    "aud": [7, True, {}, [7], ["a", None], [["a"]]],
    "name": ["", " ", "x" * 33, "a\nb", "\ud800", "chat server", 7, [], {}],
    "chat": [
        *([], "admin", True, 1, ["send"], ["lobby"]),
        *({word: True} for word in ("moderat", "Send", "", "room", "sned", "\ud800", "x" * 99)),
        *({right: value} for right in Right for value in NO_BOOLEANS),
        *({"rooms": value} for value in ("lobby", {"lobby": 1}, True, 1, "*")),
        *({"rooms": ["lobby", value]} for value in NO_ROOMS),
    ],
}
WRONG = [(claim, value) for claim, values in WRONG_VALUES.items() for value in values]


@pytest.mark.parametrize(("claim", "value"), WRONG, ids=repr)
def test_a_claim_of_the_wrong_kind_is_named(claim: str, value: object) -> None:
    """And what is wrong with it, in words that any log can take."""
    error = refused(token(claims(**{claim: value})))
    assert isinstance(error, TokenClaimWrong)
    assert claim == error.claim
    assert str(error).isprintable()
    assert len(str(error)) < 300


@pytest.mark.parametrize("claim", ["exp", "sub", "nbf", "iat", "jti", "aud", "name", "chat"])
def test_null_is_not_the_same_as_nothing(claim: str) -> None:
    """In any claim."""
    said = {**claims(), claim: None}
    error = refused(token(said))
    assert isinstance(error, TokenClaimWrong)
    assert claim == error.claim


def test_null_in_chat_is_neither_true_nor_false() -> None:
    """In any word of it."""
    for word in ("rooms", *Right):
        assert isinstance(refused(token(claims(chat={word: None}))), TokenClaimWrong)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400, "1" * 3000])
def test_a_number_without_measure_is_no_time(number: str) -> None:
    """Nor does it end anything but this token."""
    error = refused(token(f'{{"sub":"ann","exp":{number}}}'.encode()))
    assert isinstance(error, TokenClaimWrong | TokenMalformed)


@pytest.mark.parametrize("claim", ["sub", "exp"])
def test_a_token_needs_a_subject_and_an_end(claim: str) -> None:
    """Each is named when it is not there."""
    error = refused(token(claims(**{claim: None})))
    assert isinstance(error, TokenClaimWrong)
    assert claim == error.claim


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        (None, NOTHING),
        ({}, Grant(USUAL)),
        ({"rooms": []}, Grant(USUAL, ())),
        ({"rooms": ["lobby", "team-*"]}, Grant(USUAL, ("lobby", "team-*"))),
        ({"send": False}, Grant(USUAL - {Right.SEND})),
        ({"send": True}, Grant(USUAL)),
        (dict.fromkeys(USUAL, False), Grant()),
        ({"create": False, "admin": False}, Grant(USUAL)),
        (dict.fromkeys(Right, True), Grant(frozenset(Right))),
        (
            {"create": True, "create_moderates": True, "list": False},
            Grant((USUAL | {Right.CREATE, Right.CREATE_MODERATES}) - {Right.LIST}),
        ),
    ],
)
def test_what_a_token_grants(chat: object, expected: Grant) -> None:
    """What is not said is as usual; without `chat` it is nothing."""
    assert expected == Tokens(keys()).identity(token(claims(chat=chat)), NOW).grant


def test_a_name_is_given_as_everybody_is_shown_it() -> None:
    """After RFC 8266 has been applied; a lone one comes through as it is."""
    shown = token(claims(name="  Ａnn   Lee "))
    assert "Ann Lee" == Tokens(keys()).identity(shown, NOW).name


def test_claims_of_others_are_nobodys_business() -> None:
    """An issuer may say more than we ask."""
    said = claims(iss="https://login.example", scope="a b", email="ann@example", typ=7)
    assert "ann" == Tokens(keys()).identity(token(said), NOW).subject


# ---- When, and for whom ------------------------------------------------------


@pytest.mark.parametrize("leeway", [0, 30, 300])
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_the_borders_of_time(leeway: int, fraction: float) -> None:
    """From `nbf` - leeway on, and before `exp` + leeway (RFC 7519, 4.1.4 and 4.1.5)."""
    of = keys(leeway=leeway)
    begins, ends = NOW + fraction, NOW + 60 + fraction
    shown = token(claims(nbf=begins, exp=ends))
    assert isinstance(refused(shown, of, begins - leeway - 0.001), TokenNotYetValid)
    for now in (begins - leeway, begins, ends - 0.001, ends + leeway - 0.001):
        assert ends + leeway == Tokens(of).identity(shown, now).expires
    for now in (ends + leeway, ends + leeway + 1e9):
        assert isinstance(refused(shown, of, now), TokenExpired)


def test_when_it_was_issued_decides_nothing() -> None:
    """RFC 7519, section 4.1.6: it tells an age."""
    assert "ann" == Tokens(keys()).identity(token(claims(iat=NOW + 9000)), NOW).subject


@pytest.mark.parametrize(
    ("ours", "theirs", "taken"),
    [
        ((), None, True),
        ((), "chat", False),
        ((), [], False),
        (("chat",), None, False),
        (("chat",), "chat", True),
        (("chat",), "Chat", False),
        (("chat",), "", False),
        (("chat",), [], False),
        (("chat",), ["other", "chat"], True),
        (("chat",), ["other"], False),
        (("a", "chat"), "chat", True),
        (("a", "b"), ["c", "b"], True),
        (("chat.example",), "chat", False),
    ],
)
def test_the_audience(ours: tuple[str, ...], theirs: object, taken: bool) -> None:
    """Required exactly if the key file has one."""
    of, shown = keys(audience=ours), token(claims(aud=theirs))
    if taken:
        assert "ann" == Tokens(of).identity(shown, NOW).subject
    else:
        assert isinstance(refused(shown, of), TokenAudienceWrong)


def test_a_token_that_is_revoked_is_refused_until_it_has_expired() -> None:
    """Then it is expired, as it is once its revocation is forgotten."""
    tokens, shown = Tokens(keys()), token(claims(jti="t1"))
    assert "t1" == tokens.identity(shown, NOW).token_id
    tokens.revoked.add("t1")
    with pytest.raises(TokenRevoked):
        tokens.identity(shown, NOW)
    with pytest.raises(TokenExpired):
        tokens.identity(shown, NOW + 90)
    tokens.revoked.clear()
    assert "t1" == tokens.identity(shown, NOW).token_id


def test_a_token_without_an_id_cannot_be_revoked() -> None:
    """Also not by an empty one."""
    tokens = Tokens(keys())
    tokens.revoked.add("")
    assert "" == tokens.identity(token(), NOW).token_id


# ---- What is kept ------------------------------------------------------------


def test_a_token_that_was_good_is_asked_again_each_time() -> None:
    """Its signature is not; its time, audience and revocation are."""
    tokens = Tokens(keys())
    assert "ann" == tokens.identity(GOOD, NOW).subject
    with pytest.raises(TokenExpired):
        tokens.identity(GOOD, NOW + 90)
    assert "ann" == tokens.identity(GOOD, NOW).subject


def test_new_keys_forget_what_the_old_ones_found() -> None:
    """A key that is gone takes its tokens with it at once."""
    tokens = Tokens(keys())
    assert NOW + 90 == tokens.identity(GOOD, NOW).expires
    tokens.keys = keys("HS256", "ES256")
    with pytest.raises(TokenKeyUnknown):
        tokens.identity(GOOD, NOW)
    tokens.keys = keys(leeway=0)
    assert NOW + 60 == tokens.identity(GOOD, NOW).expires


def test_tokens_that_were_good_are_kept_within_a_bound() -> None:
    """The oldest goes; it is looked at again, and taken again."""
    tokens = Tokens(keys("HS256"))
    shown = [token(claims(jti=str(each)), by=key("HS256")) for each in range(KEPT + 2)]
    for each in shown:
        tokens.identity(each, NOW)
    assert KEPT == len(tokens._kept)
    assert "0" == tokens.identity(shown[0], NOW).token_id
    assert KEPT == len(tokens._kept)


def test_no_error_tells_a_secret() -> None:
    """Neither in its words, nor behind it, nor in how a key is shown."""
    assert "0123" not in repr(keys())
    for shown in (*MALFORMED.values(), with_hmac({"alg": "HS256", "kid": "HS256"}, b"x")):
        error = refused(shown)
        assert error.__suppress_context__ or error.__context__ is None
        assert "0123" not in f"{error}{error!r}"
