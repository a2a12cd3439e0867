/** The records that travel between server and page, as the server writes them. Times are integer microseconds UTC. */

export type Status = "up" | "degraded" | "down" | "unknown";
export type Cell = number | string | boolean | null;
export type Key = Record<string, string | null>;

export interface Thresholds {
  degraded: number | null;
  down: number | null;
  /** True when larger is worse. */
  above: boolean;
}

export interface Column {
  name: string;
  kind: string;
  unit: string | null;
  sentence?: string | null;
  values: Cell[];
  /** The server's verdict beside each value. */
  status?: (Status | null)[] | null;
  thresholds?: Thresholds | null;
  /** The table's column that it shows or is computed from. */
  of?: string;
  /** Whether values were measured with a host's wall clock and carry its error. */
  by_clock?: boolean;
  /** Row index to the reason why its value is null or marked. */
  notes?: Record<string, string> | null;
}

export interface Hole {
  start_us: number;
  end_us: number;
  why: string;
}

export interface Series {
  key: Key;
  sources?: string[];
  status: Status;
  reason?: string | null;
  since_us?: number | null;
  newest_us?: number | null;
  expected_us?: number | null;
  stale?: boolean;
  /** The number past its line, when that is the worst finding; empty when it is the series itself. */
  about?: string;
  /** Whether it is about tapewatch itself and its host. */
  own?: boolean;
  holes?: Hole[];
}

export interface Frame {
  table: string;
  columns: Column[];
  rows: number;
  series: Series[];
  start_us: number;
  end_us: number;
  bucket_us?: number | null;
  newest_us?: number | null;
  as_of_us: number;
  query_ms?: number | null;
  rows_behind?: number | null;
  tier?: string | null;
  truncated?: boolean;
  state?: "live" | "last_good";
  error?: string | null;
  /** Hosts whose clock is not synchronised, with its largest error in ms, if known. */
  unsynchronised?: Record<string, number | null>;
  spark?: Frame | null;
}

export interface Snippet {
  language: string;
  code: string;
}

export interface Panel {
  id: string;
  title: string;
  kind: string;
  width: number;
  height: number;
  sentence?: string;
  empty?: { sentence: string; snippets: Snippet[] } | null;
  query: Record<string, unknown> | null;
  unit?: string | null;
  options?: Record<string, unknown>;
}

export interface Dashboard {
  id: string;
  title: string;
  sentence?: string;
  variables: string[];
  panels: Panel[];
}

export interface Unit {
  name?: string;
  suffix: string;
  decimals: number;
  scale: string;
  /** Seconds in one unit, for durations. */
  per_unit_s?: number;
}

export interface CatalogColumn {
  name: string;
  kind: string;
  unit?: string | null;
  sentence?: string;
}

export interface Catalog {
  tables: { name: string; sentence: string; columns: CatalogColumn[] }[];
  units: Record<string, Unit>;
}

export interface Tick {
  op: "tick";
  server_time_us: number;
  dashboards: Record<string, { status: Status; wrong: number }>;
  store?: { state: string; is_full?: boolean; since_us?: number | null; message?: string | null };
  ingest?: { newest_us?: number | null };
  clock?: { synchronised: boolean | null; error_ms?: number | null };
  simulated?: boolean;
}

export type Range = { last_s: number } | { start_us: number; end_us: number };

export interface Subscription {
  dashboard: string;
  panel: string;
  range: Range;
  vars: Record<string, string[]>;
}

export interface FrameMessage {
  op: "frame";
  topic: string;
  sequence: number;
  kind: "snapshot" | "delta";
  replace_from_us?: number | null;
  frame: Frame;
}

export type ServerMessage =
  | { op: "hello"; server_time_us: number; version: string; simulated: boolean }
  | { op: "subscribed"; id: string; topic: string }
  | { op: "error"; id?: string; code: string; message: string }
  | { op: "lag"; dropped: number }
  | FrameMessage
  | Tick;
