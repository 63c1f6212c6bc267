//! Many invocations at once: order, limits, replacement, tenants, crashes.
