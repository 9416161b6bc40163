// Tables as files for spreadsheets, in which no cell can become a formula.
function quoted(value) {
  const text = String(value ?? '');
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function download(name, rows) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`\uFEFF${rows.map((row) => row.map(quoted).join(',')).join('\r\n')}\r\n`], { type: 'text/csv' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
