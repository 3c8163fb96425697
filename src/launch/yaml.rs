//! YAML files of package managers.

use std::path::Path;

use saphyr::{LoadableYamlNode, YamlOwned};

use crate::project::read_text_if_any;

pub(super) fn yaml(file: &Path) -> Option<YamlOwned> {
    YamlOwned::load_from_str(&read_text_if_any(file)?).ok()?.into_iter().next()
}

/// A scalar at the outermost level of a YAML document, unless it is empty.
pub(super) fn scalar(document: &YamlOwned, key: &str) -> Option<String> {
    let value = document.as_mapping_get(key)?;
    let text = value.as_str().map(str::to_owned).or_else(|| value.as_bool().map(|flag| flag.to_string()));
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn yaml_scalars() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let file = dir.path().join("x.yml");
        let text = "yarnPathological: no\nnested:\n  yarnPath: no\n'yarnPath' : \".yarn/a b.cjs\" # note\n\
                    empty:\nflag: false\nfolded: >-\n  a\n  b\n";
        fs::write(&file, text).expect("written");
        let document = yaml(&file).expect("a document");
        let rows = [
            ("yarnPath", Some(".yarn/a b.cjs")),
            ("empty", None),
            ("flag", Some("false")),
            ("folded", Some("a b")),
            ("nested", None),
        ];
        for (key, expected) in rows {
            assert_eq!(scalar(&document, key).as_deref(), expected, "{key}");
        }
        assert_eq!(yaml(&dir.path().join("none")), None);
    }
}
