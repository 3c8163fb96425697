# Everything that CI does.
ci:
    .ci/run

# All tests, or those that are named.
test *ARGS:
    cargo test {{ ARGS }}

lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --document-private-items

# bowline against its alternatives, as a table. `just bench launch memory` measures those only.
bench *ARGS:
    cargo bench --bench alternatives -- {{ ARGS }}

# Real frameworks from the npm registry. `just real next` starts that one only.
real *ARGS:
    cargo test --test real -- {{ ARGS }}

# Tries launchers (all that are known if none is named) on servers that are hard to end, and prints a table.
conformance *LAUNCHERS:
    BOWLINE_CONFORMANCE="{{LAUNCHERS}}" cargo test --quiet --test manual -- --ignored --nocapture conformance

# Real projects of many frameworks (all, or those that are named), which writes docs/matrix.md.
matrix *ROWS:
    BOWLINE_MATRIX="{{ ROWS }}" cargo test --test manual -- --ignored --nocapture matrix

# What reserving, scanning and asking for listeners cost.
figures:
    cargo test --release --test manual -- --ignored --nocapture figures
