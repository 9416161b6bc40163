/** What the AsyncAPI parser finds wrong with a document, as JSON. */

import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

// The document keeps to 3.0, which more tools read; there is a 3.1.
const OFF = new Set(["asyncapi-latest-version"]);

const { document, diagnostics } = await new parser.Parser().parse(readFileSync(process.argv[2], "utf8"));
const findings = diagnostics.filter(({ code }) => !OFF.has(code)).map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`);
console.log(JSON.stringify({ document: document !== undefined, findings }));
