// The functions, and the event that is sent to one of them.

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { indented, refusal } from "./json.js";

// Marks the samples of services among the names of events.
const SERVICE = "service:";

let functions = [];
let services = [];
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

/** Takes the functions as the server has them now, and the samples of what services send. */
export function update(all, events) {
  functions = all;
  services = events;
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
  );
  drawProblems();
  if (focused) byId("functions").querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

// What does not load concerns everybody who looks, whichever function is chosen.
function drawProblems() {
  const broken = functions.filter((one) => one.problem);
  byId("problems").replaceChildren(
    ...broken.map((one) => el("div", {}, el("h2", {}, `${one.name} does not load`), el("pre", { tabindex: "0" }, one.problem.trimEnd()))),
  );
}

function drawSamples() {
  const own = current()?.samples ?? [];
  const select = byId("sample");
  const before = select.value;
  const names = services.map((one) => SERVICE + one.name);
  select.replaceChildren(
    ...own.map((name) => el("option", { value: name }, name)),
    el("option", { value: "" }, "own event"),
    el("optgroup", { label: "what services send" }, ...services.map((one) => el("option", { value: SERVICE + one.name, title: one.about }, one.name))),
  );
  select.value = before && [...own, ...names].includes(before) ? before : (own[0] ?? "");
}

async function loadSample() {
  const name = byId("sample").value;
  if (name === "") {
    if (byId("event").value === "") byId("event").value = "{}";
    return;
  }
  try {
    const text = name.startsWith(SERVICE) ? await api.event(name.slice(SERVICE.length)) : await api.sample(chosen, name);
    byId("event").value = indented(text);
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
