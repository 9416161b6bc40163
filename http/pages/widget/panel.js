// The whole of the widget: head, thread, what it asks, and where one writes.
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from './ui.js';
import { day, moment, number, t } from './i18n.js';
import { close, isOpen } from './host_page.js';
import { needsProof, person, store } from './session.js';
import { hasOlder, loaded, messages, older, outbox, rate, send, standing, typing } from './conversation.js';
import { state } from './stream.js';
import { Message, Unsent } from './message.js';
import { attach, Composer, dropping } from './composer.js';

/** The channel's settings, once they are here: `GET /v1/webchat/{channel_id}`, or {failed}. */
export const settings = signal(null);

/** The search of articles while it is open. */
const articles = signal(null);
const search = () => (articles.value ? articles.value = null : import('./articles.js').then((loaded) => { articles.value = loaded.default; }).catch(() => null));

const asked = () => settings.value.form.length > 0 && !messages.value.length && !outbox.value.length && !standing.value;

function Head() {
  const { title } = settings.value;
  const agent = standing.value?.agentName;
  return html`<header><div><h1>${title ?? t('Chat')}</h1>
    <p role="status">${state.value === 'cut' ? t('Connection lost. Reconnecting …') : agent ? t('You are talking to {name}', { name: agent }) : ''}</p></div>
    ${settings.value.articles && !needsProof.value && html`<button type="button" class="icon" aria-label=${t('Search for an answer')} aria-pressed=${Boolean(articles.value)} onClick=${search}><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="8.5" cy="8.5" r="5.5" /><path d="m13 13 4.5 4.5" /></svg></button>`}
    ${parent !== window && html`<button type="button" class="icon" aria-label=${t('Close the chat')} onClick=${close}>×</button>`}</header>`;
}

function Queue() {
  const { status, position, wait } = standing.value ?? {};
  if (status !== 'open' || !position) return null;
  const minutes = Math.max(1, Math.round((wait ?? 0) / 60));
  return html`<p class="notice" role="status" data-queue=${position}>${position === 1 ? t('You are next.') : t('You are number {n} in the queue.', { n: number(position) })}
    ${(wait ?? null) !== null && html` ${minutes === 1 ? t('About a minute to wait.') : t('About {n} minutes to wait.', { n: number(minutes) })}`}</p>`;
}

function Hours() {
  const { is_open: isOpenNow, opens_at: opens } = settings.value;
  return !isOpenNow && html`<p class="notice" data-closed>${opens ? t('We are closed until {time}. Write to us, and we will answer then.', { time: moment(opens) }) : t('We are closed now. Write to us, and we will answer later.')}</p>`;
}

const WORDS = { name: () => t('Name'), email: () => t('E-mail'), phone: () => t('Phone'), order: () => t('Order number') };
const INPUT = { text: { type: 'text' }, email: { type: 'email', autocomplete: 'email' }, phone: { type: 'tel', autocomplete: 'tel' } };

/** What the channel asks before the first message. */
function Form({ box }) {
  const form = useRef(null);
  const [values, setValues] = useState(store.get('form') ?? {});
  const keep = (name, value) => { const next = { ...values, [name]: value }; setValues(next); store.set('form', next); };
  function submit(content, attachments) {
    if (!form.current.reportValidity()) return false;
    const filled = Object.fromEntries(settings.value.form.map(({ name }) => [name, (values[name] ?? '').trim()]).filter(([, value]) => value));
    send(content, attachments, filled);
    store.set('form', null);
    return true;
  }
  return html`<form ref=${form} class="form" onSubmit=${(e) => e.preventDefault()} aria-label=${t('Before we begin')}>
    ${settings.value.form.map(({ name, label, type, required }) => html`<label key=${name}>${label ?? WORDS[name]?.() ?? name}${required ? html` <span class="required">${t('(required)')}</span>` : ''}
      <input name=${name} ...${INPUT[type]} ...${name === 'name' ? { autocomplete: 'name' } : {}} required=${required} maxlength="300" dir="auto" value=${values[name] ?? ''} onInput=${(e) => keep(name, e.target.value)} /></label>`)}
    <${Composer} settings=${settings.value} box=${box} onSend=${submit} label=${t('Your message')} isPlain=${true} /></form>`;
}

function Rating() {
  const [score, setScore] = useState(0);
  const [comment, setComment] = useState('');
  const [problem, setProblem] = useState(null);
  if (standing.value?.rated) return html`<p class="notice" role="status" data-rated>${t('Thank you for your answer.')}</p>`;
  if (!standing.value?.canRate) return null;
  const submit = (e) => { e.preventDefault(); setProblem(null); rate(score, comment.trim()).catch((error) => setProblem(error.message)); };
  return html`<form class="rating" onSubmit=${submit}><fieldset><legend>${t('How was our service?')}</legend>
      ${[1, 2, 3, 4, 5].map((n) => html`<label key=${n} class=${n <= score ? 'chosen' : ''}><input type="radio" name="score" value=${n} checked=${n === score} onChange=${() => setScore(n)} aria-label=${n === 1 ? t('1 (bad)') : n === 5 ? t('5 (very good)') : String(n)} /><span aria-hidden="true">★</span></label>`)}</fieldset>
    ${score > 0 && html`<label>${t('Anything to add?')}<textarea rows="2" dir="auto" maxlength="1000" value=${comment} onInput=${(e) => setComment(e.target.value)}></textarea></label><button class="send">${t('Send')}</button>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}</form>`;
}

/** Messages with the days between them. */
function lines(items) {
  const found = [];
  let before = '';
  for (const m of items) {
    const date = new Date(m.created_at).toDateString();
    if (date !== before) found.push(html`<li class="day" key=${date}><span>${day(m.created_at)}</span></li>`);
    before = date;
    found.push(html`<${Message} key=${m.id} message=${m} sender=${m.sender_type === 'agent' ? standing.value?.agentName ?? t('Agent') : settings.value.title} />`);
  }
  return found;
}

function Thread() {
  const box = useRef(null);
  const atEnd = useRef(true);
  const height = useRef(0);
  const { greeting } = settings.value;
  useLayoutEffect(() => {
    const { current } = box;
    if (atEnd.current) current.scrollTop = current.scrollHeight;
    else if (height.current && current.scrollTop < 10) current.scrollTop += current.scrollHeight - height.current; // older ones came in above
    height.current = current.scrollHeight;
  });
  useEffect(() => {
    const watch = new ResizeObserver(() => { if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight; }); // the keyboard, a picture
    watch.observe(box.current);
    watch.observe(box.current.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => { atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < 40; };
  return html`<div class="thread" ref=${box} onScroll=${onScroll} tabindex="0" role="region" aria-label=${t('Messages')}><div>
    ${hasOlder.value && html`<p class="center"><button type="button" class="link" onClick=${() => older().catch(() => null)}>${t('Show older messages')}</button></p>`}
    <div role="log" aria-live="polite"><ol>
      ${greeting && html`<li class="message greeting"><div class="text" dir="auto">${greeting}</div></li>`}
      ${lines(messages.value)}
      ${outbox.value.map((m) => html`<${Unsent} key=${m.key} message=${m} />`)}
    </ol></div>
    ${!loaded.value && html`<p class="center" role="status">${t('Loading …')}</p>`}
    <p class="typing" role="status">${typing.value ? (typing.value.name ? t('{name} is writing …', { name: typing.value.name }) : t('Writing …')) : ''}</p>
    <${Queue} /><${Hours} /><${Rating} />
    ${['closed', 'expired'].includes(standing.value?.status) && html`<p class="notice">${t('This conversation has ended. A new message begins another.')}</p>`}
  </div></div>`;
}

export function Panel() {
  const box = useRef(null);
  useEffect(() => { if (isOpen.value) (document.querySelector('.form input') ?? box.current)?.focus(); }, [isOpen.value, loaded.value]);
  const { failed, attachments, max_attachment: most, require_identity: required } = settings.value;
  const body = () => {
    if (failed) return html`<p class="notice problem" role="alert">${failed.status ? failed.message : t('The chat cannot be reached. Try again in a moment.')}</p>`;
    if (needsProof.value || (required && person.value === null)) return html`<p class="notice" data-needs-proof>${t('Sign in to chat with us.')}</p>`;
    if (articles.value) return html`<${articles.value} onClose=${search} />`;
    if (loaded.value && asked()) return html`<div class="thread"><div>${settings.value.greeting && html`<p class="greeting message"><span class="text" dir="auto">${settings.value.greeting}</span></p>`}<${Hours} /><${Form} box=${box} /></div></div>`;
    return html`<${Thread} /><${Composer} settings=${settings.value} box=${box} />`;
  };
  return html`<main class="panel ${dropping.value ? 'dropping' : ''}"
    onDragOver=${(e) => { if (attachments && e.dataTransfer.types.includes('Files')) { e.preventDefault(); dropping.value = true; } }}
    onDragLeave=${(e) => { if (!e.currentTarget.contains(e.relatedTarget)) dropping.value = false; }}
    onDrop=${(e) => { if (!attachments) return; e.preventDefault(); dropping.value = false; attach(e.dataTransfer.files, most); }}>
    <${Head} />${body()}</main>`;
}
