// Hashes of the events and of the tree, by WebCrypto: docs/format/timeline.md section 5,
// docs/format/ledger.md sections 3 and 4.

const HASH_BATCH = 2048;

async function sha256(bytes) { return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)); }

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

// 0x00 and the canonical encoding of event i, in scratch.
function leafInput(timeline, i, scratch, view) {
  const { events } = timeline;
  const source = events.names[events.source[i]], body = bodyOf(timeline, i);
  scratch[0] = 0;
  scratch[1] = 1;
  scratch[2] = events.kind[i];
  view.setBigUint64(3, BigInt(events.seq[i]));
  view.setBigUint64(11, events.time[i]);
  scratch[19] = events.level[i];
  scratch[20] = source.length;
  scratch.set(source, 21);
  view.setUint32(21 + source.length, body.length);
  scratch.set(body, 25 + source.length);
  return scratch.subarray(0, 25 + source.length + body.length);
}

// out[i] = SHA-256 of input(i), many at once.  digest() copies its input before it returns.
async function hashMany(count, input, out, progress) {
  for (let start = 0; start < count; start += HASH_BATCH) {
    const end = Math.min(count, start + HASH_BATCH);
    const batch = [];
    for (let i = start; i < end; i++) batch.push(crypto.subtle.digest('SHA-256', input(i)));
    (await Promise.all(batch)).forEach((hash, i) => out.set(new Uint8Array(hash), (start + i) * DIGEST));
    progress(end - start);
  }
}

async function hashLeaves(timeline, progress) {
  const scratch = new Uint8Array(1 + 65535 + 512), view = new DataView(scratch.buffer);
  const leaves = new Uint8Array(timeline.events.count * DIGEST);
  await hashMany(timeline.events.count, (i) => leafInput(timeline, i, scratch, view), leaves, progress);
  return leaves;
}

// All complete subtrees inside [first, next): levels[h] has those of height h from number `from` on.
async function hashLevels(leaves, first, next, progress) {
  const levels = [{ from: first, to: next, hashes: leaves }];
  const scratch = new Uint8Array(1 + 2 * DIGEST);
  for (;;) {
    const below = levels[levels.length - 1];
    const from = Math.ceil(below.from / 2), to = Math.floor(below.to / 2);
    if (to <= from) return levels;
    const hashes = new Uint8Array((to - from) * DIGEST);
    const pair = (i) => {
      const at = (2 * (from + i) - below.from) * DIGEST;
      scratch[0] = 1;
      scratch.set(below.hashes.subarray(at, at + 2 * DIGEST), 1);
      return scratch;
    };
    await hashMany(to - from, pair, hashes, progress);
    levels.push({ from, to, hashes });
  }
}

// The length of the largest complete subtree that starts at `at`, ends at `end` or before and has at
// most max leaves.
function subtreeLength(at, end, max = Infinity) {
  let length = 1;
  while (2 * length <= end - at && at % (2 * length) === 0 && 2 * length <= max) length *= 2;
  return length;
}

function cutRange(at, end, max) {
  const parts = [];
  while (at < end) {
    const length = subtreeLength(at, end, max);
    parts.push({ start: at, length });
    at += length;
  }
  return parts;
}

// The root of the leaves [start, end), from the subtrees that are known.
async function rootOf(start, end, known) {
  const hash = known(start, end - start);
  if (hash) return hash;
  if (end - start <= 1) throw new Error('a hash is missing');
  let half = 1;
  while (2 * half < end - start) half *= 2;
  const joined = new Uint8Array(1 + 2 * DIGEST);
  joined[0] = 1;
  joined.set(await rootOf(start, start + half, known), 1);
  joined.set(await rootOf(start + half, end, known), 1 + DIGEST);
  return sha256(joined);
}

function fromLevels(levels, start, length) {
  const height = Math.log2(length);
  const level = Number.isInteger(height) ? levels[height] : undefined;
  const number = start / length;
  if (!level || !Number.isInteger(number) || number < level.from || number >= level.to) return undefined;
  return level.hashes.subarray((number - level.from) * DIGEST, (number - level.from + 1) * DIGEST);
}

// The hashes that the page brings, each with its place.
function placeHashes(timeline) {
  const { frame, tree } = timeline;
  if (tree.height > 20) throw new Error('the groups are too large');
  const groups = cutRange(frame.first, frame.next, 2 ** tree.height);
  const parts = [...cutRange(0, frame.first), ...groups, ...cutRange(frame.next, frame.size)];
  if (tree.hashes.length !== parts.length * DIGEST) throw new Error('hashes of the tree are missing');
  const outside = new Map(), recorded = new Map();
  parts.forEach((part, i) => {
    const inside = part.start >= frame.first && part.start < frame.next;
    (inside ? recorded : outside).set(`${part.start}+${part.length}`, tree.hashes.subarray(i * DIGEST, (i + 1) * DIGEST));
  });
  return { groups, outside, recorded };
}

// {leaves, root, recordedRoot, groups: [{start, length, differs}]}
async function checkTimeline(timeline, progress) {
  const { frame } = timeline;
  const { groups, outside, recorded } = placeHashes(timeline);
  const leaves = await hashLeaves(timeline, progress);
  const levels = await hashLevels(leaves, frame.first, frame.next, progress);
  const key = (start, length) => `${start}+${length}`;
  for (const group of groups)
    group.differs = !sameBytes(fromLevels(levels, group.start, group.length), recorded.get(key(group.start, group.length)));
  if (frame.size === 0) {
    const empty = await sha256(new Uint8Array(0));
    return { leaves, groups, root: empty, recordedRoot: empty };
  }
  const root = await rootOf(0, frame.size, (start, length) => outside.get(key(start, length)) ?? fromLevels(levels, start, length));
  const recordedRoot = await rootOf(0, frame.size, (start, length) => outside.get(key(start, length)) ?? recorded.get(key(start, length)));
  return { leaves, groups, root, recordedRoot };
}

// ---- What a person brings ----------------------------------------------------------------------

function decodeRoot(text) {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return fromBase64(text);
  return null;
}

// A C2SP checkpoint: {origin, size, root, signed, signatures: [{name, bytes}]}, or null.
function parseCheckpoint(text) {
  const [body, tail] = text.replace(/\r\n/g, '\n').split('\n\n');
  const lines = body.split('\n');
  const root = lines.length >= 3 ? decodeRoot(lines[2]) : null;
  if (!root || !/^(0|[1-9][0-9]*)$/.test(lines[1])) return null;
  const signatures = [];
  for (const line of (tail ?? '').split('\n')) {
    const match = /^\u2014 (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line);
    if (match) signatures.push({ name: match[1], bytes: fromBase64(match[2]) });
  }
  return { origin: lines[0], size: Number(lines[1]), root, signed: new TextEncoder().encode(`${body}\n`), signatures };
}

// Whether the key (a line of checkpoint.pub) signed the checkpoint; a sentence that says why not.
async function checkSignature(keyText, checkpoint) {
  const [, name, idText, keyBase64] = /^(\S+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(keyText);
  const key = fromBase64(keyBase64);
  if (key.length !== 33 || key[0] !== 1) return 'that is no Ed25519 key of a checkpoint';
  const id = (await sha256(new Uint8Array([...new TextEncoder().encode(`${name}\n`), ...key]))).subarray(0, 4);
  if (toHex(id) !== idText) return 'the key does not have the identifier that stands before it';
  const signature = checkpoint.signatures.find((s) => s.name === name && sameBytes(s.bytes.subarray(0, 4), id));
  if (!signature) return 'the checkpoint in this page bears no signature of that key';
  const imported = await crypto.subtle.importKey('raw', key.subarray(1), 'Ed25519', false, ['verify']);
  const good = await crypto.subtle.verify('Ed25519', imported, signature.bytes.subarray(4), checkpoint.signed);
  return good ? '' : 'the signature of the checkpoint in this page is wrong';
}

// {root, what} to trust, or {error}.
async function readTrusted(text, timeline) {
  const trimmed = text.trim();
  const root = decodeRoot(trimmed);
  if (root) return { root, what: 'the root that you gave' };
  if (/^\S+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/.test(trimmed)) {
    const checkpoint = parseCheckpoint(new TextDecoder().decode(timeline.frame.checkpoint));
    if (!checkpoint) return { error: 'This page holds no checkpoint that the key could have signed.' };
    const wrong = await checkSignature(trimmed, checkpoint);
    if (wrong) return { error: `Not trusted: ${wrong}.` };
    return fromCheckpoint(checkpoint, timeline, 'the checkpoint that your key signed');
  }
  const checkpoint = parseCheckpoint(trimmed);
  if (checkpoint) return fromCheckpoint(checkpoint, timeline, 'the checkpoint that you gave');
  return { error: 'That is neither 64 hex digits, nor a checkpoint, nor a line of checkpoint.pub.' };
}

function fromCheckpoint(checkpoint, timeline, what) {
  if (checkpoint.size !== timeline.frame.size)
    return { error: `That checkpoint is of a tree of ${checkpoint.size} entries; this page needs the one of ${timeline.frame.size}.` };
  return { root: checkpoint.root, what };
}
