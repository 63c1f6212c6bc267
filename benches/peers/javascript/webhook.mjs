// Believes only what GitHub has signed.

import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import process from "node:process";

const SECRET = process.env.WEBHOOK_SECRET ?? "It's a secret to everybody";

export const handler = async (event) => {
  const digest = createHmac("sha256", SECRET).update(event.body).digest("hex");
  const signature = Buffer.from(`sha256=${digest}`);
  const sent = Buffer.from(event.headers["x-hub-signature-256"] ?? "");
  if (sent.length === signature.length && timingSafeEqual(sent, signature)) {
    return answer(200, { accepted: true });
  }
  return answer(401, { error: "the signature is missing or wrong" });
};

function answer(statusCode, value) {
  return {
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
    statusCode,
  };
}
