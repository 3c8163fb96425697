//! Names for a word that is none.

/// The known word that resembles this one most, be it without its scope.
pub fn similar<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let small = given.to_lowercase();
    let distance = |word: &str| {
        let word = word.to_lowercase();
        let last = word.rsplit('/').next().unwrap_or_default();
        strsim::osa_distance(&small, &word).min(strsim::osa_distance(&small, last))
    };
    let limit = (given.chars().count() / 3).clamp(1, 3);
    let near = known.map(|word| (distance(word), word)).filter(|(distance, _)| *distance <= limit);
    near.min().map(|(_, word)| word)
}

/// The hint where no project goes by the word: all names, after the one that resembles it.
pub fn choose_name(given: &str, names: &[String]) -> String {
    let all = format!("choose one of: {}", names.join(", "));
    match similar(given, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`? If not, {all}"),
        None => all,
    }
}
