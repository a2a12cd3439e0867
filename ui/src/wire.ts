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
  /** Of a distribution: a value counts under index i when it lies in (gamma^(i-1), gamma^i]. */
  gamma?: number | null;
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

/** A series that has stopped for good: in neither the series nor the newest rows of a frame. */
export interface Retired {
  table: string;
  key: Key;
  sources?: string[];
  newest_us: number;
  retired_us: number;
  why: string;
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
  retired?: Retired[];
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
  empty?: { sentence: string; snippets: Snippet[]; is_fine?: boolean } | null;
  query: Record<string, unknown> | null;
  unit?: string | null;
  /** A look back of its own in seconds, whatever the page's range. */
  last_s?: number | null;
  options?: Record<string, unknown>;
}

/** What a trader asks of a page, and the ids of the panels that answer it. */
export interface Question {
  stage: "verdict" | "change" | "worst";
  text: string;
  answered_by: string[];
}

export interface Dashboard {
  id: string;
  title: string;
  sentence?: string;
  variables: string[];
  /** The table that knows the values of a variable. */
  variable_tables?: Record<string, string>;
  /** The tag of which this page shows one value; it is reached by links, not by the rail. */
  subject?: string | null;
  /** Tags that must be chosen too, where the subject alone is no one thing. */
  within?: string[];
  /** In reading order; none for a page without headings. */
  questions?: Question[];
  panels: Panel[];
}

export interface Dashboards {
  dashboards: Dashboard[];
  /** Not a page: each panel asks for one kind of event that charts mark. */
  marks: Dashboard;
  token_needed: boolean;
}

/** Something to copy that connects something. */
export interface Way {
  title: string;
  sentence: string;
  language: string;
  code: string;
}

/** What is known of one kind of system on the server's host. */
export interface Neighbour {
  name: string;
  title: string;
  ports: number[];
  state: "found" | "other" | "silent" | "nothing";
  address: string;
  evidence: string;
  remark: string;
  offers: Way[];
}

export interface Connect {
  is_on: boolean;
  at_us: number | null;
  settings_file: string | null;
  neighbours: Neighbour[];
  ways: Way[];
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
  /** Functions of a measure that take it. */
  functions?: string[];
}

export interface CatalogTable {
  name: string;
  sentence: string;
  columns: CatalogColumn[];
}

export interface Catalog {
  tables: CatalogTable[];
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
  /** A question of one's own instead of a panel's. */
  query?: Record<string, unknown>;
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
