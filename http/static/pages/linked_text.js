// Addresses in a text, found by splitting it: nothing in a message ever becomes markup.

const LINK = /\bhttps?:\/\/[^\s<>"'\u0000-\u001f]{1,2000}|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;

/** The text in parts: strings, and {href, word} for what is an http, https or mail address by the URL parser too. */
export function linked(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const word = found[0].replace(/[).,;:!?\]]+$/, '');
    const href = word.includes('://') ? word : `mailto:${word}`;
    if (!/^(https?|mailto):$/.test(URL.canParse(href) ? new URL(href).protocol : '')) continue;
    parts.push(text.slice(from, found.index), { href, word });
    from = found.index + word.length;
  }
  parts.push(text.slice(from));
  return parts;
}
