/**
 * The ports of every call, and which surface each one is.
 *
 * In the exchange `host` a call has one surface for what the host writes, with its weights beside it,
 * and one for what it makes. In the exchange `chained` it reads the surfaces that other calls wrote:
 * calls of one program in different layers agree on that, so the first layer, whose input comes
 * from the host, has it written to a surface of the same form.
 */
import type { Node } from "../../compiler/ir/node.ts";
import { sizesOf } from "../../compiler/ir/types.ts";
import type { Call, Cut } from "./cut.ts";
import {
  type Placed,
  type PortPlan,
  packed,
  sharedWeights,
  stacked,
  type Weights,
  weightPort,
} from "./ports.ts";
import type { Scheme } from "./schemes.ts";

/** Where the values of an input port come from. */
export type PortSource = "host" | "program" | "weights";

export interface CallPort {
  readonly plan: PortPlan;
  readonly surface: string;
  readonly source: PortSource;
}

export interface Connection {
  readonly call: Call;
  readonly inputs: readonly CallPort[];
  readonly outputs: readonly CallPort[];
}

export interface ConnectOptions {
  readonly scheme: Scheme;
  readonly weights: Weights;
  /** One port for each value: what the range analysis wants to see. */
  readonly separate?: boolean;
}

/** A value's place among the outputs of all calls. */
interface Made {
  readonly call: Call;
  readonly port: number;
  readonly at: number;
}

export function connect(cut: Cut, options: ConnectOptions): readonly Connection[] {
  const calls = cut.steps.filter((s) => s.kind === "call");
  const isChained = options.scheme.exchange === "chained";
  const ids = new Map(calls.map((call, i) => [call, `${call.layer}.${call.name}.${i}`]));
  const outputsOf = new Map<Call, readonly CallPort[]>();
  const madeBy = new Map<Node, Made>();
  for (const call of calls) {
    const plans = options.separate
      ? call.outputs.flatMap((n) => stacked([n], cut.layouts))
      : stacked(call.outputs, cut.layouts);
    const owner = isChained || options.separate === true ? ids.get(call)! : call.name;
    outputsOf.set(
      call,
      plans.map((plan, i) => ({
        plan,
        source: "program",
        surface: `${owner}.out${i}${isChained ? "" : formOf(plan)}`,
      })),
    );
    for (const [port, plan] of plans.entries())
      for (const [at, { node }] of plan.values.entries()) madeBy.set(node, { call, port, at });
  }
  const weightPorts = weightSurfaces(calls, options);
  return calls.map((call): Connection => {
    const activations = options.separate
      ? call.inputs.flatMap((n) =>
          hostPorts(stacked([n], cut.layouts), `${ids.get(call)!}.${n.id}`),
        )
      : isChained
        ? chainedPorts(call, calls, { cut, madeBy, outputsOf })
        : hostExchange(call, cut, options.weights, ids.get(call)!);
    return {
      call,
      inputs: [...activations, ...(weightPorts.get(call) ?? [])],
      outputs: outputsOf.get(call)!,
    };
  });
}

const formOf = ({ shape }: PortPlan): string => `.${shape[1]}x${shape[3]}`;

function hostPorts(plans: readonly PortPlan[], owner: string): CallPort[] {
  return plans.map((plan, i) => ({
    plan,
    source: "host",
    surface: `${owner}.in${i}${formOf(plan)}`,
  }));
}

/** Ports that the host writes; with packed weights each call has a surface of its own. */
function hostExchange(call: Call, cut: Cut, weights: Weights, id: string): CallPort[] {
  if (weights !== "packed" || call.weights.length === 0)
    return hostPorts(stacked(call.inputs, cut.layouts), call.name);
  return hostPorts(packed(call, cut.layouts), id);
}

/** Weights on surfaces that stand apart: one for each, or one for a group of calls that share them. */
function weightSurfaces(
  calls: readonly Call[],
  { scheme, weights, separate }: ConnectOptions,
): Map<Call, readonly CallPort[]> {
  const ports = new Map<Call, readonly CallPort[]>();
  const isApart = separate === true || weights === "params" || scheme.exchange === "chained";
  if (!isApart || weights === "baked") return ports;
  const names = new Map<Node, number>();
  const numberOf = (node: Node): number => {
    names.set(node, names.get(node) ?? names.size);
    return names.get(node)!;
  };
  if (separate === true || weights === "params") {
    for (const call of calls) {
      ports.set(
        call,
        call.weights.map((node) => ({
          plan: weightPort(node),
          source: "weights",
          surface: `weight.${numberOf(node)}`,
        })),
      );
    }
    return ports;
  }
  for (const group of sharingGroups(calls)) {
    const nodes = [...new Set(group.flatMap((call) => call.weights))];
    const shared = sharedWeights(nodes).map((plan, i): CallPort => {
      const name = `${group[0]!.layer}.weights.${numberOf(nodes[0]!)}.${i}`;
      return { plan, source: "weights", surface: name };
    });
    for (const call of group) {
      const own = new Set(call.weights);
      ports.set(
        call,
        shared.filter((p) => p.plan.values.some((v) => own.has(v.node))),
      );
    }
  }
  return ports;
}

/** Calls that have weights in common, directly or through others. */
export function sharingGroups(calls: readonly Call[]): Call[][] {
  const groups: { readonly calls: Call[]; readonly weights: Set<Node> }[] = [];
  for (const call of calls) {
    if (call.weights.length === 0) continue;
    const joined = groups.filter((g) => call.weights.some((w) => g.weights.has(w)));
    const first = joined[0] ?? { calls: [], weights: new Set<Node>() };
    if (joined.length === 0) groups.push(first);
    for (const other of joined.slice(1)) {
      first.calls.push(...other.calls);
      for (const w of other.weights) first.weights.add(w);
      groups.splice(groups.indexOf(other), 1);
    }
    first.calls.push(call);
    for (const w of call.weights) first.weights.add(w);
  }
  return groups.map((g) => g.calls.sort((a, b) => calls.indexOf(a) - calls.indexOf(b)));
}

interface Chain {
  readonly cut: Cut;
  readonly madeBy: ReadonlyMap<Node, Made>;
  readonly outputsOf: ReadonlyMap<Call, readonly CallPort[]>;
}

/** Ports as the call of this program has them that reads most from others; as its own where they differ. */
function chainedPorts(call: Call, calls: readonly Call[], chain: Chain): CallPort[] {
  const reads = (c: Call): number => c.inputs.filter((x) => chain.madeBy.has(x)).length;
  const model = calls
    .filter((c) => c.name === call.name && formsOf(c) === formsOf(call))
    .reduce((best, c) => (reads(c) > reads(best) ? c : best), call);
  return portsLike(model, call, chain) ?? portsLike(call, call, chain)!;
}

/** The sizes of what a call reads. */
function formsOf({ inputs }: Call): string {
  return inputs.map((x) => sizesOf(x.type.shape).join("x")).join(" ");
}

function portsLike(model: Call, call: Call, chain: Chain): CallPort[] | undefined {
  const { cut, madeBy, outputsOf } = chain;
  /** Positions of inputs by the surface they come from; "" for the host. */
  const groups = new Map<string, number[]>();
  for (const [i, node] of model.inputs.entries()) {
    const made = madeBy.get(node);
    const key = made === undefined ? "" : outputsOf.get(made.call)![made.port]!.surface;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const ports: CallPort[] = [];
  for (const [key, positions] of groups) {
    const nodes = positions.map((i) => call.inputs[i]!);
    const found = nodes.map((n) => madeBy.get(n));
    const fromHost = found.every((m) => m === undefined);
    if (key === "") {
      if (!fromHost) return undefined;
      ports.push(...hostPorts(stacked(nodes, cut.layouts), call.name));
      continue;
    }
    const pattern = positions.map((i) => madeBy.get(model.inputs[i]!)!);
    const plan = outputsOf.get(pattern[0]!.call)![pattern[0]!.port]!.plan;
    const isSame = found.every(
      (m, k) =>
        m !== undefined &&
        m.call === found[0]!.call &&
        m.call.name === pattern[k]!.call.name &&
        m.port === pattern[k]!.port &&
        m.at === pattern[k]!.at,
    );
    if (!isSame && !fromHost) return undefined;
    const values = nodes.map(
      (node, k): Placed => ({ node, place: plan.values[pattern[k]!.at]!.place }),
    );
    ports.push({
      plan: { shape: plan.shape, values },
      source: fromHost ? "host" : "program",
      surface: fromHost
        ? `${call.name}.in${ports.length}${formOf(plan)}`
        : outputsOf.get(found[0]!.call)![found[0]!.port]!.surface,
    });
  }
  return ports;
}
