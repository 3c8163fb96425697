//! What coding agents and editors get: files that tell them of bowline, ports of their own, and a short status.

mod forward;
