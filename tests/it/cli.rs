//! `rhai-lambda` as a person uses it, a file for each command: output, exit statuses, messages.

mod new;
mod invoke;
