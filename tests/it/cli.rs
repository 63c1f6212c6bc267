//! `rhai-lambda` as a person uses it, a file for each command: output, exit statuses, messages.

mod new;
mod invoke;
mod check;
mod test;
mod event;
mod settings;
mod repeat;
mod package;
mod events;
mod definitions;
mod completions;
mod doctor;
