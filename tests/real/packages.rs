//! The packages for npm under every package manager.

use crate::published::{Trial, trials};

#[test]
fn the_packages_work_under_every_package_manager() {
    let failed: Vec<String> = trials().iter().filter_map(Trial::failure).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
