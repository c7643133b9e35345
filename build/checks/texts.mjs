// node build/checks/texts.mjs [--all] [FILE…]
// Looks for words that the project does not use (forbidden.txt) and for lines of code that are too long. Without files: in all of them.
// --all also reports the rules that are not enforced yet.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const maxColumns = 140;
// A word that is longer than this, such as a sample of JSON, cannot be wrapped.
const maxWord = 80;

const root = path.join(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const all = args.includes('--all');
const named = args.filter(argument => argument !== '--all');

// What builds and tests leave behind, as in .gitignore.
const produced = new Set(['.git', '.idea', '.vs', '.temp', '_framework', 'artifacts', 'bin', 'cache', 'data', 'dist', 'node_modules', 'obj', 'TestResults']);
const walk = folder => readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
  if (produced.has(entry.name)) return [];
  const name = path.join(folder, entry.name);
  return entry.isDirectory() ? walk(name) : entry.isFile() ? [name] : [];
});
const files = named.length > 0 ? named : walk('').sort();

const rules = readFileSync(path.join(import.meta.dirname, 'forbidden.txt'), 'utf8').split('\n')
  .map(line => line.trim()).filter(line => line && !line.startsWith('#'))
  .map(line => {
    const [where, pattern, instead] = line.split(' | ');
    const places = where.split(',').filter(place => all || !place.startsWith('?')).map(place => place.replace('?', ''));
    const code = places.includes('code');
    return { places, instead, expression: new RegExp(`(?<![\\w-])(?:${pattern})(?![\\w-])`, code ? 'g' : 'gi') };
  });

// What must keep its wording: other people's texts, and this list itself.
const skipped = /^(build\/checks\/(forbidden\.txt|texts\.mjs)|LICENSE|OtpPortal\/Delivery\/Sms\/numbering-plan\.txt)$|package-lock\.json$/;
const markup = /<(?:see|seealso|paramref|typeparamref|param|typeparam|exception|inheritdoc)\b[^>]*>|<c>.*?<\/c>|<code>.*?<\/code>/g;
const blank = text => text.replace(/[^\n]/g, ' ');
// Keeps what a pattern finds, and the line ends, so that positions stay the same.
const only = (text, pattern) => {
  let kept = '', last = 0;
  for (const match of text.matchAll(pattern)) {
    kept += blank(text.slice(last, match.index)) + match[0];
    last = match.index + match[0].length;
  }
  return kept + blank(text.slice(last));
};

const slashes = /(?<![:"'/])\/\/.*|\/\*[\s\S]*?\*\/|@\*[\s\S]*?\*@/g;
const hashes = /(?<=^|\s)#(?!!).*/gm;
const parts = [
  [/\.md$/, text => ({ docs: text.replace(/^ *```[\s\S]*?^ *```/gm, blank).replace(/`[^`\n]+`/g, blank).replace(/\]\([^)]*\)/g, blank) })],
  [/\.(cs|razor)$/, text => {
    const comments = only(text, slashes);
    return {
      comments: comments.replace(markup, blank),
      code: [...text].map((character, i) => comments[i] === ' ' || character === '\n' ? character : ' ').join(''),
    };
  }],
  [/\.(js|mjs|css)$/, text => ({ comments: only(text, slashes) })],
  [/\.(sh|py|yml|yaml)$|(^|\/)(run|Dockerfile|\.editorconfig|\.env\.sample)$/, text => ({ comments: only(text, hashes) })],
  [/\.(csproj|props|targets)$/, text => ({ comments: only(text, /<!--[\s\S]*?-->/g) })],
  // The English ones have no language in their names.
  [/(^|\/)[^./]*\.resx$/, text => ({ ui: only(text, /(?<=<value>)[\s\S]*?(?=<\/value>)/g) })],
  [/Templates\/en\/.*/, text => ({ ui: text })],
];

let found = 0;
const report = (file, line, column, message) => {
  found++;
  console.log(`${file}:${line}:${column}: ${message}`);
};

for (const file of files) {
  if (skipped.test(file)) continue;
  const part = parts.find(([name]) => name.test(file));
  if (!part) continue;
  const text = readFileSync(path.resolve(root, file), 'utf8').replaceAll('\r', '');
  if (/\.(cs|razor)$/.test(file)) {
    text.split('\n').forEach((line, i) => {
      if (line.length > maxColumns && !line.split(/\s+/).some(word => word.length > maxWord))
        report(file, i + 1, maxColumns + 1, `the line has ${line.length} columns; at most ${maxColumns}`);
    });
  }
  for (const [place, content] of Object.entries(part[1](text))) {
    for (const { places, expression, instead } of rules) {
      if (!places.includes(place)) continue;
      for (const match of content.matchAll(expression)) {
        const before = text.slice(0, match.index).split('\n');
        report(file, before.length, before.at(-1).length + 1, `"${match[0]}" → ${instead}`);
      }
    }
  }
}
process.exitCode = found > 0 ? 1 : 0;
