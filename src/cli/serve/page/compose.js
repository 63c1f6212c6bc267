// The functions, and the event that is sent to one of them.

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { indented, refusal } from "./json.js";

let functions = [];
let chosen = null;
let onSent = () => {};

/** The function that events go to. */
export const current = () => functions.find((one) => one.name === chosen);

export function start(sent) {
  onSent = sent;
  byId("sample").addEventListener("change", loadSample);
  byId("format").addEventListener("click", () => {
    byId("event").value = indented(byId("event").value);
    judge();
  });
  byId("event").addEventListener("input", () => say(""));
  byId("event").addEventListener("blur", judge);
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  byId("event").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
}

/** Takes the functions as the server has them now. */
export function update(all) {
  functions = all;
  if (!current()) choose(functions[0]?.name);
  drawFunctions();
}

/** Takes what is new of one function. */
export function updateOne(one) {
  functions = functions.map((old) => (old.name === one.name ? one : old));
  drawFunctions();
  if (one.name === chosen) drawSamples();
}

/** Puts an event into the editor. */
export function edit(name, text) {
  if (name !== chosen) choose(name, false);
  byId("sample").value = "";
  byId("event").value = indented(text);
  judge();
  drawFunctions();
  byId("event").focus();
}

function choose(name, fill = true) {
  chosen = name;
  drawSamples();
  if (fill) loadSample();
}

function drawFunctions() {
  const focused = byId("functions").contains(document.activeElement) ? document.activeElement.value : undefined;
  byId("functions").replaceChildren(
    ...functions.map((one) => {
      const more = one.state === "broken" ? "does not load" : `${one.handler} · ${one.timeout} s · ${one.memory} MB`;
      const pick = el("input", { type: "radio", name: "function", value: one.name, change: () => (choose(one.name), drawFunctions()) });
      pick.checked = one.name === chosen;
      const link = el("a", { href: one.address, target: "_blank", rel: "noopener" }, "open");
      return el(
        "label",
        { class: "function", title: one.folder },
        pick,
        el("span", { class: `dot ${one.state}` }),
        el("span", { class: "body" }, el("span", { class: "name" }, one.name), el("span", { class: "more" }, more)),
        link,
      );
    }),
    ...(current()?.problem ? [el("pre", { class: "drawing", id: "problem", tabindex: "0" }, current().problem.trimEnd())] : []),
  );
  if (focused) byId("functions").querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

function drawSamples() {
  const samples = current()?.samples ?? [];
  const select = byId("sample");
  const before = select.value;
  select.replaceChildren(...samples.map((name) => el("option", { value: name }, name)), el("option", { value: "" }, "own event"));
  select.value = samples.includes(before) ? before : (samples[0] ?? "");
}

async function loadSample() {
  const name = byId("sample").value;
  if (name === "") {
    if (byId("event").value === "") byId("event").value = "{}";
    return;
  }
  try {
    byId("event").value = indented(await api.sample(chosen, name));
    judge();
  } catch (error) {
    say(error.message);
  }
}

async function submit() {
  if (!judge() || !current()) return;
  byId("send").disabled = true;
  try {
    onSent((await api.send(chosen, byId("event").value)).id);
  } catch (error) {
    say(error.message);
  } finally {
    byId("send").disabled = false;
  }
}

function judge() {
  const why = refusal(byId("event").value);
  say(why === null ? "" : `not JSON: ${why}`);
  return why === null;
}

function say(text) {
  byId("refusal").textContent = text;
}
