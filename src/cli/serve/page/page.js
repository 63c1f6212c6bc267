// The page: the list of invocations, kept up to date, and the one that is chosen.

import * as api from "./api.js";
import * as compose from "./compose.js";
import { draw, drawWelcome, status } from "./detail.js";
import { byId, clock, el, milliseconds } from "./dom.js";

// As many as the server keeps.
const KEPT = 200;

let invocations = [];
let chosen = null;
let loaded = false;

function drawList() {
  const filter = byId("filter").value;
  const listed = invocations.filter((one) => filter === "" || one.function === filter || (filter === "!" && one.status !== "ok"));
  const focused = document.activeElement?.dataset?.id;
  byId("invocations").replaceChildren(...listed.map((one) => el("li", {}, row(one))));
  if (focused) document.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  byId("count").textContent = invocations.length === 0 ? "" : String(listed.length);
  byId("nothing").hidden = !loaded || invocations.length > 0;
  byId("invocations").hidden = !byId("nothing").hidden;
  byId("clear").disabled = invocations.length === 0;
}

function row(one) {
  const result = one.httpStatus == null ? status(one) : `${one.httpStatus}${one.status === "ok" ? "" : ` ${status(one)}`}`;
  return el(
    "button",
    { class: "invocation", type: "button", "data-id": one.id, "aria-current": String(one.id === chosen), click: () => choose(one.id), keydown: walk },
    el("span", { class: `dot ${one.status}`, title: status(one) }),
    el("span", { class: "name" }, one.function),
    el("span", { class: "time" }, clock(one.started)),
    el("span", { class: "what" }, `${result} · ${one.source}`),
    el("span", { class: "cost" }, one.duration == null ? "…" : milliseconds(one.duration)),
  );
}

function walk(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const to = step && event.currentTarget.parentElement[step]?.firstElementChild;
  if (!to) return;
  event.preventDefault();
  const id = to.dataset.id;
  to.focus();
  choose(id);
}

async function choose(id) {
  chosen = id;
  document.querySelector("main").classList.toggle("reading", id !== null);
  if (id === null) {
    drawWelcome(byId("detail"));
    drawList();
    return;
  }
  history.replaceState(null, "", `#${id}`);
  drawList();
  await refresh();
}

async function refresh() {
  const id = chosen;
  let invocation;
  try {
    invocation = await api.invocation(id);
  } catch {
    if (chosen === id) leave();
    return;
  }
  // Another one was chosen meanwhile.
  if (chosen !== id) return;
  draw(byId("detail"), invocation, {
    back: leave,
    edit: () => {
      if (matchMedia("(max-width: 760px)").matches) leave();
      compose.edit(invocation.function, invocation.event.text ?? "");
    },
    replay: async () => choose((await api.replay(id)).id),
  });
}

function leave() {
  history.replaceState(null, "", location.pathname);
  choose(null);
}

function drawFilter(functions) {
  const before = byId("filter").value;
  const names = functions.length > 1 ? functions.map((one) => one.name) : [];
  byId("filter").replaceChildren(
    el("option", { value: "" }, "all"),
    el("option", { value: "!" }, "not ok"),
    ...names.map((name) => el("option", { value: name }, name)),
  );
  byId("filter").value = before;
  if (byId("filter").selectedIndex < 0) byId("filter").value = "";
}

async function reload() {
  const state = await api.state();
  invocations = state.invocations;
  loaded = true;
  compose.update(state.functions, state.events);
  drawFilter(state.functions);
  byId("try").textContent = `curl ${location.origin}/`;
  drawList();
  if (chosen !== null) await refresh();
}

function live(text, kind) {
  byId("live").textContent = text;
  byId("live").className = `live ${kind}`;
}

byId("address").textContent = location.host;
byId("filter").addEventListener("change", drawList);
byId("clear").addEventListener("click", () => api.clear());
compose.start((id) => choose(id));
drawWelcome(byId("detail"));
api.follow({
  open: () => {
    live("live", "on");
    reload();
  },
  lost: () => live("not connected", "off"),
  missed: reload,
  cleared: () => {
    invocations = [];
    leave();
  },
  function: (one) => compose.updateOne(one),
  invocation: (one) => {
    const at = invocations.findIndex((old) => old.id === one.id);
    if (at >= 0) invocations[at] = one;
    else invocations = [one, ...invocations].slice(0, KEPT);
    drawList();
    if (one.id === chosen) refresh();
  },
});
if (location.hash.length > 1) choose(location.hash.slice(1));
