//! A remembered framework changes only when the evidence does.

use std::path::Path;

use bowline::detect::catalog::{Catalog, Layer};
use bowline::detect::{Detection, Fingerprint};

use super::{Sample, embedded};

fn upgraded() -> Catalog {
    let text = "[framework.shiny]\ndependencies = [\"shiny\"]\nbuilt-on = [\"vite\"]\n".to_owned();
    let layer = Layer::parse(Path::new("frameworks.toml"), text).expect("a sound file");
    Catalog::load(&[layer]).expect("a sound catalog")
}

fn recall<'c>(now: Detection<'c>, then: &Detection<'_>, catalog: &'c Catalog) -> Detection<'c> {
    now.with_remembered(&then.framework.key, &then.fingerprint, catalog)
}

fn then_and_now(then: &Sample, now: &Sample, old: &Catalog, new: &Catalog) -> String {
    recall(now.detect(new), &then.detect(old), new).framework.key.to_string()
}

#[test]
fn new_rules_do_not_move_a_project() {
    let sample = Sample::script("vite").packages(&["vite", "shiny"]);
    assert_eq!(sample.detect(&upgraded()).framework.key, "shiny");
    assert_eq!(then_and_now(&sample, &sample, &embedded(), &upgraded()), "vite");
}

#[test]
fn unrelated_changes_after_new_rules_do_not_move_a_project() {
    let (old, new) = (embedded(), upgraded());
    let before = Sample::script("vite").packages(&["vite", "shiny"]);
    let kept = recall(before.detect(&new), &before.detect(&old), &new);
    assert_eq!(kept.framework.key, "vite");
    let after = Sample::script("vite").packages(&["vite", "shiny", "lodash"]).files(&["README.md"]);
    let later = recall(after.detect(&new), &kept, &new);
    assert_eq!(later.framework.key, "vite");
}

#[test]
fn changed_evidence_moves_a_project() {
    let catalog = embedded();
    let vite = || Sample::script("vite dev").packages(&["vite"]);
    let rows = [
        (vite(), vite().packages(&["@sveltejs/kit"]), "sveltekit"),
        (vite(), Sample::script("astro dev").packages(&["vite", "astro"]), "astro"),
        (
            Sample::script("").files(&["vite.config.ts"]),
            Sample::script("").files(&["astro.config.mjs"]),
            "astro",
        ),
        (vite().packages(&["@sveltejs/kit"]), vite(), "vite"),
    ];
    for (then, now, key) in rows {
        assert_eq!(then_and_now(&then, &now, &catalog, &catalog), key);
    }
}

#[test]
fn key_that_is_gone_is_forgotten() {
    let sample = Sample::script("vite").packages(&["vite", "shiny"]);
    assert_eq!(then_and_now(&sample, &sample, &upgraded(), &embedded()), "vite");
}

#[test]
fn fingerprint_survives_being_written_down() {
    let catalog = embedded();
    let fingerprint = Sample::script("vite").packages(&["vite"]).detect(&catalog).fingerprint;
    assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    for bad in ["", "12", "zz", &"g".repeat(32), &"é".repeat(16), &"0".repeat(33)] {
        assert_eq!(bad.parse::<Fingerprint>(), Err(()), "{bad:?}");
    }
}

/// The digest is in people's stores: this value may not change.
#[test]
fn fingerprint_is_the_same_in_every_version() {
    let catalog = embedded();
    let detection = Sample::script("next dev").packages(&["next"]).detect(&catalog);
    assert_eq!(detection.framework.key, "next");
    assert_eq!(detection.fingerprint.to_string(), "3222be8f0ba4a40e3222be8f0ba4a40e");
}
