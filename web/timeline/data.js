'use strict';
// The data inside the page: docs/format/timeline.md sections 2 to 6.  Everything is checked; what
// breaks a rule of the format throws, and then nothing is shown.

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const KINDS = ['', 'data', 'reference', 'notice'];
const KIND_REFERENCE = 2;
const DIGEST = 32;

class Reader {
  constructor(bytes, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }
  need(n) {
    if (!(n <= this.end - this.at)) throw new Error('the data ends too early');
    this.at += n;
    return this.at - n;
  }
  u8() { return this.bytes[this.need(1)]; }
  u16() { return this.view.getUint16(this.need(2)); }
  u32() { return this.view.getUint32(this.need(4)); }
  big() { return this.view.getBigUint64(this.need(8)); }
  take(n) { const at = this.need(n); return this.bytes.subarray(at, at + n); }
  // A number that a double holds exactly.
  u64() {
    const value = this.big();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('a number is too large for a browser');
    return Number(value);
  }
  varint() {
    let value = 0, scale = 1;
    for (let i = 0; i < 7; i++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return this.longVarint(value, scale);
  }
  // Beyond 49 bits: a BigInt.
  longVarint(low, scale) {
    let value = BigInt(low), factor = BigInt(scale);
    for (let i = 7; i < 10; i++, factor *= 128n) {
      const byte = this.u8();
      value += BigInt(byte & 127) * factor;
      if (byte < 128 && value < 1n << 64n) return value;
    }
    throw new Error('a number has more than 64 bits');
  }
}

function readWindow(reader) {
  const w = { first: reader.u64(), next: reader.u64(), size: reader.u64(), root: reader.take(DIGEST) };
  w.fromNs = reader.big();
  w.untilNs = reader.big();
  const flags = reader.u8();
  w.complete = flags === 1;
  for (const text of ['origin', 'title', 'incident', 'checkpoint']) w[text] = reader.take(reader.u16());
  if (flags > 1 || w.first > w.next || w.next > w.size || reader.at !== reader.end)
    throw new Error('the description of the window is wrong');
  return w;
}

// Columns for n entries; the sources stay where they are in the data.
function newEvents(n) {
  return {
    count: n, seq: new Float64Array(n), time: new BigUint64Array(n), level: new Uint8Array(n),
    kind: new Uint8Array(n), source: new Uint32Array(n), body: new Uint32Array(n),
    bodyLength: new Uint32Array(n), names: [], nameNumbers: new Map(),
  };
}

function nameNumber(events, bytes) {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  let number = events.nameNumbers.get(key);
  if (number === undefined) {
    number = events.names.length;
    events.nameNumbers.set(key, number);
    events.names.push(bytes);
  }
  return number;
}

// The bodies, one behind the other.  Copied byte by byte: most pieces are too short for anything else.
class Bodies {
  constructor(room) {
    this.bytes = new Uint8Array(room);
    this.length = 0;
    this.second = -1n;
    this.timeText = new Uint8Array(32);
  }
  // Room for one body and what may be added to it before its length is checked.
  reserve() {
    if (this.length + 2 * BODY_MAX <= this.bytes.length) return;
    const larger = new Uint8Array(2 * this.bytes.length + 4 * BODY_MAX);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
  // Bytes from the column up to the first that is not wanted; their number.
  copy(column, from, to) {
    const { bytes } = this, source = column.bytes, { end } = column;
    const last = Math.min(end, column.at + BODY_MAX);
    let at = column.at, length = this.length;
    while (at < last && source[at] >= from && source[at] <= to) bytes[length++] = source[at++];
    const count = at - column.at;
    column.at = at;
    this.length = length;
    return count;
  }
  addHex(column) {
    const count = column.u8(), start = column.need(count);
    if (count < 8) throw new Error('a run of hex digits is too short');
    for (let at = start; at < start + count; at++) {
      this.bytes[this.length++] = HEX_DIGITS.charCodeAt(column.bytes[at] >> 4);
      this.bytes[this.length++] = HEX_DIGITS.charCodeAt(column.bytes[at] & 15);
    }
  }
  addTime(column, ns) {
    const digits = column.u8(), second = ns / 1000000000n;
    if (digits > 9) throw new Error('a time has too many digits');
    if (second !== this.second) {
      const text = `${new Date(Number(second) * 1000).toISOString().slice(0, 19)}.`;
      for (let i = 0; i < text.length; i++) this.timeText[i] = text.charCodeAt(i);
      this.second = second;
    }
    const length = digits === 0 ? 19 : 20 + digits;
    let fraction = Number(ns - second * 1000000000n);
    for (let i = 28; i >= 20; i--, fraction = Math.floor(fraction / 10)) this.timeText[i] = 48 + fraction % 10;
    for (let i = 0; i < length; i++) this.bytes[this.length++] = this.timeText[i];
  }
}

// Blocks of entries in columns: docs/format/bundle.md section 5.
const COLUMN = { seq: 0, time: 1, kind: 2, source: 3, text: 4, hex: 5, numbers: 6, count: 15 };
const MARK = { number: 0xf8, hex: 0xf9, time: 0xfa, byte: 0xfb, end: 0xfc };
const UNITS = [1n, 1000n, 1000000n, 1000000000n];
const NUMBER_COLUMNS = 8, BODY_MAX = 65535, HEX_DIGITS = '0123456789abcdef';

function openColumns(reader) {
  const count = reader.u32(), lengths = Array.from({ length: COLUMN.count }, () => reader.u32());
  const columns = lengths.map((length) => { const at = reader.need(length); return new Reader(reader.bytes, at, at + length); });
  if (count === 0 || reader.at !== reader.end) throw new Error('a block has a wrong length');
  return { count, columns };
}

function readBlock(reader, events, state) {
  const { count, columns } = openColumns(reader), start = state.count;
  if (count > events.count - start) throw new Error('a block has a wrong number of events');
  readSeqs(columns[COLUMN.seq], events, start, count, state);
  readTimes(columns[COLUMN.time], events, start, count);
  for (let i = start; i < start + count; i++) {
    const byte = columns[COLUMN.kind].u8();
    events.level[i] = byte >> 4;
    events.kind[i] = byte & 15;
    if (byte >> 4 >= LEVELS.length || events.kind[i] < 1 || events.kind[i] >= KINDS.length)
      throw new Error('an event has a kind or level that does not exist');
  }
  readSources(columns[COLUMN.source], events, start, count);
  for (let i = start; i < start + count; i++) readBody(columns, events, i, state.bodies);
  if (columns.some((column) => column.at !== column.end)) throw new Error('a block has bytes too many');
  state.count += count;
}

function readSeqs(column, events, start, count, state) {
  for (let i = 0; i < count; i++) {
    const seq = i === 0 ? column.u64() : state.nextSeq + Number(column.varint());
    if (!(seq >= state.nextSeq && seq < state.endSeq)) throw new Error('an event lies outside the window');
    events.seq[start + i] = seq;
    state.nextSeq = seq + 1;
  }
}

function readTimes(column, events, start, count) {
  const unit = UNITS[column.u8()];
  if (unit === undefined) throw new Error('a unit of time does not exist');
  let time = column.big();
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      const z = BigInt(column.varint());
      time = BigInt.asUintN(64, time + (z & 1n ? -(z >> 1n) - 1n : z >> 1n));
    }
    if (time * unit >= 1n << 64n) throw new Error('a time is too large');
    events.time[start + i] = time * unit;
  }
}

function readSources(column, events, start, count) {
  const names = [];
  for (let i = start; i < start + count; i++) {
    const number = Number(column.varint());
    if (number > names.length) throw new Error('a source is not there');
    if (number === names.length) {
      const length = column.u8();
      if (length === 0) throw new Error('a source is empty');
      names.push(nameNumber(events, column.take(length)));
    }
    events.source[i] = names[number];
  }
}

function readBody(columns, events, i, bodies) {
  bodies.reserve();
  const text = columns[COLUMN.text], start = bodies.length;
  for (let numbers = 0; bodies.length - start <= BODY_MAX;) {
    bodies.copy(text, 0, MARK.number - 1);
    const mark = text.u8();
    if (mark === MARK.end) break;
    if (mark === MARK.number) addNumber(columns[COLUMN.numbers + Math.min(numbers++, NUMBER_COLUMNS - 1)], bodies);
    else if (mark === MARK.hex) bodies.addHex(columns[COLUMN.hex]);
    else if (mark === MARK.time) bodies.addTime(text, events.time[i]);
    else if (mark === MARK.byte) addEscaped(text, bodies);
    else bodies.bytes[bodies.length++] = mark; // 0xfd to 0xff mark nothing
  }
  const length = bodies.length - start;
  events.body[i] = start;
  events.bodyLength[i] = length;
  const source = events.names[events.source[i]].length;
  if (length > BODY_MAX - 24 - source || (events.kind[i] === KIND_REFERENCE && length !== 40))
    throw new Error('an event has a wrong length');
}

function addNumber(column, bodies) {
  const digits = bodies.copy(column, 48, 57);
  if (digits === 0 || digits > 15 || column.u8() !== 10) throw new Error('a number is damaged');
}

function addEscaped(column, bodies) {
  const byte = column.u8();
  if (byte < MARK.number || byte > MARK.end) throw new Error('a byte is marked that needs no mark');
  bodies.bytes[bodies.length++] = byte;
}

function readCounts(reader) {
  const counts = { fromNs: reader.big(), stretchNs: reader.big() };
  const n = reader.u32();
  if (n < 1 || n > 4096 || counts.stretchNs === 0n) throw new Error('the counts are wrong');
  counts.values = new Uint32Array(n * LEVELS.length);
  for (let i = 0; i < counts.values.length; i++) counts.values[i] = reader.u32();
  return counts;
}

// [{type, start, end}] of the whole data.
function cutSections(bytes) {
  const magic = [0x50, 0x50, 0x54, 0x4c, 1];
  if (!magic.every((byte, i) => bytes[i] === byte)) throw new Error('this is no timeline of a version that the page knows');
  const reader = new Reader(bytes, magic.length);
  const sections = [];
  while (reader.at < reader.end) {
    const type = String.fromCharCode(reader.u8());
    const length = reader.u32();
    const start = reader.need(length);
    sections.push({ type, start, end: start + length });
  }
  const order = sections.map((s) => s.type).join('');
  if (!/^MB*[TC]Z$/.test(order)) throw new Error('the parts of the data are not in order');
  return sections;
}

function readTimeline(bytes) {
  const sections = cutSections(bytes);
  const at = (section) => new Reader(bytes, section.start, section.end);
  const frame = readWindow(at(sections[0]));
  const blocks = sections.filter((s) => s.type === 'B');
  const events = newEvents(blocks.reduce((n, s) => n + at(s).u32(), 0));
  const bodies = new Bodies(blocks.reduce((n, s) => n + 2 * (s.end - s.start), 1024));
  const state = { count: 0, nextSeq: frame.first, endSeq: frame.next, bodies };
  for (const block of blocks) readBlock(at(block), events, state);
  const last = sections[sections.length - 2];
  if ((last.type === 'T') !== frame.complete || (frame.complete && events.count !== frame.next - frame.first))
    throw new Error('events are missing from a timeline that says it is complete');
  return {
    frame, events, bodies: bodies.bytes.subarray(0, bodies.length), counts: last.type === 'C' ? readCounts(at(last)) : null,
    tree: last.type === 'T' ? { height: bytes[last.start], hashes: bytes.subarray(last.start + 1, last.end) } : null,
  };
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// ---- Text -------------------------------------------------------------------------------------

// Code points that a reader must see and not obey: controls, marks that turn the direction of text,
// invisible characters, and what looks like nothing.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function hex(value, digits) { return value.toString(16).padStart(digits, '0'); }

// Length of the valid UTF-8 sequence at i, or 0.
function sequenceLength(bytes, i) {
  const lead = bytes[i];
  const length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length === 0 || i + length > bytes.length) return 0;
  try { strict.decode(bytes.subarray(i, i + length)); } catch { return 0; }
  return length;
}

// [[text, escaped?], ...]: what is not UTF-8, or must not act, as \xff and \u{202e}.
function textPieces(bytes) {
  let text;
  try { text = strict.decode(bytes); } catch { return brokenPieces(bytes); }
  return escapeHidden(text);
}

function escapeHidden(text) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > at) pieces.push([text.slice(at, match.index), false]);
    const point = match[0].codePointAt(0);
    pieces.push([point < 0x100 ? `\\x${hex(point, 2)}` : `\\u{${hex(point, 4)}}`, true]);
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push([text.slice(at), false]);
  return pieces;
}

function brokenPieces(bytes) {
  const pieces = [];
  let good = 0;
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes, i);
    if (length > 0) { i += length; continue; }
    if (i > good) pieces.push(...escapeHidden(strict.decode(bytes.subarray(good, i))));
    pieces.push([`\\x${hex(bytes[i], 2)}`, true]);
    good = ++i;
  }
  if (good < bytes.length) pieces.push(...escapeHidden(strict.decode(bytes.subarray(good))));
  return pieces;
}

// On one line, for the canvas, titles and attributes.
function plainText(bytes) {
  return textPieces(bytes).map((piece) => piece[0]).join('').replace(/[\t\n]/g, ' ');
}

function toHex(bytes) {
  let out = '';
  for (const byte of bytes) out += hex(byte, 2);
  return out;
}

function bodyOf(timeline, i) {
  const { body, bodyLength } = timeline.events;
  return timeline.bodies.subarray(body[i], body[i] + bodyLength[i]);
}
