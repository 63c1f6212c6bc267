// Indents and colours JSON as it was written: numbers keep all their digits, because none is parsed.

import { el } from "./dom.js";

// Beyond this a browser is slower than a reader.
const LIMIT = 300000;

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]|\s+/g;

/** Why `text` is not JSON, or null. */
export function refusal(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error.message;
  }
}

/** The tokens of `text` with the blanks that lay them out, or null when it is not JSON. */
function layout(text) {
  if (text.length > LIMIT || refusal(text) !== null) return null;
  const tokens = text.match(TOKEN).filter((token) => token.trim() !== "");
  const out = [];
  let depth = 0;
  const line = () => out.push(["", "\n" + "  ".repeat(depth)]);
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      out.push(["", token]);
      if (next === "}" || next === "]") return;
      depth += 1;
      line();
    } else if (token === "}" || token === "]") {
      if (tokens[index - 1] !== "{" && tokens[index - 1] !== "[") {
        depth -= 1;
        line();
      }
      out.push(["", token]);
    } else if (token === ",") {
      out.push(["", ","]);
      line();
    } else if (token === ":") {
      out.push(["", ": "]);
    } else {
      const kind = token[0] !== '"' ? (/[a-z]/.test(token[0]) ? "word" : "number") : next === ":" ? "key" : "string";
      out.push([kind, token]);
    }
  });
  return out;
}

/** `text` indented, or as it is when it is not JSON. */
export function indented(text) {
  const tokens = layout(text);
  return tokens === null ? text : tokens.map(([, token]) => token).join("");
}

/** A `pre` with `text`, coloured when it is JSON. */
export function shown(text) {
  const tokens = layout(text);
  const children = tokens === null ? [text] : tokens.map(([kind, token]) => (kind ? el("span", { class: kind }, token) : token));
  return el("pre", { tabindex: "0" }, ...children);
}
