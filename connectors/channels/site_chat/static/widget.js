/* Allo on a page: a button, a frame, and what only the page itself can know and keep.
 *
 *   <script async src="https://allo.example/widget.js?account=site"></script>
 *
 * Attributes of the tag: data-account, data-language (ru, en), data-position (right, left), data-theme (light, dark),
 * data-button (none: open it yourself), data-consent="required" (nothing is kept before Allo('consent', true)).
 *
 *   Allo('open') · Allo('close') · Allo('toggle') · Allo('identify', {id, hash} or {token}) · Allo('reset')
 *   Allo('consent', true or false) · Allo('on', 'ready|open|close|message|unread|error', function)
 *
 * The visitor's token lives in this page's own storage and goes to the frame through a private port, which is given
 * only to the frame's window at its own origin. The frame checks ours in turn. The page needs this server in
 * script-src and frame-src, and nothing else.
 */
(function () {
  'use strict';
  const early = window.Allo;
  if (early && early.loaded) return;

  const tag = document.currentScript || document.querySelector('script[src*="/widget.js"]');
  if (!tag) return;
  const source = new URL(tag.src, location.href);
  const account = tag.dataset.account || source.searchParams.get('account') || '';
  if (!/^[\w.-]+$/.test(account)) {
    console.warn('Allo: name the account: widget.js?account=…');
    return;
  }
  const home = source.origin;
  const base = new URL('chat/' + account + '/', source.href.replace(/widget\.js.*$/, '')).href;
  const prefix = 'allo.' + account + '.';
  const SESSION_MS = 30 * 60 * 1000;
  const UTM = /^utm_(source|medium|campaign|content|term|id|referrer)$/;
  const CLICKS = /^(gclid|gbraid|wbraid|gclsrc|dclid|yclid|ymclid|ysclid|fbclid|vkclid|rb_clickid|ttclid|msclkid|_openstat|roistat|rs|calltouch_tm|etext)$/;
  const COOKIES = ['_ym_uid', '_ga', '_fbp', '_fbc', 'roistat_visit'];

  // What is kept: in the page's storage; before consent, or where storage is forbidden, in memory.

  let persistent = tag.dataset.consent !== 'required';
  const memory = new Map();

  function disk(work) {
    if (!persistent) return undefined;
    try { return work(localStorage); } catch { return undefined; }
  }
  function get(name) {
    if (memory.has(name)) return memory.get(name);
    const kept = disk((storage) => storage.getItem(prefix + name));
    if (kept != null) return kept;
    return name === 'token' && persistent ? cookie(prefix + 'token') : null;
  }
  function set(name, value) {
    const done = disk((storage) => { storage.setItem(prefix + name, value); return true; });
    if (done) return;
    memory.set(name, value);
    if (name === 'token' && persistent) writeCookie(value, 34560000);
  }
  function drop(name) {
    memory.delete(name);
    disk((storage) => storage.removeItem(prefix + name));
    if (name === 'token') writeCookie('', 0);
  }
  function names() {
    const found = new Set(memory.keys());
    disk((storage) => {
      for (let at = 0; at < storage.length; at++) {
        const name = storage.key(at);
        if (name.startsWith(prefix)) found.add(name.slice(prefix.length));
      }
    });
    return [...found];
  }
  function cookie(name) {
    const found = document.cookie.split('; ').find((each) => each.startsWith(name + '='));
    return found ? decodeURIComponent(found.slice(name.length + 1)) : null;
  }
  function writeCookie(value, age) {
    if (!value && !cookie(prefix + 'token')) return;
    document.cookie = prefix + 'token=' + value + '; path=/; max-age=' + age + '; SameSite=Lax' +
      (location.protocol === 'https:' ? '; Secure' : '');
  }
  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return [...bytes].map((byte, at) => ([4, 6, 8, 10].includes(at) ? '-' : '') + byte.toString(16).padStart(2, '0')).join('');
  }

  // Where this visit came from. Kept until the frame has told the server: people click on before it has loaded.

  let came = document.referrer;
  let lastUrl = '';

  function page() {
    return { url: location.href.slice(0, 4096), title: document.title.slice(0, 1000) };
  }
  function landed() {
    const known = parse(get('visit')), now = Date.now();
    const utm = {}, clicks = {};
    for (const [name, value] of new URLSearchParams(location.search)) {
      const folded = name.toLowerCase().trim(), trimmed = value.trim().slice(0, 255);
      const campaign = UTM.exec(folded);
      if (campaign && trimmed && !utm[campaign[1]]) utm[campaign[1]] = trimmed;
      if (CLICKS.test(folded) && trimmed && !clicks[folded]) clicks[folded] = trimmed;
    }
    const sign = JSON.stringify([utm, clicks]);
    const marked = Object.keys(utm).length + Object.keys(clicks).length > 0;
    const fresh = !known || now - known.at > SESSION_MS || (marked && sign !== known.sign);
    set('visit', JSON.stringify({ at: now, sign: marked || !known ? sign : known.sign }));
    if (!fresh) return;
    if (persistent) {
      for (const name of COOKIES) {
        const value = cookie(name);
        if (value) clicks[name] = value.slice(0, 255);
      }
    }
    // source.js, which stands before this, calls the visit by the same name: told of twice, it is one.
    const visit = (window.allo && window.allo.visit && window.allo.visit()) || uuid();
    set('pending', JSON.stringify({ id: visit, ...page(), referrer: elsewhere(came), utm, click_ids: clicks }));
  }
  function elsewhere(url) {
    try { return new URL(url).host === location.host ? '' : url.slice(0, 4096); } catch { return ''; }
  }
  function moved() {
    if (location.href === lastUrl) return;
    lastUrl = location.href;
    landed();
    came = '';
    say('page', page());
    tellVisit();
  }
  function tellVisit() {
    const pending = parse(get('pending'));
    // Before consent nobody is told.
    if (pending && persistent) say('visit', pending);
  }
  function parse(text) {
    try { return text ? JSON.parse(text) : null; } catch { return null; }
  }

  // The button and the frame, in a shadow root, so that the page's styles do not reach them.

  const STYLE = ':host{all:initial;position:fixed;z-index:2147483000;bottom:0;right:0}' +
    '.d{position:fixed;bottom:24px;right:24px;display:flex;flex-direction:column;align-items:flex-end;gap:12px;font:400 14px/20px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif}' +
    '.l .d{right:auto;left:24px;align-items:flex-start}' +
    'button{font:inherit;cursor:pointer;border:0;margin:0}[hidden]{display:none!important}' +
    '.b{position:relative;display:flex;align-items:center;gap:12px;min-height:56px;padding:12px 20px 12px 16px;border-radius:28px;background:var(--brand);color:var(--ink);font-weight:600;font-size:15px;box-shadow:0 4px 20px rgb(0 0 0/.24)}' +
    '.b:hover{filter:brightness(.9)}.b svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}' +
    ':focus-visible{outline:2px solid var(--brand);outline-offset:3px}' +
    '.n{position:absolute;top:-6px;right:-2px;box-sizing:border-box;min-width:24px;height:24px;padding:0 7px;border:2px solid #fff;border-radius:12px;background:#b3261e;color:#fff;font:600 12px/20px system-ui,Arial,sans-serif;text-align:center}' +
    '.t{position:relative;box-sizing:border-box;max-width:min(304px,calc(100vw - 32px));padding:12px 44px 12px 16px;border-radius:16px 16px 4px 16px;background:#fff;color:#1c1a19;box-shadow:0 4px 20px rgb(0 0 0/.16),0 0 0 1px #e2dfdc;text-align:left}' +
    '.x{position:absolute;right:6px;top:6px;width:32px;height:32px;border-radius:8px;background:none;color:inherit;font-size:20px;line-height:1}.x:hover{background:rgb(127 127 127/.2)}' +
    '.p{background:none;color:inherit;padding:0;text-align:inherit}' +
    'iframe{position:fixed;bottom:24px;right:24px;width:376px;height:584px;max-width:calc(100vw - 32px);max-height:calc(100vh - 32px);max-height:calc(100dvh - 32px);border:0;border-radius:16px;background:none;color-scheme:normal;box-shadow:0 12px 48px rgb(0 0 0/.24),0 0 0 1px rgb(127 127 127/.3)}' +
    '.l iframe{right:auto;left:24px}' +
    '@media (max-width:719px){.d{bottom:16px;right:16px}.l .d{left:16px}iframe,.l iframe{inset:0;width:100%;height:100vh;height:100dvh;max-width:none;max-height:none;border-radius:0;box-shadow:none}}' +
    '@media (prefers-color-scheme:dark){.auto .t{background:#1b1c1e;color:#eceae8;box-shadow:0 4px 20px rgb(0 0 0/.4),0 0 0 1px #3a3b3e}.auto .n{border-color:#1b1c1e}}' +
    '.dark .t{background:#1b1c1e;color:#eceae8;box-shadow:0 4px 20px rgb(0 0 0/.4),0 0 0 1px #3a3b3e}.dark .n{border-color:#1b1c1e}' +
    '@media (prefers-reduced-motion:no-preference){.b,.t{animation:a .2s ease-out}@keyframes a{from{opacity:0;transform:translateY(8px)}}}' +
    '@media print{:host{display:none}}';

  const host = document.createElement('div');
  let wrap, button, label, badge, dock, frame, port, teaser, words = {};
  let ready = false, isOpen = false, unread = 0, openWhenReady = false;
  const waiting = [], listeners = {};

  function element(name, className, parent) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (parent) parent.append(made);
    return made;
  }
  function build() {
    const root = host.attachShadow({ mode: 'open' });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch {
      element('style', '', root).textContent = STYLE;
    }
    const theme = tag.dataset.theme || 'auto';
    wrap = element('div', (tag.dataset.position === 'left' ? 'l ' : '') + theme, root);
    dock = element('div', 'd', wrap);
    dock.hidden = true;
    button = element('button', 'b', dock);
    button.type = 'button';
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', 'allo-frame');
    button.setAttribute('aria-haspopup', 'dialog');
    const NS = 'http://www.w3.org/2000/svg', icon = document.createElementNS(NS, 'svg');
    icon.setAttribute('viewBox', '0 0 28 28');
    icon.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS(NS, 'path');
    path.setAttribute('d', 'M5 6.5h18v13H13l-5 4v-4H5zM10 11.5h8M10 15h5');
    icon.append(path);
    button.append(icon);
    label = element('span', '', button);
    badge = element('span', 'n', button);
    badge.hidden = true;
    button.addEventListener('click', open);

    frame = element('iframe');
    frame.id = 'allo-frame';
    frame.title = 'Allo';
    frame.hidden = true;
    frame.allow = 'clipboard-write';
    frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads');
    frame.addEventListener('load', greet);
    frame.src = base + 'frame';
    wrap.append(frame);
    document.body.append(host);
    setTimeout(() => {
      if (!ready) {
        console.warn('Allo: the chat did not load. Is ' + location.origin + ' among the account’s sites, and ' + home + ' in your frame-src?');
        emit('error', { reason: 'frame' });
      }
    }, 20000);
  }
  function greet() {
    const channel = new MessageChannel();
    if (port) port.close();
    port = channel.port1;
    port.onmessage = (event) => hear(event.data || {});
    // Only a document of this origin gets it; anything else in the frame hears nothing.
    frame.contentWindow.postMessage({
      allo: 'hello',
      token: get('token'),
      kept: Object.fromEntries(names().filter((name) => /^(out\.|read$|sound$|talk$|draft$|asked$)/.test(name)).map((name) => [name, get(name)])),
      language: tag.dataset.language || document.documentElement.lang || '',
      chosen: Boolean(tag.dataset.language),
      theme: tag.dataset.theme || '',
      page: page(),
    }, home, [channel.port2]);
  }
  function say(what, data) {
    if (ready) port.postMessage({ what, data });
    else if (what !== 'page') waiting.push([what, data]);
  }
  function hear({ what, data }) {
    if (what === 'ready') {
      ready = true;
      words = data.words;
      button.style.setProperty('--brand', data.colour);
      wrap.style.setProperty('--brand', data.colour);
      wrap.style.setProperty('--ink', data.ink);
      label.textContent = words.write;
      frame.title = words.chat + (data.title ? ' — ' + data.title : '');
      host.lang = data.language;
      dock.hidden = tag.dataset.button === 'none';
      tellVisit();
      for (const [late, with_] of waiting.splice(0)) say(late, with_);
      if (openWhenReady) open();
      else if (data.teaser && !get('teased')) setTimeout(() => tease(data.teaser), 6000);
      emit('ready');
    } else if (what === 'token') {
      // Two pages may have begun at once: the first one's visitor is everybody's.
      const first = get('token');
      if (data.fresh && first && first !== data.before) say('token', first);
      else set('token', data.token);
    } else if (what === 'keep') {
      if (data.value === null) drop(data.name);
      else set(data.name, data.value);
    } else if (what === 'told') {
      const pending = parse(get('pending'));
      if (pending && pending.id === data.visit) drop('pending');
    } else if (what === 'lead') {
      lead(data);
    } else if (what === 'relay') {
      if (tabs) tabs.postMessage(data);
    } else if (what === 'close') {
      close();
    } else if (what === 'unread') {
      unread = data.count;
      badge.textContent = unread > 99 ? '99+' : String(unread);
      badge.hidden = unread === 0;
      button.setAttribute('aria-label', words.write + (unread ? ', ' + data.spoken : ''));
      emit('unread', unread);
    } else if (what === 'event') {
      emit(data.name, data.detail);
    }
  }
  // One tab listens to the server and tells the others. Where there are no locks, every tab listens.
  let tabs, stopLeading;
  function lead(visitor) {
    if (stopLeading) stopLeading();
    stopLeading = null;
    if (tabs) tabs.close();
    tabs = null;
    if (!visitor) return;
    const name = prefix + visitor, leave = new AbortController();
    if (!navigator.locks || !window.BroadcastChannel) { say('lead', visitor); return; }
    tabs = new BroadcastChannel(name);
    tabs.onmessage = (event) => say('relayed', event.data);
    navigator.locks.request(name, { signal: leave.signal }, () => new Promise((resolve) => {
      leave.signal.addEventListener('abort', resolve);
      say('lead', visitor);
    })).catch((error) => { if (error.name !== 'AbortError') say('lead', visitor); });
    stopLeading = () => leave.abort();
  }
  function tease(text) {
    if (isOpen || unread || teaser || dock.hidden) return;
    set('teased', '1');
    teaser = element('div', 't');
    const open_ = element('button', 'p', teaser);
    open_.textContent = text;
    open_.addEventListener('click', open);
    const away = element('button', 'x', teaser);
    away.textContent = '×';
    away.setAttribute('aria-label', words.hide);
    away.addEventListener('click', () => teaser.remove());
    dock.prepend(teaser);
  }
  function open() {
    if (!ready) { openWhenReady = true; return; }
    if (isOpen) return;
    isOpen = true;
    if (teaser) teaser.remove();
    frame.hidden = false;
    dock.hidden = true;
    button.setAttribute('aria-expanded', 'true');
    if (matchMedia('(max-width:719px)').matches) document.documentElement.style.overflow = 'hidden';
    frame.focus();
    say('open');
    emit('open');
  }
  function close() {
    openWhenReady = false;
    if (!isOpen) return;
    isOpen = false;
    frame.hidden = true;
    dock.hidden = tag.dataset.button === 'none';
    button.setAttribute('aria-expanded', 'false');
    document.documentElement.style.overflow = '';
    button.focus();
    say('close');
    emit('close');
  }

  // What the page may ask.

  function emit(name, detail) {
    for (const listener of listeners[name] || []) {
      try { listener(detail); } catch (error) { console.error(error); }
    }
  }
  const asked = {
    open, close,
    toggle: () => (isOpen || openWhenReady ? close() : open()),
    on: (name, listener) => {
      (listeners[name] = listeners[name] || []).push(listener);
      if (name === 'ready' && ready) listener();
    },
    identify: (who) => say('identify', who && typeof who === 'object' ? { ...who } : {}),
    reset: () => {
      for (const name of names()) if (name !== 'visit' && name !== 'pending') drop(name);
      say('reset');
    },
    consent: (given) => {
      if (window.allo) window.allo.consent(given);
      if (given) {
        if (persistent) return;
        persistent = true;
        for (const [name, value] of [...memory]) { memory.delete(name); set(name, value); }
        tellVisit();
      } else {
        for (const name of names()) drop(name);
        persistent = false;
        memory.clear();
        say('reset');
      }
    },
  };
  const api = function (name, ...rest) {
    if (Object.hasOwn(asked, name)) asked[name](...rest);
    else console.warn('Allo: there is no ' + name);
  };
  api.loaded = true;
  window.Allo = api;

  // Pages that change without loading.

  for (const name of ['pushState', 'replaceState']) {
    const native = history[name];
    history[name] = function (...given) {
      const result = native.apply(this, given);
      queueMicrotask(moved);
      return result;
    };
  }
  addEventListener('popstate', moved);
  addEventListener('storage', (event) => {
    if (event.key === prefix + 'token' && event.newValue) say('token', event.newValue);
  });

  function start() {
    lastUrl = location.href;
    landed();
    came = '';
    build();
    for (const call of (early && early.q) || []) api(...call);
  }
  if (document.body) start();
  else addEventListener('DOMContentLoaded', start);
})();
