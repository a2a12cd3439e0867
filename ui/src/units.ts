/** Numbers as people read them, by the units of the catalogue. Stored forms are never shown raw: 0.123 of a ratio is 12.3 %. */

import type { Cell, Unit } from "./wire";
import { type Zone, durationText, momentText } from "./time";

export interface Written {
  text: string;
  suffix: string;
}

export interface Writing {
  zone: Zone;
  now: number;
  trueWord?: string;
  falseWord?: string;
  /** Times to the millisecond. */
  isExact?: boolean;
}

/** Shown where there is no value; the reason is on hover. */
export const NO_VALUE = "–";
const THIN = "\u202f";
const BYTE_STEPS: readonly [number, string][] = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

let known: Record<string, Unit> = {};

/** Use the units of this catalogue from now on. */
export function useUnits(units: Record<string, Unit>): void {
  known = units;
}

/** The unit of this name; one that the catalogue does not know is written as it is called. */
export function unitOf(name: string | null | undefined): Unit {
  if (!name) return { suffix: "", decimals: 2, scale: "plain" };
  return known[name] ?? { suffix: name, decimals: 2, scale: "plain" };
}

/** 12 345.6 → "12 345.6", grouped by narrow spaces, with a true minus sign. */
export function grouped(value: number, decimals: number): string {
  const [whole = "", fraction] = Math.abs(value).toFixed(decimals).split(".");
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole;
  const isNegative = value < 0 && Number(value.toFixed(decimals)) !== 0;
  return `${isNegative ? "−" : ""}${spaced}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** Fixed decimals; a value that is not zero is never written as zero. */
function fixed(value: number, decimals: number): string {
  if (decimals > 4) return trimmed(value, decimals);
  const smallest = 10 ** -decimals;
  if (value !== 0 && Math.abs(value) < smallest / 2) return value > 0 ? `<${smallest.toFixed(decimals)}` : `>−${smallest.toFixed(decimals)}`;
  return grouped(value, decimals);
}

/** Prices and quantities keep what they have, at least two decimals. */
function trimmed(value: number, decimals: number): string {
  const text = grouped(value, decimals);
  const end = text.replace(/0+$/, "");
  const kept = end.length - end.indexOf(".") - 1;
  return kept >= 2 ? end : text.slice(0, text.indexOf(".") + 3);
}

function bytes(value: number, unit: Unit): Written {
  const rest = unit.suffix || "B";
  const step = BYTE_STEPS.find(([size]) => Math.abs(value) >= size * 0.9995);
  if (!step) return { text: grouped(value, Number.isInteger(value) ? 0 : unit.decimals), suffix: rest };
  return { text: grouped(value / step[0], unit.decimals), suffix: step[1] + rest };
}

function duration(value: number, unit: Unit): Written {
  const seconds = value * (unit.per_unit_s || 1);
  const size = Math.abs(seconds);
  if (size >= 60) return { text: durationText(seconds), suffix: "" };
  if (size > 0 && size < 1) return { text: fixed(seconds * 1000, 1), suffix: "ms" };
  return { text: fixed(seconds, unit.decimals), suffix: "s" };
}

function number(value: number, unit: Unit, how: Writing): Written {
  switch (unit.scale) {
    case "ratio":
      return { text: fixed(value * 100, unit.decimals), suffix: unit.suffix || "%" };
    case "bytes":
      return bytes(value, unit);
    case "duration":
      return duration(value, unit);
    case "count":
      return { text: fixed(value, Number.isInteger(value) ? 0 : Math.max(1, unit.decimals)), suffix: unit.suffix };
    case "time":
      return { text: momentText(value, how.zone, how.now) + (how.isExact ? `.${String(Math.floor((value % 1e6) / 1000)).padStart(3, "0")}` : ""), suffix: "" };
    case "flag":
      return { text: value === 0 ? how.falseWord ?? "no" : how.trueWord ?? "yes", suffix: "" };
    default:
      return { text: fixed(value, unit.decimals), suffix: unit.suffix };
  }
}

/** A value in words: number and unit apart, so that digits can stand large and units small. */
export function write(value: Cell | undefined, unitName: string | null | undefined, how: Writing): Written {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return { text: NO_VALUE, suffix: "" };
  if (typeof value === "boolean") return { text: value ? how.trueWord ?? "yes" : how.falseWord ?? "no", suffix: "" };
  if (typeof value === "string") return { text: value, suffix: "" };
  return number(value, unitOf(unitName), how);
}

/** A value and its unit in one string. */
export function writeText(value: Cell | undefined, unitName: string | null | undefined, how: Writing): string {
  const { text, suffix } = write(value, unitName, how);
  return suffix ? `${text} ${suffix}` : text;
}

/** Labels of a value axis: one unit and one number of decimals for all of them. */
export function axisTexts(splits: readonly number[], step: number, unitName: string | null | undefined): string[] {
  const unit = unitOf(unitName);
  const largest = Math.max(...splits.map(Math.abs), 0);
  let [factor, suffix] = [1, unit.suffix];
  if (unit.scale === "ratio") factor = 100;
  if (unit.scale === "bytes") {
    const size = BYTE_STEPS.find(([from]) => largest >= from);
    if (size) [factor, suffix] = [1 / size[0], size[1] + (unit.suffix || "B")];
  }
  if (unit.scale === "duration") {
    const seconds = largest * (unit.per_unit_s || 1);
    if (seconds >= 120) return splits.map((v) => (v === 0 ? "0" : durationText(v * (unit.per_unit_s || 1))));
    [factor, suffix] = seconds < 1 && seconds > 0 ? [(unit.per_unit_s || 1) * 1000, "ms"] : [unit.per_unit_s || 1, "s"];
  }
  const decimals = Math.min(8, Math.max(0, -Math.floor(Math.log10(step * factor) + 1e-9)));
  return splits.map((v) => `${grouped(v * factor, decimals)}${suffix ? ` ${suffix}` : ""}`);
}

/** A column's name in words: "p99_latency_ms" → "p99 latency". The unit stands beside the number. */
export function words(name: string): string {
  if (name === "ts") return "last row";
  return name.replace(/_(ms|s|us|bytes|ratio|at)$/, "").replaceAll("_", " ").trim();
}
