//! The rules, applied to a snapshot.

use fast_glob::glob_match;

use super::catalog::{Catalog, CatalogText, Companion, Framework, Role};
use super::kind::ServiceKind;
use super::snapshot::{CommandWords, Snapshot};

/// A command of the script that is a server known to the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool<'c> {
    /// The entry whose flags the command takes: `vite` in a `sveltekit` project.
    pub framework: &'c Framework,
    /// Its index in [`Snapshot::commands`].
    pub command: usize,
    /// Whether the command takes the port flags of that entry.
    pub takes_flags: bool,
    /// Why it is this command of several that could be the server; empty if there is no other.
    pub why: &'static str,
}

/// The roles that a command can have, the strongest first.
const SERVERS: [Role; 3] = [Role::Main, Role::Side, Role::Runtime];

/// How likely a command is the server: the least is the likeliest, and the first field weighs most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    ends_before: bool,
    /// It begins when another server is there.
    waits: bool,
    /// By its name.
    rank: u8,
    is_elsewhere: bool,
}

/// A snapshot seen through a catalog.
pub(super) struct Facts<'c, 's> {
    pub catalog: &'c Catalog,
    pub snapshot: &'s Snapshot<'s>,
}

impl<'c> Facts<'c, '_> {
    pub fn framework(&self) -> Option<&'c Framework> {
        self.watch()
            .or_else(|| self.by_word(Role::Main))
            .or_else(|| self.by_word(Role::Side))
            .or_else(|| self.strongest(Role::Main, |framework| self.file(framework).is_some()))
            .or_else(|| self.strongest(Role::Main, |framework| self.dependency(framework).is_some()))
            .or_else(|| self.by_word(Role::Runtime))
            .or_else(|| self.strongest(Role::Side, |framework| self.file(framework).is_some()))
            .or_else(|| self.strongest(Role::Side, |framework| self.dependency(framework).is_some()))
    }

    /// The first of the script's watches, else of its tasks, if nothing else of the script goes on: no server, and no program that could
    /// be one.
    pub fn watch(&self) -> Option<&'c Framework> {
        let may_serve = |command: &CommandWords<'_>| {
            let is_server = |role| !self.named_by(command, role).is_empty();
            let is_known = [Role::Main, Role::Side].into_iter().any(is_server);
            let is_harmless = command.ends_before || self.is_companion(command);
            is_known || !is_harmless || self.is_exception(command)
        };
        let mut commands = self.snapshot.commands.iter();
        let goes_on = self.snapshot.hides_more
            || commands.any(|command| self.watch_of(command).is_none() && may_serve(command));
        let first = self.watches().find(|one| one.kind == ServiceKind::Watch);
        first.or_else(|| self.watches().next()).filter(|_| !goes_on)
    }

    /// The watches and tasks among the commands.
    pub fn watches(&self) -> impl Iterator<Item = &'c Framework> {
        self.snapshot.commands.iter().filter_map(|command| self.watch_of(command))
    }

    /// The lines that its watches print at their first build.
    pub fn first_builds(&self) -> Vec<CatalogText> {
        let prints = |command: &&CommandWords<'_>, watch: &Framework| {
            !watch.quiet_commands.iter().any(|rule| command.is(rule))
        };
        let commands = self.snapshot.commands.iter();
        let watches = commands.filter_map(|command| Some((command, self.watch_of(command)?)));
        watches
            .filter(|(command, watch)| prints(command, watch))
            .filter_map(|(_, watch)| watch.ready.clone())
            .collect()
    }

    fn watch_of(&self, command: &CommandWords<'_>) -> Option<&'c Framework> {
        let own = |kind| {
            let mut all = self.catalog.frameworks().iter().filter(|one| one.kind == kind && self.allows(one));
            all.find(|one| is_of(command, one))
        };
        own(ServiceKind::Watch).or_else(|| self.repeated(command)).or_else(|| own(ServiceKind::Task))
    }

    /// The watch that runs a command again at each change, if the command is known to be no server.
    fn repeated(&self, command: &CommandWords<'_>) -> Option<&'c Framework> {
        let is_its = |one: &&Framework| {
            one.repeaters.iter().any(|name| command.starters.iter().any(|starter| starter == name))
        };
        let may_build = !command.ends_before && self.is_companion(command);
        self.catalog.frameworks().iter().filter(|_| may_build).find(is_its)
    }

    /// Whether it is the program of a watch, but does something else with these arguments: `esbuild --servedir`.
    fn is_exception(&self, command: &CommandWords<'_>) -> bool {
        let mut watches = self.catalog.frameworks().iter().filter(|one| one.kind != ServiceKind::Server);
        watches.any(|one| one.not_commands.iter().any(|rule| command.is(rule)))
    }

    /// The companions of servers whose command it is.
    fn companions(&self, command: &CommandWords<'_>) -> impl Iterator<Item = &'c Companion> {
        let all = self.catalog.companions().iter();
        all.filter(|one| one.commands.iter().any(|rule| command.is(rule)))
    }

    fn is_companion(&self, command: &CommandWords<'_>) -> bool {
        self.companions(command).next().is_some()
    }

    /// The command that is given the port: the app before a server beside it before a runtime.
    pub fn tool(&self) -> Option<Tool<'c>> {
        if self.watch().is_some() {
            return None;
        }
        SERVERS.into_iter().find_map(|role| {
            let mut ordered = self.in_order().filter_map(|(index, command)| {
                let framework = self.winner(&self.named_by(command, role))?;
                let only = &framework.port.flags_for;
                let takes_flags = only.is_empty() || only.iter().any(|rule| command.is(rule));
                Some((Tool { framework, command: index, takes_flags, why: "" }, self.standing(command)))
            });
            let (tool, standing) = ordered.next()?;
            let is_server = |other: &CommandWords<'_>| {
                SERVERS.into_iter().any(|role| !self.named_by(other, role).is_empty())
            };
            let why = match ordered.next() {
                Some((_, other)) if other.ends_before != standing.ends_before => "the others end before it",
                Some((_, other)) if other.waits != standing.waits => "the others wait for a server",
                Some((_, other)) if other.rank != standing.rank => {
                    "its name is that of the part with the pages"
                }
                Some((_, other)) if other != standing => "the others are of other packages",
                Some(_) => "it is the first of its kind",
                None if self.snapshot.commands.iter().filter(|command| is_server(command)).count() > 1 => {
                    "a framework's server goes before any other program"
                }
                None => "",
            };
            Some(Tool { why, ..tool })
        })
    }

    /// The commands with their indices, the likeliest servers first.
    fn in_order(&self) -> impl Iterator<Item = (usize, &CommandWords<'_>)> {
        let mut commands: Vec<_> = self.snapshot.commands.iter().enumerate().collect();
        commands.sort_by_key(|(_, command)| self.standing(command));
        commands.into_iter()
    }

    /// How likely a command is the server among others of the same role, the likeliest first.
    fn standing(&self, command: &CommandWords<'_>) -> Standing {
        let names = self.catalog.names();
        let by_word = |word: &String| {
            let is_in = |list: &[CatalogText]| list.iter().any(|name| name == word);
            [&names.page, &names.api, &names.worker]
                .into_iter()
                .zip([0, 2, 3])
                .find_map(|(list, rank)| is_in(list).then_some(rank))
        };
        // The last name is the most exact one: `web/worker.js`.
        let rank = command.names.iter().rev().find_map(by_word).unwrap_or(1);
        let waits = command.after.iter().any(|&before| self.is_waiter(&self.snapshot.commands[before]));
        Standing { ends_before: command.ends_before, waits, rank, is_elsewhere: command.is_elsewhere }
    }

    /// Whether it waits for a server, as `wait-on` does.
    fn is_waiter(&self, command: &CommandWords<'_>) -> bool {
        self.companions(command).any(|one| !one.ports.is_empty() && !one.starts)
    }

    pub fn sentences(&self, framework: &Framework) -> Vec<String> {
        let mut sentences = Vec::new();
        if framework.kind != ServiceKind::Server {
            return self.sentences_of_watches();
        }
        let command = self.tool().map(|tool| &self.snapshot.commands[tool.command]);
        let relevant = command.filter(|command| {
            let keys = &framework.built_on;
            let word_of = |other: &Framework| other.key == framework.key || keys.contains(&other.key);
            SERVERS.into_iter().any(|role| self.named_by(command, role).into_iter().any(word_of))
        });
        if let Some(command) = relevant {
            sentences.push(match self.snapshot.script {
                Some(script) => format!("the {script} script runs `{}`", command.lead()),
                None => format!("the command is `{}`", command.lead()),
            });
        }
        sentences.extend(self.file(framework).map(str::to_owned));
        sentences
            .extend(self.dependency(framework).map(|(name, range)| format!("dependency {name} {range}")));
        if sentences.is_empty() {
            sentences.push("no known framework in the script, the files or the dependencies".to_owned());
        }
        sentences
    }

    fn sentences_of_watches(&self) -> Vec<String> {
        let commands = self.snapshot.commands.iter().filter(|command| self.watch_of(command).is_some());
        let subject = self
            .snapshot
            .script
            .map_or_else(|| "the command".to_owned(), |name| format!("the {name} script"));
        commands.map(|command| format!("{subject} runs `{}`, which is no server", command.lead())).collect()
    }

    /// Every fact: commands, dependencies and files.
    pub fn all(&self) -> Vec<String> {
        let commands = self.snapshot.commands.iter().map(CommandWords::lead);
        let names = self.snapshot.dependencies.keys().chain(self.snapshot.files);
        commands.chain(names.cloned()).collect()
    }

    /// The facts that any rule of the catalog mentions.
    pub fn relevant(&self) -> Vec<String> {
        let frameworks = || self.catalog.frameworks().iter();
        let is_listed = |name: &&String| {
            let mut lists = frameworks().flat_map(|one| [&one.dependencies, &one.needs, &one.without]);
            lists.any(|list| list.iter().any(|listed| listed == *name))
        };
        let is_named = |file: &&String| {
            let mut globs = frameworks().flat_map(|one| one.files.iter().chain(one.needs.iter()));
            globs.any(|glob| matches(glob, file))
        };
        let commands = self.snapshot.commands.iter().map(CommandWords::lead);
        let packages = self.snapshot.dependencies.keys().filter(is_listed);
        let files = self.snapshot.files.iter().filter(is_named);
        commands.chain(packages.chain(files).cloned()).collect()
    }

    /// The framework of the first command that a rule names.
    fn by_word(&self, role: Role) -> Option<&'c Framework> {
        let mut commands = self.in_order().map(|(_, command)| command);
        commands.find_map(|command| self.winner(&self.challenged(self.named_by(command, role), false)))
    }

    /// The strongest framework of a role that `matches`.
    fn strongest(&self, role: Role, matches: impl Fn(&Framework) -> bool) -> Option<&'c Framework> {
        let found = self.of_role(role).filter(|framework| matches(framework)).collect();
        self.winner(&self.challenged(found, true))
    }

    fn named_by(&self, command: &CommandWords<'_>, role: Role) -> Vec<&'c Framework> {
        self.of_role(role).filter(|one| is_of(command, one)).collect()
    }

    /// The servers of a role whose `needs` and `without` are met.
    fn of_role(&self, role: Role) -> impl Iterator<Item = &'c Framework> {
        let is_server = |one: &&Framework| one.kind == ServiceKind::Server;
        let servers = self.catalog.frameworks().iter().filter(is_server);
        servers.filter(move |one| one.role == role && self.allows(one))
    }

    /// `found`, and the frameworks with evidence of their own that are built on one of these or, if the script is
    /// `silent`, that beat one of these.
    fn challenged(&self, mut found: Vec<&'c Framework>, silent: bool) -> Vec<&'c Framework> {
        loop {
            let next = self.catalog.frameworks().iter().find(|challenger| {
                let over = |below: &&Framework| {
                    challenger.built_on.contains(&below.key)
                        || silent && challenger.beats.contains(&below.key)
                };
                (challenger.role, challenger.kind) == (Role::Main, ServiceKind::Server)
                    && !found.iter().any(|present| present.key == challenger.key)
                    && found.iter().any(over)
                    && (self.file(challenger).is_some() || self.dependency(challenger).is_some())
                    && self.allows(challenger)
            });
            match next {
                Some(challenger) => found.push(challenger),
                None => return found,
            }
        }
    }

    /// The first in the catalog's order that no other of `found` beats; the first at all if they beat each other
    /// in a circle.
    fn winner(&self, found: &[&'c Framework]) -> Option<&'c Framework> {
        let beaten = |framework: &Framework| {
            found.iter().any(|other| {
                other.key != framework.key
                    && (other.beats.contains(&framework.key) || other.built_on.contains(&framework.key))
            })
        };
        let is_found = |framework: &&Framework| found.iter().any(|one| one.key == framework.key);
        let in_order = || self.catalog.frameworks().iter().filter(is_found);
        in_order().find(|framework| !beaten(framework)).or_else(|| in_order().next())
    }

    fn allows(&self, framework: &Framework) -> bool {
        let present = |name: &CatalogText| self.snapshot.dependencies.contains_key(&**name);
        let needed =
            |need: &CatalogText| present(need) || self.snapshot.files.iter().any(|file| matches(need, file));
        let Framework { without, needs, .. } = framework;
        !without.iter().any(present) && (needs.is_empty() || needs.iter().any(needed))
    }

    fn file(&self, framework: &Framework) -> Option<&str> {
        let globs = &framework.files;
        let mut files = self.snapshot.files.iter().map(String::as_str);
        files.find(|file| globs.iter().any(|glob| matches(glob, file)))
    }

    fn dependency(&self, framework: &Framework) -> Option<(&String, &String)> {
        let names = &framework.dependencies;
        names.iter().find_map(|name| self.snapshot.dependencies.get_key_value(&**name))
    }
}

fn is_of(command: &CommandWords<'_>, framework: &Framework) -> bool {
    let is_any = |rules: &[CatalogText]| rules.iter().any(|rule| command.is(rule));
    is_any(&framework.commands) && !is_any(&framework.not_commands)
}

/// Whether a glob matches a file name. The part before the first star is compared first: it is cheap, and most
/// pairs differ there.
pub(super) fn matches(glob: &str, file: &str) -> bool {
    match glob.split_once('*') {
        None => glob == file,
        Some((start, _)) => file.starts_with(start) && glob_match(glob, file),
    }
}
