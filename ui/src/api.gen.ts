/** Records of the HTTP interface. Written by `make api` from the routes; do not edit. */

/** Which rows to take out of quarantine, and the table that takes them. */
export interface AdoptBody {
  definition: TableSettings;
  name: string;
  source: string;
}

/** Where a backup is to be written. */
export interface BackupBody {
  directory: string;
}

/** One file of a backup. */
export interface BackupFileOut {
  bytes: number;
  name: string;
  sha256: string;
}

/** How the last backup went, or goes. */
export interface BackupOut {
  directory?: string | null;
  manifest?: ManifestOut | null;
  message?: string | null;
  since_us?: number | null;
  state: "none" | "running" | "done" | "failed";
  took_s?: number | null;
}

/** One column of a table. */
export interface CatalogColumnOut {
  functions: string[];
  kind: "tag" | "gauge" | "counter" | "interval" | "state" | "time" | "flag" | "id" | "text" | "sketch";
  maximum: number | null;
  minimum: number | null;
  name: string;
  nullable: boolean;
  sentence: string;
  states: StateOut[];
  thresholds: ThresholdsOut | null;
  unit: string;
}

/** All tables and units. */
export interface CatalogOut {
  tables: TableOut[];
  units: Record<string, UnitOut>;
}

/** One column of a frame; values stand row by row. */
export interface ColumnOut {
  bad?: boolean | null;
  by_clock?: boolean;
  gamma?: number | null;
  kind: "tag" | "gauge" | "counter" | "interval" | "state" | "time" | "flag" | "id" | "text" | "sketch";
  name: string;
  notes?: Record<string, string> | null;
  of?: string;
  sentence: string;
  states?: StateOut[] | null;
  status?: ("up" | "unknown" | "degraded" | "down" | null)[] | null;
  thresholds?: ThresholdsOut | null;
  unit: string;
  values: any[];
}

/** A column of a table of your own. */
export interface ColumnSettings {
  above?: boolean;
  bad?: boolean | null;
  by_clock?: boolean;
  degraded?: number | null;
  down?: number | null;
  down_after_s?: number | null;
  hold_s?: number;
  kind: Kind;
  maximum?: number | null;
  minimum?: number | null;
  sentence: string;
  states?: Record<string, Status>;
  unit?: string;
}

/** What stands beside tapewatch on this host, and the ways in. */
export interface ConnectOut {
  at_us: number | null;
  is_on: boolean;
  neighbours: NeighbourOut[];
  settings_file: string | null;
  took_ms: number | null;
  ways: WayOut[];
}

/** One page. */
export interface DashboardOut {
  id: string;
  panels: PanelOut[];
  questions: QuestionOut[];
  sentence: string;
  subject: string | null;
  title: string;
  variable_tables: Record<string, string>;
  variables: string[];
  within: string[];
}

/** Worst status of the series that a dashboard shows, and how many are degraded or down. */
export interface DashboardStatusOut {
  status: "up" | "unknown" | "degraded" | "down";
  wrong: number;
}

/** All dashboards in the order of the rail. */
export interface DashboardsOut {
  dashboards: DashboardOut[];
  marks: DashboardOut;
  token_needed: boolean;
}

/** What a panel says before anything arrived. */
export interface EmptyOut {
  is_fine: boolean;
  sentence: string;
  snippets: SnippetOut[];
}

/** What went wrong. */
export interface ErrorInside {
  code: string;
  message: string;
}

/** The one form of every error. */
export interface ErrorOut {
  error: ErrorInside;
}

/** Rows whose column compares so with the values. */
export interface FilterBody {
  column: string;
  comparison?: "in" | "not_in" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "is_null" | "not_null";
  values?: (string | number | boolean)[];
}

/** An answer, column-wise. Times are microseconds since 1970, UTC; ranges and buckets are half-open. */
export interface FrameOut {
  as_of_us: number;
  bucket_us: number | null;
  columns: ColumnOut[];
  cursor: string | null;
  end_us: number;
  error: string | null;
  newest_us: number | null;
  query_ms: number;
  retired: RetiredOut[];
  rows: number;
  rows_behind: number | null;
  series: SeriesOut[];
  spark: FrameOut | null;
  start_us: number;
  state: "live" | "last_good";
  table: string;
  tier: string;
  truncated: boolean;
  unsynchronised: Record<string, number | null>;
}

/** Whether the server is well; the reasons when it is not. In the words of InfluxDB's clients, which ask here too. */
export interface HealthOut {
  message: string;
  name: string;
  reasons: string[];
  status: "pass" | "fail";
}

/** A stretch without rows where rows were expected. */
export interface HoleOut {
  end_us: number;
  start_us: number;
  why: string;
}

/** What this host says of its clock. */
export interface HostClockOut {
  error_ms: number | null;
  synchronised: boolean | null;
}

/** What makes two rows the same row. */
export interface Identity {
}

/** When the newest row came. */
export interface IngestOut {
  newest_us: number | null;
}

/** What a column's values mean, and so how they may be combined. */
export interface Kind {
}

/** A value or a line that was not kept; ``line`` counts from 1. */
export interface LineRefusalOut {
  column: string | null;
  line: number;
  message: string;
  reason: string;
  row: number;
  table: string;
  value: string;
}

/** Why lines were refused, in the words of InfluxDB and QuestDB: ``code``, ``message`` and ``line``, which counts from 1. */
export interface LinesRefusedOut {
  accepted?: number;
  code: string;
  line?: number | null;
  message: string;
  refused?: LineRefusalOut[];
  refused_total?: number;
}

/** What a backup holds; also in its ``manifest.json``. */
export interface ManifestOut {
  files: BackupFileOut[];
  format: number;
  rows: number;
  rows_by_table: Record<string, number>;
  store: string;
  taken_at: string;
  tapewatch: string;
}

/** One computed column. */
export interface MeasureBody {
  alias?: string;
  argument?: string | number | null;
  column?: string;
  function: "count" | "sum" | "avg" | "min" | "max" | "first" | "last" | "rate" | "delta" | "quantile" | "ratio" | "time_in_state" | "worst" | "buckets";
  over?: MeasureBody[];
}

/** What became of rows in quarantine. */
export interface MovedOut {
  reasons: string[];
  rows: number;
  stayed: number;
  table: string;
  waiting: number;
}

/** What is known of one kind of system on this host. */
export interface NeighbourOut {
  address: string;
  evidence: string;
  name: string;
  offers: WayOut[];
  ports: number[];
  remark: string;
  state: "found" | "other" | "silent" | "nothing";
  title: string;
}

/** One picture on a dashboard. */
export interface PanelOut {
  empty: EmptyOut;
  height: number;
  id: string;
  kind: string;
  last_s: number | null;
  options: Record<string, any>;
  query: Record<string, any> | null;
  sentence: string;
  title: string;
  unit: string | null;
  width: number;
}

/** How a table could be declared that rows in quarantine wait for. */
export interface ProposalOut {
  columns: string[];
  extends: boolean;
  left_out: Record<string, string>;
  rows: number;
  table: string;
  toml: string;
}

/** One question to one table over a half-open range of time. */
export interface QueryBody {
  bucket_s?: number | "auto" | null;
  columns?: string[];
  cursor?: string | null;
  filters?: FilterBody[];
  group_by?: string[];
  limit?: number | null;
  measures?: MeasureBody[];
  mode?: "aggregate" | "latest" | "rows";
  order_by?: string;
  range?: RangeBody;
  shift_s?: number;
  table: string;
}

/** What QuestDB's clients ask before they write. */
export interface QuestDBSettingsOut {
  config: Record<string, any>;
}

/** What a trader asks of a page, and the ids of the panels that answer it. */
export interface QuestionOut {
  answered_by: string[];
  stage: "verdict" | "change" | "worst";
  text: string;
}

/** The last ``last_s`` seconds, or from ``start_us`` to ``end_us``, or from ``start`` to ``end`` in ISO 8601 with an offset. */
export interface RangeBody {
  end?: string | null;
  end_us?: number | null;
  last_s?: number | null;
  start?: string | null;
  start_us?: number | null;
}

/** What became of a delivery; it is durable. */
export interface ReceiptOut {
  accepted: number;
  duplicate: boolean;
  noted: Record<string, number>;
  quarantined: number;
  refused: RefusalOut[];
  refused_total: number;
}

/** A value that was not kept (``column`` set; its row was), or a row that was not (``column`` null). */
export interface RefusalOut {
  column: string | null;
  message: string;
  reason: string;
  row: number;
  table: string;
  value: string;
}

/** How long raw rows are kept, in days by name. */
export interface Retention {
}

/** Which series have stopped for good, or are to be judged again: those of a table that have these values of its tags. */
export interface RetireBody {
  table: string;
  tags: Record<string, string>;
  why?: string;
}

/** The series that were meant. */
export interface RetireOut {
  series: Record<string, string>[];
}

/** A series that has stopped for good: out of verdicts and newest rows until it speaks again. */
export interface RetiredOut {
  key: Record<string, string>;
  newest_us: number;
  retired_us: number;
  sources: string[];
  table: string;
  why: string;
}

/** One series of a frame and its verdict. */
export interface SeriesOut {
  about: string;
  expected_us: number | null;
  holes: HoleOut[];
  key: Record<string, string>;
  newest_us: number | null;
  own: boolean;
  reason: string;
  since_us: number | null;
  sources: string[];
  stale: boolean;
  status: "up" | "unknown" | "degraded" | "down";
}

/** One way to feed an empty panel. */
export interface SnippetOut {
  code: string;
  language: string;
}

/** A word of a state column and the status it means. */
export interface StateOut {
  name: string;
  status: "up" | "unknown" | "degraded" | "down";
}

/** The verdict words; worse ones have a higher rank. */
export interface Status {
}

/** The state of everything; also sent live every second. */
export interface StatusOut {
  clock: HostClockOut;
  dashboards: Record<string, DashboardStatusOut>;
  ingest: IngestOut;
  server_time_us: number;
  simulated: boolean;
  store: StoreStateOut;
}

/** Whether the store takes rows. */
export interface StoreStateOut {
  is_full?: boolean;
  message?: string | null;
  since_us?: number | null;
  state: "ok" | "down";
}

/** One table. */
export interface TableOut {
  columns: CatalogColumnOut[];
  name: string;
  retention: string;
  sentence: string;
}

/** A table of your own; the same contract as the built-in ones. */
export interface TableSettings {
  columns: Record<string, ColumnSettings>;
  id_column?: string;
  identity?: Identity;
  retention?: Retention;
  sentence: string;
}

/** Where a number stops being fine. */
export interface ThresholdsOut {
  above: boolean;
  degraded: number | null;
  down: number | null;
}

/** One unit: how a number of it is written. */
export interface UnitOut {
  decimals: number;
  name: string;
  per_unit_s: number;
  scale: string;
  suffix: string;
}

/** Values of a tag, for a choice. */
export interface ValuesOut {
  values: string[];
}

/** Something to copy that connects something. */
export interface WayOut {
  code: string;
  language: string;
  sentence: string;
  title: string;
}
