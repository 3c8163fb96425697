# Tries launchers (all that are known if none is named) on servers that are hard to end, and prints a table.
conformance *LAUNCHERS:
    BOWLINE_CONFORMANCE="{{LAUNCHERS}}" cargo test --quiet --test conformance -- --ignored --nocapture
