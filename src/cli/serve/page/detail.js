// One invocation: what it cost, its event, result, logs and error.

import { bytes, clock, el, milliseconds } from "./dom.js";
import { shown } from "./json.js";

const WORDS = { running: "running", ok: "ok", error: "error", timeout: "timed out" };

/** What the status of an invocation is called. */
export function status(invocation) {
  // The origin matters to AWS's metrics; the type is what the script named.
  if (invocation.status === "error" && invocation.errorType) return invocation.errorType.replace(/^Function\./, "");
  return WORDS[invocation.status] ?? invocation.status;
}

/** Draws `invocation` into `place`; `act` holds what its buttons do. */
export function draw(place, invocation, act) {
  const running = invocation.status === "running";
  place.replaceChildren(
    el(
      "div",
      { class: "row" },
      el("button", { id: "back", type: "button", click: act.back }, "← Back"),
      el("span", { class: "title" }, invocation.function),
      el("span", { class: `pill ${invocation.status}`, id: "status" }, status(invocation)),
      el("span", { class: "spring" }),
      el("button", { id: "edit", type: "button", class: "quiet", click: act.edit }, "Edit and send"),
      el("button", { id: "replay", type: "button", click: act.replay }, "Replay"),
    ),
    el("p", { class: "what" }, `${invocation.source} · ${clock(invocation.started)} · `, el("span", { class: "mono" }, invocation.id)),
    figures(invocation),
    invocation.drawing ? el("pre", { class: "drawing", id: "drawing", tabindex: "0" }, invocation.drawing.trimEnd()) : "",
    warnings(invocation),
    el(
      "div",
      { class: "panes" },
      pane("Event", "shown-event", invocation.event, null),
      pane(running ? "Result (waiting)" : "Result", "shown-result", invocation.result, invocation.contentType),
    ),
    logs(invocation),
  );
}

/** Draws what stands there while nothing is chosen. */
export function drawWelcome(place) {
  place.replaceChildren(
    el("div", { class: "welcome" }, el("p", {}, "Choose an invocation to see its event, result and logs."), el("p", {}, "New ones appear as they happen, whoever sends them.")),
  );
}

function figures(invocation) {
  const { maxMemory, memory } = invocation;
  const used = maxMemory == null ? `${memory} MB` : `${maxMemory} of ${memory} MB`;
  const all = [
    ["Duration", milliseconds(invocation.duration)],
    ["Billed", invocation.billed == null ? "–" : `${invocation.billed} ms`],
    ["Memory", memory == null ? "–" : used],
  ];
  if (invocation.init != null) all.splice(1, 0, ["Init", milliseconds(invocation.init)]);
  if (invocation.httpStatus != null) all.unshift(["HTTP status", String(invocation.httpStatus)]);
  return el("dl", { class: "figures" }, ...all.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function warnings(invocation) {
  const texts = invocation.lines.filter((line) => line.kind === "warning").map((line) => `warning: ${line.text}`);
  return texts.length === 0 ? "" : el("pre", { class: "warnings", tabindex: "0" }, texts.join("\n"));
}

function pane(title, id, body, contentType) {
  const row = el("div", { class: "row" }, el("h3", {}, title));
  const whole = el("div", { class: "pane", id }, row);
  if (body == null) {
    whole.append(el("pre", {}, el("span", { class: "platform" }, "nothing yet")));
    return whole;
  }
  const notes = [bytes(body.bytes)];
  if (contentType && contentType !== "application/json") notes.unshift(contentType);
  if (body.cut) notes.push("shown in part");
  row.append(el("span", { class: "faint" }, notes.join(", ")));
  if (body.text == null) {
    whole.append(el("pre", { tabindex: "0" }, body.base64));
    return whole;
  }
  const copy = el("button", { type: "button", class: "quiet small" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(body.text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1200);
  });
  if (!body.cut) row.append(copy);
  whole.append(shown(body.text));
  return whole;
}

function logs(invocation) {
  const lines = invocation.lines.filter((line) => line.kind !== "warning");
  const pre = el("pre", { tabindex: "0" }, ...lines.map((line) => el("span", { class: line.kind }, `${line.text}\n`)));
  if (lines.length === 0) pre.append(el("span", { class: "platform" }, "nothing was logged"));
  if (invocation.dropped > 0) pre.append(el("span", { class: "warning" }, `… ${invocation.dropped} more lines, see the terminal`));
  return el("div", { class: "pane", id: "shown-logs" }, el("div", { class: "row" }, el("h3", {}, "Logs")), pre);
}
