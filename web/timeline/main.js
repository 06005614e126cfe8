// Joins the parts: reads the data, draws, checks, and obeys mouse and keyboard.

const $ = (id) => document.getElementById(id);

class Page {
  constructor(timeline) {
    this.timeline = timeline;
    this.model = new Model(timeline);
    this.model.colors = readColors();
    this.plot = new Plot($('plot'), this.model);
    this.overview = new Overview($('overview'), this.model);
    this.list = new List(this.model, (i) => this.choose(i));
    this.detail = new Detail(this.model);
    this.pending = false;
    this.showFacts();
    this.makeFilters();
    this.listen();
    this.draw();
  }

  // ---- Drawing: at most once a frame; the list follows a little later ----

  draw() {
    this.overview.draw();
    this.plot.draw();
    this.list.draw();
    this.detail.draw();
    this.showRange();
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.overview.draw();
      this.plot.draw();
      this.showRange();
      clearTimeout(this.late);
      this.late = setTimeout(() => { this.list.page = 0; if (this.model.selected >= 0) this.list.turnTo(this.model.selected); this.list.draw(); }, 60);
    });
  }

  showFacts() {
    const { frame, events } = this.timeline;
    const title = plainText(frame.title);
    if (title) { $('title').textContent = title; document.title = title; }
    $('incident').textContent = plainText(frame.incident);
    $('incident').hidden = frame.incident.length === 0;
    const count = this.model.total.toLocaleString('en');
    const facts = [plainText(frame.origin), `${count} events (${frame.first} to ${Math.max(frame.first, frame.next - 1)})`, `${timeText(frame.fromNs).slice(0, 19)} to ${timeText(frame.untilNs).slice(0, 19)} UTC`];
    $('facts').textContent = facts.filter(Boolean).join(' · ');
    $('root-page').textContent = toHex(frame.root);
    if (frame.complete) return;
    $('selection').hidden = false;
    $('selection').replaceChildren(`SELECTION: ${events.count.toLocaleString('en')} of ${count} events are in this page.`,
      element('small', { text: 'The overview and the levels count all of them. Events from WARN on were taken first, of the others every so many. Read the rest with postproof bundle cat, or from the ledger.' }));
  }

  showRange() {
    const { model } = this, { view } = model;
    const ns = (ms) => { const at = model.baseNs + BigInt(Math.round(ms * 1e6)); return at < 0n ? 0n : at; };
    const digits = view.end - view.start > 6e4 ? 19 : view.end - view.start > 100 ? 23 : 29;
    $('range-text').textContent = `${timeText(ns(view.start)).slice(0, digits)} – ${timeText(ns(view.end)).slice(0, digits)} UTC · ${spanText(view.end - view.start)}`;
    const shown = model.visible.to - model.visible.from;
    $('match-text').textContent = `${shown.toLocaleString('en')} in view${model.filtered ? ` · ${model.shown.length.toLocaleString('en')} match` : ''}${model.changedCount ? ` · ${model.changedCount.toLocaleString('en')} changed` : ''}`;
  }

  speak(text) { $('spoken').textContent = text; }

  // ---- Filters ----

  makeFilters() {
    const { model } = this;
    LEVELS.forEach((name, level) => {
      const button = element('button', { type: 'button', 'aria-pressed': 'true', 'data-level': level, title: `${name} (${level + 1})` },
        element('i', { 'aria-hidden': 'true' }), name, element('b', { text: model.levelTotals[level].toLocaleString('en') }));
      button.addEventListener('click', () => this.toggleLevel(level));
      $('levels').append(button);
    });
    const order = model.names.map((_, i) => i).sort((a, b) => model.nameCounts[b] - model.nameCounts[a] || a - b);
    this.sourceBoxes = [];
    for (const name of order.slice(0, 500)) {
      const box = element('input', { type: 'checkbox' });
      box.checked = true;
      box.addEventListener('change', () => { model.namesOn[name] = box.checked; this.refilter(); });
      this.sourceBoxes[name] = box;
      $('sources-list').append(element('label', {}, box, element('span', { text: model.nameTexts[name] }), element('b', { text: model.nameCounts[name].toLocaleString('en') })));
    }
    this.showSourceCount();
  }

  showSourceCount() {
    const { namesOn } = this.model, on = namesOn.filter(Boolean).length;
    $('sources-count').textContent = on === namesOn.length ? String(on) : `${on} of ${namesOn.length}`;
  }

  toggleLevel(level) {
    this.model.levelsOn[level] = !this.model.levelsOn[level];
    $('levels').children[level].setAttribute('aria-pressed', String(this.model.levelsOn[level]));
    this.refilter();
  }

  setSources(on) {
    this.model.namesOn.fill(on);
    this.sourceBoxes.forEach((box) => { box.checked = on; });
    this.refilter();
  }

  refilter() {
    this.model.filter();
    this.showSourceCount();
    this.redraw();
    this.speak(`${this.model.shown.length} events match`);
  }

  reset() {
    this.model.levelsOn.fill(true);
    for (const button of $('levels').children) button.setAttribute('aria-pressed', 'true');
    $('search').value = '';
    this.model.query = '';
    this.setSources(true);
    this.fit();
  }

  fit() { this.model.view = { ...this.model.full }; this.redraw(); }

  // ---- One event ----

  choose(i) {
    if (i < 0) return;
    this.model.select(i);
    this.plot.draw();
    this.overview.draw();
    this.showRange();
    this.list.turnTo(i);
    this.list.draw();
    this.list.scrollToSelected();
    this.detail.draw();
    this.speak(`Event ${this.timeline.events.seq[i]}, ${LEVELS[this.model.level[i]]}, ${this.model.nameTexts[this.model.source[i]]}: ${this.model.messageOf(i)}`);
  }

  chooseNearMiddle() {
    if (this.model.selected >= 0) return void $('detail').focus();
    this.choose(this.model.neighbour(1));
  }

  // ---- Mouse and touch ----

  listen() {
    const { model } = this;
    this.listenPlot();
    this.listenOverview();
    $('zoom-in').addEventListener('click', () => { model.zoom(0.5); this.redraw(); });
    $('zoom-out').addEventListener('click', () => { model.zoom(2); this.redraw(); });
    $('zoom-fit').addEventListener('click', () => this.fit());
    $('reset').addEventListener('click', () => this.reset());
    $('sources-all').addEventListener('click', () => this.setSources(true));
    $('sources-none').addEventListener('click', () => this.setSources(false));
    $('event-next').addEventListener('click', () => this.choose(model.neighbour(1)));
    $('event-back').addEventListener('click', () => this.choose(model.neighbour(-1)));
    $('search').addEventListener('input', () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => { model.query = $('search').value; this.refilter(); }, 120);
    });
    $('search').addEventListener('keydown', (event) => { if (event.key === 'Enter') this.choose(model.shown.length ? model.neighbour(1) : -1); });
    new ResizeObserver(() => this.redraw()).observe($('plot'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => this.setTheme(event.matches ? 'dark' : 'light'));
    $('theme').addEventListener('click', () => this.toggleTheme());
    document.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('click', (event) => { if (!event.target.closest('#sources')) $('sources').open = false; });
  }

  listenPlot() {
    const { model } = this, canvas = $('plot'), pointers = new Map();
    let moved = 0;
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) model.pan((event.deltaX || event.deltaY) / 1200);
      else model.zoom(Math.exp(Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 200)), this.plot.ms(at(event)[0]));
      this.hideTip();
      this.redraw();
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      moved = 0;
      canvas.classList.add('dragging');
    });
    canvas.addEventListener('pointermove', (event) => {
      const before = pointers.get(event.pointerId), now = at(event);
      if (!before) return this.showTip(...now);
      moved += Math.abs(now[0] - before[0]);
      this.drag(pointers, event.pointerId, before, now);
      pointers.set(event.pointerId, now);
    });
    const up = (event) => {
      if (pointers.delete(event.pointerId) && event.type === 'pointerup' && moved < 4) this.choose(this.plot.nearest(...at(event)));
      canvas.classList.toggle('dragging', pointers.size > 0);
    };
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
    canvas.addEventListener('pointerleave', () => this.hideTip());
    canvas.addEventListener('dblclick', (event) => { model.zoom(0.25, this.plot.ms(at(event)[0])); this.redraw(); });
  }

  // One pointer moves, two zoom.
  drag(pointers, id, before, now) {
    const { model } = this;
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (other) model.zoom(Math.max(20, Math.abs(before[0] - other[0])) / Math.max(20, Math.abs(now[0] - other[0])), this.plot.ms(other[0]));
    else model.pan((before[0] - now[0]) / this.plot.width);
    this.hideTip();
    this.redraw();
  }

  listenOverview() {
    const { model } = this, canvas = $('overview');
    let from = null;
    const ms = (event) => this.overview.ms(event.clientX - canvas.getBoundingClientRect().left);
    canvas.addEventListener('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); from = ms(event); });
    canvas.addEventListener('pointermove', (event) => {
      if (from === null) return;
      const to = ms(event);
      if (Math.abs(this.overview.x(to) - this.overview.x(from)) < 4) return;
      model.setView(Math.min(from, to), Math.max(from, to));
      this.redraw();
    });
    canvas.addEventListener('pointerup', (event) => {
      const to = ms(event), half = (model.view.end - model.view.start) / 2;
      if (from !== null && Math.abs(this.overview.x(to) - this.overview.x(from)) < 4) model.setView(to - half, to + half);
      from = null;
      this.redraw();
    });
  }

  showTip(x, y) {
    const i = this.plot.nearest(x, y, this.plot.dots ? 10 : 3), { model } = this;
    if (i < 0) return this.hideTip();
    const tip = $('tip');
    tip.replaceChildren(element('b', { text: `${LEVELS[model.level[i]]} · ${model.nameTexts[model.source[i]]}` }),
      element('div', { text: `${timeText(this.timeline.events.time[i])} UTC · #${this.timeline.events.seq[i]}` }), element('div', { text: model.messageOf(i) }));
    if (model.changed[i]) tip.append(element('b', { text: 'CHANGED' }));
    tip.hidden = false;
    const room = $('plot').clientWidth - tip.offsetWidth - 8;
    tip.style.setProperty('left', `${Math.max(4, Math.min(room, x + 14))}px`);
    tip.style.setProperty('top', `${y + 18}px`);
  }

  hideTip() { $('tip').hidden = true; }

  // ---- Keyboard ----

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
    const typing = event.target.matches('input:not([type=checkbox]), textarea');
    if (event.key === 'Escape') return this.escape(event);
    if (typing) return;
    if (event.target.closest('.scroll') && ['Home', 'End', 'ArrowUp', 'ArrowDown'].includes(event.key)) return;
    if (event.key === 'Enter' && event.target.matches('button, summary, input')) return;
    const action = this.actions()[event.key] ?? (/^[1-6]$/.test(event.key) ? () => this.toggleLevel(Number(event.key) - 1) : null);
    if (!action) return;
    event.preventDefault();
    action(event);
  }

  actions() {
    const { model } = this, look = (change) => () => { change(); this.redraw(); };
    return this.keys ??= {
      ArrowLeft: (event) => look(() => model.pan(event.shiftKey ? -0.5 : -0.1))(),
      ArrowRight: (event) => look(() => model.pan(event.shiftKey ? 0.5 : 0.1))(),
      '+': look(() => model.zoom(0.5)), '=': look(() => model.zoom(0.5)), '-': look(() => model.zoom(2)), _: look(() => model.zoom(2)),
      ArrowUp: look(() => model.zoom(0.5)), ArrowDown: look(() => model.zoom(2)),
      0: () => this.fit(),
      Home: look(() => model.setView(model.first, model.first + model.view.end - model.view.start)),
      End: look(() => model.setView(model.last - model.view.end + model.view.start, model.last)),
      n: () => this.choose(model.neighbour(1)), p: () => this.choose(model.neighbour(-1)),
      c: () => this.nextChanged(),
      Enter: () => this.chooseNearMiddle(),
      '/': () => $('search').focus(), v: () => $('trusted').focus(), l: () => $('scroll').focus(),
      s: () => { $('sources').open = !$('sources').open; if ($('sources').open) $('sources-list').querySelector('input')?.focus(); },
      r: () => this.reset(), t: () => this.toggleTheme(), '?': () => $('help').showModal(),
    };
  }

  nextChanged() {
    const { model } = this, changed = (i) => model.changed[i] === 1;
    let i = model.neighbour(1, changed);
    if (i < 0) i = model.shown.find(changed) ?? -1;
    if (i < 0) this.speak('No event is marked as changed'); else this.choose(i);
  }

  escape(event) {
    if ($('sources').open) { $('sources').open = false; $('sources').querySelector('summary').focus(); return; }
    if (event.target === $('search') && $('search').value) { $('search').value = ''; this.model.query = ''; this.refilter(); return; }
    if (event.target.matches('input, textarea')) event.target.blur(); else if (this.model.selected >= 0) { this.model.select(-1); this.draw(); }
  }

  setTheme(name) {
    document.documentElement.dataset.theme = name;
    this.model.colors = readColors();
    this.redraw();
  }

  toggleTheme() { this.setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'); }

  // ---- The check ----

  async check() {
    const { frame, events } = this.timeline;
    if (!globalThis.crypto?.subtle) return this.sayUnchecked('This browser can\u2019t hash here', 'WebCrypto works in files and over https only. Open the file itself.');
    let done = 0;
    const all = Math.max(1, (frame.complete ? 2 : 1) * events.count);
    const progress = (n) => { done += n; $('progress').value = done / all; };
    if (!frame.complete) {
      this.model.leaves = await hashLeaves(this.timeline, progress);
      this.draw();
      return this.sayUnchecked('This page holds a selection', 'Each event has its hash, but the root is of all events of the window: a selection can\u2019t be checked against it. Verify the bundle: postproof bundle verify.');
    }
    this.result = await checkTimeline(this.timeline, progress);
    this.model.leaves = this.result.leaves;
    $('progress').hidden = true;
    $('root-events').textContent = toHex(this.result.root);
    this.trust(frame.root, null);
    this.draw();
  }

  sayUnchecked(title, text) {
    $('progress').hidden = true;
    $('root-events').textContent = 'not computed';
    this.say('part', '!', 'Not checked', title, text);
  }

  say(state, sign, badge, title, text) {
    $('verdict').dataset.state = $('badge').dataset.state = state;
    $('sign').textContent = sign;
    $('badge-text').textContent = badge;
    $('check-title').textContent = title;
    $('check-text').textContent = text;
  }

  // what: how the root was vouched for, or null for the one that the page prints.
  trust(root, what) {
    const { result, model } = this, good = sameBytes(result.root, root);
    const proven = sameBytes(result.recordedRoot, root), located = result.groups.some((group) => group.differs);
    model.markChanged(good ? [] : result.groups, !good && !located);
    $('root-events').classList.toggle('differs', !good);
    $('root-page').classList.toggle('differs', !sameBytes(this.timeline.frame.root, root));
    if (good && what) this.say('good', '✓', 'Verified', 'These are the events of the root', `All ${model.total.toLocaleString('en')} events, in this order and none left out, hash to ${what}.`);
    else if (good) this.say('self', '=', 'Agrees with itself', 'The events agree with this page\u2019s own root', 'That shows no accident. To rule out a forged page, check against a root, checkpoint or key that reached you another way.');
    else this.sayBad(what, proven, located);
    $('alarm').hidden = good;
    this.alarmed = !good;
  }

  sayBad(what, proven, located) {
    const changed = this.model.changedCount.toLocaleString('en');
    const where = !located ? 'Which events were changed can\u2019t be told: all are suspect.'
      : `${changed} event${this.model.changedCount === 1 ? ' is' : 's are'} marked${proven ? '' : ', but the hashes that they were compared with do not lead to that root either'}.`;
    this.say('bad', '✕', 'Changed', 'These are not the events of the root', `They do not hash to ${what ?? 'the root that this page prints'}. ${where}`);
    $('alarm').textContent = `CHANGED: the events in this page are not those of ${what ?? 'its root'}. ${where}`;
  }

  async trustGiven(event) {
    event.preventDefault();
    const note = $('trust-note');
    const text = $('trusted').value;
    if (!this.result) { note.textContent = this.timeline.frame.complete ? 'Wait until the events are hashed.' : 'A selection can\u2019t be checked.'; return; }
    if (text.trim() === '') { this.trust(this.timeline.frame.root, null); note.textContent = ''; this.draw(); return; }
    const trusted = await readTrusted(text, this.timeline).catch((error) => ({ error: `That can\u2019t be read: ${error.message}` }));
    note.dataset.state = trusted.error ? 'bad' : '';
    note.textContent = trusted.error ?? '';
    if (trusted.error) return;
    this.trust(trusted.root, trusted.what);
    note.dataset.state = $('verdict').dataset.state;
    note.textContent = `${$('badge-text').textContent}: compared with ${trusted.what}.`;
    this.draw();
  }
}

function refuse(error) {
  $('alarm').hidden = false;
  $('alarm').textContent = `UNREADABLE: the data in this page is damaged or was changed: ${error.message}. Nothing is shown.`;
  $('badge').dataset.state = $('verdict').dataset.state = 'bad';
  $('badge-text').textContent = 'Unreadable';
  $('sign').textContent = '✕';
  $('check-title').textContent = 'The data can\u2019t be read';
  $('check-text').textContent = 'Take the page from its bundle again.';
  $('progress').hidden = true;
}

async function start() {
  document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  $('help-open').addEventListener('click', () => $('help').showModal());
  $('help-close').addEventListener('click', () => $('help').close());
  $('badge').addEventListener('click', () => $('trusted').focus());
  for (const button of document.querySelectorAll('[data-copy]'))
    button.addEventListener('click', () => navigator.clipboard?.writeText($(button.dataset.copy).textContent));
  let page;
  try {
    page = new Page(readTimeline(await inflate(fromBase64($('data').textContent.trim()))));
    performance.mark('drawn');
    $('trust').addEventListener('submit', (event) => page.trustGiven(event));
    await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)); });
    await page.check();
  } catch (error) {
    refuse(error);
  }
  document.documentElement.dataset.ready = 'yes';
}

start();
