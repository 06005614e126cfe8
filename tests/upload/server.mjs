// SPDX-License-Identifier: MIT
// A stub of the parts of GitHub's REST interface that uploads use, and of a server that takes PUT.
// LOG; the file LOG.mode says what goes wrong: none, starter (the next upload ends in 502 and leaves an
// asset that is no more than begun), mangle (what is stored is not what was sent), unconfirmed.
// Prints its address.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';

const [log] = process.argv.slice(2);
const assets = [], files = new Map(), received = [];
let next = 1, failed = false;
const mode = () => fs.readFileSync(`${log}.mode`, 'utf8').trim();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
let base;

function json(answer, status, value) {
  answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

const describe = (asset) => ({ id: asset.id, name: asset.name, state: asset.state, size: asset.body.length, browser_download_url: `${base}/page/${asset.id}` });

function upload(answer, url, body) {
  const name = url.searchParams.get('name');
  if (assets.some((asset) => asset.name === name)) return json(answer, 422, { message: 'Validation Failed', errors: [{ code: 'already_exists' }] });
  const asset = { id: next++, name, state: 'uploaded', body };
  assets.push(asset);
  if (mode() === 'starter' && !failed) {
    failed = true;
    asset.state = 'starter';
    return json(answer, 502, { message: 'Server Error' });
  }
  if (mode() === 'mangle') asset.body = Buffer.concat([body, Buffer.from('x')]);
  return json(answer, 201, describe(asset));
}

function github(request, answer, url, body) {
  const path = url.pathname.replace('/api', '');
  if (request.headers.authorization !== 'Bearer good-token') return json(answer, 401, { message: 'Bad credentials' });
  if (path === '/repos/o/r/releases/tags/v1')
    return json(answer, 200, { upload_url: `${base}/api/repos/o/r/releases/1/assets{?name,label}`, assets: assets.map(describe) });
  if (path === '/repos/o/r/releases/1/assets' && request.method === 'POST') return upload(answer, url, body);
  const found = /^\/repos\/o\/r\/releases\/assets\/(\d+)$/.exec(path);
  const at = found ? assets.findIndex((asset) => asset.id === Number(found[1])) : -1;
  if (at < 0) return json(answer, 404, { message: 'Not Found' });
  if (request.method === 'DELETE') { assets.splice(at, 1); return answer.writeHead(204).end(); }
  return answer.writeHead(302, { Location: `${base}/page/${assets[at].id}` }).end();
}

// The audit endpoint of docs/bundle.md: a form with a record and a bundle; says what it received.
function audit(request, answer, body) {
  const boundary = /boundary=(.+)$/.exec(request.headers['content-type'])?.[1];
  const parts = body.toString('latin1').split(`--${boundary}`).slice(1, -1).map((part) => part.slice(2, -2).split('\r\n\r\n'));
  const content = (name) => { const part = parts.find(([head]) => head.includes(`name="${name}"`)); return Buffer.from(part.slice(1).join('\r\n\r\n'), 'latin1'); };
  const record = JSON.parse(content('record')), bundle = content('bundle');
  received.push({ record, sha256: sha256(bundle), token: request.headers.authorization ?? null });
  fs.writeFileSync(`${log}.received`, JSON.stringify(received));
  if (mode() === 'unconfirmed') return json(answer, 200, { received: true });
  return json(answer, 201, { sha256: sha256(bundle) });
}

function plain(request, answer, url, body) {
  if (request.method === 'PUT') {
    if (request.headers.authorization !== 'Bearer good-token') return answer.writeHead(403).end();
    if (request.headers['x-content-sha256'] !== sha256(body)) return answer.writeHead(400).end();
    files.set(url.pathname, mode() === 'mangle' ? body.subarray(1) : body);
    return answer.writeHead(201).end();
  }
  return files.has(url.pathname) ? answer.writeHead(200).end(files.get(url.pathname)) : answer.writeHead(404).end();
}

const server = http.createServer(async (request, answer) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks), url = new URL(request.url, base);
  fs.appendFileSync(log, `${request.method} ${request.url}\n`);
  if (url.pathname.startsWith('/api/')) return github(request, answer, url, body);
  if (url.pathname === '/audit') return audit(request, answer, body);
  const page = /^\/page\/(\d+)$/.exec(url.pathname);
  if (page) return answer.writeHead(200).end(assets.find((asset) => asset.id === Number(page[1])).body);
  return plain(request, answer, url, body);
});
server.listen(0, '127.0.0.1', () => { base = `http://127.0.0.1:${server.address().port}`; console.log(base); });
