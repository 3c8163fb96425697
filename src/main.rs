//! The `bowline` program: arguments in, exit code out.

fn main() {}
