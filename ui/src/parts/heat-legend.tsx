/** What the colours of a heat map stand for. */

import type { JSX } from "preact";
import { type Heat, mix } from "../heat";
import { middleOf } from "../heat-scale";
import { writing } from "../state";
import { palette } from "../theme";
import { writeText } from "../units";
import { StatusMark } from "./status";

export function HeatLegend({ heat, unit }: { heat: Heat; unit: string | null }): JSX.Element {
  return (
    <div class="shapes" aria-hidden="true">
      {heat.hasStatus ? (["up", "degraded", "down", "unknown"] as const).map((status) => <StatusMark key={status} status={status} />) : <Ramp heat={heat} unit={unit} />}
      <span class="status">
        <span class="box hatched" /> no data
      </span>
    </div>
  );
}

/** The ends of the ramp and its middle, which tells how it rises; and what lies beyond it. */
function Ramp({ heat: { scale }, unit }: { heat: Heat; unit: string | null }): JSX.Element {
  const { heatLow, heatHigh } = palette.value;
  const middle = mix(heatLow, heatHigh, 0.5);
  const text = (value: number): string => writeText(value, unit, writing());
  return (
    <>
      <span class="status" title={scale.isLog ? "Equal steps of colour are equal factors." : undefined}>
        {text(scale.low)} <Part from={heatLow} to={middle} /> {text(middleOf(scale))} <Part from={middle} to={heatHigh} /> {text(scale.high)}
        {scale.isLog && ", logarithmic"}
      </span>
      {scale.beyond !== null && (
        <span class="status">
          <span class="box beyond" /> above, up to {text(scale.beyond)}
        </span>
      )}
    </>
  );
}

function Part({ from, to }: { from: string; to: string }): JSX.Element {
  return <span class="ramp" style={{ background: `linear-gradient(90deg, ${from}, ${to})` }} />;
}
