/* The frame: the conversation in front of the visitor, and the port to the page around it.
 *
 * The page says hello with a private port. It is heard only from an origin the account allows, and only once per
 * document that loads us; everything else a window may post here is dropped.
 */
import { Refused } from './asking.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { MessageLog, icon } from './message_log.js';
import { PreChatForm } from './pre_chat_form.js';
import { WORDS, chooseLanguage } from './words.js';

const shop = JSON.parse(document.body.dataset.shop);
const origins = JSON.parse(document.body.dataset.origins);
const base = new URL('.', location.href).href;
const at = (id) => document.getElementById(id);

function allowed(origin) {
  const own = new URL(origin);
  return origins.some((entry) => {
    if (entry === origin) return true;
    const [scheme, authority] = entry.split('://');
    if (`${scheme}:` !== own.protocol) return false;
    if (authority.endsWith(':*')) return own.hostname === authority.slice(0, -2);
    if (!authority.startsWith('*.')) return false;
    const [host, port = ''] = authority.slice(2).split(':');
    return own.hostname.endsWith(`.${host}`) && own.port === port;
  });
}

let greeted = false;
addEventListener('message', (event) => {
  if (greeted || event.source !== parent || event.data?.allo !== 'hello' || !event.ports[0]) return;
  if (event.origin === 'null' || !allowed(event.origin)) return;
  greeted = true;
  begin(event.data, event.ports[0]);
});

function begin(hello, port) {
  const tell = (what, data) => port.postMessage({ what, data });
  const keep = (name, value) => tell('keep', { name, value });
  const language = chooseLanguage({ chosen: hello.chosen, page: hello.language, account: shop.language });
  const words = WORDS[language];
  let page = hello.page, isOpen = false, slow = 0, sound = hello.kept.sound === '1', chatting = false;

  document.documentElement.lang = language;
  if (hello.theme === 'light' || hello.theme === 'dark') document.documentElement.dataset.theme = hello.theme;
  document.documentElement.style.setProperty('--w-brand', shop.colour);
  document.documentElement.style.setProperty('--w-ink', shop.ink);

  const conversation = new Conversation({
    base, token: hello.token, kept: hello.kept,
    hooks: {
      keep,
      changed: () => { draw(); },
      status: (now) => { slow = now.slow; drawStatus(); draw(); },
      token: (given) => tell('token', given),
      lost: () => keep('token', null),
      lead: (visitor) => tell('lead', visitor),
      relay: (news) => tell('relay', news),
      arrived: (message) => {
        log.arrived();
        if (sound && !(isOpen && document.hasFocus())) chime();
        tell('event', { name: 'message', detail: { author: message.author, text: message.text } });
      },
    },
  });
  const log = new MessageLog({
    log: at('log'), pill: at('pill'), conversation, words, language, base,
    greeting: shop.greeting || words.greeting,
  });
  const composer = new Composer({
    form: at('say'), draft: hello.kept.draft,
    tools: {
      words, limits: shop.limits, conversation, keep,
      touch: matchMedia('(hover: none) and (pointer: coarse)').matches,
      say: ({ text, files }) => say({ text, files }),
    },
  });
  const form = new PreChatForm({
    form: at('form'), shop, words, language,
    submit: ({ text, form: typed, website }) => {
      conversation.say({ text, form: typed, website, page, language: navigator.language });
      chatting = true;
      draw();
      composer.focus();
    },
  });

  function say(what) {
    conversation.say({ ...what, page, language: navigator.language });
  }

  /* ---- What is seen ---- */

  function wantsForm() {
    if (shop.form === 'none' || conversation.asked || conversation.begun) return false;
    return !chatting && !conversation.messages.size && !conversation.unsent.some((item) => item.form && item.state !== 'failed');
  }

  function draw() {
    // What the server found wrong with the form goes back to where it can be mended.
    const unfit = conversation.unsent.find((item) => item.form && item.state === 'failed' && item.field);
    if (unfit) {
      conversation.outbox.delete(unfit.id);
      keep(`out.${unfit.id}`, null);
      chatting = false;
      form.mend(unfit);
    }
    const asking = wantsForm();
    at('form').hidden = !asking;
    at('talk').hidden = asking;
    if (!asking) log.draw();
    drawHead();
    if (isOpen && !document.hidden && conversation.unread) conversation.report({ read: true });
    tell('unread', { count: conversation.unread, spoken: words.unread(conversation.unread) });
  }

  function drawHead() {
    const answer = conversation.ordered.filter((each) => !each.mine && each.author).at(-1);
    const recent = answer && Date.now() - new Date(answer.at) < 15 * 60 * 1000;
    const line = recent ? words.answered(answer.author) : shop.available === false ? words.away : words.here;
    at('sub').lastElementChild.textContent = line;
    at('sub').firstElementChild.hidden = !recent && shop.available === null;
    at('sub').firstElementChild.className = recent || shop.available ? '' : 'off';
  }

  function drawStatus() {
    const text = !conversation.online ? words.offline : slow ? words.slow(Math.ceil(slow)) : '';
    at('status').textContent = text;
    at('status').hidden = !text;
  }

  function drawSound() {
    const button = at('sound');
    button.setAttribute('aria-pressed', String(sound));
    button.setAttribute('aria-label', sound ? words.soundOff : words.soundOn);
    button.title = sound ? words.soundOff : words.soundOn;
    button.replaceChildren(icon(sound ? 'bell' : 'bell-off', false));
  }

  /* Two short notes; off until the visitor turns them on. */
  function chime() {
    const audio = new AudioContext();
    [660, 880].forEach((pitch, which) => {
      const tone = audio.createOscillator(), gain = audio.createGain(), start = audio.currentTime + which * 0.12;
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0.08, start);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.2);
      tone.connect(gain).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.2);
    });
    setTimeout(() => audio.close(), 1000);
  }

  /* ---- What the page asks ---- */

  const asked = {
    open: () => {
      isOpen = true;
      draw();
      if (!at('form').hidden) form.focus();
      else { log.toEnd(); composer.changed(); composer.focus(); }
    },
    close: () => { isOpen = false; },
    page: (now) => { page = now; },
    visit: async (visit) => {
      for (let failures = 0; failures < 5; failures++) {
        try {
          await conversation.session(visit);
          tell('told', { visit: visit.id });
          if (conversation.begun) conversation.start();
          return;
        } catch (error) {
          if (error instanceof Refused && error.status < 500 && error.status !== 429) return;
          const wait = (error instanceof Refused && error.retryAfter) || 2 ** (failures + 1);
          await conversation.pause(wait + Math.random() * wait, { mayBeCutShort: false });
        }
      }
    },
    token: (token) => conversation.adopt(token),
    lead: (visitor) => conversation.lead(visitor),
    relayed: (news) => conversation.relayed(news),
    identify: (who) => conversation.identify(who).catch((error) => {
      tell('event', { name: 'error', detail: { reason: error instanceof Refused ? 'identify' : 'network' } });
    }),
    reset: () => { conversation.reset(); composer.clear(); chatting = false; draw(); },
  };
  port.onmessage = ({ data }) => { if (Object.hasOwn(asked, data?.what)) asked[data.what](data.data); };

  /* ---- Words, buttons, keys ---- */

  at('title').textContent = shop.title || words.chat;
  document.title = shop.title || words.chat;
  at('log').setAttribute('aria-label', words.messages);
  at('minimise').setAttribute('aria-label', words.minimise);
  at('minimise').title = words.minimise;
  const textarea = at('say').querySelector('textarea');
  textarea.placeholder = words.message;
  textarea.setAttribute('aria-label', words.message);
  for (const [selector, label] of [['.w__attach', words.attach], ['.w__send', words.send]]) {
    at('say').querySelector(selector).setAttribute('aria-label', label);
    at('say').querySelector(selector).title = label;
  }
  at('drop').textContent = words.dropHere;
  at('minimise').addEventListener('click', () => tell('close'));
  at('sound').addEventListener('click', () => {
    sound = !sound;
    keep('sound', sound ? '1' : null);
    drawSound();
    if (sound) chime();
  });
  addEventListener('keydown', (event) => { if (event.key === 'Escape' && !event.isComposing) tell('close'); });
  document.addEventListener('visibilitychange', draw);
  let dragging = 0;
  addEventListener('dragenter', (event) => {
    if (!event.dataTransfer.types.includes('Files') || at('talk').hidden) return;
    dragging += 1;
    at('drop').hidden = false;
  });
  addEventListener('dragleave', () => { dragging = Math.max(0, dragging - 1); at('drop').hidden = dragging === 0; });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    dragging = 0;
    at('drop').hidden = true;
    if (!at('talk').hidden) composer.add(event.dataTransfer.files);
  });

  tell('ready', {
    language, colour: shop.colour, ink: shop.ink, title: shop.title, teaser: shop.teaser,
    words: { write: words.write, chat: words.chat, hide: words.hide },
  });
  drawSound();
  draw();
  if (conversation.begun) conversation.start();
  conversation.pump();
}

