// The data behind the page.

async function ask(path, options = {}) {
  const response = await fetch(`api/${path}`, { cache: "no-store", ...options });
  if (!response.ok) throw new Error((await response.text()) || response.statusText);
  return response;
}

const part = encodeURIComponent;
const post = { method: "POST", headers: { "content-type": "application/json" } };

export const state = async () => (await ask("state")).json();
export const invocation = async (id) => (await ask(`invocations/${part(id)}`)).json();
export const sample = async (name, sample) => (await ask(`functions/${part(name)}/samples/${part(sample)}`)).text();
export const event = async (name) => (await ask(`events/${part(name)}`)).text();
export const send = async (name, event) => (await ask(`functions/${part(name)}/invocations`, { ...post, body: event })).json();
export const replay = async (id) => (await ask(`invocations/${part(id)}/replay`, { ...post, body: "" })).json();
export const clear = () => ask("invocations", { method: "DELETE" });

/** Follows what happens; `on` has a function for each kind of news. */
export function follow(on) {
  const source = new EventSource("api/live");
  source.onopen = () => on.open();
  source.onerror = () => on.lost();
  for (const kind of ["invocation", "function", "cleared", "missed"]) {
    source.addEventListener(kind, (message) => on[kind](message.data === "" ? null : JSON.parse(message.data)));
  }
}
