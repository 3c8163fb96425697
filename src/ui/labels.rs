//! Short names of services, as they stand before each line of their output.

use std::path::Path;

/// The shortest names that tell these services apart, each with its directory: the last part of the package's name
/// (`web` of `@acme/web`), more parts where that is another's too, and the directory where whole names are alike.
pub fn shortest(services: &[(String, String)]) -> Vec<String> {
    let candidates: Vec<Vec<String>> = services.iter().map(|(name, dir)| candidates(name, dir)).collect();
    let mut taken = vec![0; services.len()];
    loop {
        let label = |service: usize| candidates[service].get(taken[service]);
        let is_shared = |service: usize| {
            (0..services.len()).any(|other| other != service && label(other) == label(service))
        };
        let longer: Vec<usize> = (0..services.len())
            .filter(|&service| is_shared(service) && taken[service] + 1 < candidates[service].len())
            .collect();
        if longer.is_empty() {
            return (0..services.len()).map(|service| label(service).cloned().unwrap_or_default()).collect();
        }
        for service in longer {
            taken[service] += 1;
        }
    }
}

/// The names of one service, from the shortest on.
fn candidates(name: &str, dir: &str) -> Vec<String> {
    let mut names = endings(&name.split('/').collect::<Vec<_>>());
    let parts = Path::new(dir).iter().filter_map(|part| part.to_str()).filter(|part| *part != "/");
    names.extend(endings(&parts.collect::<Vec<_>>()));
    names.retain(|name| !name.is_empty());
    names
}

/// The last part, the last two, and so on.
fn endings(parts: &[&str]) -> Vec<String> {
    (0..parts.len()).rev().map(|first| parts[first..].join("/")).collect()
}

/// The place in the palette of each label. It depends on the label, so that a service has the same colour in every
/// run; of two that would have the same, the later one takes the next that is free.
pub fn colours(labels: &[String], palette: usize) -> Vec<usize> {
    let mut used = Vec::new();
    let mut chosen = Vec::new();
    for label in labels {
        if used.len() == palette {
            used.clear();
        }
        let wanted = label.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 65_521);
        let mut turns = (wanted..wanted + palette).map(|place| place % palette);
        let place = turns.find(|place| !used.contains(place)).unwrap_or_default();
        used.push(place);
        chosen.push(place);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(services: &[(&str, &str)]) -> Vec<String> {
        let services: Vec<_> =
            services.iter().map(|(name, dir)| ((*name).to_owned(), (*dir).to_owned())).collect();
        shortest(&services)
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        for (services, expected) in [
            (&[("web", "/r/apps/web")][..], &["web"][..]),
            (&[("@acme/web", "/r/a"), ("@acme/api", "/r/b")], &["web", "api"]),
            (&[("@acme/web", "/r/a"), ("@corp/web", "/r/b")], &["@acme/web", "@corp/web"]),
            (&[("@acme/web", "/r/a"), ("web", "/r/b")], &["@acme/web", "b"]),
            (&[("app", "/r/old/app"), ("app", "/r/new/app")], &["old/app", "new/app"]),
            (&[("ui:build", "/r/ui"), ("ui", "/r/ui")], &["ui:build", "ui"]),
            (&[("app", "/r/app"), ("app", "/r/app")], &["r/app", "r/app"]),
        ] {
            assert_eq!(labels(services), expected, "{services:?}");
        }
    }

    #[test]
    fn a_colour_belongs_to_a_name_and_neighbours_differ() {
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            colours(&names, 6)
        };
        let six = of(&["web", "api", "auth", "docs", "ui", "worker"]);
        let mut sorted = six.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        assert_eq!(of(&["web"]), of(&["web", "api"])[..1]);
        assert_eq!(of(&["web", "api", "auth", "docs", "ui", "worker", "web"])[6], six[0]);
    }
}
