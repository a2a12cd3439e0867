/** Times, durations and time axes as people read them. */

export type Zone = "utc" | "local";

export const SECOND_US = 1_000_000;
const DAY_S = 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The ranges offered, in seconds. */
export const SPANS: readonly { seconds: number; id: string; label: string }[] = [
  { seconds: 300, id: "5m", label: "5 min" },
  { seconds: 900, id: "15m", label: "15 min" },
  { seconds: 3600, id: "1h", label: "1 h" },
  { seconds: 6 * 3600, id: "6h", label: "6 h" },
  { seconds: DAY_S, id: "24h", label: "24 h" },
  { seconds: 7 * DAY_S, id: "7d", label: "7 d" },
  { seconds: 30 * DAY_S, id: "30d", label: "30 d" },
  { seconds: 90 * DAY_S, id: "90d", label: "90 d" },
];

/** Time that one pixel of the screen covers when a range fills so many CSS pixels: a picture that has moved by less looks the same. */
export function pixelUs(spanS: number, widthPx: number): number {
  return (spanS * SECOND_US) / Math.max(1, widthPx * (devicePixelRatio || 1));
}

/** Seconds east of UTC in a zone at a time. */
export function zoneOffsetS(us: number, zone: Zone): number {
  return zone === "utc" ? 0 : -new Date(us / 1000).getTimezoneOffset() * 60;
}

/** The zone as written on the screen: "UTC" or "UTC+2". */
export function zoneName(us: number, zone: Zone): string {
  const minutes = Math.round(zoneOffsetS(us, zone) / 60);
  if (zone === "utc") return "UTC";
  const rest = Math.abs(minutes) % 60;
  const hours = Math.floor(Math.abs(minutes) / 60);
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${two(rest)}` : ""}`;
}

/** A Date whose UTC fields read as the wall clock of the zone. */
function wall(us: number, zone: Zone): Date {
  return new Date(us / 1000 + zoneOffsetS(us, zone) * 1000);
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

/** 14:03:11 */
export function clockText(us: number, zone: Zone): string {
  const d = wall(us, zone);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** 14:03:11, with the day in front when it is not the day of `now`, and the year when it is another. */
export function momentText(us: number, zone: Zone, now: number): string {
  const d = wall(us, zone);
  const today = wall(now, zone);
  if (Math.floor(d.getTime() / 86_400_000) === Math.floor(today.getTime() / 86_400_000)) return clockText(us, zone);
  const year = d.getUTCFullYear() === today.getUTCFullYear() ? "" : ` ${d.getUTCFullYear()}`;
  return `${dayText(d)}${year} ${clockText(us, zone)}`;
}

function dayText(d: Date): string {
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()] ?? ""}`;
}

/** Seconds as 0.4 s, 48 s, 1 min 12 s, 2 h 05 min, 3 d 04 h; two parts at most. */
export function durationText(seconds: number): string {
  const s = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (s < 9.95 && s !== Math.round(s)) return `${sign}${s.toFixed(1)} s`;
  const whole = Math.floor(s + 1e-9);
  if (whole < 60) return `${sign}${whole} s`;
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < DAY_S) return `${sign}${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${sign}${Math.floor(whole / DAY_S)} d ${two(Math.floor((whole % DAY_S) / 3600))} h`;
}

/** Whole seconds between a time and now, never negative: small clock differences are not news. */
export function ageText(us: number, now: number): string {
  return durationText(Math.max(0, Math.floor((now - us) / SECOND_US)));
}

/** A span in seconds as its label: "1 h" where offered, else a duration without a part that is zero. */
export function spanText(seconds: number): string {
  return SPANS.find((span) => span.seconds === seconds)?.label ?? durationText(seconds).replace(/ 00 (s|min|h)$/, "");
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S, 30 * DAY_S];

/** The smallest readable step that puts at most `most` marks on a span. */
export function stepFor(spanS: number, most: number): number {
  return STEPS_S.find((step) => spanS / step <= most) ?? 90 * DAY_S;
}

/** Marks of a time axis in seconds UTC, at round wall-clock times of the zone. */
export function timeSplits(minS: number, maxS: number, step: number, zone: Zone): number[] {
  const shift = zoneOffsetS(minS * SECOND_US, zone);
  const out: number[] = [];
  for (let t = Math.ceil((minS + shift) / step) * step - shift; t <= maxS; t += step) out.push(t);
  return out;
}

/** Label of an axis mark: seconds only where the step needs them, the day at midnight. */
export function splitText(s: number, step: number, zone: Zone): string {
  const d = wall(s * SECOND_US, zone);
  const isMidnight = d.getUTCHours() + d.getUTCMinutes() + d.getUTCSeconds() === 0;
  if (step >= DAY_S || isMidnight) return dayText(d);
  const minutes = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  return step < 60 ? `${minutes}:${two(d.getUTCSeconds())}` : minutes;
}

/** The value of a datetime-local field for a time. */
export function fieldText(us: number, zone: Zone): string {
  return wall(us, zone).toISOString().slice(0, 19);
}

/** The time a datetime-local field means in the zone; null when it cannot be read. */
export function parseField(text: string, zone: Zone): number | null {
  const utc = Date.parse(`${text}Z`);
  if (Number.isNaN(utc)) return null;
  if (zone === "utc") return utc * 1000;
  const local = new Date(text).getTime();
  return Number.isNaN(local) ? null : local * 1000;
}
