"""Time-stamp requests (RFC 3161) for the head of a ledger, to be answered by an authority outside.

`openssl ts -verify -data FILE -in ANSWER.tsr -queryfile FILE.tsq` checks the answer.
"""

import hashlib
import secrets

from pyasn1.codec.der.encoder import encode
from pyasn1.type.univ import Boolean, Integer
from pyasn1_modules import rfc3161, rfc5280

_SHA256 = "2.16.840.1.101.3.4.2.1"


def timestamp_request(content: bytes) -> bytes:
    """Return the DER of a request to stamp the SHA-256 of a file's content; it reveals nothing of the content."""
    algorithm = rfc5280.AlgorithmIdentifier()
    algorithm["algorithm"] = _SHA256
    imprint = rfc3161.MessageImprint()
    imprint["hashAlgorithm"] = algorithm
    imprint["hashedMessage"] = hashlib.sha256(content).digest()
    request = rfc3161.TimeStampReq()
    request["version"] = 1
    request["messageImprint"] = imprint
    request["nonce"] = Integer(secrets.randbits(63))
    request["certReq"] = Boolean(True)
    return bytes(encode(request))
