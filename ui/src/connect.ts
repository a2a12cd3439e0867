/** Connect: what stands beside tapewatch on its host, and the ways in. */

import { TOKEN_VARIABLE } from "./snippets";
import type { Dashboard } from "./wire";

/** The name of the page among the dashboards. */
export const CONNECT = "connect";

/** The page as a dashboard without panels, so that rail, keys and address know it. */
export const CONNECT_PAGE: Dashboard = { id: CONNECT, title: "Connect", sentence: "Connect something: what is near, and the ways in.", variables: [], panels: [] };

/** What snippets are written for when the server does not know its own address. */
const ADDRESS = "127.0.0.1:4780";
const PLACEHOLDER = /\b127\.0\.0\.1:4780\b/g;

/** A text to copy with the address under which this page reached the server; what is listed as HTTP stays so unless the page came over HTTPS. */
export function withAddress(code: string, page: string): string {
  const { host, protocol, pathname } = new URL(page);
  const path = pathname.replace(/\/$/, "");
  return code.replace(/http:\/\/127\.0\.0\.1:4780\b/g, `${protocol}//${host}${path}`).replace(PLACEHOLDER, `${host}${path}`);
}

/** A snippet as it works from this page: with the server's address and, where it asks for one, the way to its token. */
export function toCopy(code: string, language: string, page: string, needsToken: boolean): string {
  const text = withAddress(code, page);
  if (!needsToken || !code.includes(ADDRESS)) return text;
  if (language === "curl") return text.replace(/^curl( -f?sS)?/gm, (start) => `${start} -H "authorization: Bearer $${TOKEN_VARIABLE}"`);
  if (language === "python") return `# the client takes the token of this server from the variable ${TOKEN_VARIABLE}\n${text}`;
  return text;
}
