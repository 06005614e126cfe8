// SPDX-License-Identifier: MIT
// Drives timeline pages in Chromium: MODULES, the folder with the pages, the folder for screenshots.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';

const [modules, work, shots] = process.argv.slice(2);
const { chromium } = await import(path.join(modules, 'playwright-core/index.mjs'));

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Whatever gets out arrives here.
let arrived = 0;
const server = http.createServer((_, answer) => { arrived++; answer.end('seen'); });
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const outside = `http://127.0.0.1:${server.address().port}/`;

const profile = fs.mkdtempSync(path.join(work, 'profile-'));
const context = await chromium.launchPersistentContext(profile, { executablePath: '/usr/bin/chromium', args: ARGS, viewport: { width: 1440, height: 1000 } });
let failed = 0;

// ---- Tools -------------------------------------------------------------------------------------

const read = (name) => fs.readFileSync(path.join(work, name), 'utf8');
const json = (name) => JSON.parse(read(`${name}.json`));

async function open(name, options = {}) {
  const page = await context.newPage();
  page.requests = [];
  page.problems = [];
  page.on('request', (request) => page.requests.push(request.url()));
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('dialog', (dialog) => { page.problems.push('a dialog'); dialog.dismiss(); });
  page.on('console', (message) => { if (message.type() === 'error') page.problems.push(message.text()); });
  await page.emulateMedia({ colorScheme: options.scheme ?? 'light' });
  await page.setViewportSize({ width: options.width ?? 1440, height: options.height ?? 1000 });
  await page.goto(`file://${work}/${name}`);
  await page.waitForFunction(() => document.documentElement.dataset.ready === 'yes', null, { timeout: 120000 });
  return page;
}

const text = (page, id) => page.locator(`#${id}`).innerText();
const badge = (page) => text(page, 'badge');
// In the page's own time, however slow the machine: behind its timers for typing, frames and the list.
const settle = (page) => page.evaluate(async () => {
  const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
  await sleep(200);
  await frame();
  await frame();
  await sleep(100);
});

async function compareWith(page, trusted) {
  await page.fill('#trusted', trusted);
  await page.click('#trust button');
  await page.waitForFunction(() => document.getElementById('trust-note').textContent !== '');
  return badge(page);
}

// The events that are marked, by seq.
async function changedSeqs(page) {
  await page.keyboard.press('0');
  await settle(page);
  return page.evaluate(() => [...document.querySelectorAll('tr.changed td.seq')].map((cell) => Number(cell.textContent)));
}

// A copy of a page whose data was changed by someone who knows the format.
function tamper(name, copy, change) {
  const html = read(name);
  const [, before, data, after] = /^([^]*id="data">)([^<]*)(<[^]*)$/.exec(html);
  const bytes = zlib.inflateRawSync(Buffer.from(data, 'base64'));
  const changed = change(bytes) ?? bytes;
  fs.writeFileSync(path.join(work, copy), `${before}${zlib.deflateRawSync(changed).toString('base64')}${after}`);
}

function replaceOnce(bytes, from, to) {
  const at = bytes.indexOf(from);
  assert.ok(at >= 0 && from.length === to.length);
  bytes.write(to, at);
}

async function test(name, run) {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
  for (const page of context.pages().slice(1)) await page.close();
}

// ---- Tests -------------------------------------------------------------------------------------

await test('100,000 events are painted, then checked, without a request', async () => {
  const page = await open('large.html');
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    drawn: performance.getEntriesByName('drawn')[0].startTime, now: performance.now(),
  }));
  console.log(`     first paint ${times.paint.toFixed(0)} ms, events drawn ${times.drawn.toFixed(0)} ms, all hashed ${times.now.toFixed(0)} ms`);
  assert.equal(await text(page, 'root-events'), json('large.html').root);
  assert.match(await badge(page), /Agrees with itself/);
  assert.match(await text(page, 'facts'), /100,000 events \(0 to 99999\)/);
  assert.equal(await page.title(), 'Checkout outage');
  assert.deepEqual(page.requests.filter((url) => !url.startsWith('file:')), []);
  assert.equal(page.requests.length, 1);
  assert.deepEqual(page.problems, []);
  await page.screenshot({ path: path.join(shots, 'timeline-light.png') });
});

await test('only what came another way makes it green', async () => {
  const page = await open('large.html');
  const note = read('large.checkpoint'), root = json('large.html').root;
  assert.match(await compareWith(page, root), /Verified/);
  assert.match(await compareWith(page, note), /Verified/);
  assert.match(await compareWith(page, read('large-keys/checkpoint.pub')), /Verified/);
  assert.match(await text(page, 'check-text'), /your key signed/);
  assert.match(await compareWith(page, read('small-keys/checkpoint.pub')), /Verified/);
  assert.match(await text(page, 'trust-note'), /Not trusted/);
  assert.match(await compareWith(page, 'no root'), /Verified/);
  assert.match(await text(page, 'trust-note'), /neither/);
  assert.match(await compareWith(page, read('small.checkpoint')), /Verified/);
  assert.match(await text(page, 'trust-note'), /tree of 60 entries/);
  assert.match(await compareWith(page, root.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))), /Changed/);
  assert.equal(await page.locator('#alarm').isVisible(), true);
  assert.match(await compareWith(page, root), /Verified/);
  assert.equal(await page.locator('#alarm').isVisible(), false);
});

await test('the hash of an event is that of its canonical encoding', async () => {
  const page = await open('small.html');
  await page.fill('#search', '#17');
  await settle(page);
  await page.click('#rows tr');
  const hash = createHash('sha256').update(Buffer.from([0])).update(fs.readFileSync(path.join(work, 'small.entry17'))).digest('hex');
  assert.equal(await text(page, 'leaf'), hash);
  await page.fill('#search', hash.slice(0, 12));
  await settle(page);
  assert.equal(await page.locator('#rows tr').count(), 1);
});

await test('a window in the middle leads to the root of the whole ledger', async () => {
  const page = await open('middle.html');
  const report = json('middle.html');
  assert.ok(report.first_seq > 0 && report.next_seq < report.tree_size);
  assert.equal(await text(page, 'root-events'), json('large.html').root);
  assert.match(await compareWith(page, read('large.checkpoint')), /Verified/);
});

await test('a changed event is red, and the only one', async () => {
  tamper('small.html', 'tampered.html', (bytes) => replaceOnce(bytes, '\n17\n', '\n71\n'));
  const page = await open('tampered.html');
  assert.match(await badge(page), /Changed/);
  assert.match(await text(page, 'alarm'), /CHANGED/);
  assert.notEqual(await text(page, 'root-events'), await text(page, 'root-page'));
  assert.deepEqual(await changedSeqs(page), [17]);
  await page.keyboard.press('c');
  assert.equal(await text(page, 'detail-title'), 'Event 17');
  assert.match(await text(page, 'detail-body'), /not the one that was recorded/);
  assert.match(await compareWith(page, json('small.html').root), /Changed/);
  await page.screenshot({ path: path.join(shots, 'timeline-tampered.png') });
});

await test('in a large page the group with the changed event is red', async () => {
  tamper('large.html', 'tampered-large.html', (bytes) => replaceOnce(bytes, 'upstream timed out', 'upstream timed OUT'));
  const page = await open('tampered-large.html');
  const first = await page.evaluate(() => document.getElementById('alarm').textContent);
  const [, count] = /(\d+) events are marked/.exec(first);
  assert.ok(Number(count) > 0 && Number(count) <= 32, first);
  await page.screenshot({ path: path.join(shots, 'timeline-tampered-large.png') });
});

await test('a page forged with its hashes differs from the true root', async () => {
  const page = await open('forged.html');
  assert.match(await badge(page), /Agrees with itself/);
  assert.match(await compareWith(page, json('small.html').root), /Changed/);
  assert.match(await text(page, 'alarm'), /all are suspect/);
  assert.equal((await changedSeqs(page)).length, 60);
});

await test('events that are missing, doubled or moved are found', async () => {
  tamper('small.html', 'damaged-kind.html', (bytes) => { bytes[bytes.indexOf(Buffer.from([0x21, 0x21, 0x21, 0x21]))] = 0x41; });
  assert.match(await badge(await open('damaged-kind.html')), /Changed/);
  tamper('small.html', 'damaged-end.html', (bytes) => bytes.subarray(0, bytes.length - 5));
  tamper('small.html', 'damaged-more.html', (bytes) => Buffer.concat([bytes, Buffer.from([0])]));
  tamper('small.html', 'damaged-flag.html', (bytes) => { bytes[10 + 24 + 32 + 16] = 0; });
  tamper('small.html', 'damaged-seq.html', (bytes) => { bytes[10 + 15] = 59; });
  for (const name of ['end', 'more', 'flag', 'seq']) {
    const page = await open(`damaged-${name}.html`);
    assert.match(await badge(page), /Unreadable/, name);
    assert.match(await text(page, 'alarm'), /UNREADABLE/, name);
    assert.equal(await page.locator('#rows tr').count(), 0);
  }
});

await test('damaged base64 and damaged compression show nothing', async () => {
  const html = read('small.html');
  const start = html.indexOf('id="data">') + 10;
  for (const [name, copy] of [['cut', html.slice(0, start + 40) + html.slice(start + 44)], ['sign', `${html.slice(0, start + 9)}!${html.slice(start + 10)}`]]) {
    fs.writeFileSync(path.join(work, `broken-${name}.html`), copy);
    assert.match(await badge(await open(`broken-${name}.html`)), /Unreadable|Changed/);
  }
});

await test('hostile bytes are shown and do nothing', async () => {
  const page = await open('hostile.html');
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll('script').length), 2);
  assert.equal(await page.evaluate(() => document.querySelectorAll('img, svg, iframe, base, object, embed').length), 0);
  assert.equal(await text(page, 'title'), '</title><script>window.pwned=7</script>');
  assert.match(await text(page, 'incident'), /^\\u\{202e\}<img/);
  const all = await text(page, 'rows');
  for (const shown of ['</script><script>window.pwned=1</script>', '<img src=x onerror="window.pwned=2">', '\\u{202e}', '\\u{2066}', '\\x1b[31m', '\\x07', '\\x00',
    '\\xff\\xfe \\xc0\\x80 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 end', '\\u{200b}', '\\u{feff}', '\\u{2028}', '\\u{e0001}', '\\xff\\u{202e}evil'])
    assert.ok(all.includes(shown), `${shown} is not shown`);
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /[\u0000-\u0008\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
  for (let i = 0; i < 26; i++) {
    await page.keyboard.press('n');
    for (const button of await page.locator('.body-tools button').all()) await button.click();
  }
  assert.match(await compareWith(page, read('hostile.checkpoint')), /Verified/);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(page.problems, []);
  assert.equal(page.requests.length, 1);
  await page.screenshot({ path: path.join(shots, 'timeline-hostile.png') });
});

await test('the policy blocks what is put into the page', async () => {
  const html = read('small.html').replace('<body>', `<body onload="window.pwned=1"><script>window.pwned=2</script><script src="${outside}x.js"></script>
    <img src="${outside}x.png" onerror="window.pwned=3"><style>body{background:url(${outside}y.png)}</style><iframe src="${outside}"></iframe>
    <link rel="stylesheet" href="${outside}z.css"><form action="${outside}" id="out"></form><object data="${outside}"></object>`);
  fs.writeFileSync(path.join(work, 'injected.html'), html);
  const page = await open('injected.html');
  const tried = await page.evaluate(async (address) => {
    const results = {};
    const blocked = [];
    document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.pwned = 4';
    document.body.append(script);
    results.fetch = await fetch(address).then(() => 'sent', () => 'refused');
    results.beacon = await new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.onload = () => resolve('sent');
      request.onerror = () => resolve('refused');
      request.open('GET', address);
      request.send();
    });
    try { new WebSocket(address.replace('http', 'ws')); } catch { /* refused */ }
    try { results.eval = (0, eval)('1'); } catch { results.eval = 'refused'; }
    new Image().src = address;
    document.getElementById('out').submit();
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    return { ...results, blocked, pwned: window.pwned };
  }, outside);
  assert.equal(tried.pwned, undefined);
  assert.equal(tried.fetch, 'refused');
  assert.equal(tried.beacon, 'refused');
  assert.equal(tried.eval, 'refused');
  for (const directive of ['script-src-elem', 'connect-src', 'img-src']) assert.ok(tried.blocked.includes(directive), `${directive} is not in ${tried.blocked}`);
  assert.match(await badge(page), /Agrees with itself/);
  assert.equal(arrived, 0);
});

await test('keys do what the help says', async () => {
  const page = await open('large.html');
  const range = () => text(page, 'range-text');
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); await settle(page); };
  const whole = await range();
  await press('+', '+');
  const zoomed = await range();
  assert.notEqual(zoomed, whole);
  await press('ArrowRight');
  const moved = await range();
  assert.notEqual(moved, zoomed);
  await press('ArrowLeft', 'Home');
  assert.notEqual(await range(), moved);
  await press('End', '-', '0');
  assert.equal(await range(), whole);
  await press('n');
  const event = await text(page, 'detail-title');
  assert.match(event, /^Event \d+$/);
  await press('n');
  assert.notEqual(await text(page, 'detail-title'), event);
  await press('p');
  assert.equal(await text(page, 'detail-title'), event);
  await press('?');
  assert.equal(await page.locator('#help').isVisible(), true);
  await page.screenshot({ path: path.join(shots, 'timeline-help.png') });
  await press('Escape');
  assert.equal(await page.locator('#help').isVisible(), false);
  await press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
  await page.keyboard.type('timed out');
  await settle(page);
  assert.match(await text(page, 'match-text'), /match/);
  await press('Escape', 'Escape', 't');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await press('v');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'trusted');
  await press('Escape', 's');
  assert.equal(await page.evaluate(() => document.getElementById('sources').open), true);
  await press('Escape');
  assert.equal(await page.evaluate(() => document.getElementById('sources').open), false);
  await press('l');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'scroll');
});

await test('filters and search count what is there', async () => {
  const page = await open('large.html');
  const lines = read('large.jsonl').trimEnd().split('\n').map((line) => JSON.parse(line));
  const matching = async () => Number(/([\d,]+) match/.exec(await text(page, 'match-text'))[1].replaceAll(',', ''));
  await page.keyboard.press('3');
  await settle(page);
  assert.equal(await matching(), lines.filter((line) => line.level !== 'INFO').length);
  assert.equal(await page.locator('#levels button').nth(2).getAttribute('aria-pressed'), 'false');
  await page.click('#sources summary');
  await page.locator('#sources-list label', { hasText: 'payments' }).click();
  await settle(page);
  assert.equal(await matching(), lines.filter((line) => line.level !== 'INFO' && line.source !== 'payments').length);
  await page.screenshot({ path: path.join(shots, 'timeline-filtered.png') });
  await page.click('#reset');
  await page.fill('#search', '/V1/orders/12');
  await settle(page);
  assert.equal(await matching(), lines.filter((line) => JSON.stringify(line).includes('/v1/orders/12')).length);
  await page.fill('#search', 'nothing has this');
  await settle(page);
  assert.equal(await matching(), 0);
  assert.equal(await page.locator('#empty').isVisible(), true);
});

await test('mouse: wheel, drag, overview, click', async () => {
  const page = await open('large.html');
  const range = () => text(page, 'range-text');
  const box = await page.locator('#plot').boundingBox(), over = await page.locator('#overview').boundingBox();
  const whole = await range();
  await page.mouse.move(box.x + 700, box.y + 60);
  for (let i = 0; i < 14; i++) await page.mouse.wheel(0, -300);
  await settle(page);
  const near = await range();
  assert.notEqual(near, whole);
  await page.mouse.down();
  await page.mouse.move(box.x + 500, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await settle(page);
  assert.notEqual(await range(), near);
  await page.screenshot({ path: path.join(shots, 'timeline-zoomed.png') });
  await page.mouse.move(over.x + 300, over.y + 20);
  await page.mouse.down();
  await page.mouse.move(over.x + 320, over.y + 20, { steps: 5 });
  await page.mouse.up();
  await settle(page);
  assert.notEqual(await range(), near);
  await page.locator('#rows tr').nth(3).click();
  assert.match(await text(page, 'detail-title'), /^Event \d+$/);
});

await test('a selection says so, and counts everything', async () => {
  const page = await open('selection.html');
  assert.match(await text(page, 'selection'), /SELECTION: 20,\d+ of 100,000|SELECTION: 20,000 of 100,000/);
  assert.match(await badge(page), /Not checked/);
  const errors = read('large.jsonl').split('\n').filter((line) => line.includes('"ERROR"')).length;
  assert.equal((await page.locator('#levels button').nth(4).innerText()).replace(/\D/g, ''), String(errors));
  assert.match(await text(page, 'match-text'), /20,\d\d\d in view/);
  const [row] = await page.locator('#rows tr').all();
  assert.match(await row.locator('td.hash').innerText(), /^[0-9a-f]{10}$/);
  await page.screenshot({ path: path.join(shots, 'timeline-selection.png') });
});

await test('an empty window is no trouble', async () => {
  const page = await open('empty.html');
  assert.match(await badge(page), /Agrees with itself/);
  assert.deepEqual(page.problems, []);
});

await test('every size and both themes fit, and everything has a name', async () => {
  for (const scheme of ['light', 'dark']) {
    for (const width of [360, 768, 1024, 1440, 2200]) {
      const page = await open('small.html', { width, height: 900, scheme });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide at ${width}`);
      const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, textarea, summary, canvas')]
        .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length)).map((node) => node.outerHTML));
      assert.deepEqual(nameless, []);
      if (width !== 1024) await page.screenshot({ path: path.join(shots, `timeline-${width}-${scheme}.png`), fullPage: true });
      await page.close();
    }
  }
});

await test('text has enough contrast in both themes', async () => {
  const page = await open('small.html');
  for (let i = 0; i < 2; i++) {
    const low = await page.evaluate(() => {
      const parse = (color) => color.match(/[\d.]+/g).map(Number);
      const light = (color) => parse(color).slice(0, 3).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
      const ground = (node) => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] === 1) return getComputedStyle(node).backgroundColor; } return 'rgb(255,255,255)'; };
      const found = [];
      for (const node of document.querySelectorAll('h1, h2, p, dt, dd, th, td.time, button, code, label, footer')) {
        if (!node.checkVisibility() || node.disabled) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) found.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
      }
      return [...new Set(found)];
    });
    assert.deepEqual(low, []);
    await page.keyboard.press('t');
    await settle(page);
  }
});

await context.close();
server.close();
assert.equal(arrived, 0);
console.log(failed === 0 ? 'timeline in the browser: good' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
