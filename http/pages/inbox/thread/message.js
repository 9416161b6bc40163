// A message in the thread. Its text is only ever text: addresses become links by splitting, nothing becomes markup.
import { html, Icon, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { clock, full, size } from '../basics/format.js';
import { nameOf } from '../data/people.js';
import { linked } from '/static/pages/linked_text.js';

const LONG = 1200;

/** Text with its links. */
export const Text = ({ text }) => linked(text).map((part) => (typeof part === 'string' ? part : html`<a href=${part.href} target="_blank" rel="noopener noreferrer nofollow">${part.word}</a>`));

function Body({ text }) {
  const [isWhole, setWhole] = useState(false);
  const cut = !isWhole && text.length > LONG * 1.3;
  return html`<div class="text" dir="auto"><${Text} text=${cut ? text.slice(0, LONG) : text} />${cut && html`… <button type="button" class="link" onClick=${() => setWhole(true)}>${t('Show all')}</button>`}</div>`;
}

/** A file: an image is shown, anything else is offered. Files need the token, so they are fetched, not linked. */
function File({ file }) {
  const [url, setUrl] = useState(null);
  const [problem, setProblem] = useState(null);
  const isImage = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.content_type ?? '') && (file.size ?? 0) < 8_000_000;
  const isSound = /^audio\//.test(file.content_type ?? '');
  const own = file.url.startsWith('/v1/attachments/');
  async function fetchFile() {
    try {
      const made = URL.createObjectURL(await api.file(file.url.split('?')[0]));
      setUrl(made);
      return made;
    } catch (error) {
      setProblem(error.message);
      return null;
    }
  }
  useEffect(() => { if (own && isImage) fetchFile(); }, [file.url]);
  useEffect(() => () => { if (url) URL.revokeObjectURL(url); }, [url]);
  async function save() {
    const made = url ?? await fetchFile();
    if (!made) return;
    const link = document.createElement('a');
    link.href = made;
    link.download = file.name || 'file';
    link.click();
  }
  const name = file.name || t('File');
  if (!own) return html`<a class="file" href=${URL.canParse(file.url) && /^https?:/.test(file.url) ? file.url : null} target="_blank" rel="noopener noreferrer nofollow">${name}</a>`;
  return html`<div class="file">
    ${url && isImage && html`<button type="button" class="preview" onClick=${save} aria-label=${t('Save {name}', { name })}><img src=${url} alt=${name} loading="lazy" /></button>`}
    ${url && isSound && html`<audio controls src=${url}></audio>`}
    <button type="button" onClick=${isSound && !url ? fetchFile : save}><${Icon} name="clip" /> ${name}${file.size ? ` · ${size(file.size)}` : ''}</button>
    ${problem && html`<span class="problem">${problem}</span>`}
  </div>`;
}

const RECEIPT = () => ({ queued: ['◷', t('Queued')], sent: ['✓', t('Sent')], delivered: ['✓✓', t('Delivered')], read: ['✓✓', t('Read')], failed: ['⚠', t('Not delivered')] });

function Receipt({ message, onRetry }) {
  const found = RECEIPT()[message.delivery_status];
  if (!found) return null;
  const failed = message.delivery_status === 'failed';
  const { code, detail } = (failed && message.delivery_error) || {};
  return html`<span class="receipt ${message.delivery_status}" title=${code ?? found[1]}><span aria-hidden="true">${found[0]}</span> <span class=${failed ? '' : 'visually-hidden'}>${found[1]}</span>${detail && html`: <span dir="auto">${detail}</span>`}
    ${failed && html` <button type="button" class="link" onClick=${() => onRetry(message)}>${t('Send again')}</button>`}</span>`;
}

const addresses = (list) => (Array.isArray(list) ? list.map((a) => (typeof a === 'string' ? a : a?.address ?? a?.email ?? '')).filter(Boolean).join(', ') : list);

function MailHead({ meta }) {
  const sent = meta.recipients;
  const lines = [[t('From'), addresses(meta.from ? [].concat(meta.from) : null)], [t('To'), addresses(sent?.to ?? meta.to)], [t('Cc'), addresses(sent?.cc ?? meta.cc)], [t('Bcc'), addresses(sent?.bcc)], [t('Reply to'), addresses(meta.reply_to)]].filter(([, v]) => v?.length);
  if (!lines.length && !meta.subject) return null;
  return html`<details class="mail-head"><summary>${meta.subject || t('Recipients')}${lines.find(([k]) => k === t('Cc')) ? ` · ${t('Cc')}` : ''}</summary><dl>${lines.map(([k, v]) => html`<dt>${k}</dt><dd>${v}</dd>`)}</dl></details>`;
}

/** What a mail program quoted, folded: the mail as it came, when it says more than is shown. */
function Quotes({ message }) {
  const { original } = message.metadata;
  if (typeof original !== 'string' || original.trim() === message.content.trim()) return null;
  return html`<details class="quotes"><summary>${t('Show the whole mail')}</summary><div class="text" dir="auto"><${Text} text=${original} /></div></details>`;
}

function senderOf(m, contact) {
  if (m.sender_type === 'contact') return contact;
  if (m.sender_type === 'agent') return nameOf(m.sender_id);
  return m.sender_type === 'bot' ? t('Bot') : t('System');
}

export function Message({ entry, contact, isMail, onRetry }) {
  const m = entry.data;
  const side = m.is_private ? 'note' : m.direction === 'inbound' ? 'in' : 'out';
  return html`<article class="message ${side} ${m.sender_type}" data-seq=${entry.seq} data-id=${m.id}>
    <header><span class="sender">${m.is_private ? `${t('Note')} · ` : ''}${senderOf(m, contact)}</span>
      <time datetime=${entry.at} title=${full(entry.at)}>${clock(entry.at)}</time>
      ${(m.edited || m.metadata.edited_at) && html`<span>${t('edited')}</span>`}${m.metadata.auto_reply === true && html`<span>${t('automatic')}</span>`}</header>
    ${isMail && html`<${MailHead} meta=${m.metadata} />`}
    <${Body} text=${m.content} />
    ${isMail && html`<${Quotes} message=${m} />`}
    ${m.attachments.map((file) => html`<${File} key=${file.url} file=${file} />`)}
    <footer><${Receipt} message=${m} onRetry=${onRetry} /></footer>
  </article>`;
}

/** A message that the server has not confirmed. */
export function Unsent({ message, onRetry, onEdit, onDiscard }) {
  return html`<article class="message out unsent ${message.state} ${message.isPrivate ? 'note' : ''}" data-unsent=${message.state}>
    <${Body} text=${message.content} />
    <footer>${message.state === 'sending' ? html`<span>${t('Sending …')}</span>` : html`<span class="problem" role="alert">${message.error ?? t('Not sent: the server cannot be reached.')}</span>
      <button type="button" class="link" onClick=${onRetry}>${t('Try again')}</button><button type="button" class="link" onClick=${onEdit}>${t('Edit')}</button><button type="button" class="link" onClick=${onDiscard}>${t('Discard')}</button>`}</footer>
  </article>`;
}
