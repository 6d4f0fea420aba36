# SPDX-License-Identifier: MIT
"""Sessions as bytes, one for each way that NegotiateStream peers talk, as a client sees them.

The NTLM ones were recorded from gss-ntlmssp with an account made for the recording; the Kerberos
tokens are made here, with text where the ciphers would be.
"""

from wire import DONE, ERROR, IN_PROGRESS, handshake

SENT, RECEIVED = ">", "<"
KERBEROS = bytes.fromhex("06092a864886f712010202")
SPNEGO = bytes.fromhex("06062b0601050502")
NTLM = bytes.fromhex("060a2b06010401823702020a")


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def number(field, value):
    return der(0xA0 + field, der(2, bytes([value])))


def encrypted(etype, kvno, cipher):
    version = [number(1, kvno)] if kvno else []
    return der(0x30, number(0, etype), *version, der(0xA2, der(4, cipher)))


def ap_req(mutual):
    names = der(0x30, der(0x1B, b"host"), der(0x1B, b"srv.nns.test"))
    name = der(0x30, number(0, 1), der(0xA1, names))
    realm = der(0xA1, der(0x1B, b"NNS.TEST"))
    secret = der(0xA3, encrypted(18, 2, b"T" * 300))
    ticket = der(0x61, der(0x30, number(0, 5), realm, der(0xA2, name), secret))
    options = bytes([0, 0x20 if mutual else 0, 0, 0, 0])
    return der(
        0x6E,
        der(
            0x30,
            number(0, 5),
            number(1, 14),
            der(0xA2, der(3, options)),
            der(0xA3, ticket),
            der(0xA4, encrypted(18, None, b"A" * 150)),
        ),
    )


def framed(token_id, message):
    return der(0x60, KERBEROS, bytes([token_id, 0]), message)


AP_REP = der(0x6F, der(0x30, number(0, 5), number(1, 15), der(0xA2, encrypted(18, None, b"R" * 83))))


def init(mechanisms, token):
    types = der(0xA0, der(0x30, *mechanisms))
    return der(0x60, SPNEGO, der(0xA0, der(0x30, types, der(0xA2, der(4, token)))))


def resp(state, mechanism=b"", token=b""):
    fields = [der(0xA0, der(0x0A, bytes([state])))]
    if mechanism:
        fields.append(der(0xA1, mechanism))
    if token:
        fields.append(der(0xA2, der(4, token)))
    return der(0xA1, der(0x30, *fields))


def data(message):
    return len(message).to_bytes(4, "little") + message


def wrap(flags, ec, rrc, sequence, rest):
    header = bytes([5, 4, flags, 0xFF]) + ec.to_bytes(2, "big") + rrc.to_bytes(2, "big")
    return data(header + sequence.to_bytes(8, "big") + rest)


SEALED = [
    (SENT, wrap(6, 0, 0, 1000, b"S" * 49)),
    (RECEIVED, wrap(7, 0, 28, 2000, b"S" * 49)),
    (SENT, wrap(6, 0, 0, 1001, b"S" * 49)),
]
SIGNED = [
    (SENT, wrap(4, 12, 0, 1000, b"plaintext" + b"C" * 12)),
    (RECEIVED, wrap(5, 12, 12, 2000, b"C" * 12 + b"plaintext")),
]


def read_hex(text):
    return bytes.fromhex("".join(text.split()))


RAW_NTLM = [
    read_hex(text)
    for text in (
        """
        4e544c4d5353500001000000378218e200000000000000000000000000000000060200000000000f""",
        """
        4e544c4d53535000020000000c000c0038000000358289e2bc994a2808aa5e130000000000000000
        3a003a0044000000060200000000000f4e004e00530044004f004d00010006005300520056000200
        0c004e004e00530044004f004d000300040076006d00060004000000000007000800e085d4540c7b
        dd0100000000""",
        """
        4e544c4d5353500003000000000000004800000090009000480000000c000c00d800000006000600
        e400000006000600ea00000010001000f0000000358289e2060200000000000fc75a0c5da0fd93c9
        7de587294424ff6f0101000000000000e085d4540c7bdd01a7d798b6412fac3d0000000001000600
        53005200560002000c004e004e00530044004f004d000300040076006d0006000400000000000700
        0800e085d4540c7bdd010900220048004f00530054002f007300720076002e006e006e0073002e00
        740065007300740000000000000000004e004e00530044004f004d0062006f006200530052005600
        5fb98e94910c1795e66c15448e8f6ed3""",
    )
]
SPNEGO_NTLM = [
    read_hex(text)
    for text in (
        """
        604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d5353
        500001000000378218e200000000000000000000000000000000060200000000000f""",
        """
        a18199308196a0030a0101a10c060a2b06010401823702020aa28180047e4e544c4d535350000200
        00000c000c0038000000358289e21253a5a601f2fab200000000000000003a003a00440000000602
        00000000000f4e004e00530044004f004d000100060053005200560002000c004e004e0053004400
        4f004d000300040076006d0006000400000000000700080004aed3540c7bdd0100000000""",
        """
        a182013530820131a0030a0101a2820114048201104e544c4d535350000300000000000000580000
        0090009000580000000c000c00e800000006000600f400000006000600fa00000010001000000100
        00358289e2060200000000000fc8d6cade4083042d0d9c5d90dcc21d46b986b23ba11059dd746aee
        c2fb828082010100000000000004aed3540c7bdd010e8520a2dee8cb060000000001000600530052
        00560002000c004e004e00530044004f004d000300040076006d0006000400020000000700080004
        aed3540c7bdd010900220048004f00530054002f007300720076002e006e006e0073002e00740065
        007300740000000000000000004e004e00530044004f004d0062006f006200530052005600eaee23
        35a0131e57e1cd355be7fb30cca312041001000000ef9485d178f57de400000000""",
        """
        a11b3019a0030a0100a312041001000000b3f744f0311ba1db00000000""",
    )
]

FLOWS = {
    "spnego-kerberos-mutual": [
        (SENT, handshake(IN_PROGRESS, init([KERBEROS, NTLM], framed(1, ap_req(True))))),
        (RECEIVED, handshake(DONE, resp(0, KERBEROS, framed(2, AP_REP)))),
        *SEALED,
    ],
    "spnego-kerberos-one-way": [
        (SENT, handshake(IN_PROGRESS, init([KERBEROS], framed(1, ap_req(False))))),
        (RECEIVED, handshake(DONE, resp(0, KERBEROS))),
        *SIGNED,
    ],
    "raw-kerberos-mutual": [
        (SENT, handshake(IN_PROGRESS, framed(1, ap_req(True)))),
        (RECEIVED, handshake(DONE, framed(2, AP_REP))),
        *SEALED,
    ],
    "raw-kerberos-one-way": [
        (SENT, handshake(DONE, framed(1, ap_req(False)))),
        (RECEIVED, handshake(DONE)),
        *SEALED,
    ],
    "spnego-ntlm": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, handshake(IN_PROGRESS, SPNEGO_NTLM[1])),
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[2])),
        (RECEIVED, handshake(DONE, SPNEGO_NTLM[3])),
        (SENT, data(bytes.fromhex("01000000b583253fa7997d7e01000000c1e500a64f"))),
        (RECEIVED, data(bytes.fromhex("0100000088641d0bc125354001000000a47985ea6e"))),
        (SENT, data(bytes.fromhex("010000001ee2bb243d18347802000000c06c01cb4f"))),
    ],
    "raw-ntlm": [
        (SENT, handshake(IN_PROGRESS, RAW_NTLM[0])),
        (RECEIVED, handshake(IN_PROGRESS, RAW_NTLM[1])),
        (SENT, handshake(DONE, RAW_NTLM[2])),
        (RECEIVED, handshake(DONE)),
        (SENT, data(bytes.fromhex("01000000fd480c18b1ea0648000000008b5041c736"))),
        (RECEIVED, data(bytes.fromhex("01000000cb7bc9db2dd71c2a000000007bdc201a4e"))),
        (SENT, data(bytes.fromhex("01000000bdeb4da8de8af39001000000e8291ba33b"))),
    ],
    "kerberos-rc4": [
        (SENT, handshake(DONE, framed(1, ap_req(False)))),
        (RECEIVED, handshake(DONE)),
        (
            SENT,
            data(
                bytes.fromhex(
                    "603106092a864886f712010202020111001000ffff255d5a64b0af230921428feed7b8ae81"
                    "4219ece6c29e111ab476d13d232f"
                )
            ),
        ),
    ],
    "errors": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, handshake(ERROR, bytes.fromhex("000000008009030C"))),
        (RECEIVED, handshake(ERROR, bytes.fromhex("0C030980FFFFFFFF"))),
        (RECEIVED, handshake(ERROR, bytes.fromhex("0C0309808009030C"))),
        (RECEIVED, handshake(ERROR, bytes.fromhex("FE060000000006FE"))),
        (RECEIVED, handshake(ERROR, version=(3, 3))),
    ],
    "none": [
        (SENT, handshake(IN_PROGRESS, init([KERBEROS], framed(1, ap_req(True))))),
        (RECEIVED, handshake(DONE, resp(0, KERBEROS, framed(2, AP_REP)))),
        ("level", "none"),
        (SENT, b"GET / HTTP/1.0\r\n"),
        (RECEIVED, b"\x06\x00\x00\x00"),
    ],
    "illegal-length": [
        (SENT, handshake(DONE, framed(1, ap_req(False)))),
        (RECEIVED, handshake(DONE) + data(b"1234") + b"more"),
        (SENT, (65537).to_bytes(4, "little") + b"x"),
    ],
    "cut": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])[:30]),
        (RECEIVED, b"\x16\x01"),
    ],
    "tls": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, bytes.fromhex("15030300020228")),
    ],
    "tls-hello": [(RECEIVED, bytes.fromhex("160301020001000001fc0303") + bytes(505))],
    "http": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, b"HTTP/1.1 400 Bad Request\r\n"),
        (RECEIVED, b"\r\n"),
    ],
    "net.tcp": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, b"\x08\x05fault"),
    ],
    "net.tcp-client": [
        (
            RECEIVED,
            b"\0\x01\0\x01\x02\x02\x12net.tcp://h:1/echo\x03\x08\x09\x15application/negotiate",
        ),
        (SENT, handshake(ERROR, bytes.fromhex("0C03098080090308"))),
    ],
    "net.tcp-server": [
        (SENT, handshake(IN_PROGRESS, SPNEGO_NTLM[0])),
        (RECEIVED, b"\x0a\x0b\x06\xb0\x01" + bytes(176)),
    ],
    "net.tcp-cut": [(RECEIVED, b"\0\x01\0\x04\x03a/b\x01\x09\x03\x63\x02\x7fnet")],
}
