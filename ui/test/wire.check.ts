/** Read by the type checker only: what the server is described to send fits what the page reads. */

import type * as sent from "../src/api.gen";
import type * as read from "../src/wire";

type Fits<Sent extends Read, Read> = [Sent, Read];

export type Checked = [
  Fits<sent.FrameOut, read.Frame>,
  Fits<sent.ColumnOut, read.Column>,
  Fits<sent.SeriesOut, read.Series>,
  Fits<sent.DashboardOut, read.Dashboard>,
  Fits<sent.ConnectOut, read.Connect>,
  Fits<sent.PanelOut, read.Panel>,
  Fits<sent.CatalogOut, read.Catalog>,
  Fits<sent.StatusOut, Omit<read.Tick, "op">>,
];
