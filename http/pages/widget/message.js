// A message, sent or unsent. Its text is only ever text.
import { html, useEffect, useState } from './ui.js';
import { clock, size, t } from './i18n.js';
import { api } from './session.js';
import { discard, retry } from './conversation.js';
import { linked } from '/static/pages/linked_text.js';

const Text = ({ text }) => html`<div class="text" dir="auto">${linked(text).map((part) => (typeof part === 'string' ? part : html`<a href=${part.href} target="_blank" rel="noopener noreferrer nofollow">${part.word}</a>`))}</div>`;

/** A file. Files need the session's token, so they are fetched, not linked; a picture is shown, anything else is offered. */
function File({ file }) {
  const [url, setUrl] = useState(null);
  const [problem, setProblem] = useState(null);
  const isPicture = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.content_type ?? '') && (file.size ?? 0) < 8_000_000;
  const name = file.name ?? t('File');
  async function load() {
    try {
      const made = URL.createObjectURL(await api.blob(file.url.split('?')[0]));
      setUrl(made);
      return made;
    } catch (error) { setProblem(error.message); return null; }
  }
  useEffect(() => { if (isPicture && file.url.startsWith('/v1/attachments/')) load(); }, [file.url]);
  useEffect(() => () => { if (url) URL.revokeObjectURL(url); }, [url]);
  async function save() {
    const link = document.createElement('a');
    link.href = url ?? await load() ?? '';
    if (!link.getAttribute('href')) return;
    link.download = name;
    link.click();
  }
  return html`<div class="file">${url && isPicture && html`<img src=${url} alt=${name} />`}
    <button type="button" class="link" onClick=${save} aria-label=${t('Download {name}', { name })}>${name}${file.size ? ` · ${size(file.size)}` : ''}</button>
    ${problem && html`<span class="problem" role="alert">${problem}</span>`}</div>`;
}

export function Message({ message: m, sender }) {
  const isOwn = m.sender_type === 'contact';
  const onlyFiles = m.attachments.length > 0 && m.content === m.attachments.map((a) => a.name).join(', ');
  return html`<li class="message ${isOwn ? 'own' : ''}" data-id=${m.id} data-seq=${m.seq}>
    <span class="visually-hidden">${isOwn ? t('You') : sender}: </span>
    ${!onlyFiles && html`<${Text} text=${m.content} />`}
    ${m.attachments.map((file) => html`<${File} key=${file.url} file=${file} />`)}
    <time datetime=${m.created_at}>${clock(m.created_at)}${m.metadata?.edited_at ? ` · ${t('edited')}` : ''}</time>
  </li>`;
}

export function Unsent({ message: m }) {
  const { key, problem } = m;
  return html`<li class="message own unsent ${problem ? 'failed' : ''}" data-unsent=${problem ? 'failed' : 'sending'}>
    <${Text} text=${m.content} />
    ${problem ? html`<div class="problem" role="alert">${problem === 'offline' ? t('Not sent: no connection.') : problem}
      <button type="button" class="link" onClick=${() => retry(key)}>${t('Try again')}</button> <button type="button" class="link" onClick=${() => discard(key)}>${t('Discard')}</button></div>` : html`<time>${t('Sending …')}</time>`}
  </li>`;
}
