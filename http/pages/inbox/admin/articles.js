// The knowledge base: articles with their versions, imports, and what a search would find.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api, search } from '../data/api.js';
import { attempt } from '../data/toasts.js';
import { full, number } from '../basics/format.js';
import { Area, change, Choice, Field, Form, made, Remove, Table, useList, value } from './parts.js';

const READERS = () => [['internal', t('The team alone')], ['public', t('Customers and the team')]];
const reader = (visibility) => READERS().find(([known]) => known === visibility)?.[1];

function Versions({ article, onRestore }) {
  const [versions, setVersions] = useState(null);
  useEffect(() => { attempt(() => api.get(`/v1/articles/${article.id}/versions`)).then((found) => setVersions(found?.items ?? [])); }, [article.id, article.version]);
  const restore = ({ title, body, language, visibility }) => onRestore({ title, body, language, visibility });
  return html`<section aria-labelledby="versions-title"><h2 id="versions-title">${t('Earlier versions')}</h2>
    <ul class="versions">${(versions ?? []).filter((v) => v.version < article.version).map((v) => html`<li key=${v.version}><details><summary>${t('Version {n} of {date}', { n: v.version, date: full(v.saved_at) })}</summary><h3 dir="auto">${v.title}</h3><pre dir="auto" tabindex="0">${v.body}</pre></details>
      <button type="button" onClick=${() => restore(v)} aria-label=${t('Restore version {n}', { n: v.version })}>${t('Restore')}</button></li>`)}</ul></section>`;
}

function Editor({ edited, list, onDone, onSaved }) {
  const save = (body) => made(list, () => (edited ? api.patch(`/v1/articles/${edited.id}`, body) : api.post('/v1/articles', body)), t('Saved.'));
  async function submit(form) {
    const body = { title: value(form, 'title'), body: form.elements.body.value, language: value(form, 'language') || null, visibility: value(form, 'visibility') };
    const saved = await save(body);
    if (edited) onSaved(saved); else { form.reset(); onDone(); }
  }
  return html`<${Form} onSubmit=${submit} key=${`${edited?.id} ${edited?.version}`}><h2>${edited ? t('Change {name}', { name: edited.title }) : t('New article')}</h2>
    <${Field} label=${t('Title')} name="title" required maxlength="300" dir="auto" value=${edited?.title} />
    <${Field} label=${t('Language, as en')} name="language" maxlength="35" pattern="[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}" value=${edited?.language ?? ''} />
    <${Choice} label=${t('Who may read it')} name="visibility" value=${edited?.visibility ?? 'internal'} options=${READERS()} />
    <${Area} label=${t('Text, in Markdown')} name="body" rows="10" required maxlength="100000" dir="auto" value=${edited?.body} />
    <p><button class="primary">${t('Save')}</button>${edited && html` <button type="button" onClick=${onDone}>${t('Cancel')}</button>`}</p><//>
    ${edited && edited.version > 1 && html`<${Versions} article=${edited} onRestore=${async (body) => { const saved = await attempt(() => save(body)); if (saved) onSaved(saved); }} />`}`;
}

function Import({ list }) {
  const [done, setDone] = useState(null);
  const [isBusy, setBusy] = useState(false);
  async function submit(e) {
    e.preventDefault();
    const form = e.target;
    const file = form.elements.archive.files[0];
    setBusy(true);
    const query = search({ visibility: value(form, 'visibility'), language: value(form, 'language') });
    const found = await attempt(() => api.post(`/v1/articles/import?${query}`, new Blob([file], { type: 'application/zip' })));
    setBusy(false);
    setDone(found ?? null);
    if (found) { form.reset(); list.reload(); }
  }
  return html`<form onSubmit=${submit}><h2>${t('Import articles')}</h2><p>${t('A zip archive of Markdown files, or of a saved website with its sitemap.xml. Nothing is fetched.')}</p>
    <${Field} label=${t('Zip archive')} name="archive" type="file" accept=".zip,application/zip" required />
    <${Choice} label=${t('Who may read them, unless a file says it')} name="visibility" value="internal" options=${READERS()} /><${Field} label=${t('Language, as en')} name="language" maxlength="35" />
    <p><button disabled=${isBusy}>${t('Import')}</button></p>
    <div role="status" data-imported>${done && html`<p>${t('{created} new, {updated} updated, {unchanged} unchanged', { created: number(done.created), updated: number(done.updated), unchanged: number(done.unchanged) })}</p>
      ${done.skipped.length > 0 && html`<details><summary>${t('{n} files were skipped', { n: number(done.skipped.length) })}</summary><ul>${done.skipped.map((s) => html`<li key=${s.path}><code>${s.path}</code>: ${s.reason}</li>`)}</ul></details>`}`}</div></form>`;
}

function Preview() {
  const [found, setFound] = useState(null);
  async function submit(e) {
    e.preventDefault();
    const form = e.target;
    const question = value(form, 'question');
    const visibility = form.elements.public.checked ? 'public' : null;
    const passages = await attempt(() => api.get('/v1/articles/search', { q: question, visibility }));
    setFound(passages ? { question, visibility, items: passages.items, answer: null } : null);
  }
  async function ask() {
    const { question, visibility } = found;
    const answer = await attempt(() => api.post('/v1/articles/answers', { question, visibility }));
    if (answer) setFound({ ...found, answer });
  }
  return html`<section aria-labelledby="preview-title"><h2 id="preview-title">${t('What a search finds')}</h2>
    <form role="search" onSubmit=${submit}><${Field} label=${t('Question')} name="question" required maxlength="500" dir="auto" /><label class="check"><input type="checkbox" name="public" />${t('As a customer')}</label><button>${t('Search')}</button></form>
    <div role="status" data-found>${found && !found.items.length && html`<p>${t('Nothing was found.')}</p>`}
      ${found?.items.length > 0 && html`<ol class="passages">${found.items.map((p) => html`<li key=${`${p.article_id} ${p.content.slice(0, 40)}`}><b dir="auto">${p.heading && p.heading !== p.title ? `${p.title} – ${p.heading}` : p.title}</b> (${reader(p.visibility)}, ${t('relevance {n}', { n: number(p.relevance, 2) })})<div class="data" dir="auto">${p.content}</div></li>`)}</ol>
        <p><button type="button" onClick=${ask}>${t('Ask for an answer')}</button></p>`}
      ${found?.answer && html`<blockquote class="data" dir="auto">${found.answer.answer ?? t('No article says it.')}</blockquote>`}</div></section>`;
}

export default function Articles() {
  const [query, setQuery] = useState({});
  const list = useList('/v1/articles', query);
  const [edited, setEdited] = useState(null);
  const open = (id) => attempt(() => api.get(`/v1/articles/${id}`)).then((found) => { if (found) { setEdited(found); document.getElementById('main')?.focus(); } });
  const filter = (e) => { const form = e.currentTarget; setQuery({ q: value(form, 'q'), visibility: value(form, 'shown') }); };
  return html`<h1>${t('Knowledge')}</h1><${Preview} />
    <${Editor} edited=${edited} list=${list} onDone=${() => setEdited(null)} onSaved=${setEdited} />
    <form class="inline" role="search" aria-label=${t('Articles')} onChange=${filter} onSubmit=${(e) => { e.preventDefault(); filter(e); }}><${Field} label=${t('Part of the title')} name="q" type="search" maxlength="200" /><${Choice} label=${t('Who may read it')} name="shown" value="" options=${[['', t('Any')], ...READERS()]} /></form>
    <${Table} label=${t('Articles')} list=${list} columns=${[[t('Title'), (x) => html`<span dir="auto">${x.title}</span>`], [t('Language'), (x) => x.language ?? '–'], [t('Who may read it'), (x) => reader(x.visibility)], [t('Version'), (x) => number(x.version)], [t('Last changed'), (x) => full(x.updated_at)], [t('Imported from'), (x) => x.source ?? '–'],
      ['', (x) => html`<button type="button" onClick=${() => open(x.id)} aria-label=${t('Change {name}', { name: x.title })}>${t('Change')}</button> <${Remove} what=${x.title} path=${`/v1/articles/${x.id}`} list=${list} />`]]} />
    <${Import} list=${list} />`;
}
