// The canvases: an overview of the whole window, and lanes by source with as much detail as fits.

const GUTTER = 132, AXIS = 26, LANES = 12, BAR = 2, DOTS_MAX = 2500;
const STEPS_MS = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4,
  6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6, 7776e6, 31536e6, 157680e6, 315360e7];
const SPAN_MIN_MS = 1e-3;

// ---- Time: ms after the base, a whole second, so that fractions stay exact ----------------------

function timeText(ns) {
  const seconds = ns / 1000000000n;
  if (seconds > 8640000000000n) return `${ns} ns`;
  const date = new Date(Number(seconds) * 1000).toISOString();
  return `${date.slice(0, 10)} ${date.slice(11, 19)}.${String(ns % 1000000000n).padStart(9, '0')}`;
}

function axisText(baseMs, ms, step) {
  const whole = baseMs + Math.floor(ms + 1e-7);
  if (Math.abs(whole) > 8.64e15) return '';
  const text = new Date(whole).toISOString();
  if (step >= 864e5) return text.slice(0, 10);
  if (step >= 6e4) return text.slice(11, 16);
  if (step >= 1e3) return text.slice(11, 19);
  if (step >= 1) return text.slice(14, 23);
  const micro = Math.round((ms - Math.floor(ms + 1e-7)) * 1000);
  return `${text.slice(17, 23)}${String(micro).padStart(3, '0')}`;
}

function spanText(ms) {
  const units = [[864e5, 'd'], [36e5, 'h'], [6e4, 'min'], [1e3, 's'], [1, 'ms'], [1e-3, 'µs']];
  const [size, unit] = units.find(([n]) => ms >= n) ?? units[units.length - 1];
  return `${(ms / size).toPrecision(3).replace(/\.?0+$/, '')} ${unit}`;
}

// First place in order[] whose time is at least ms.
function lowerBound(list, times, ms) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[list[middle]] < ms) low = middle + 1; else high = middle;
  }
  return low;
}

// ---- Drawing -----------------------------------------------------------------------------------

function prepare(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  return {
    levels: LEVELS.map((_, i) => value(`--level-${i}`)), ink: value('--ink'), soft: value('--soft'), line: value('--line'),
    faint: value('--faint'), card: value('--card'), bad: value('--bad'), accent: value('--accent'),
  };
}

// Counts of levels for each bar of each lane, of the events list[from..to).
function countBars(model, from, to, view, width, laneOf, lanes) {
  const bars = Math.max(1, Math.ceil(width / BAR));
  const counts = new Uint32Array(lanes * bars * LEVELS.length);
  const scale = bars / (view.end - view.start);
  for (let k = from; k < to; k++) {
    const i = model.shown[k];
    const bar = Math.min(bars - 1, Math.max(0, Math.floor((model.times[i] - view.start) * scale)));
    counts[(laneOf(i) * bars + bar) * LEVELS.length + model.level[i]]++;
  }
  return { bars, counts };
}

// One lane of stacked bars, the gravest level below; each level that is there has a pixel at least.
function drawBars(pen, colors, { bars, counts }, lane, left, bottom, height, most) {
  const scale = height / Math.log1p(most);
  for (let level = 0; level < LEVELS.length; level++) {
    pen.fillStyle = colors.levels[level];
    for (let bar = 0; bar < bars; bar++) {
      const at = (lane * bars + bar) * LEVELS.length;
      if (counts[at + level] === 0) continue;
      let total = 0, graver = 0;
      for (let l = 0; l < LEVELS.length; l++) { total += counts[at + l]; if (l > level) graver += counts[at + l]; }
      const full = Math.max(2, Math.log1p(total) * scale);
      const low = full * graver / total;
      const part = Math.max(1, full * counts[at + level] / total);
      pen.fillRect(left + bar * BAR, bottom - low - part, BAR - 0.35, part);
    }
  }
}

function mostInBar({ bars, counts }, lanes) {
  let most = 1;
  for (let at = 0; at < lanes * bars; at++) {
    let total = 0;
    for (let level = 0; level < LEVELS.length; level++) total += counts[at * LEVELS.length + level];
    if (total > most) most = total;
  }
  return most;
}

function hatch(pen, x, y, width, height, color) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.globalAlpha = 0.16;
  pen.fillStyle = color;
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = 0.75;
  pen.strokeStyle = color;
  pen.lineWidth = 1.5;
  pen.beginPath();
  const first = Math.floor((x - height) / 9) * 9;
  for (let d = first; d < x + width; d += 9) { pen.moveTo(d, y + height); pen.lineTo(d + height, y); }
  pen.stroke();
  pen.restore();
}

function fitText(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle; else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

function drawAxis(pen, colors, model, view, left, width, top, bottom) {
  const rough = (view.end - view.start) / Math.max(1, width / 105);
  const step = STEPS_MS.find((s) => s >= rough) ?? STEPS_MS[STEPS_MS.length - 1];
  pen.font = '11px system-ui, sans-serif';
  pen.textAlign = 'center';
  const offset = step >= 864e5 ? model.baseMs % 864e5 : step >= 6e4 ? model.baseMs % 36e5 + (step >= 36e5 ? model.baseMs % 864e5 - model.baseMs % 36e5 : 0) : model.baseMs % 6e4;
  for (let n = Math.ceil((view.start + offset) / step); ; n++) {
    const ms = n * step - offset;
    if (ms > view.end) break;
    const x = Math.round(left + (ms - view.start) / (view.end - view.start) * width) + 0.5;
    pen.strokeStyle = colors.line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, bottom);
    pen.stroke();
    pen.fillStyle = colors.soft;
    if (x > left + 18 && x < left + width - 24) pen.fillText(axisText(model.baseMs, ms, step), x, bottom + 16);
  }
}

// Lanes: the sources with the most events each have one, the rest share the last.
function makeLanes(model, names) {
  const order = model.names.map((_, i) => i).sort((a, b) => model.nameCounts[b] - model.nameCounts[a] || a - b);
  const alone = order.length <= LANES ? order : order.slice(0, LANES - 1);
  const laneOfName = new Uint8Array(order.length).fill(alone.length);
  alone.forEach((name, lane) => { laneOfName[name] = lane; });
  const lanes = alone.map((name) => names[name]);
  if (order.length > alone.length) lanes.push(`${order.length - alone.length} other sources`);
  return { lanes, laneOfName };
}

class Plot {
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
  }
  layout() {
    const lanes = Math.max(1, this.model.lanes.length);
    const narrow = this.canvas.clientWidth < 560;
    this.left = narrow ? 76 : GUTTER;
    this.laneHeight = Math.max(26, Math.min(58, Math.floor(264 / lanes)));
    this.bottom = 8 + lanes * this.laneHeight;
    this.width = Math.max(10, this.canvas.clientWidth - this.left - 6);
  }
  x(ms) { const { view } = this.model; return this.left + (ms - view.start) / (view.end - view.start) * this.width; }
  ms(x) { const { view } = this.model; return view.start + (x - this.left) / this.width * (view.end - view.start); }
  laneTop(lane) { return 8 + lane * this.laneHeight; }

  draw() {
    this.layout();
    const { model } = this, { view, colors } = model;
    const { pen, width } = prepare(this.canvas, this.bottom + AXIS);
    model.lanes.forEach((name, lane) => {
      if (lane % 2 === 0) { pen.fillStyle = colors.faint; pen.fillRect(0, this.laneTop(lane), width, this.laneHeight); }
    });
    drawAxis(pen, colors, model, view, this.left, this.width, 8, this.bottom);
    this.drawNames(pen);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, this.width, this.bottom + 2);
    pen.clip();
    const from = lowerBound(model.shown, model.times, view.start);
    let to = lowerBound(model.shown, model.times, view.end);
    while (to < model.shown.length && model.times[model.shown[to]] === view.end) to++;
    model.visible = { from, to };
    this.dots = to - from <= Math.min(DOTS_MAX, this.width * 0.75);
    this.drawChanged(pen, from, to);
    if (this.dots) this.drawDots(pen, from, to); else this.drawDensity(pen, from, to);
    this.drawSelected(pen);
    pen.restore();
  }

  drawNames(pen) {
    const { colors, lanes } = this.model;
    pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
    pen.textAlign = 'right';
    pen.fillStyle = colors.ink;
    lanes.forEach((name, lane) => {
      pen.fillText(fitText(pen, name, this.left - 16), this.left - 10, this.laneTop(lane) + this.laneHeight / 2 + 4);
    });
  }

  drawDensity(pen, from, to) {
    const { model } = this;
    const lanes = model.lanes.length;
    const data = countBars(model, from, to, model.view, this.width, (i) => model.laneOfName[model.source[i]], lanes);
    const most = mostInBar(data, lanes);
    for (let lane = 0; lane < lanes; lane++)
      drawBars(pen, model.colors, data, lane, this.left, this.laneTop(lane) + this.laneHeight - 2, this.laneHeight - 6, most);
  }

  drawDots(pen, from, to) {
    const { model } = this, { colors } = model;
    const ends = new Float64Array(model.lanes.length).fill(-1e9);
    const few = to - from <= 120;
    pen.font = '11.5px system-ui, "DejaVu Sans", sans-serif';
    pen.textAlign = 'left';
    const next = this.nextInLane(from, to);
    for (let k = from; k < to; k++) {
      const i = model.shown[k], lane = model.laneOfName[model.source[i]];
      const x = this.x(model.times[i]), y = this.laneTop(lane) + this.laneHeight / 2;
      pen.fillStyle = colors.levels[model.level[i]];
      pen.beginPath();
      if (few) pen.arc(x, y, 5, 0, 7); else pen.roundRect(x - 1.5, y - this.laneHeight / 2 + 5, 3, this.laneHeight - 10, 1.5);
      pen.fill();
      if (!few || x < ends[lane]) continue;
      const room = (next[k - from] < 0 ? this.left + this.width : this.x(model.times[next[k - from]])) - x - 16;
      if (room < 44) continue;
      const text = fitText(pen, model.messageOf(i), Math.min(room, 420));
      pen.fillStyle = colors.ink;
      pen.fillText(text, x + 9, y + 4);
      ends[lane] = x + 9 + pen.measureText(text).width;
    }
  }

  // For each event in view the next one in its lane, or -1.
  nextInLane(from, to) {
    const { model } = this;
    const next = new Int32Array(to - from), seen = new Int32Array(model.lanes.length).fill(-1);
    for (let k = to - 1; k >= from; k--) {
      const i = model.shown[k], lane = model.laneOfName[model.source[i]];
      next[k - from] = seen[lane];
      seen[lane] = i;
    }
    return next;
  }

  drawChanged(pen, from, to) {
    const { model } = this;
    if (!model.changedCount) return;
    let start = null, end = null;
    const flush = () => { if (start !== null) hatch(pen, start - 3, 4, end - start + 6, this.bottom - 4, model.colors.bad); start = null; };
    for (let k = from; k < to; k++) {
      const i = model.shown[k];
      if (!model.changed[i]) continue;
      const x = this.x(model.times[i]);
      if (start !== null && x - end > 8) flush();
      if (start === null) start = x;
      end = x;
    }
    flush();
  }

  drawSelected(pen) {
    const { model } = this;
    if (model.selected < 0) return;
    const x = this.x(model.times[model.selected]), lane = model.laneOfName[model.source[model.selected]];
    pen.strokeStyle = model.colors.accent;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x, 2);
    pen.lineTo(x, this.bottom);
    pen.stroke();
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.arc(x, this.laneTop(lane) + this.laneHeight / 2, 9, 0, 7);
    pen.stroke();
  }

  // The shown event nearest to a point, within reach, or -1.
  nearest(x, y, reach = 12) {
    const { model } = this, lane = Math.floor((y - 8) / this.laneHeight);
    let best = -1, bestDistance = reach;
    const from = lowerBound(model.shown, model.times, this.ms(x - reach)), to = lowerBound(model.shown, model.times, this.ms(x + reach));
    for (let k = from; k < to; k++) {
      const i = model.shown[k];
      if (model.laneOfName[model.source[i]] !== lane) continue;
      const distance = Math.abs(this.x(model.times[i]) - x);
      if (distance < bestDistance) { best = i; bestDistance = distance; }
    }
    return best;
  }
}

// The whole window; its counts stand for events that a selection leaves out.
class Overview {
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
  }
  x(ms) { const { full } = this.model; return (ms - full.start) / (full.end - full.start) * this.canvas.clientWidth; }
  ms(x) { const { full } = this.model; return full.start + x / this.canvas.clientWidth * (full.end - full.start); }

  draw() {
    const { model } = this, { colors, full, view } = model;
    const { pen, width, height } = prepare(this.canvas, 56);
    const data = model.counts && !model.filtered ? this.spread(width) : countBars(model, 0, model.shown.length, full, width, () => 0, 1);
    drawBars(pen, colors, data, 0, 0, height - 2, height - 8, mostInBar(data, 1));
    if (model.changedCount) {
      pen.fillStyle = colors.bad;
      for (let i = 0; i < model.times.length; i++) if (model.changed[i]) pen.fillRect(this.x(model.times[i]) - 1, 0, 3, height);
    }
    const left = Math.max(0, this.x(view.start)), right = Math.min(width, this.x(view.end));
    pen.globalAlpha = 0.55;
    pen.fillStyle = colors.card;
    pen.fillRect(0, 0, left, height);
    pen.fillRect(right, 0, width - right, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = colors.accent;
    pen.lineWidth = 2;
    pen.strokeRect(left + 1, 1, Math.max(2, right - left - 2), height - 2);
  }

  spread(width) {
    const { counts, full, baseNs } = this.model;
    const bars = Math.max(1, Math.ceil(width / BAR)), out = new Uint32Array(bars * LEVELS.length);
    const first = Number(counts.fromNs - baseNs) / 1e6, step = Number(counts.stretchNs) / 1e6;
    for (let at = 0; at < counts.values.length; at++) {
      const ms = first + (Math.floor(at / LEVELS.length) + 0.5) * step;
      const bar = Math.floor((ms - full.start) / (full.end - full.start) * bars);
      if (bar >= 0 && bar < bars) out[bar * LEVELS.length + at % LEVELS.length] += counts.values[at];
    }
    return { bars, counts: out };
  }
}
