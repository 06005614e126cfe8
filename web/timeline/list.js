// The list of the events in view and the details of one: all text is set as text, never as markup.

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'text') node.textContent = value; else if (value !== null) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function pieceNode([text, escaped]) {
  return escaped ? element('span', { class: 'escape', text }) : document.createTextNode(text);
}

function escapedNodes(bytes) { return textPieces(bytes).map(pieceNode); }

function levelTag(level) { return element('span', { class: 'tag', 'data-level': level, text: LEVELS[level] }); }

class List {
  constructor(model, choose) {
    this.model = model;
    this.choose = choose;
    this.page = 0;
    this.rows = document.getElementById('rows');
    this.rows.addEventListener('click', (event) => {
      const row = event.target.closest('tr');
      if (row) choose(Number(row.dataset.event));
    });
    const turn = (id, to) => document.getElementById(id).addEventListener('click', () => { this.page = to(); this.draw(); });
    turn('page-first', () => 0);
    turn('page-back', () => this.page - 1);
    turn('page-next', () => this.page + 1);
    turn('page-last', () => this.pages - 1);
  }

  get pages() { return Math.max(1, Math.ceil((this.model.visible.to - this.model.visible.from) / PAGE_ROWS)); }

  // The page that holds an event.
  turnTo(i) {
    const place = this.model.placeOf(i, 1) - this.model.visible.from;
    if (place >= 0) this.page = Math.floor(place / PAGE_ROWS);
  }

  draw() {
    const { model } = this, { from, to } = model.visible;
    this.page = Math.min(this.pages - 1, Math.max(0, this.page));
    const start = from + this.page * PAGE_ROWS, end = Math.min(to, start + PAGE_ROWS);
    const rows = document.createDocumentFragment();
    for (let k = start; k < end; k++) rows.append(this.row(model.shown[k]));
    this.rows.replaceChildren(rows);
    document.getElementById('empty').hidden = to > from;
    document.getElementById('list-title').textContent = `Events in view: ${(to - from).toLocaleString('en')}`;
    document.getElementById('page-text').textContent = to > from ? `${(start - from + 1).toLocaleString('en')}–${(end - from).toLocaleString('en')}` : '0';
    for (const id of ['page-first', 'page-back']) document.getElementById(id).disabled = this.page === 0;
    for (const id of ['page-next', 'page-last']) document.getElementById(id).disabled = this.page >= this.pages - 1;
  }

  row(i) {
    const { model } = this, { events } = model.timeline;
    const changed = model.changed[i] === 1;
    const message = element('td', {});
    if (changed) message.append(element('b', { text: 'CHANGED ' }));
    message.append(...model.summaryPieces(i).map(pieceNode));
    const open = element('td', { class: 'seq' }, element('span', { text: String(events.seq[i]) }));
    return element('tr', { 'data-event': i, class: changed ? 'changed' : null, 'aria-selected': String(i === model.selected), tabindex: '-1' },
      open, element('td', { class: 'time', title: `${timeText(events.time[i])} UTC`, text: model.listTime(events.time[i]) }), element('td', { class: 'level' }, levelTag(model.level[i])),
      element('td', { class: 'source', text: model.nameTexts[model.source[i]] }), message,
      element('td', { class: 'hash', title: model.hashOf(i) || null, text: model.hashOf(i).slice(0, 10) || '…' }));
  }

  scrollToSelected() {
    this.rows.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }
}

// ---- One event ---------------------------------------------------------------------------------

function hexLines(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const digits = Array.from(part, (byte) => hex(byte, 2)).join(' ').padEnd(48);
    const text = Array.from(part, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${hex(at, 4)}  ${digits} ${text}`);
  }
  return lines.join('\n');
}

function fieldList(fields) {
  const list = element('dl', { class: 'fields' });
  for (const [name, value] of fields) {
    const item = element('dd');
    item.append(...(Array.isArray(value) ? value : [value]));
    list.append(element('dt', { text: name }), item);
  }
  return list;
}

function changedText(model, i) {
  const group = model.groupOf(i);
  if (!group?.differs) return 'These events are not those of the root. Which ones were changed cannot be told.';
  if (group.length === 1) return 'This event is not the one that was recorded: its hash is another.';
  return `One or more of the ${group.length} events ${group.start} to ${group.start + group.length - 1} is not what was recorded. Which one cannot be told: the page holds one hash for them all.`;
}

function jsonPretty(bytes) {
  try {
    return JSON.stringify(JSON.parse(strict.decode(bytes)), null, 2);
  } catch {
    return null;
  }
}

class Detail {
  constructor(model) {
    this.model = model;
    this.place = document.getElementById('detail-body');
    this.form = 'text';
  }

  draw() {
    const { model } = this, i = model.selected;
    document.getElementById('detail-title').textContent = i < 0 ? 'Event' : `Event ${model.timeline.events.seq[i]}`;
    if (i < 0) {
      this.place.replaceChildren(element('p', { class: 'empty', text: 'Choose an event in the timeline or in the list.' }));
      return;
    }
    const { events } = model.timeline, nodes = [];
    if (model.changed[i]) nodes.push(element('p', { class: 'warning', text: changedText(model, i) }));
    nodes.push(fieldList([
      ['Time', element('span', { class: 'mono', text: `${timeText(events.time[i])} UTC` })],
      ['Level', levelTag(model.level[i])],
      ['Source', escapedNodes(events.names[events.source[i]])],
      ['Kind', KINDS[events.kind[i]]],
      ['SHA-256', element('code', { id: 'leaf', text: model.hashOf(i) || 'being computed …' })],
    ]), ...this.body(i));
    this.place.replaceChildren(...nodes);
  }

  body(i) {
    const { model } = this, bytes = bodyOf(model.timeline, i);
    if (model.timeline.events.kind[i] === KIND_REFERENCE) return [element('pre', { text: referenceText(bytes) })];
    const forms = { text: () => escapedNodes(bytes), hex: () => [hexLines(bytes)] };
    const pretty = jsonPretty(bytes);
    if (pretty !== null && /^[{[]/.test(pretty)) forms.json = () => escapeHidden(pretty).map(pieceNode);
    const chosen = forms[this.form] ? this.form : 'text';
    const tools = element('div', { class: 'body-tools', role: 'group', 'aria-label': 'Form of the message' });
    for (const name of Object.keys(forms)) {
      const button = element('button', { type: 'button', 'aria-pressed': String(name === chosen), text: { text: 'Text', hex: 'Bytes', json: 'JSON' }[name] });
      button.addEventListener('click', () => { this.form = name; this.draw(); });
      tools.append(button);
    }
    const length = element('span', { class: 'note', text: `${bytes.length.toLocaleString('en')} bytes` });
    tools.append(length);
    const pre = element('pre', { tabindex: '0' });
    pre.append(...forms[chosen]());
    return [tools, pre];
  }
}
