/* The form before the first message: as many questions as the account wants, the visitor's own question last. */
import { element, icon } from './message_log.js';

const KINDS = {
  name: { type: 'text', autocomplete: 'given-name' },
  phone: { type: 'tel', autocomplete: 'tel' },
  email: { type: 'email', autocomplete: 'email' },
  topic: { type: 'text', autocomplete: 'off' },
};

export class PreChatForm {
  constructor({ form, shop, words, language, submit }) {
    Object.assign(this, { form, shop, words, consentText: shop.consent[language] });
    this.inputs = new Map();
    form.append(element('p', 'w__lead', shop.greeting || (shop.form === 'required' ? words.leadRequired : words.lead)));
    for (const name of shop.form_fields) {
      const input = element('input', 'w__in');
      Object.assign(input, KINDS[name]);
      input.maxLength = name === 'topic' ? 300 : 200;
      this.put(name, input, shop.form === 'optional' && name === 'phone' ? words.optional : '');
    }
    const question = element('textarea', 'w__in');
    question.rows = 3;
    this.put('text', question);
    this.consent = this.agreement();
    // People do not see this field, and robots fill in every one.
    this.trap = element('input');
    Object.assign(this.trap, { type: 'text', name: 'website', tabIndex: -1, autocomplete: 'off' });
    const hidden = element('div', 'w__trap', this.trap);
    hidden.setAttribute('aria-hidden', 'true');
    const button = element('button', 'w__btn', words.start);
    button.type = 'submit';
    form.append(hidden, button);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.fits()) return;
      const typed = { language, consent: this.consent ? this.consent.checked : false };
      for (const name of shop.form_fields) typed[name] = this.inputs.get(name).value.trim();
      submit({ text: this.inputs.get('text').value.trim(), form: typed, website: this.trap.value });
    });
  }

  put(name, input, hint = '') {
    const label = element('label', '', element('span', '', this.words[name === 'text' ? 'question' : name]), input);
    if (hint) label.append(element('span', 'w__hint', hint));
    const error = element('p', 'w__err');
    error.id = `err-${name}`;
    error.hidden = true;
    this.form.append(label, error);
    this.inputs.set(name, input);
    input.addEventListener('input', () => this.complain(name, ''));
  }

  agreement() {
    if (!this.consentText) return null;
    const box = element('input');
    box.type = 'checkbox';
    const said = element('span', '', `${this.consentText} `);
    if (this.shop.privacy_url) {
      const link = element('a', '', this.words.policy);
      Object.assign(link, { href: this.shop.privacy_url, target: '_blank', rel: 'noopener noreferrer' });
      said.append(link);
    }
    const error = element('p', 'w__err');
    error.id = 'err-consent';
    error.hidden = true;
    this.form.append(element('label', 'w__agree', box, said), error);
    this.inputs.set('consent', box);
    box.addEventListener('input', () => this.complain('consent', ''));
    return box;
  }

  focus() {
    (this.inputs.values().next().value || this.form).focus();
  }

  fits() {
    const { faults } = this.words, value = (name) => this.inputs.get(name)?.value.trim() || '';
    const wrong = [];
    const reachable = ['phone', 'email'].filter((name) => this.inputs.has(name));
    if (this.shop.form === 'required' && reachable.length && !reachable.some(value)) wrong.push([reachable[0], faults[reachable[0]].missing]);
    if (value('email') && !/^[^@\s]+@[^@\s]+\.[^@\s]{2,}$/.test(value('email'))) wrong.push(['email', faults.email.invalid]);
    if (value('phone') && value('phone').replace(/\D/g, '').length < 5) wrong.push(['phone', faults.phone.too_short]);
    if (!value('text')) wrong.push(['text', faults.text.missing]);
    const personal = ['name', 'phone', 'email'].some(value);
    if (this.consent && personal && !this.consent.checked) wrong.push(['consent', faults.consent.missing]);
    for (const [name, sentence] of wrong) this.complain(name, sentence);
    if (wrong.length) this.inputs.get(wrong[0][0]).focus();
    return wrong.length === 0;
  }

  /* What the server refused: the words come back, with the reason where it belongs. */
  mend(item) {
    for (const [name, input] of this.inputs) {
      if (name === 'consent') input.checked = Boolean(item.form.consent);
      else input.value = name === 'text' ? item.text : item.form[name] || '';
    }
    const sentence = (this.words.faults[item.field] || {})[item.fault] || this.words.unknownFailure;
    if (this.inputs.has(item.field)) {
      this.complain(item.field, sentence);
      this.inputs.get(item.field).focus();
    }
  }

  complain(name, sentence) {
    const input = this.inputs.get(name), error = this.form.querySelector(`#err-${name}`);
    error.hidden = !sentence;
    error.replaceChildren(...(sentence ? [icon('alert'), element('span', '', sentence)] : []));
    if (sentence) {
      input.setAttribute('aria-invalid', 'true');
      input.setAttribute('aria-describedby', error.id);
    } else {
      input.removeAttribute('aria-invalid');
      input.removeAttribute('aria-describedby');
    }
  }
}
