//! Arguments of `bowline agents`.

use clap::Args;

use crate::agents::Reader;

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a flag each")]
pub struct Agents {
    /// Write them into the files, and leave everything else there as it is; by default into those that are there
    #[arg(long)]
    pub write: bool,
    /// Write `.claude/launch.json` and `.mcp.json`
    #[arg(long, requires = "write")]
    pub claude: bool,
    /// Write `.cursor/mcp.json`
    #[arg(long, requires = "write")]
    pub cursor: bool,
    /// Write `.vscode/mcp.json`
    #[arg(long, requires = "write")]
    pub vscode: bool,
    /// Write the block of `AGENTS.md`
    #[arg(long = "agents-md", requires = "write")]
    pub block: bool,
}

impl Agents {
    /// Those that the user has named.
    pub fn readers(&self) -> Vec<Reader> {
        let all = [
            (self.block, Reader::Agents),
            (self.claude, Reader::Claude),
            (self.cursor, Reader::Cursor),
            (self.vscode, Reader::Vscode),
        ];
        all.into_iter().filter_map(|(is_named, reader)| is_named.then_some(reader)).collect()
    }
}
