// The licences of everything that is linked into a program: the crates, as cargo resolves them for its target, and what
// cargo does not know, in packaging/notices.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const read = (file) => fs.readFileSync(file, 'utf8').replaceAll('\r\n', '\n').trim();
const LICENCE = /^(licen[cs]e|copying|copyright|unlicen[cs]e|notice)/i;
// Texts for a crate that comes without one, and says which it has.
const OURS = { MIT: 'LICENSE-MIT', 'Apache-2.0': 'LICENSE-APACHE' };

/** The crates of the normal dependency tree: neither those for tests nor those that only build scripts use. */
function crates(target) {
  const words = ['metadata', '--locked', '--format-version', '1', '--filter-platform', target];
  const { packages, resolve } = JSON.parse(execFileSync('cargo', words, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Set();
  const visit = ({ pkg, dep_kinds }) => {
    if (found.has(pkg) || dep_kinds.every(({ kind }) => kind !== null)) return;
    found.add(pkg);
    nodes.get(pkg).deps.forEach(visit);
  };
  nodes.get(resolve.root).deps.forEach(visit);
  return packages.filter(({ id }) => found.has(id)).sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

/** The texts that come with a crate. Where one may choose, nobody chooses the GPL. */
function texts(crate) {
  const dir = path.dirname(crate.manifest_path);
  const files = fs.readdirSync(dir).filter((file) => LICENCE.test(file) && !/gpl/i.test(file)).sort();
  if (crate.license_file && !files.includes(crate.license_file)) files.push(crate.license_file);
  const found = files.filter((file) => fs.statSync(path.join(dir, file)).isFile()).map((file) => read(path.join(dir, file)));
  if (found.length > 0) return found;
  const [, own] = Object.entries(OURS).find(([licence]) => crate.license?.split(/[ /]+/).includes(licence)) ?? [];
  if (!own) throw new Error(`the crate ${crate.name} ${crate.version} comes without the text of its licence: ${crate.license}`);
  const authors = crate.authors.length > 0 ? crate.authors.join(', ') : `The authors of ${crate.name}`;
  return [read(path.join(root, own)).replace(/^Copyright .*$/m, `Copyright (c) ${authors}`)];
}

/** One text for a program of this target: which crates it has, then each text once, under the crates that it is of. */
module.exports = function thirdParty(target) {
  const all = crates(target);
  const title = ({ name, version }) => `${name} ${version}`;
  const groups = new Map();
  for (const crate of all) {
    for (const text of texts(crate)) {
      const same = text.replaceAll(/\s+/g, ' ');
      const group = groups.get(same) ?? { text, crates: new Set() };
      groups.set(same, group);
      group.crates.add(title(crate));
    }
  }
  const notices = ['rust', ...(target.endsWith('-musl') ? ['musl'] : [])].map((name) => read(path.join(root, 'packaging/notices', name)));
  const list = all.map((crate) => [`${title(crate)}: ${crate.license ?? 'a licence of its own'}`, crate.repository].filter(Boolean).join(', '));
  const sections = [...groups.values()].map(({ text, crates }) => `${[...crates].join('\n')}\n\n${text}`);
  const intro = 'The program of bowline contains the standard library of its language, and these crates. Their licences follow.';
  return `${[`${intro}\n\n${list.join('\n')}`, ...notices, ...sections].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
};
