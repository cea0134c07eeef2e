/* The conversation without its looks: what has come, what still has to go, and the way there and back.
 *
 * What comes is a set of messages by id, in the order of `seq`; the same message read again replaces itself. What goes
 * waits in an outbox that the page keeps, one entry per message under an id of its own, until the message comes back
 * as part of the conversation. Sending is one at a time, so that the order of writing is the order of arriving.
 */

import { Cut, Refused, backoff, claimsOf, uuid, visitorOf } from './asking.js';

const SILENCE_MS = 60000;
const FIRST_BYTE_MS = 8000;

/* hooks: changed(), status({online, slow}), token({token, before, fresh}), keep(name, value or null),
 *        arrived(message), lost(), lead(visitor or null), relay({visitor, messages}) */
export class Conversation {
  constructor({ base, token, kept, hooks }) {
    this.base = base;
    this.token = token;
    this.hooks = hooks;
    this.begun = Boolean(kept.talk);
    this.asked = Boolean(kept.asked);
    this.readSeq = Number(kept.read) || 0;
    this.online = true;
    this.clear();
    for (const [name, value] of Object.entries(kept)) {
      if (!name.startsWith('out.')) continue;
      try {
        const item = JSON.parse(value);
        this.outbox.set(item.id, { ...item, state: item.state === 'sending' ? 'waiting' : item.state });
      } catch { hooks.keep(name, null); }
    }
    for (const event of ['online', 'focus', 'pageshow']) addEventListener(event, () => this.nudge());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.nudge(); });
    addEventListener('offline', () => this.setOnline(false));
  }

  clear() {
    this.messages = new Map();
    this.outbox = new Map();
    this.lastSeq = 0;
    this.loaded = false;
    this.earlier = false;
    this.brokenStreams = 0;
    this.reported = { delivered: 0, read: 0 };
    this.pauses = new Set();
  }

  get ordered() {
    return [...this.messages.values()].sort((one, other) => one.seq - other.seq);
  }
  get unsent() {
    return [...this.outbox.values()].sort((one, other) => one.at - other.at);
  }
  get unread() {
    return this.ordered.filter((each) => !each.mine && !each.deleted && each.seq > this.readSeq).length;
  }

  /* ---- Asking the server ---- */

  async ask(path, { method = 'GET', body, signal, timeout = 20000, again = true } = {}) {
    // Until the whole answer is there: a connection may also die in the middle of one.
    const limit = new Cut(signal, timeout);
    let response, answer;
    try {
      response = await fetch(this.base + path, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
        },
        cache: 'no-store',
        credentials: 'omit',
        signal: limit.signal,
      });
      if (!response.ok) answer = await response.json().catch(() => ({}));
      else answer = response.status === 204 ? null : await response.json();
    } finally {
      limit.done();
    }
    this.setOnline(true);
    if (response.status === 401 && again && path !== 'session') {
      // The token is no longer good (another installation's key, too old): begin anew, keep what was written.
      this.lose();
      await this.session(null);
      return this.ask(path, { method, body, signal, timeout, again: false });
    }
    if (!response.ok) throw new Refused(response.status, answer, Number(response.headers.get('Retry-After')) || 0);
    return answer;
  }

  async session(visit) {
    const before = this.token;
    const given = await this.ask('session', { method: 'POST', body: visit ? { visit } : {} });
    if (given.token) this.setToken(given.token, { fresh: true, before });
  }

  async ensureToken() {
    if (this.token) return;
    this.beginning = this.beginning || this.session(null).finally(() => { this.beginning = null; });
    await this.beginning;
  }

  setToken(token, { fresh = false, before = this.token } = {}) {
    this.token = token;
    this.hooks.token({ token, before, fresh });
  }

  /* Another tab of this page has a visitor already. */
  adopt(token) {
    if (token === this.token) return;
    const same = visitorOf(token) === visitorOf(this.token);
    this.token = token;
    if (same) return;
    const outbox = this.outbox;
    this.stop();
    this.clear();
    this.outbox = outbox;
    if (this.begun) this.start();
    this.hooks.changed();
  }

  lose() {
    this.token = null;
    this.messages = new Map();
    this.lastSeq = 0;
    this.hooks.lost();
    this.hooks.changed();
  }

  reset() {
    this.stop();
    for (const pause of this.pauses) pause();
    this.clear();
    this.token = null;
    this.begun = this.asked = false;
    this.readSeq = 0;
    this.hooks.changed();
  }

  /* Nothing is sent meanwhile: the server may make a new visitor of who has not written yet. */
  identify(who) {
    this.identifying = (this.identifying || Promise.resolve()).catch(() => {}).then(async () => {
      await this.attempting;
      await this.ensureToken();
      const given = await this.ask('identify', { method: 'POST', body: { ...who, begun: this.begun } });
      if (!given.token) return;
      const before = this.token;
      if (visitorOf(given.token) !== visitorOf(before)) {
        // What an anonymous visitor has not sent yet is this person's; what somebody else has not sent is not.
        const unsent = claimsOf(before).x ? [] : [...this.outbox.values()];
        for (const id of this.outbox.keys()) if (!unsent.length) this.hooks.keep(`out.${id}`, null);
        this.reset();
        for (const item of unsent) this.outbox.set(item.id, item);
        this.hooks.keep('talk', null);
        this.hooks.keep('read', null);
      }
      this.setToken(given.token);
      this.hooks.changed();
    });
    return this.identifying;
  }

  /* ---- Sending ---- */

  say({ text, files = [], form = null, website = '', page, language }) {
    const item = { id: uuid(), text, files, form, website, page, language, at: Date.now(), state: 'waiting' };
    this.outbox.set(item.id, item);
    this.keepItem(item);
    this.hooks.changed();
    this.pump();
    return item;
  }

  retry(id) {
    const item = this.outbox.get(id);
    if (!item) return;
    Object.assign(item, { state: 'waiting', fault: '', field: '' });
    this.keepItem(item);
    this.hooks.changed();
    this.pump();
  }

  discard(id) {
    this.outbox.delete(id);
    this.hooks.keep(`out.${id}`, null);
    this.hooks.changed();
  }

  keepItem(item) {
    this.hooks.keep(`out.${item.id}`, JSON.stringify(item));
  }

  async pump() {
    if (this.pumping) return;
    this.pumping = true;
    let failures = 0;
    try {
      for (;;) {
        const item = this.unsent.find((each) => each.state === 'waiting');
        if (!item) break;
        await (this.identifying || Promise.resolve()).catch(() => {});
        if (this.outbox.get(item.id) !== item) continue;  // it was somebody else's
        this.attempting = this.attempt(item, failures);
        const { pause, mayBeCutShort } = await this.attempting;
        if (!pause) { failures = 0; continue; }
        failures += 1;
        await this.pause(pause, { mayBeCutShort });
      }
    } finally {
      this.pumping = false;
    }
  }

  async attempt(item, failures) {
    item.state = 'sending';
    this.hooks.changed();
    try {
      await this.ensureToken();
      const given = await this.ask('messages', {
        method: 'POST',
        body: {
          client_msg_id: item.id, text: item.text, files: item.files.map((file) => file.ticket),
          page: item.page, form: item.form, language: item.language, website: item.website,
        },
      });
      item.state = 'sent';
      if (given.token) this.setToken(given.token);
      if (item.form) { this.asked = true; this.hooks.keep('asked', '1'); }
      // It may have come back already, before the answer did.
      if (this.outbox.has(item.id)) this.keepItem(item);
      this.begin();
      this.hooks.status({ online: true, slow: 0 });
      this.hooks.changed();
      return {};
    } catch (error) {
      if (!(error instanceof Refused)) {
        item.state = 'waiting';
        this.setOnline(false);
        this.hooks.changed();
        return { pause: backoff(failures), mayBeCutShort: true };
      }
      if (error.status === 429 || error.status >= 500) {
        item.state = 'waiting';
        const wait = error.retryAfter || backoff(failures);
        this.hooks.status({ online: true, slow: error.status === 429 ? wait : 0 });
        this.hooks.changed();
        return { pause: wait + Math.random() * (error.status === 429 ? 0.3 : wait / 2), mayBeCutShort: false };
      }
      Object.assign(item, { state: 'failed', fault: error.fault, field: error.field });
      if (this.outbox.has(item.id)) this.keepItem(item);
      this.hooks.changed();
      return {};
    }
  }

  /* ---- Receiving ---- */

  begin() {
    if (!this.begun) {
      this.begun = true;
      this.hooks.keep('talk', '1');
    }
    this.start();
  }

  /* One tab of the browser listens and tells the others: six streams to one host are all HTTP/1.1 has. Which one,
   * the page decides: a browser may deny locks to a frame of another site. */
  start() {
    if (this.running || !this.token) return;
    this.running = new AbortController();
    this.hooks.lead(visitorOf(this.token));
    this.catchUp(this.running.signal).catch(() => this.setOnline(navigator.onLine));
  }

  stop() {
    if (!this.running) return;
    this.running.abort();
    this.running = null;
    this.leading = false;
    this.hooks.lead(null);
  }

  lead(visitor) {
    if (!this.running || this.leading || visitor !== visitorOf(this.token)) return;
    this.leading = true;
    this.live(this.running.signal);
  }

  relayed({ visitor, messages }) {
    if (this.running && visitor === visitorOf(this.token)) this.take(messages, { told: true });
  }

  async live(signal) {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.catchUp(signal);
        failures = 0;
        await (this.brokenStreams < 2 ? this.stream(signal) : this.poll(signal));
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        if (!(error instanceof Refused)) this.setOnline(false);
        else if (error.retryAfter) await this.pause(error.retryAfter, { mayBeCutShort: false });
      }
      await this.pause(failures ? backoff(failures) : 0.2 + Math.random() * 0.8, { mayBeCutShort: true });
    }
  }

  async catchUp(signal) {
    if (!this.loaded) {
      const page = await this.ask('messages', { signal });
      this.earlier = page.more;
      this.loaded = true;
      this.take(page.messages, { first: true });
      return;
    }
    for (;;) {
      const page = await this.ask(`messages?after=${this.lastSeq}`, { signal });
      this.take(page.messages);
      if (!page.more) return;
    }
  }

  async stream(signal) {
    const cut = this.cut = new Cut(signal, FIRST_BYTE_MS);
    let spoken = false;
    try {
      const response = await fetch(`${this.base}events?after=${this.lastSeq}`, {
        headers: { Authorization: `Bearer ${this.token}` },
        cache: 'no-store', credentials: 'omit',
        signal: cut.signal,
      });
      if (!response.ok) throw new Refused(response.status, {}, Number(response.headers.get('Retry-After')) || 0);
      const reader = response.body.getReader(), decoder = new TextDecoder();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        spoken = true;
        this.brokenStreams = 0;
        this.heardAt = Date.now();
        cut.within(SILENCE_MS);
        text += decoder.decode(value, { stream: true });
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) this.hear(event);
      }
    } finally {
      cut.done();
      this.cut = null;
      if (!spoken && !signal.aborted && navigator.onLine) this.brokenStreams += 1;
    }
  }

  hear(event) {
    const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
    if (data) this.take(JSON.parse(data).messages);
  }

  /* For proxies that hold streams back. */
  async poll(signal) {
    for (;;) {
      const page = await this.ask(`messages?after=${this.lastSeq}&wait=25`, { signal, timeout: 40000 });
      this.take(page.messages);
    }
  }

  async loadEarlier() {
    const first = this.ordered[0];
    const page = await this.ask(`messages?before=${first ? first.seq : 0}`);
    this.earlier = page.more;
    this.take(page.messages, { first: true });
  }

  take(messages, { first = false, told = false } = {}) {
    const fresh = [];
    for (const message of messages) {
      if (!this.messages.has(message.id) && message.seq > this.lastSeq) fresh.push(message);
      this.messages.set(message.id, message);
      this.lastSeq = Math.max(this.lastSeq, message.seq);
      if (message.client_msg_id && this.outbox.delete(message.client_msg_id)) {
        this.hooks.keep(`out.${message.client_msg_id}`, null);
      }
    }
    if (!messages.length) return;
    if (!told) this.hooks.relay({ visitor: visitorOf(this.token), messages });
    if (!first) for (const message of fresh) if (!message.mine) this.hooks.arrived(message);
    this.hooks.changed();
    this.report({ read: false });
  }

  /* What has come, and what somebody has looked at: told once it has grown, and a little later, in one. */
  report({ read }) {
    const last = this.ordered.filter((each) => !each.mine).at(-1);
    if (!last) return;
    if (read && last.seq > this.readSeq) {
      this.readSeq = last.seq;
      this.hooks.keep('read', String(last.seq));
      this.hooks.changed();
    }
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.tellSeen(last.seq), 400);
  }

  async tellSeen(delivered) {
    const read = Math.min(this.readSeq, delivered);
    if (delivered <= this.reported.delivered && read <= this.reported.read) return;
    const before = this.reported;
    this.reported = { delivered, read };
    try {
      await this.ask('seen', { method: 'POST', body: { delivered, read } });
    } catch {
      this.reported = before;  // told with the next thing that comes, or the next time the page wakes
    }
  }

  /* ---- Waiting ---- */

  nudge() {
    for (const cutShort of this.pauses) cutShort();
    if (this.running) {
      // After sleep a connection may be dead without knowing it.
      if (this.cut && Date.now() - (this.heardAt || 0) > 35000) this.cut.abort();
      else if (this.loaded) this.catchUp(this.running.signal).catch(() => {});
    }
    this.report({ read: false });
    this.pump();
  }

  pause(seconds, { mayBeCutShort }) {
    return new Promise((resolve) => {
      const done = () => { clearTimeout(timer); this.pauses.delete(done); resolve(); };
      const timer = setTimeout(done, seconds * 1000);
      if (mayBeCutShort) this.pauses.add(done);
    });
  }

  setOnline(online) {
    if (online === this.online) return;
    this.online = online;
    this.hooks.status({ online, slow: 0 });
  }
}
