/* What the widget says, in the languages it speaks. */

const RU = {
  write: 'Написать нам', chat: 'Чат', hide: 'Скрыть подсказку', minimise: 'Свернуть чат',
  soundOn: 'Включить звук', soundOff: 'Выключить звук', messages: 'Сообщения', message: 'Сообщение',
  attach: 'Прикрепить файл', send: 'Отправить', remove: 'Убрать файл', retry: 'Повторить', discard: 'Удалить',
  greeting: 'Здравствуйте! Напишите, что вас интересует.',
  here: 'Ответ придёт сюда', away: 'Сейчас никого нет. Напишите, ответим сюда же',
  answered: (name) => `${name} отвечает вам`,
  connecting: 'Соединяемся…', offline: 'Нет связи. Сообщения отправятся сами, когда она появится',
  slow: (s) => `Слишком часто. Отправим через ${s} с`,
  today: 'Сегодня', yesterday: 'Вчера', you: 'Вы', us: 'Поддержка',
  sending: 'отправляется', waiting: 'ждёт связи', sent: 'отправлено', delivered: 'доставлено', read: 'прочитано',
  failed: 'Не отправлено', edited: 'изменено', deleted: 'Сообщение удалено',
  earlier: 'Показать более ранние', loading: 'Загружаем…', newBelow: (n) => `${n} ${plural(n, 'новое', 'новых', 'новых')}`,
  toEnd: 'К последним сообщениям',
  unread: (n) => `${n} ${plural(n, 'непрочитанное сообщение', 'непрочитанных сообщения', 'непрочитанных сообщений')}`,
  image: (name) => `Изображение ${name}`, file: (name, size) => `Скачать ${name}, ${size}`, preparing: 'файл загружается',
  name: 'Имя', phone: 'Телефон', email: 'Эл. почта', topic: 'Тема', question: 'Вопрос',
  optional: 'Можно не указывать', start: 'Начать переписку', policy: 'Политика обработки данных',
  lead: 'Здравствуйте! Как к вам обращаться и чем помочь?',
  leadRequired: 'Здравствуйте! Оставьте контакты, чтобы мы не потеряли друг друга.',
  faults: {
    phone: { too_short: 'В номере не хватает цифр', too_long: 'В номере лишние цифры', invalid: 'Это не похоже на номер телефона', missing: 'Укажите телефон' },
    email: { invalid: 'Проверьте адрес почты', missing: 'Укажите почту' },
    consent: { missing: 'Без согласия мы не можем принять контакты' },
    text: { missing: 'Напишите, что вас интересует' },
    form: { missing: 'Сначала заполните форму' },
    file: { empty: 'Файл пуст' },
    name: {}, topic: {},
  },
  tooLarge: (limit) => `Больше ${limit}`, tooMany: (n) => `Не больше ${n} файлов в одном сообщении`,
  tooLong: 'Сообщение слишком длинное', uploadFailed: 'Не загрузился', tooOftenFiles: 'Слишком много файлов за час',
  refused: 'Чат на этой странице не разрешён', unknownFailure: 'Сервер не принял сообщение',
  uploading: (percent) => `загружено ${percent} %`, dropHere: 'Отпустите, чтобы прикрепить',
  units: ['Б', 'КБ', 'МБ'],
};

const EN = {
  write: 'Write to us', chat: 'Chat', hide: 'Hide the hint', minimise: 'Minimise the chat',
  soundOn: 'Turn sound on', soundOff: 'Turn sound off', messages: 'Messages', message: 'Message',
  attach: 'Attach a file', send: 'Send', remove: 'Remove the file', retry: 'Try again', discard: 'Delete',
  greeting: 'Hello! Tell us what you are looking for.',
  here: 'The answer will come here', away: 'Nobody is here right now. Write, and we will answer here',
  answered: (name) => `${name} is answering you`,
  connecting: 'Connecting…', offline: 'No connection. Messages will go by themselves once it is back',
  slow: (s) => `Too often. Sending in ${s} s`,
  today: 'Today', yesterday: 'Yesterday', you: 'You', us: 'Support',
  sending: 'sending', waiting: 'waiting for a connection', sent: 'sent', delivered: 'delivered', read: 'read',
  failed: 'Not sent', edited: 'edited', deleted: 'Message deleted',
  earlier: 'Show earlier ones', loading: 'Loading…', newBelow: (n) => `${n} new`, toEnd: 'To the latest messages',
  unread: (n) => `${n} unread ${n === 1 ? 'message' : 'messages'}`,
  image: (name) => `Image ${name}`, file: (name, size) => `Download ${name}, ${size}`, preparing: 'the file is on its way',
  name: 'Name', phone: 'Phone', email: 'Email', topic: 'Topic', question: 'Question',
  optional: 'You may leave it out', start: 'Start the chat', policy: 'Privacy policy',
  lead: 'Hello! What is your name, and how can we help?',
  leadRequired: 'Hello! Leave us a contact, so that we do not lose each other.',
  faults: {
    phone: { too_short: 'Digits are missing', too_long: 'Too many digits', invalid: 'This does not look like a phone number', missing: 'Enter your phone' },
    email: { invalid: 'Check the address', missing: 'Enter your email' },
    consent: { missing: 'Without your consent we cannot take your contacts' },
    text: { missing: 'Tell us what you are looking for' },
    form: { missing: 'Fill in the form first' },
    file: { empty: 'The file is empty' },
    name: {}, topic: {},
  },
  tooLarge: (limit) => `Larger than ${limit}`, tooMany: (n) => `${n} files in a message at most`,
  tooLong: 'The message is too long', uploadFailed: 'Did not upload', tooOftenFiles: 'Too many files in an hour',
  refused: 'The chat is not allowed on this page', unknownFailure: 'The server did not take the message',
  uploading: (percent) => `${percent}% uploaded`, dropHere: 'Drop to attach',
  units: ['B', 'KB', 'MB'],
};

function plural(n, one, few, many) {
  const tail = n % 100;
  if (tail > 10 && tail < 20) return many;
  return n % 10 === 1 ? one : n % 10 > 1 && n % 10 < 5 ? few : many;
}

/* The page's choice; else the browser's; else the account's. */
export function chooseLanguage({ chosen, page, account }) {
  const wanted = chosen ? [page] : [...navigator.languages, page, account];
  for (const each of wanted) {
    const short = (each || '').slice(0, 2).toLowerCase();
    if (short === 'ru' || short === 'en') return short;
  }
  return account === 'ru' ? 'ru' : 'en';
}

export const WORDS = { ru: RU, en: EN };

export function sizeOf(bytes, words) {
  const at = bytes < 1024 ? 0 : bytes < 1024 * 1024 ? 1 : 2;
  const value = bytes / 1024 ** at;
  return `${value < 10 && at ? value.toFixed(1).replace('.', words === RU ? ',' : '.') : Math.round(value)} ${words.units[at]}`;
}
