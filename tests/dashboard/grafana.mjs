// SPDX-License-Identifier: MIT
// Checks a dashboard against Grafana's own published types (@grafana/schema, made a JSON Schema), its
// PromQL with Prometheus' own grammar, and that broken dashboards are found.  MODULES FOLDER
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, folder] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'x.js'));
const load = (name) => import(pathToFileURL(path.join(modules, name)));
const { createGenerator } = await load('ts-json-schema-generator/dist/index.js');
const { parser } = await load('@prometheus-io/lezer-promql/dist/index.es.js');
const Ajv = require('ajv').default;
const raw = path.join(modules, '@grafana/schema/dist/types/raw');
const read = (file) => JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
let failed = 0;
const fail = (text) => { failed++; console.log(`FAIL ${text}`); };

// Extra members are errors: the generator writes additionalProperties: false.
function validator(file, type) {
  const schema = createGenerator({ path: path.join(raw, file), type, skipTypeCheck: true, topRef: true, additionalProperties: false }).createSchema(type);
  return new Ajv({ strict: false, allErrors: true }).compile(schema);
}
const isDashboard = validator('dashboard/x/types.gen.d.ts', 'Dashboard');
const options = Object.fromEntries(['stat', 'timeseries', 'logs'].map((type) =>
  [type, validator(`composable/${type}/panelcfg/x/types.gen.d.ts`, 'Options')]));

// Grafana's type of annotations leaves out what a data source adds ("TODO: this should be a regular
// DataQuery", it says): these two are Prometheus' own.
function problems(dashboard) {
  const copy = structuredClone(dashboard);
  for (const annotation of copy.annotations?.list ?? []) {
    if (typeof annotation.expr !== 'string' || typeof annotation.titleFormat !== 'string') return ['annotation'];
    delete annotation.expr;
    delete annotation.titleFormat;
  }
  const found = isDashboard(copy) ? [] : isDashboard.errors.map((e) => `${e.instancePath} ${e.message}`);
  for (const panel of copy.panels ?? [])
    if (!options[panel.type]?.(panel.options)) found.push(`panel ${panel.id}: ${JSON.stringify(options[panel.type]?.errors)}`);
  return found;
}

const dashboard = read('grafana/postproof.json');
const invariants = read('dashboards.json').invariants;
for (const problem of problems(dashboard)) fail(problem);

// What a file provisioner does not fill in, and what it refuses.
if (JSON.stringify(dashboard).includes('__inputs')) fail('there are __inputs');
for (const variable of dashboard.templating.list)
  if (!variable.current.text || !variable.current.value) fail(`variable ${variable.name} has no current value`);
const ids = dashboard.panels.map((panel) => panel.id);
if (new Set(ids).size !== ids.length) fail('two panels have one id');
for (const panel of dashboard.panels) {
  if (!['${datasource}', '${logs}'].includes(panel.datasource.uid)) fail(`panel ${panel.id} has a data source of its own`);
  const { x, y, w, h } = panel.gridPos;
  if (x + w > 24) fail(`panel ${panel.id} is too wide`);
  for (const other of dashboard.panels)
    if (other !== panel && x < other.gridPos.x + other.gridPos.w && other.gridPos.x < x + w && y < other.gridPos.y + other.gridPos.h && other.gridPos.y < y + h)
      fail(`panels ${panel.id} and ${other.id} overlap`);
}

// Each invariant: a state, its metrics, a log panel, theorem and hashes.
const of = (invariant) => dashboard.panels.filter((panel) => panel.title === invariant.name || panel.description?.includes(invariant.holds));
for (const invariant of invariants) {
  const types = of(invariant).map((panel) => panel.type);
  const at = dashboard.panels.findIndex((panel) => panel.title === invariant.name);
  if (!types.includes('stat') || !types.includes('timeseries') || dashboard.panels[at + 2].type !== 'logs') fail(`${invariant.name} lacks a panel`);
  for (const word of [invariant.theorem, `line ${invariant.specification_line}`, invariant.specification_sha256, invariant.proof_sha256])
    if (!dashboard.panels[at].description.includes(word)) fail(`${invariant.name}: no ${word}`);
}

// Prometheus' grammar, as its web page has it.
function syntaxErrors(expression) {
  let errors = 0;
  parser.parse(expression).iterate({ enter: (node) => { if (node.type.isError) errors++; } });
  return errors;
}
const rules = read('prometheus/rules.json').groups.flatMap((group) => group.rules);
const grafanaRules = read('provisioning/alerting/postproof.yaml').groups.flatMap((group) => group.rules);
const expressions = [
  ...rules.map((rule) => rule.expr),
  ...grafanaRules.map((rule) => rule.data[0].model.expr),
  ...dashboard.annotations.list.map((annotation) => annotation.expr),
  ...dashboard.panels.flatMap((panel) => panel.targets).filter((target) => target.datasource.type === 'prometheus').map((target) => target.expr),
];
for (const expression of expressions) if (syntaxErrors(expression)) fail(`PromQL: ${expression}`);
for (const broken of ['up unless', '(up', 'up == == 1', 'increase(x[5q])'])
  if (!syntaxErrors(broken)) fail(`the grammar takes ${broken}`);
if (grafanaRules.length !== rules.length || grafanaRules.some((rule) => rule.uid.length > 40)) fail('rules of Grafana');

// A member of another type, or one too many, is found wherever it is.
let mutants = 0, survived = [];
function* broken(value, where) {
  if (value === null || typeof value !== 'object') return;
  for (const key of Object.keys(value)) {
    const kept = value[key], place = `${where}/${key}`;
    value[key] = typeof kept === 'object' ? 'text' : { unexpected: 1 };
    yield place;
    value[key] = kept;
    yield* broken(kept, place);
  }
  if (!Array.isArray(value)) {
    value.unexpected = 1;
    yield `${where}/unexpected`;
    delete value.unexpected;
  }
}
const small = { ...structuredClone(dashboard), panels: structuredClone(dashboard.panels.slice(0, 4)) };
for (const place of broken(small, '')) {
  mutants++;
  if (problems(small).length === 0) survived.push(place);
}
const killed = (mutants - survived.length) / mutants;
// What the types leave open: queries belong to data sources, values of variables are anything.
if (mutants < 200 || killed < 0.75) fail(`${mutants} broken dashboards, ${survived.length} not found: ${survived.join(' ')}`);
const closed = survived.filter((place) => !/\/targets\/|\/fieldConfig\/defaults\/custom|\/templating\/list\/\d+\/(query|current)|\/mappings\/|\/unexpected$/.test(place));
if (closed.length > 0) fail(`not found: ${closed.join(' ')}`);
console.log(`dashboard: ${dashboard.panels.length} panels, ${expressions.length} expressions, ${mutants} broken dashboards, ${survived.length} of them within what the types leave open, ${failed} failures`);
process.exit(failed === 0 ? 0 : 1);
