// A search of the public articles, in place of the thread. Loaded when it is opened.
import { html, useEffect, useRef, useState } from './ui.js';
import { t } from './i18n.js';
import { api } from './session.js';

export default function Articles({ onClose }) {
  const box = useRef(null);
  const [found, setFound] = useState(null);
  const [state, setState] = useState('');
  useEffect(() => { box.current?.focus(); }, []);
  async function search(e) {
    e.preventDefault();
    const question = box.current.value.trim();
    if (!question) return;
    setState('busy');
    try {
      setFound((await api.get(`/v1/webchat/articles?${new URLSearchParams({ q: question.slice(0, 500) })}`)).items);
      setState('');
    } catch (error) { setState(error.message); }
  }
  return html`<div class="thread articles" role="region" aria-label=${t('Search for an answer')}>
    <form role="search" onSubmit=${search}><label>${t('Your question')}<input type="search" name="q" ref=${box} maxlength="500" dir="auto" required /></label><button class="send">${t('Search')}</button></form>
    <div role="status">${state === 'busy' ? t('Loading …') : state ? html`<p class="problem">${state}</p>` : found && !found.length ? t('Nothing was found. Write to us.') : ''}</div>
    <ol>${(found ?? []).map((p) => html`<li class="message" key=${`${p.article_id} ${p.heading} ${p.content.slice(0, 40)}`}><h2 dir="auto">${p.heading && p.heading !== p.title ? `${p.title} – ${p.heading}` : p.title}</h2><div class="text" dir="auto" lang=${p.language}>${p.content}</div></li>`)}</ol>
    <p class="center"><button type="button" class="link" onClick=${onClose}>${t('Back to the chat')}</button></p></div>`;
}
