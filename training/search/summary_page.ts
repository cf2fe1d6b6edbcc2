/** A page of a search, whole in one file: the losses by experiment, kept ones marked, and a table. */
import { metricOf } from "./program_page.ts";
import { type ExperimentRecord, lossOf, type SearchSettings } from "./record.ts";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [900, 360, 70, 40, 20];

/** HTML with the drawing in it. Texts of the search are escaped. */
export function summaryPage(
  settings: SearchSettings,
  records: readonly ExperimentRecord[],
): string {
  const metric = metricOf(settings.protocol);
  const rows = records.map((record) => {
    const loss = lossOf(record);
    const cells = [
      String(record.experiment),
      loss === null ? "" : loss.toFixed(4),
      record.status,
      record.change,
      record.reason,
    ];
    return `<tr class="${record.status}">${cells.map((c) => `<td>${escaped(c)}</td>`).join("")}</tr>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(settings.model.entry)}: ${records.length} experiments</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 2em; max-width: 60em; }
table { border-collapse: collapse; } td, th { padding: 0.2em 0.8em; text-align: left; vertical-align: top; }
.keep { font-weight: 600; } .crash, .skip { color: #888; }
text { font: 12px system-ui, sans-serif; }
</style>
<h1>${escaped(settings.model.entry)} on ${escaped(settings.data.name)}</h1>
${summaryPlot(settings, records)}
<table>
<tr><th>experiment</th><th>${metric}</th><th>status</th><th>change</th><th>why</th></tr>
${rows.join("\n")}
</table>
</html>
`;
}

/** Loss by experiment: a dot for each, a ring around those that were kept, a line for the best. */
export function summaryPlot(
  settings: SearchSettings,
  records: readonly ExperimentRecord[],
): string {
  const points = records.flatMap((record) => {
    const loss = lossOf(record);
    return loss === null ? [] : [{ record, loss }];
  });
  const losses = points.map((p) => p.loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const room = Math.max((high - low) * 0.08, 1e-6);
  const last = Math.max(1, records.length - 1);
  const x = (experiment: number): string =>
    (LEFT + ((WIDTH - LEFT - 20) * experiment) / last).toFixed(1);
  const y = (loss: number): string =>
    (TOP + ((high + room - loss) / (high - low + 2 * room)) * (HEIGHT - TOP - BOTTOM)).toFixed(1);

  const ticks = points.length === 0 ? [] : [low, (low + high) / 2, high];
  const lines = ticks.map(
    (loss) =>
      `<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${y(loss)}" y2="${y(loss)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 8}" y="${y(loss)}" text-anchor="end">${loss.toFixed(3)}</text>`,
  );
  const kept = points.filter(({ record }) => record.status === "keep");
  const steps = kept.map(({ record, loss }, i) => {
    const to = kept[i + 1]?.record.experiment ?? last;
    return `${i === 0 ? "M" : "L"}${x(record.experiment)} ${y(loss)} H${x(to)}`;
  });
  const dots = points.map(({ record, loss }) => {
    const isKept = record.status === "keep";
    const color = isKept ? "#0a7d33" : record.status === "rung" ? "#c9a227" : "#888";
    const title = `${record.experiment}: ${loss.toFixed(4)} ${record.status}, ${record.change}`;
    const ring = isKept ? ' stroke="#0a7d33" stroke-width="6" stroke-opacity="0.25"' : "";
    return (
      `<circle class="${record.status}" cx="${x(record.experiment)}" cy="${y(loss)}" r="4" ` +
      `fill="${color}"${ring}><title>${escaped(title)}</title></circle>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<title>${metricOf(settings.protocol)} by experiment</title>
${lines.join("\n")}
<text x="${LEFT}" y="${HEIGHT - 10}">experiment 0</text>
<text x="${WIDTH - 20}" y="${HEIGHT - 10}" text-anchor="end">${last}</text>
<path d="${steps.join(" ")}" fill="none" stroke="#0a7d33"/>
${dots.join("\n")}
</svg>`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
