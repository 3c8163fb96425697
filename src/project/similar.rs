//! Known names that resemble a mistyped one.

/// The known word that resembles this one most, with or without its scope.
pub fn similar<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if given.is_empty() {
        return None;
    }
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

/// The hint for a word that names no project: the name that resembles it, and all names. An empty word resembles none.
pub fn choose_name(given: &str, names: &[String]) -> String {
    let all = format!("choose one of: {}", names.join(", "));
    match similar(given, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`? If not, {all}"),
        None => all,
    }
}
