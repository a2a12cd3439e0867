// Fails when script and style of the first view exceed the budget, compressed as a server sends them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 90_000;
const root = new URL("../src/tapewatch/surfaces/web/static/", import.meta.url);
const page = readFileSync(new URL("index.html", root), "utf8");
const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+\.(?:js|css))"/g)].map((match) => match[1]);
if (!files.some((name) => name.startsWith("assets/"))) throw new Error(`${fileURLToPath(root)}index.html names no built asset; run npm run build`);
let total = gzipSync(page).length;
for (const name of files) {
  const size = gzipSync(readFileSync(new URL(name, root)), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(7)} bytes  ${name}`);
}
console.log(`${String(total).padStart(7)} bytes  of ${BUDGET_BYTES} for the first view, compressed`);
if (total > BUDGET_BYTES) process.exit(1);
