// What is shown: the events in order of time, filters, the range in view, what was changed.

const PAGE_ROWS = 200, SUMMARY_BYTES = 400, SUMMARY_JSON = 8192;
// Fields of JSON logs that say what happened, and those that have a column of their own.
const SAYING = ['message', 'msg', 'event', 'text', 'log'];
const SAID = new Set([...SAYING, 'ts', 'time', 'timestamp', '@timestamp', 'level', 'severity', 'source', 'logger']);

class Model {
  constructor(timeline) {
    const { events, frame } = timeline;
    this.timeline = timeline;
    this.frame = frame;
    this.level = events.level;
    this.source = events.source;
    this.names = events.names;
    this.nameTexts = events.names.map(plainText);
    this.counts = timeline.counts;
    this.setTimes(events, frame);
    this.countAll();
    Object.assign(this, makeLanes(this, this.nameTexts));
    this.levelsOn = new Array(LEVELS.length).fill(true);
    this.namesOn = new Array(this.names.length).fill(true);
    this.query = '';
    this.changed = new Uint8Array(events.count);
    this.changedCount = 0;
    this.leaves = null;
    this.selected = -1;
    this.visible = { from: 0, to: 0 };
    this.filter();
    this.view = { ...this.full };
  }

  // Milliseconds after a base, a whole second, as doubles: exact to less than a microsecond for years.
  setTimes(events, frame) {
    this.baseNs = frame.fromNs - frame.fromNs % 1000000000n;
    this.baseMs = Number(this.baseNs / 1000000n);
    this.times = Float64Array.from(events.time, (ns) => Number(ns - this.baseNs) / 1e6);
    this.byTime = Uint32Array.from(this.times, (_, i) => i);
    if (this.times.some((ms, i) => i > 0 && ms < this.times[i - 1]))
      this.byTime.sort((a, b) => this.times[a] - this.times[b] || a - b);
    const start = Number(frame.fromNs - this.baseNs) / 1e6, end = Number(frame.untilNs - this.baseNs) / 1e6;
    const margin = Math.max((end - start) * 0.01, 1);
    this.full = { start: start - margin, end: end + margin };
    this.first = this.times.length ? Math.min(this.full.start, this.times[this.byTime[0]]) : this.full.start;
    this.last = this.times.length ? Math.max(this.full.end, this.times[this.byTime[this.times.length - 1]]) : this.full.end;
  }

  countAll() {
    this.levelCounts = new Array(LEVELS.length).fill(0);
    this.nameCounts = new Array(this.names.length).fill(0);
    for (const level of this.level) this.levelCounts[level]++;
    for (const name of this.source) this.nameCounts[name]++;
    this.levelTotals = this.levelCounts.slice();
    if (this.counts) {
      this.levelTotals.fill(0);
      this.counts.values.forEach((count, at) => { this.levelTotals[at % LEVELS.length] += count; });
    }
  }

  // With its day unless all are of the same one.
  listTime(ns) {
    this.day ??= timeText(this.frame.fromNs).slice(0, 10);
    const text = timeText(ns).slice(0, 23);
    return this.day === timeText(this.frame.untilNs).slice(0, 10) && text.startsWith(this.day) ? text.slice(11) : text;
  }

  // The events of the window, also those that a selection leaves out.
  get total() { return this.frame.next - this.frame.first; }

  // An event on one line: of a JSON object its message and then the other fields.
  summaryPieces(i) {
    const body = bodyOf(this.timeline, i);
    if (this.timeline.events.kind[i] === KIND_REFERENCE) return [[`[${referenceText(body)}]`, false]];
    const fields = body[0] === 0x7b && body.length <= SUMMARY_JSON ? summaryOfJson(body) : null;
    return fields === null ? textPieces(body.subarray(0, SUMMARY_BYTES)) : escapeHidden(fields);
  }

  messageOf(i) { return this.summaryPieces(i).map((piece) => piece[0]).join('').replace(/[\t\n]/g, ' '); }

  // ---- Filters ----

  get filtered() { return this.query !== '' || this.levelsOn.includes(false) || this.namesOn.includes(false); }

  filter() {
    const matches = this.query === '' ? null : this.search(this.query);
    const shown = new Uint32Array(this.byTime.length);
    let n = 0;
    for (const i of this.byTime)
      if (this.levelsOn[this.level[i]] && this.namesOn[this.source[i]] && (!matches || matches[i])) shown[n++] = i;
    this.shown = shown.subarray(0, n);
  }

  // One mark for each event that the query names: "#seq", eight hex digits or more of a hash, or text
  // in a body or source, where A to Z match a to z.
  search(query) {
    const marks = new Uint8Array(this.byTime.length);
    const seq = /^#(\d+)$/.exec(query);
    if (seq) {
      const at = this.timeline.events.seq.indexOf(Number(seq[1]));
      if (at >= 0) marks[at] = 1;
      return marks;
    }
    const needle = latin(lowered(new TextEncoder().encode(query)));
    this.names.forEach((name, number) => {
      if (!latin(lowered(name)).includes(needle)) return;
      this.source.forEach((source, i) => { if (source === number) marks[i] = 1; });
    });
    this.searchBodies(needle, marks);
    if (/^[0-9a-f]{8,64}$/i.test(query) && this.leaves) this.searchHashes(query.toLowerCase(), marks);
    return marks;
  }

  // All bodies at once, as one string with a character for each byte.
  searchBodies(needle, marks) {
    const { body, bodyLength } = this.timeline.events;
    this.haystack ??= latin(lowered(this.timeline.bodies));
    let i = 0;
    for (let at = this.haystack.indexOf(needle); at >= 0; at = this.haystack.indexOf(needle, at)) {
      while (i < body.length && body[i] + bodyLength[i] <= at) i++;
      if (i === body.length) return;
      if (at >= body[i] && at + needle.length <= body[i] + bodyLength[i]) {
        marks[i] = 1;
        at = body[i] + bodyLength[i];
      } else {
        at++;
      }
    }
  }

  searchHashes(digits, marks) {
    for (let i = 0; i < marks.length; i++)
      if (this.hashOf(i).startsWith(digits)) marks[i] = 1;
  }

  hashOf(i) { return this.leaves ? toHex(this.leaves.subarray(i * DIGEST, (i + 1) * DIGEST)) : ''; }

  // ---- The range in view ----

  setView(start, end) {
    let span = Math.max(SPAN_MIN_MS, end - start);
    const room = (this.last - this.first) * 1.5 + 1;
    span = Math.min(span, room);
    const middle = Math.min(this.last, Math.max(this.first, (start + end) / 2));
    this.view = { start: middle - span / 2, end: middle + span / 2 };
  }

  zoom(factor, at = (this.view.start + this.view.end) / 2) {
    this.setView(at - (at - this.view.start) * factor, at + (this.view.end - at) * factor);
  }

  pan(part) {
    const by = (this.view.end - this.view.start) * part;
    this.setView(this.view.start + by, this.view.end + by);
  }

  // Selects an event and moves it into view.
  select(i) {
    this.selected = i;
    if (i < 0) return;
    const ms = this.times[i], { start, end } = this.view, span = end - start;
    if (ms < start || ms > end) this.setView(ms - span / 2, ms + span / 2);
  }

  // The next event shown that passes the test, from the selected one (or the middle) on, or -1.
  neighbour(direction, test = () => true) {
    const here = this.selected;
    let k = here < 0 ? lowerBound(this.shown, this.times, (this.view.start + this.view.end) / 2) - (direction > 0 ? 1 : 0) : this.placeOf(here, direction);
    for (k += direction; k >= 0 && k < this.shown.length; k += direction) if (test(this.shown[k])) return this.shown[k];
    return -1;
  }

  // Place of an event in shown, or where it would be.
  placeOf(i, direction) {
    let k = lowerBound(this.shown, this.times, this.times[i]);
    while (k < this.shown.length && this.times[this.shown[k]] === this.times[i] && this.shown[k] < i) k++;
    return this.shown[k] === i ? k : direction > 0 ? k - 1 : k;
  }

  // ---- What was changed ----

  markChanged(groups, all) {
    this.changed.fill(all ? 1 : 0);
    if (!all)
      for (const group of groups)
        if (group.differs) this.changed.fill(1, group.start - this.frame.first, group.start - this.frame.first + group.length);
    this.changedCount = this.changed.reduce((n, mark) => n + mark, 0);
    this.groups = groups;
  }

  groupOf(i) {
    const seq = this.timeline.events.seq[i];
    return this.groups?.find((group) => seq >= group.start && seq < group.start + group.length);
  }
}

// Null where there is nothing better than the body itself.
function summaryOfJson(body) {
  let object;
  try { object = JSON.parse(strict.decode(body)); } catch { return null; }
  const name = SAYING.find((key) => typeof object[key] === 'string');
  if (name === undefined) return null;
  const rest = Object.entries(object).filter(([key]) => !SAID.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${object[name]}  ${rest.join(' ')}`.slice(0, SUMMARY_BYTES);
}

function lowered(bytes) {
  const out = bytes.slice();
  for (let i = 0; i < out.length; i++) if (out[i] >= 65 && out[i] <= 90) out[i] += 32;
  return out;
}

// One character for each byte.
function latin(bytes) { return new TextDecoder('latin1').decode(bytes); }

function referenceText(body) {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return `${view.getBigUint64(0)} bytes kept beside, SHA-256 ${toHex(body.subarray(8))}`;
}
