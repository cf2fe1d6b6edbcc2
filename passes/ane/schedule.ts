/**
 * The order of work: what the host computes, writes and reads, what is copied, what is dispatched.
 *
 * A value is written where a program reads it from the host, and read once after the program that makes
 * it if the host needs it. What depends on parameters alone is staged when they change.
 */
import type {
  HostOp,
  Place,
  ScheduleStep,
  Surface,
  SurfaceUse,
} from "../../compiler/bundle/manifest.ts";
import { constantValue, type Graph, leafName, topological } from "../../compiler/ir/graph.ts";
import { type Node, numberText } from "../../compiler/ir/node.ts";
import type { TensorType } from "../../compiler/ir/types.ts";
import { bug } from "../../compiler/support/bug.ts";
import type { CallPort, Connection } from "./connect.ts";
import type { Call, Cut } from "./cut.ts";
import type { Roles } from "./roles.ts";

export interface AneSchedule {
  readonly surfaces: readonly Surface[];
  readonly staging: readonly ScheduleStep[];
  readonly schedule: readonly ScheduleStep[];
  readonly outputs: Readonly<Record<string, string>>;
  /** Nodes of the host's steps, staging first, in their order. */
  readonly hostNodes: readonly Node[];
  /** Types of the values that programs make, by name. */
  readonly typeOf: ReadonlyMap<string, TensorType>;
}

export interface ScheduleInput {
  readonly graph: Graph;
  readonly roles: Roles;
  readonly cut: Cut;
  readonly connections: readonly Connection[];
  /** Programs by call. */
  readonly programOf: ReadonlyMap<Call, string>;
}

export function scheduleOf(given: ScheduleInput): AneSchedule {
  const { graph, cut, connections } = given;
  const context = newContext(given);
  const bySteps = new Map(connections.map((c) => [c.call, c]));
  context.stageWeights(connections);
  for (const step of cut.steps) {
    if (step.kind === "host") context.hostStep(step.node);
    else context.dispatch(bySteps.get(step)!);
  }
  return {
    surfaces: context.surfaces(),
    staging: context.staging,
    schedule: context.schedule,
    outputs: Object.fromEntries(graph.outputs.map((o) => [o.name, context.hostName(o.node)])),
    hostNodes: [...context.stagedNodes, ...context.hostNodes],
    typeOf: context.typeOf,
  };
}

/** Outputs of programs that the host has to hold: for its own ops, to write them elsewhere, or to return. */
function valuesToRead({ graph, cut, connections }: ScheduleInput): ReadonlySet<Node> {
  const made = new Set(cut.steps.flatMap((s) => (s.kind === "call" ? s.outputs : [])));
  const ownHost = new Set(cut.steps.flatMap((s) => (s.kind === "host" ? [s.node] : [])));
  const wanted = new Set<Node>();
  const want = (node: Node): void => {
    if (made.has(node) && !ownHost.has(node)) wanted.add(node);
  };
  for (const { node } of graph.outputs) want(node);
  for (const step of cut.steps) if (step.kind === "host") for (const x of step.node.inputs) want(x);
  for (const { inputs } of connections) {
    for (const { plan, source } of inputs) {
      if (source !== "host") continue;
      for (const { node, place } of plan.values) if (place.layout === "channels") want(node);
    }
  }
  return wanted;
}

function newContext(given: ScheduleInput) {
  const { graph, roles, programOf } = given;
  const toRead = valuesToRead(given);
  const staging: ScheduleStep[] = [];
  const schedule: ScheduleStep[] = [];
  const shapes = new Map<string, readonly number[]>();
  const engineNames = new Map<Node, string>();
  const hostNames = new Map<Node, string>();
  /** Calls of one name in one layer. */
  const named = new Map<string, number>();
  const stagedNodes: Node[] = [];
  const hostNodes: Node[] = [];
  const typeOf = new Map<string, TensorType>();
  /** Where the last call left each value. */
  const madeAt = new Map<Node, { readonly port: CallPort; readonly at: number }>();
  /** What lies on each surface that the host alone writes: the last value, where it is the only one. */
  const lying = new Map<string, { readonly node: Node; readonly place: string }>();
  const isThere = (surface: string, node: Node, { blocks }: Place): boolean => {
    const place = JSON.stringify(blocks);
    const last = lying.get(surface);
    lying.set(surface, { node, place });
    return last?.node === node && last.place === place;
  };
  for (const leaf of graph.inputs) hostNames.set(leaf, leafName(leaf));
  for (const leaf of graph.params) hostNames.set(leaf, `@${leafName(leaf)}`);

  /** The host's name of a value; what depends on parameters or constants alone is computed on the way. */
  const hostName = (node: Node): string => {
    const known = hostNames.get(node) ?? engineNames.get(node);
    if (known !== undefined) return known;
    const value = constantValue(node);
    if (value !== undefined) return numberText(value);
    if (!roles.weights.has(node) && !roles.constants.has(node)) bug("a value nobody computes");
    for (const x of topological([node])) {
      if (hostNames.has(x) || constantValue(x) !== undefined) continue;
      hostNames.set(x, `staged.${stagedNodes.length}`);
      stagedNodes.push(x);
      staging.push(hostOp(x));
    }
    return hostNames.get(node)!;
  };
  const hostOp = (node: Node): HostOp => ({
    do: "host",
    op: node.op.name,
    reads: node.inputs.map(hostName),
    writes: hostNames.get(node)!,
  });
  const use = ({ plan, surface }: CallPort, nameOf: (node: Node) => string): SurfaceUse => {
    shapes.set(surface, plan.shape);
    return { surface, values: plan.values.map((v) => nameOf(v.node)) };
  };
  const portUses = (ports: readonly CallPort[], prefix: string, nameOf: (n: Node) => string) =>
    Object.fromEntries(
      ports.map((port, i) => [portName(prefix, i, ports.length), use(port, nameOf)]),
    );

  return {
    staging,
    schedule,
    stagedNodes,
    hostNodes,
    hostName,
    typeOf,
    surfaces: (): Surface[] => [...shapes].map(([name, shape]) => ({ name, shape })),

    stageWeights(list: readonly Connection[]): void {
      const done = new Set<string>();
      for (const { inputs } of list) {
        for (const { plan, surface } of inputs) {
          for (const { node, place } of plan.values) {
            const key = `${surface} ${node.id}`;
            if (!roles.weights.has(node) || done.has(key)) continue;
            done.add(key);
            staging.push({ do: "write", value: hostName(node), surface, place });
          }
        }
      }
    },

    hostStep(node: Node): void {
      hostNames.set(node, `host.${hostNodes.length}`);
      hostNodes.push(node);
      schedule.push(hostOp(node));
    },

    dispatch({ call, inputs, outputs }: Connection): void {
      for (const { plan, surface, source } of inputs) {
        if (source !== "host") continue;
        for (const { node, place } of plan.values) {
          if (roles.weights.has(node)) continue;
          const made = place.layout === "rows" ? madeAt.get(node) : undefined;
          if (made === undefined) {
            if (isThere(surface, node, place)) continue;
            schedule.push({ do: "write", value: hostName(node), surface, place });
            continue;
          }
          lying.delete(surface);
          const fromPlace = made.port.plan.values[made.at]!.place;
          const from = made.port.surface;
          const value = engineNames.get(node)!;
          schedule.push({ do: "copy", value, from, fromPlace, surface, place });
        }
      }
      const base = `${call.layer}.${call.name}`;
      const times = (named.get(base) ?? 0) + 1;
      named.set(base, times);
      for (const [k, node] of call.outputs.entries()) {
        const name = `${base}${times === 1 ? "" : `~${times}`}.${k}`;
        engineNames.set(node, name);
        typeOf.set(name, node.type);
      }
      const engineName = (node: Node): string => engineNames.get(node) ?? hostName(node);
      schedule.push({
        do: "dispatch",
        program: programOf.get(call) ?? bug("a call without a program"),
        label: call.layer,
        inputs: portUses(inputs, "in", engineName),
        outputs: portUses(outputs, "out", engineName),
      });
      for (const port of outputs) {
        for (const [at, { node, place }] of port.plan.values.entries()) {
          madeAt.set(node, { port, at });
          if (!toRead.has(node)) continue;
          schedule.push({
            do: "read",
            value: engineNames.get(node)!,
            surface: port.surface,
            place,
          });
        }
      }
    },
  };
}

/** `in0`, `in1`, … with as many digits as make the alphabet's order the ports' order. */
export function portName(prefix: string, i: number, count: number): string {
  return `${prefix}${String(i).padStart(String(Math.max(0, count - 1)).length, "0")}`;
}
