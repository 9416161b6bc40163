// Where a search's words are: in what a row shows, else in the newest message that has them.
import { signal } from '../basics/ui.js';
import { api } from '../data/api.js';
import { peek } from '../data/conversations.js';

const MOST = 10; // rows of one search whose messages are looked through
const LOOKED_AT = 200; // newest messages of each
const AROUND = 40; // characters before a hit

/** Conversation → the text around its hit. */
export const hits = signal({});

const fold = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** The place of `words` in `text`, accents and letter case ignored: [from, to], or null. */
export function placeOf(text, words) {
  const wanted = fold(words.trim());
  if (!wanted || !text) return null;
  let folded = '';
  const origin = []; // index in the folded text → index in the text
  let at = 0;
  for (const character of text) {
    const part = fold(character);
    for (let n = 0; n < part.length; n += 1) origin.push(at);
    folded += part;
    at += character.length;
  }
  const found = folded.indexOf(wanted);
  if (found < 0) return null;
  return [origin[found], origin[found + wanted.length] ?? text.length];
}

const shows = (c, words) => [c.contact_name, c.contact_identifier, c.last_message_preview].some((text) => placeOf(text ?? '', words));

let round = 0;
/** Look for the hits of the rows that do not show theirs. */
export async function lookForHits(ids, words) {
  const mine = (round += 1);
  hits.value = {};
  if (!words.trim()) return;
  const hidden = ids.map(peek).filter((c) => c && !shows(c, words)).slice(0, MOST);
  for (const c of hidden) {
    if (placeOf(c.subject ?? '', words)) {
      hits.value = { ...hits.peek(), [c.id]: c.subject };
      continue;
    }
    const page = await api.get(`/v1/conversations/${c.id}/messages`, { limit: LOOKED_AT }).catch(() => null);
    if (mine !== round) return;
    const message = page?.items.findLast((m) => placeOf(m.content, words));
    if (!message) continue;
    const [from] = placeOf(message.content, words);
    hits.value = { ...hits.peek(), [c.id]: `${from > AROUND ? '… ' : ''}${message.content.slice(Math.max(0, from - AROUND), from + 160)}` };
  }
}
