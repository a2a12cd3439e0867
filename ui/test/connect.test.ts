import { describe, expect, it } from "vitest";
import { toCopy, withAddress } from "../src/connect";
import { sectionsOf } from "../src/questions";
import type { Dashboard, Panel, Question } from "../src/wire";

describe("what is copied names the server of the page", () => {
  it("with scheme, host and prefix", () => {
    expect(withAddress("curl http://127.0.0.1:4780/api/rows", "https://desk.example/watch/")).toBe("curl https://desk.example/watch/api/rows");
    expect(withAddress('Client("http://127.0.0.1:4780")', "http://10.0.0.2:5000/")).toBe('Client("http://10.0.0.2:5000")');
  });
  it("also where a client wants host and port alone, and leaves other ports", () => {
    expect(withAddress("http::addr=127.0.0.1:4780;", "http://10.0.0.2:5000/")).toBe("http::addr=10.0.0.2:5000;");
    expect(withAddress("http://127.0.0.1:47801/x http://127.0.0.1:8090", "http://h/")).toBe("http://127.0.0.1:47801/x http://127.0.0.1:8090");
  });
});

describe("what is copied from a server with a token", () => {
  const page = "http://127.0.0.1:4780/";
  it("names the variable that holds it, never the token", () => {
    expect(toCopy("curl -sS http://127.0.0.1:4780/api/rows", "curl", page, true)).toBe('curl -sS -H "authorization: Bearer $TAPEWATCH_TOKEN" http://127.0.0.1:4780/api/rows');
    expect(toCopy('Client("http://127.0.0.1:4780")', "python", page, true)).toContain("TAPEWATCH_TOKEN");
  });
  it("is left alone where nothing is sent to it, or it asks for none", () => {
    expect(toCopy("curl http://127.0.0.1:8090/status", "curl", page, true)).toBe("curl http://127.0.0.1:8090/status");
    expect(toCopy('url = "http://127.0.0.1:4780"', "toml", page, true)).toBe('url = "http://127.0.0.1:4780"');
    expect(toCopy("curl -sS http://127.0.0.1:4780/api/rows", "curl", page, false)).toBe("curl -sS http://127.0.0.1:4780/api/rows");
  });
});

describe("a page is cut into questions", () => {
  const panel = (id: string): Panel => ({ id, title: id, kind: "stat", width: 24, height: 4, query: null });
  const question = (text: string, ...ids: string[]): Question => ({ stage: "verdict", text, answered_by: ids });
  const page = (...questions: Question[]): Dashboard => ({ id: "p", title: "P", variables: [], panels: ["a", "b", "c"].map(panel), questions });
  it("in their order, with what nobody asked for at the end", () => {
    const sections = sectionsOf(page(question("first?", "b"), question("none?", "gone")));
    expect(sections.map((one) => [one.question?.text, one.panels.map((each) => each.id)])).toEqual([["first?", ["b"]], [undefined, ["a", "c"]]]);
  });
  it("and without questions it is one section", () => {
    expect(sectionsOf(page()).map((one) => one.panels.length)).toEqual([3]);
  });
});
