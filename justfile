# Everything that CI does.
ci:
    .ci/run

# All tests, or those that are named.
test *ARGS:
    cargo test {{ ARGS }}

lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps

# bowline against its alternatives, as a table. `just bench launch memory` measures those only.
bench *ARGS:
    cargo bench --bench alternatives -- {{ ARGS }}

# Detection, ports and launches against what their documents, the shells and the package managers say.
conformance:
    cargo test --lib script::
    cargo test --test detect --test port --test launch

# Real frameworks from the npm registry. `just real next` starts that one only.
real *ARGS:
    cargo test --test real -- {{ ARGS }}
