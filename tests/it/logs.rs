//! What reaches the log, in text, JSON and telemetry frames, and what never does.

// One line an event, in columns or as JSON; filters; ids.
mod lines;
// The descriptor on which Lambda takes framed records.
mod frames;
// Secrets, whatever fails.
mod secrets;
// CloudWatch's lines, bare in every format.
mod metrics;
