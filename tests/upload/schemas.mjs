// SPDX-License-Identifier: MIT
// Validates every JSON of an unpacked bundle against schemas/ with ajv, strictly; then breaks each in
// many ways, which must all be found.  MODULES SCHEMAS EVIDENCE RECORD
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [modules, schemas, evidence, record] = process.argv.slice(2);
const Ajv = createRequire(path.join(modules, 'x.js'))('ajv/dist/2020').default;
const read = (file) => fs.readFileSync(file, 'utf8');
let failed = 0, checked = 0, broken = 0;

function validator(name) {
  const schema = JSON.parse(read(path.join(schemas, `${name}.schema.json`)));
  return new Ajv({ strict: true, allErrors: true, unicodeRegExp: true, strictTypes: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
}

function check(name, value, where) {
  const validate = validators[name] ??= validator(name);
  checked++;
  if (validate(value)) return true;
  failed++;
  console.log(`FAIL ${where}: ${JSON.stringify(validate.errors.slice(0, 3))}`);
  return false;
}
const validators = {};

// Every member taken away, and one added to every object.
function* mutants(value, root = value) {
  if (value === null || typeof value !== 'object') return;
  for (const key of Object.keys(value)) {
    const kept = value[key];
    if (!Array.isArray(value)) {
      delete value[key];
      yield [root, `without ${key}`];
      value[key] = kept;
    }
    value[key] = { unexpected: 1 };
    yield [root, `${key} of another type`];
    value[key] = kept;
    yield* mutants(kept, root);
  }
  if (!Array.isArray(value)) {
    value.unexpected = 1;
    yield [root, 'with an unexpected member'];
    delete value.unexpected;
  }
}

function breakIt(name, value, optional) {
  for (const [mutant, what] of mutants(value)) {
    broken++;
    if (!validators[name](mutant) || optional.test(what)) continue;
    failed++;
    console.log(`FAIL ${name}: ${what} is not found`);
  }
}

const OPTIONAL = {
  timeline: /^without (message_base64|source_base64|leaf_sha256)$/,
  'assessment-results': /^without (remarks|end|title|props|types|relevant-evidence|href|ns|description|observations|findings|related-observations|rlinks)$/,
  audit: /^without (seals|blobs|proofs|specifications|views|dashboards|ssh-signature|timestamp|witnesses|tags|coq)$/,
};

const files = [
  ['window', 'data/window.json'], ['environment', 'data/environment.json'], ['sigstore', 'evidence.sigstore.json'],
  ['assessment-results', 'data/oscal/assessment-results.json'], ['proofs', 'data/spec/proofs/manifest.json'], ['dashboards', 'data/dashboards/dashboards.json'],
];
const lines = [['otlp', 'data/entries/otlp.jsonl'], ['timeline', 'data/timeline.jsonl']];

for (const [name, file] of files) {
  const value = JSON.parse(read(path.join(evidence, file)));
  if (check(name, value, file) && name !== 'proofs') breakIt(name, value, OPTIONAL[name] ?? /^$/);
}
for (const [name, file] of lines) {
  const all = read(path.join(evidence, file)).trimEnd().split('\n').map((line) => JSON.parse(line));
  all.forEach((value, i) => check(name, value, `${file}:${i + 1}`));
  for (const value of all.slice(0, 3).concat(all.slice(-3))) breakIt(name, value, OPTIONAL[name] ?? /^$/);
}
const sent = JSON.parse(read(record)).record;
if (check('audit', sent, 'the audit record')) breakIt('audit', sent, OPTIONAL.audit);

// No JSON of the bundle is without a schema.
const known = new Set([...files, ...lines].map(([, file]) => file));
for (const entry of fs.readdirSync(evidence, { recursive: true }))
  if (/\.jsonl?$/.test(entry) && !known.has(entry) && !/^data\/dashboards\/(prometheus|grafana)\//.test(entry)) { failed++; console.log(`FAIL no schema for ${entry}`); }
console.log(`schemas: ${checked} values valid, ${broken} broken ones found, ${failed} failures`);
process.exit(failed === 0 ? 0 : 1);
