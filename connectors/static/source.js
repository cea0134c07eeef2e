/* What brought a visitor, remembered on the business's own site until they write or call.
 *
 *   <script async src="https://allo.example/source.js"></script>       widget.js has it inside
 *
 * Attributes of the tag: data-consent="required" (nothing is kept, told or asked for before allo.consent(true)),
 * data-pool (which numbers are lent; "site" by default).
 *
 *   allo.consent(true or false)   allo.link(address of a /go/ link) → the address that tells where the visitor came from
 *   allo.trail() → the value for a form's field `allo`
 *
 * It keeps the first visit and the last ones (UTM, click ids, referrer, landing page) in the page's own storage, gives them
 * to links to /go/, fills in hidden fields (utm_…, click ids, allo) and shows numbers in elements with data-allo-phone. The
 * page needs this server in script-src, and in connect-src when numbers are lent.
 */
(function () {
  'use strict';
  if (window.allo && window.allo.loaded) return;
  const tag = document.currentScript || document.querySelector('script[src*="/source.js"], script[src*="/widget.js"]');
  if (!tag) return;
  const home = new URL(tag.src, location.href).href.replace(/(source|widget)\.js.*$/, '');
  const KEPT = 'allo.visits', LEASE = 'allo.lease';
  const SESSION_MS = 30 * 60 * 1000, MOST = 6, LONGEST = 3000;
  const UTM = /^utm_(source|medium|campaign|content|term|id|referrer)$/;
  const CLICKS = /^(gclid|gbraid|wbraid|gclsrc|dclid|yclid|ymclid|ysclid|fbclid|vkclid|rb_clickid|ttclid|msclkid|_openstat|roistat|rs|calltouch_tm|etext)$/;

  // null: the visitor has not been asked yet.
  let may = tag.dataset.consent === 'required' ? null : true;
  let visits = [], seen = 0, came = document.referrer, lastUrl = '', lease = '', timer;
  const shown = new Map(), met = new WeakSet();

  function disk(work) {
    if (may !== true) return undefined;
    try { return work(localStorage); } catch { return undefined; }
  }
  function read() {
    try {
      const kept = JSON.parse(disk((storage) => storage.getItem(KEPT)) || '{}');
      return Array.isArray(kept.visits) ? kept : { visits: [], seen: 0 };
    } catch { return { visits: [], seen: 0 }; }
  }
  function keep() {
    disk((storage) => storage.setItem(KEPT, JSON.stringify({ visits, seen })));
  }
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  function bare(url) {
    try { const parts = new URL(url); return (parts.origin + parts.pathname).slice(0, 300); } catch { return ''; }
  }
  function elsewhere(url) {
    try { return new URL(url).host === location.host ? '' : bare(url); } catch { return ''; }
  }

  // Other tabs of the same browser keep visits, too.
  function gather() {
    const kept = read();
    visits = kept.visits.concat(visits.filter((each) => !kept.visits.some((one) => one.i === each.i))).sort((a, b) => a.a - b.a);
    seen = Math.max(seen, kept.seen || 0);
    // The first one stays, and of the others the latest.
    if (visits.length > MOST) visits.splice(1, visits.length - MOST);
  }

  // A visit begins after half an hour of silence, or when the address says that an advertisement was clicked.

  function landed() {
    if (may === false) return;
    gather();
    const now = Date.now(), last = visits[visits.length - 1], utm = {}, clicks = {};
    for (const [name, value] of new URLSearchParams(location.search)) {
      const folded = name.toLowerCase().trim(), trimmed = value.trim().slice(0, 150);
      const campaign = UTM.exec(folded);
      if (campaign && trimmed && !utm[campaign[1]]) utm[campaign[1]] = trimmed;
      if (CLICKS.test(folded) && trimmed && !clicks[folded]) clicks[folded] = trimmed;
    }
    const marked = Object.keys(utm).length + Object.keys(clicks).length > 0;
    const same = last && JSON.stringify([last.u, last.c]) === JSON.stringify([utm, clicks]);
    if (!last || now - seen > SESSION_MS || (marked && !same)) {
      visits.push({ i: uuid(), a: now, l: bare(location.href), r: elsewhere(came), u: utm, c: clicks });
      if (visits.length > MOST) visits.splice(1, 1);
    }
    seen = now;
    keep();
    fillAll();
  }
  // Before consent nothing leaves the page: what is remembered until it is loaded anew is told to nobody.
  function trail() {
    if (may !== true) return '';
    const told = visits.map((each) => [Math.max(0, Math.round((Date.now() - each.a) / 1000)), each.i, each.l, each.r, each.u, each.c]);
    for (;;) {
      const bytes = new TextEncoder().encode(JSON.stringify({ t: told }));
      const text = btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
      if (text.length <= LONGEST || told.length < 2) return text.length <= LONGEST ? text : '';
      told.splice(1, 1);
    }
  }

  // Links and forms.

  function link(address) {
    const said = trail();
    const url = new URL(address, location.href);
    if (said && url.href.startsWith(home + 'go/')) url.searchParams.set('allo', said);
    return url.href;
  }
  function follow(event) {
    const from = event.composedPath()[0], pressed = from.closest && from.closest('a[href]');
    if (!pressed || !pressed.href.startsWith(home + 'go/')) return;
    const was = pressed.getAttribute('href');
    pressed.href = link(was);
    // Whoever copies the address later passes on nothing of this visitor's.
    setTimeout(() => pressed.setAttribute('href', was), 0);
  }
  function values() {
    const found = { allo: trail() };
    const last = [...visits].reverse().find((each) => Object.keys(each.u).length || Object.keys(each.c).length);
    if (last && may === true) {
      for (const name in last.u) found['utm_' + name] = last.u[name];
      Object.assign(found, last.c);
    }
    return found;
  }
  function fill(form) {
    const said = values();
    for (const field of form.querySelectorAll('input[type=hidden]')) {
      const name = field.name.toLowerCase();
      if (Object.hasOwn(said, name) && (!field.value || field.dataset.allo)) {
        field.value = said[name];
        field.dataset.allo = '1';
      }
    }
  }
  function fillAll() {
    for (const form of document.forms) fill(form);
  }
  function submitted(event) {
    if (event.target.tagName === 'FORM') fill(event.target);
  }
  function gathered(event) {
    const form = event.target, said = trail();
    if (said && form.action && String(form.action).startsWith(home + 'hooks/leads/') && !event.formData.get('allo')) {
      event.formData.set('allo', said);
    }
  }

  // Numbers that are lent to this visit.

  function places() {
    return document.querySelectorAll('[data-allo-phone]');
  }
  function show(number, words) {
    for (const place of places()) {
      if (!shown.has(place)) shown.set(place, [place.textContent, place.getAttribute('href')]);
      if (place.textContent !== words) place.textContent = words;
      if (place.hasAttribute('href')) place.setAttribute('href', 'tel:' + number);
    }
  }
  function restore() {
    for (const [place, [words, href]] of shown) {
      place.textContent = words;
      if (href !== null) place.setAttribute('href', href);
    }
    shown.clear();
    lease = '';
  }
  async function number() {
    clearTimeout(timer);
    if (may !== true || document.visibilityState === 'hidden' || !places().length) return;
    let again = 60;
    for (const place of places()) met.add(place);
    try {
      const answer = await fetch(home + 'source/number', {
        method: 'POST', credentials: 'omit', referrerPolicy: 'no-referrer',
        body: JSON.stringify({ pool: tag.dataset.pool || 'site', lease, trail: trail() }),
      });
      // A page of a site that nobody has named gets none, however often it asks.
      if (answer.status === 403) return;
      const said = answer.ok ? await answer.json() : {};
      again = said.again || again;
      if (may === true && said.number) {
        lease = said.lease;
        disk((storage) => storage.setItem(LEASE, lease));
        show(said.number, said.shown);
      } else if (answer.ok) {
        restore();
      }
    } catch { /* The page's own number is there. */ }
    timer = setTimeout(number, again * 1000);
  }

  function moved() {
    if (location.href === lastUrl) return;
    lastUrl = location.href;
    landed();
    came = '';
    number();
  }
  function consent(given) {
    if (given) {
      if (may === true) return;
      may = true;
      landed();
      number();
    } else {
      disk((storage) => { storage.removeItem(KEPT); storage.removeItem(LEASE); });
      try { localStorage.removeItem(KEPT); localStorage.removeItem(LEASE); } catch { /* There is none. */ }
      may = false;
      visits = [];
      restore();
      fillAll();
    }
  }

  window.allo = { loaded: true, consent, link, trail, visit: () => (visits.length ? visits[visits.length - 1].i : '') };

  for (const name of ['pushState', 'replaceState']) {
    const native = history[name];
    history[name] = function (...given) {
      const result = native.apply(this, given);
      queueMicrotask(moved);
      return result;
    };
  }
  addEventListener('popstate', moved);
  // Taken back in another tab.
  addEventListener('storage', (event) => { if (event.key === KEPT && event.newValue === null) consent(false); });
  addEventListener('click', follow, true);
  addEventListener('auxclick', follow, true);
  addEventListener('submit', submitted, true);
  addEventListener('formdata', gathered, true);
  addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') number(); }, true);

  function start() {
    lease = disk((storage) => storage.getItem(LEASE)) || '';
    moved();
    // Pages that are built by scripts bring their numbers and forms later.
    let waits = false;
    new MutationObserver(() => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        fillAll();
        if ([...places()].some((place) => !met.has(place))) number();
      });
    }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.body) start();
  else addEventListener('DOMContentLoaded', start);
})();
