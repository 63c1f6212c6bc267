//! What the real `bootstrap` does on the wire, judged by a scripted Runtime API.

// An event comes, an answer goes: connections, context, bodies, `lambda::raw`.
mod happy;
// The three forms in which an error travels: body, header and X-Ray cause.
mod errors;
// Every status that Lambda may give to `/next`, `/response` and `/error`.
mod answers;
// How an answer may be put into bytes: split, chunked, interim, too large, of HTTP/1.0.
mod framing;
// `context.stream()`: chunks as they are written, trailers, and what goes wrong on the way.
mod streams;
// Connections that close, break, lie or never were.
mod faults;
// `on_init`, `on_shutdown`, `on_before_snapshot`, `on_after_restore`.
mod hooks;
// Managed Instances: many workers in one process, of which none is in the way of another.
mod workers;
// Errors before the first event: one report, no `/next`, an end within a second.
mod init;
// Limits that only the wire shows: when an answer comes, and many limits in one environment.
mod limits;
// The end of an idle environment, and the start of one that is set up wrongly.
mod lifetime;
// The library's own `bootstrap`: further functions, and a fault among them.
mod embed;
