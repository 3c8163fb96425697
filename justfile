# Runs everything that CI runs.
ci:
    .ci/run

# Runs all tests, or the named ones.
test *ARGS:
    cargo test {{ ARGS }}

# Checks the format, the lints and the documentation.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --document-private-items

# Compares bowline with its alternatives, in tables. `just bench launch memory` measures only these two.
bench *ARGS:
    cargo bench --bench alternatives -- {{ ARGS }}

# Starts real frameworks from the npm registry. `just real next` starts only that one.
real *ARGS:
    cargo test --test real -- {{ ARGS }}

# Tries launchers (all, or the named ones) on servers that are hard to end, and prints the table of docs/conformance.md.
conformance *LAUNCHERS:
    BOWLINE_CONFORMANCE="{{LAUNCHERS}}" cargo test --quiet --test manual -- --ignored --nocapture conformance

# Kills supervisors, guardians and callers at random moments: 1,000 times, or KILLS. SEED repeats the choices of a run.
chaos KILLS="1000" SEED="":
    BOWLINE_CHAOS_KILLS="{{ KILLS }}" BOWLINE_CHAOS_SEED="{{ SEED }}" cargo test --quiet --test manual -- --ignored --nocapture whoever_is_killed

# Starts generated workspaces of thirty packages, RUNS times: no service starts before what it needs.
order RUNS="100":
    BOWLINE_ORDER_RUNS="{{ RUNS }}" cargo test --quiet --test it -- order::thirty

# Tries real projects of many frameworks (all, or the named ones), and writes docs/matrix.md.
matrix *ROWS:
    BOWLINE_MATRIX="{{ ROWS }}" cargo test --test manual -- --ignored --nocapture matrix

# Measures the cost of a reservation, of a scan, of a question about listeners and of a key on a slow terminal.
figures:
    cargo test --release --test manual -- --ignored --nocapture figures

# Builds the program for all platforms, and makes the npm packages in target/npm-dist.
npm-dist:
    packaging/build
    packaging/assemble npm

# Rehearses a release without publishing, and prints a table of what was tried. `just release-rehearsal fast` takes a minute.
release-rehearsal *PART:
    packaging/rehearsal {{ PART }}
