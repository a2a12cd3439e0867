import { describe, expect, it } from "vitest";
import { withAddress } from "../src/connect";
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
