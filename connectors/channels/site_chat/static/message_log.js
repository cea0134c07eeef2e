/* The conversation as it is read. A message's element is made once and replaced only when the message changed, so
 * that a screen reader hears what is new and nothing twice. All text goes in as text.
 */
import { sizeOf } from './words.js';

const LINK = /\bhttps?:\/\/[^\s<>"'«»]+[^\s<>"'«»).,;:!?]/gi;

export function icon(name, small = true) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', small ? 'i i--s' : 'i');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

export function element(name, className = '', ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

export function linked(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(at, found.index));
    const link = element('a', '', found[0]);
    link.href = found[0];
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow ugc';
    parts.push(link);
    at = found.index + found[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

export class MessageLog {
  constructor({ log, pill, conversation, words, language, greeting, base }) {
    Object.assign(this, { log, pill, conversation, words, greeting, base });
    this.shown = new Map();
    this.below = 0;
    this.clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
    this.date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long' });
    log.addEventListener('scroll', () => { if (this.atEnd) this.setBelow(0); }, { passive: true });
    pill.addEventListener('click', () => this.toEnd());
    new ResizeObserver(() => { if (this.sticky) this.toEnd(); }).observe(log);
  }

  get atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 48;
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.setBelow(0);
  }

  setBelow(count) {
    this.below = count;
    this.sticky = count === 0;
    this.pill.hidden = count === 0;
    this.pill.textContent = count ? `${this.words.newBelow(count)} ↓` : '';
    this.pill.setAttribute('aria-label', this.words.toEnd);
  }

  arrived() {
    if (!this.atEnd) this.setBelow(this.below + 1);
  }

  draw() {
    const stays = this.atEnd || this.sticky !== false;
    const height = this.log.scrollHeight, top = this.log.scrollTop;
    const first = this.conversation.ordered[0]?.id;
    const wanted = this.lines();
    const kept = new Map();
    let after = null;
    for (const { key, digest, make } of wanted) {
      const was = this.shown.get(key);
      const node = was && was.digest === digest ? was.node : make();
      // What is drawn again because a tick changed does not move again.
      if (!was && this.shown.size) node.classList.add('is-new');
      if (was && was.node !== node) was.node.replaceWith(node);
      const place = after ? after.nextSibling : this.log.firstChild;
      if (place !== node) this.log.insertBefore(node, place);
      kept.set(key, { digest, node });
      after = node;
    }
    for (const [key, { node }] of this.shown) if (!kept.has(key)) node.remove();
    this.shown = kept;
    if (stays && !this.paging) this.toEnd();
    else if (this.first && first !== this.first) this.log.scrollTop = top + this.log.scrollHeight - height;
    this.first = first;
  }

  /* Day, author and bubbles in order; a line is known by its key and drawn again when its digest changed. */
  lines() {
    const { conversation, words } = this, found = [];
    const put = (key, digest, make) => found.push({ key, digest: String(digest), make });
    if (conversation.earlier) put('earlier', this.paging, () => this.earlierButton());
    const messages = conversation.ordered, unsent = conversation.unsent;
    if (!messages.length && !unsent.length) {
      put('greeting', this.greeting, () => element('p', 'w__b', ...linked(this.greeting)));
      return found;
    }
    let day = '', speaker = '';
    for (const message of [...messages, ...unsent]) {
      const at = new Date(message.at), today = at.toDateString();
      if (today !== day) {
        put(`day ${today}`, this.dayName(at), () => element('p', 'w__day', this.dayName(at)));
        [day, speaker] = [today, ''];
      }
      const mine = message.mine !== false;
      const author = mine ? '' : message.author || words.us;
      if (author && author !== speaker) put(`who ${message.id}`, author, () => element('p', 'w__who', author));
      speaker = author;
      // An own message keeps its line when the server's copy takes the place of ours.
      const key = (mine && message.client_msg_id) || message.id;
      put(key, JSON.stringify(message), () => this.bubble(message, mine, at));
    }
    return found;
  }

  dayName(at) {
    const now = new Date(), yesterday = new Date(now);
    yesterday.setDate(now.getDate() - 1);
    if (at.toDateString() === now.toDateString()) return this.words.today;
    return at.toDateString() === yesterday.toDateString() ? this.words.yesterday : this.date.format(at);
  }

  bubble(message, mine, at) {
    const { words } = this;
    const made = element('div', `w__b${mine ? ' w__b--me' : ''}${message.state === 'failed' ? ' w__b--failed' : ''}`);
    made.append(element('span', 'vh', `${mine ? words.you : message.author || words.us}: `));
    if (message.deleted) {
      made.classList.add('w__b--deleted');
      made.append(words.deleted);
    } else {
      for (const file of message.files || []) made.append(this.file(file));
      if (message.text) made.append(element('span', 'w__text', ...linked(message.text)));
    }
    const meta = element('span', 'w__t');
    if (message.edited && !message.deleted) meta.append(element('span', '', words.edited));
    const time = element('time', '', this.clock.format(at));
    time.dateTime = at.toISOString();
    meta.append(time);
    if (mine && !message.deleted) meta.append(...this.ticks(message.state));
    made.append(meta);
    if (message.state === 'failed') made.append(this.failure(message));
    return made;
  }

  ticks(state) {
    const { words } = this;
    const known = {
      waiting: ['clock', this.conversation.online ? words.sending : words.waiting],
      sending: ['clock', words.sending], sent: ['check', words.sent],
      delivered: ['check', words.delivered], read: ['checks', words.read], failed: ['alert', words.failed],
    }[state] || ['check', words.sent];
    const drawn = icon(known[0]);
    const said = element('span', 'vh', ` ${known[1]}`);
    const holder = element('span', `w__tick is-${state}`, drawn, said);
    holder.title = known[1];
    return [holder];
  }

  failure(message) {
    const { words, conversation } = this;
    const why = (words.faults[message.field] || {})[message.fault] ||
      { too_large: words.tooLong, origin: words.refused }[message.fault] || words.unknownFailure;
    const again = element('button', 'w__link', words.retry);
    again.type = 'button';
    again.addEventListener('click', () => conversation.retry(message.id));
    const away = element('button', 'w__link', words.discard);
    away.type = 'button';
    away.addEventListener('click', () => conversation.discard(message.id));
    return element('span', 'w__why', icon('alert'), element('span', '', `${words.failed}. ${why}. `, again, ' · ', away));
  }

  file(file) {
    const { words } = this;
    const size = file.size ? sizeOf(file.size, words) : '';
    if (file.kind === 'image' && file.link) {
      const picture = element('img', 'w__img');
      picture.alt = words.image(file.name);
      picture.loading = 'lazy';
      picture.src = this.base + file.link;
      picture.addEventListener('error', () => addEventListener('online', () => { picture.src = this.base + file.link; }, { once: true }), { once: true });
      picture.addEventListener('load', () => { if (this.sticky !== false) this.toEnd(); });
      const link = element('a', 'w__pic', picture);
      link.href = this.base + file.link;
      link.download = file.name;
      return link;
    }
    const content = [icon('file', false), element('span', 'w__fname', file.name), element('span', 'w__fsize', file.link || file.ticket ? size : words.preparing)];
    if (!file.link) return element('span', 'w__file', ...content);
    const link = element('a', 'w__file', ...content);
    link.href = this.base + file.link;
    link.download = file.name;
    link.setAttribute('aria-label', words.file(file.name, size));
    return link;
  }

  earlierButton() {
    const button = element('button', 'w__link w__earlier', this.paging ? this.words.loading : this.words.earlier);
    button.type = 'button';
    button.addEventListener('click', async () => {
      if (this.paging) return;
      this.paging = true;
      this.draw();
      await this.conversation.loadEarlier().catch(() => {});
      this.draw();
      this.paging = false;
      this.draw();
    });
    return button;
  }
}
