"""Believes only what GitHub has signed."""

import hashlib
import hmac
import json
import os

SECRET = os.environ.get("WEBHOOK_SECRET", "It's a secret to everybody").encode()


def handler(event, context):
    signature = "sha256=" + hmac.new(SECRET, event["body"].encode(), hashlib.sha256).hexdigest()
    sent = event["headers"].get("x-hub-signature-256", "")
    if hmac.compare_digest(sent.encode(), signature.encode()):
        return answer(200, {"accepted": True})
    return answer(401, {"error": "the signature is missing or wrong"})


def answer(status, value):
    return {
        "body": json.dumps(value, separators=(",", ":")),
        "headers": {"content-type": "application/json"},
        "statusCode": status,
    }
