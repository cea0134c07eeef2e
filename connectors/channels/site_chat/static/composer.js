/* Where the visitor writes: text that grows, files that go up at once and travel as tickets, a draft that survives. */
import { element, icon } from './message_log.js';
import { sizeOf } from './words.js';

export class Composer {
  /* tools: words, limits, conversation, keep(name, value), say({text, files}), touch: whether Enter breaks the line */
  constructor({ form, tools, draft }) {
    Object.assign(this, tools);
    this.form = form;
    this.text = form.querySelector('textarea');
    this.send = form.querySelector('.w__send');
    this.picker = form.querySelector('input[type=file]');
    this.tray = form.querySelector('.w__tray');
    this.files = [];
    this.text.value = draft || '';
    this.text.addEventListener('input', () => this.changed());
    this.text.addEventListener('keydown', (event) => {
      // isComposing: Enter that chooses a word in an input method is not "send".
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || this.touch) return;
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener('paste', (event) => {
      if (event.clipboardData.files.length) { event.preventDefault(); this.add(event.clipboardData.files); }
    });
    form.addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
    form.querySelector('.w__attach').addEventListener('click', () => this.picker.click());
    this.picker.addEventListener('change', () => { this.add(this.picker.files); this.picker.value = ''; });
    this.changed();
  }

  focus() { this.text.focus(); }

  clear() {
    this.text.value = '';
    this.files = [];
    this.changed();
  }

  changed() {
    this.text.style.height = 'auto';
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 140)}px`;
    const busy = this.files.some((file) => file.state === 'uploading');
    const ready = this.text.value.trim() || this.files.some((file) => file.state === 'ready');
    this.send.setAttribute('aria-disabled', String(!ready || busy));
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.keep('draft', this.text.value || null), 300);
    this.drawTray();
  }

  submit() {
    const text = this.text.value.trim();
    const ready = this.files.filter((file) => file.state === 'ready');
    if (this.send.getAttribute('aria-disabled') === 'true') return;
    if (new TextEncoder().encode(text).length > this.limits.text) {
      this.complain(this.words.tooLong);
      return;
    }
    this.complain('');
    this.say({ text, files: ready.map(({ ticket, name, mime, kind, size }) => ({ ticket, name, mime, kind, size })) });
    clearTimeout(this.saving);
    this.keep('draft', null);
    this.clear();
    this.text.focus();
  }

  complain(words) {
    const place = this.form.querySelector('.w__err');
    place.textContent = words;
    place.hidden = !words;
  }

  add(chosen) {
    this.complain('');
    for (const file of chosen) {
      if (this.files.length >= this.limits.files) { this.complain(this.words.tooMany(this.limits.files)); break; }
      const item = { file, name: file.name || 'image.png', size: file.size, state: 'uploading', percent: 0 };
      this.files.push(item);
      if (file.size > this.limits.file) {
        Object.assign(item, { state: 'failed', reason: this.words.tooLarge(sizeOf(this.limits.file, this.words)), final: true });
      } else {
        this.upload(item);
      }
    }
    this.changed();
  }

  /* XMLHttpRequest, because fetch does not tell how far an upload is. */
  async upload(item) {
    Object.assign(item, { state: 'uploading', percent: 0, reason: '' });
    this.changed();
    try {
      await this.conversation.ensureToken();
    } catch {
      this.fail(item, this.words.uploadFailed);
      return;
    }
    const body = new FormData();
    body.append('file', item.file, item.name);
    const request = item.request = new XMLHttpRequest();
    request.open('POST', `${this.conversation.base}files`);
    request.setRequestHeader('Authorization', `Bearer ${this.conversation.token}`);
    request.timeout = 120000;
    request.upload.onprogress = (event) => {
      item.percent = Math.floor((event.loaded / event.total) * 100);
      this.drawTray();
    };
    request.onload = () => {
      if (request.status === 200) {
        Object.assign(item, JSON.parse(request.responseText), { state: 'ready', request: null });
        this.changed();
        return;
      }
      const limit = sizeOf(this.limits.file, this.words);
      const reasons = { 413: this.words.tooLarge(limit), 422: this.words.faults.file.empty, 429: this.words.tooOftenFiles };
      item.final = request.status === 413 || request.status === 422;
      this.fail(item, reasons[request.status] || this.words.uploadFailed);
    };
    request.onerror = request.ontimeout = () => {
      this.fail(item, this.words.uploadFailed);
      addEventListener('online', () => { if (item.state === 'failed' && this.files.includes(item)) this.upload(item); }, { once: true });
    };
    request.send(body);
  }

  fail(item, reason) {
    Object.assign(item, { state: 'failed', reason, request: null });
    this.changed();
  }

  drawTray() {
    this.tray.hidden = this.files.length === 0;
    this.tray.replaceChildren(...this.files.map((item) => this.chip(item)));
  }

  chip(item) {
    const { words } = this;
    const said = { uploading: words.uploading(item.percent), ready: sizeOf(item.size, words), failed: item.reason }[item.state];
    const chip = element('li', `w__chip is-${item.state}`, icon(item.state === 'failed' ? 'alert' : 'file'),
      element('span', 'w__cname', item.name), element('span', 'w__fsize', said));
    if (item.state === 'failed' && !item.final) {
      const again = element('button', 'w__link', words.retry);
      again.type = 'button';
      again.addEventListener('click', () => this.upload(item));
      chip.append(again);
    }
    const away = element('button', 'w__x', icon('x'));
    away.type = 'button';
    away.setAttribute('aria-label', `${words.remove}: ${item.name}`);
    away.addEventListener('click', () => {
      if (item.request) item.request.abort();
      this.files = this.files.filter((each) => each !== item);
      this.changed();
      this.text.focus();
    });
    chip.append(away);
    return chip;
  }
}
