"""The look ahead at an answer: whole or not, refused or not."""

from haidang_agent.snmp.ber import error_status, is_whole
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.responder import RESPONSE, integer, tlv


def answer(error: int, community: bytes = b"public", body: bytes = b"") -> bytes:
    pdu = integer(2**31 - 1) + integer(error) + integer(0) + tlv(0x30, body)
    return tlv(0x30, integer(1) + tlv(4, community) + tlv(RESPONSE, pdu))


@given(st.binary(max_size=300), st.binary(max_size=2000))
def test_refusals_are_named_whatever_the_lengths(community, body):
    assert error_status(answer(0, community, body)) == ""
    assert error_status(answer(1, community, body)) == "tooBig"
    assert error_status(answer(5, community, body)) == "genErr"
    assert error_status(answer(16, community, body)) == "authorizationError"
    assert error_status(answer(99, community, body)) == "error 99"


@given(st.binary(max_size=500), st.integers(0, 400))
def test_only_a_whole_message_is_whole(body, cut):
    whole = answer(0, body=body)

    assert is_whole(whole)
    assert not is_whole(whole[: min(cut, len(whole) - 1)])
    assert not is_whole(whole + b"\0")


@given(st.binary(max_size=100))
def test_nonsense_is_neither(data):
    assert error_status(data) == "" or data[0] == 0x30
    assert is_whole(data) in (True, False)
