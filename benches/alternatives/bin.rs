//! From starting the `bin` of an npm package to the end of its program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::report::{Budget, Section, float, median, milliseconds};
use super::support::{npm, run_to_end};
use super::tools::Tools;

const ROUNDS: usize = 31;

/// Two ways to the same program, with what each took so far.
struct Program {
    name: &'static str,
    bin: PathBuf,
    native: PathBuf,
    through: Vec<f64>,
    alone: Vec<f64>,
}

pub(crate) fn measure(_: &Tools) -> Section {
    let ours = TempDir::new().expect("a temporary directory");
    install(ours.path());
    let others = npm::packages("benches/bins");
    let theirs = others.dir.join("node_modules");
    let [cpu, short] = if cfg!(target_arch = "aarch64") { ["arm64"; 2] } else { ["x64", "64"] };
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let program = |name, modules: &Path, native: String| Program {
        name,
        bin: modules.join(".bin").join(name),
        native: modules.join(native),
        through: Vec::new(),
        alone: Vec::new(),
    };
    let mut programs = [
        program("bowline", &ours.path().join("node_modules"), format!("@bowline/{os}-{cpu}/bin/bowline")),
        program("esbuild", &theirs, format!("@esbuild/{os}-{cpu}/bin/esbuild")),
        program("biome", &theirs, format!("@biomejs/cli-{os}-{cpu}/biome")),
        program("turbo", &theirs, format!("@turbo/{os}-{short}/bin/turbo")),
    ];
    for round in 0..=ROUNDS {
        for program in &mut programs {
            let (through, alone) = (time(&program.bin), time(&program.native));
            // The first round fills the page cache and is not counted.
            if round > 0 {
                program.through.push(through);
                program.alone.push(alone);
            }
        }
    }
    let medians = programs.map(|program| (program.name, median(program.through), median(program.alone)));
    let row = |&(name, through, alone): &(&str, f64, f64)| {
        vec![name.to_owned(), milliseconds(through), milliseconds(alone), milliseconds(through - alone)]
    };
    let (_, through, alone) = medians[0];
    Section {
        title: "Start through the npm package's `bin`",
        method: format!(
            "`--version`, by the link in `node_modules/.bin` and by the platform's program itself. Medians of {ROUNDS} rounds, each with all \
             in turn. Installed by npm without scripts, which is npm 12's default; with its script, esbuild has its program in place of its \
             bin. bowline's bin is executed by `sh`, the others' by node."
        ),
        columns: &["package", "through its bin", "the program alone", "cost of the bin"],
        rows: medians.iter().map(row).collect(),
        budgets: vec![Budget {
            promise: "at most 10 ms over the program alone",
            measured: milliseconds(through - alone),
            met: through - alone <= 10e6,
        }],
    }
}

/// Nanoseconds.
fn time(program: &Path) -> f64 {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let status = command.status().unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
    let took = begin.elapsed();
    assert!(status.success(), "{}: {status}", program.display());
    float(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

/// Packs the packages with this build's program, and installs them into this directory.
fn install(dir: &Path) {
    let run = |command: &mut Command| {
        let finished = run_to_end(command.stdin(Stdio::null()));
        assert!(finished.status.success(), "{finished:?}");
    };
    let packages = dir.join("packages");
    let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let platform = format!("{}-{cpu}", if cfg!(target_os = "macos") { "darwin" } else { "linux" });
    let mut assemble = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/assemble"));
    assemble.arg("npm").arg("--out").arg(&packages);
    run(assemble.arg("--program").arg(format!("{platform}={}", env!("CARGO_BIN_EXE_bowline"))));
    std::fs::write(dir.join("package.json"), "{}").expect("a directory of our own");
    let mut npm = Command::new("npm");
    npm.args(["install", "--install-links", "--offline", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.arg(packages.join("@bowline").join(platform)).arg(packages.join("bowline")).current_dir(dir));
}
