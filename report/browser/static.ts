/** The page of a model, a bundle or a MIL file: each part draws itself if the page has its data. */
import type { Pane } from "../graph/drawing.ts";
import type { DrawnProgram, FactsData, PlacementRow, Timeline, WeightRow } from "../model/data.ts";
import { chooseChip } from "./chip.ts";
import { byId, dataOf, el } from "./dom.ts";
import { mountFacts } from "./facts_view.ts";
import { mountGraphs } from "./graph_view.ts";
import { mountPrograms } from "./surfaces_view.ts";
import { mountTimeline } from "./timeline_view.ts";
import { mountPlacement, mountWeights } from "./weights_view.ts";

const has = (name: string): boolean => document.getElementById(`data-${name}`) !== null;

const KINDS = ["product", "norm", "elementwise", "movement", "lookup", "loss", "input", "other"];

if (has("graphs")) {
  const legend = KINDS.map((kind) => el("li", {}, el("span", { class: `dot kind-${kind}` }), kind));
  byId("graph_legend").append(...legend);
  mountGraphs(byId("graph_panes"), dataOf<readonly Pane[]>("graphs"), byId("graph_details"));
}
if (has("programs"))
  mountPrograms(byId("program_list"), dataOf<readonly DrawnProgram[]>("programs"));
if (has("timeline")) mountTimeline(byId("timeline_panel"), dataOf<Timeline>("timeline"));
if (has("weights")) mountWeights(byId("weights_panel"), dataOf<readonly WeightRow[]>("weights"));
if (has("placement"))
  mountPlacement(byId("placement_panel"), dataOf<readonly PlacementRow[]>("placement"));
if (has("facts")) mountFacts(byId("facts_panel"), dataOf<FactsData>("facts"));
if (has("chip")) chooseChip(dataOf<string>("chip"));
