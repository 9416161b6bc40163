// Runs a snippet of docs/guides/streams.md in a real browser, on a page of another origin than the server's; prints what it logs.
//
//   node browser.mjs <chromium> <snippet> <page's origin> <node_modules>     with API and TOKEN_URL in the environment
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const [chromium, snippet, origin, modules] = process.argv.slice(2);
const playwright = createRequire(join(modules, "x.js"))("playwright-core");
const { API, TOKEN_URL } = process.env;
const code = readFileSync(snippet, "utf8").replace('"http://localhost:8080"', JSON.stringify(API));
const imports = { "@microsoft/fetch-event-source": "/modules/@microsoft/fetch-event-source/lib/esm/index.js" };
const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${code}</script>`;

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"] });
const page = await browser.newPage();
page.on("console", (message) => (message.type() === "log" ? console.log : console.error)(message.text()));
page.on("pageerror", (error) => console.error(String(error)));
await page.route(`${origin}/**`, async (route) => {
  const path = new URL(route.request().url()).pathname;
  if (path === "/token") return route.fulfill({ body: await (await fetch(`${TOKEN_URL}?by=${basename(snippet)}`)).text() });
  if (path === "/") return route.fulfill({ contentType: "text/html", body: html });
  if (path === "/favicon.ico") return route.fulfill({ status: 204 });
  const file = join(modules, path.replace("/modules/", ""));
  return route.fulfill({ contentType: "text/javascript", path: file.endsWith(".js") ? file : `${file}.js` });
});
await page.goto(`${origin}/`);
