// What the pages for leads share: an answer of the API that is read again when what is asked changes, and how it is shown.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';

/** {found} or {failed}, neither while it loads; `retry` reads again. */
export function useAnswer(path, query) {
  const [state, setState] = useState({});
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setState({});
    api.get(path, query).then((found) => { if (isCurrent) setState({ found }); }).catch((failed) => { if (isCurrent) setState({ failed }); });
    return () => { isCurrent = false; };
  }, [path, JSON.stringify(query), turn]);
  return { ...state, retry: () => setTurn(turn + 1) };
}

export function Problem({ failed, retry }) {
  return html`<p class="problem" role="alert"><span dir="auto">${failed.message}</span> <button type="button" onClick=${retry}>${t('Try again')}</button></p>`;
}

export const Figure = ({ text, shown }) => html`<div class="figure"><b>${shown}</b>${text}</div>`;

/** Rows of cells; a cell that `numeric` names stands at the end of its column. The first cell heads its row. */
export function Sheet({ label, heads, numeric = [], rows, ...rest }) {
  const kind = (n) => (numeric.includes(n) ? 'number' : null);
  return html`<div class="table-box" tabindex="0" role="region" aria-label=${label} ...${rest}><table><thead><tr>${heads.map((head, n) => html`<th scope="col" class=${kind(n)} key=${head}>${head}</th>`)}</tr></thead>
    <tbody>${rows.map(([key, head, ...cells]) => html`<tr key=${key}><th scope="row">${head}</th>${cells.map((cell, n) => html`<td class=${kind(n + 1)} key=${n}>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
