/**
 * Cuts a graph into programs of the engine and steps of the host.
 *
 * A node belongs to the program that the scheme names for its role and layer. What a program needs of
 * another comes in as an input, or is computed again from what does (`recomputes`). Programs that
 * would wait for each other are cut further, down to single nodes: the result always has an order.
 */
import { constantValue, type Graph, isInput, isParam, nodesOf } from "../../compiler/ir/graph.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { isFloat } from "../../compiler/ir/types.ts";
import { type OpDef, opOf } from "../../compiler/ops/define.ts";
import { invariant } from "../../compiler/support/bug.ts";
import type { Placements } from "./infer.ts";
import { type Layout, layoutsOf } from "./layouts.ts";
import { type OperandOrder, publishedOrder } from "./operand_order.ts";
import type { Role, Roles } from "./roles.ts";
import type { ProgramPlan, Scheme } from "./schemes.ts";

/** One dispatch: a program of the scheme in one layer. */
export interface Call {
  readonly kind: "call";
  /** Of the program, as the scheme names it. */
  readonly name: string;
  /** `block.3` */
  readonly layer: string;
  /** Of a program of several layers. */
  readonly layers?: readonly string[];
  readonly nodes: readonly Node[];
  /** Values made elsewhere, in the order in which the program needs them. */
  readonly inputs: readonly Node[];
  /** Values that depend on parameters alone. */
  readonly weights: readonly Node[];
  /** Results that others read: the program's own first, then what is kept for gradients, then scores. */
  readonly outputs: readonly Node[];
}

/** One op of the host. */
export interface HostStep {
  readonly kind: "host";
  readonly node: Node;
}

export type Step = Call | HostStep;

export interface Cut {
  /** In execution order. */
  readonly steps: readonly Step[];
  readonly layouts: ReadonlyMap<Node, Layout>;
}

/** Whether the engine can compute a node, possibly after it is decomposed. */
export function engineCapability(): (node: Node) => boolean {
  const capable = new Map<string, boolean>();
  return (node) => {
    // Ops of one name are alike but for the types of their operands.
    const key = `${node.op.name} ${node.inputs.map((x) => x.type.dtype).join()}`;
    const known = capable.get(key) ?? runsOnEngine(node);
    capable.set(key, known);
    return known;
  };
}

function runsOnEngine(node: Node): boolean {
  if (!isFloat(node.type.dtype) || node.inputs.some((x) => !isFloat(x.type.dtype))) return false;
  return hasMil(node, opOf(node), 0);
}

const DEPTH = 8;

function hasMil(node: Node, op: OpDef, depth: number): boolean {
  if (op.mil !== undefined || node.op.name === "constant") return true;
  if (op.decompose === undefined || depth > DEPTH) return false;
  const given = new Set(node.inputs);
  const check = (n: Node): boolean =>
    given.has(n) || (hasMil(n, opOf(n), depth + 1) && n.inputs.every(check));
  return check(op.decompose(node));
}

interface Assigning {
  readonly roles: Roles;
  readonly scheme: Scheme;
  readonly placed: Placements;
}

/** Where nodes go, before anything is ordered. */
interface Assignment {
  /** Key of the program; undefined for the host. */
  readonly keyOf: Map<Node, string>;
  readonly planOf: Map<string, Pick<Call, "name" | "layer" | "layers">>;
}

/** `placed` decides for the nodes in it, the scheme for the others. */
function assign(
  graph: Graph,
  nodes: readonly Node[],
  { roles, scheme, placed }: Assigning,
): Assignment {
  const isCapable = engineCapability();
  const keyOf = new Map<Node, string>();
  const planOf: Assignment["planOf"] = new Map();
  const planFor = planner(graph, roles, scheme);
  for (const node of nodes) {
    const place = placed.get(node);
    if (place !== undefined) {
      const { name, label, layers } = place;
      keyOf.set(node, `${label}/${name}`);
      planOf.set(`${label}/${name}`, {
        name,
        layer: label,
        ...(layers === undefined ? {} : { layers }),
      });
      continue;
    }
    const plan = planFor(node);
    const layer = roles.layerOf.get(node);
    if (plan === undefined || layer === undefined || !isCapable(node)) continue;
    const key = `${layer}/${plan.name}${plan.each === true ? `/${node.id}` : ""}`;
    keyOf.set(node, key);
    planOf.set(key, { name: plan.name, layer });
  }
  return { keyOf, planOf };
}

/** The program of the scheme that a node belongs to. */
function planner(
  graph: Graph,
  roles: Roles,
  scheme: Scheme,
): (node: Node) => Pick<ProgramPlan, "name" | "each"> | undefined {
  const byRole = new Map<Role, ProgramPlan>();
  for (const plan of scheme.programs) for (const role of plan.roles) byRole.set(role, plan);
  const name = graph.name.replaceAll(/\W/g, "_");
  const hasLayers = [...roles.layerOf.values()].some((l) => l !== graph.name);
  const isTraining = graph.outputs.some((o) => o.name.startsWith("grad."));
  return (node) => {
    const role = roles.roleOf.get(node);
    if (hasLayers && roles.layerOf.get(node) !== graph.name)
      return role === undefined ? undefined : byRole.get(role);
    if (!scheme.takesAll) return hasLayers || role === undefined ? undefined : byRole.get(role);
    if (!hasLayers) return { name: roles.forward.has(node) ? name : `${name}_grad` };
    // The classifier and its gradient are the host's when the model is trained.
    return isTraining ? undefined : { name: "head" };
  };
}

/** `placed` decides where the nodes in it go; the scheme decides for the others. */
export function cutGraph(
  graph: Graph,
  roles: Roles,
  scheme: Scheme,
  placed: Placements = new Map(),
): Cut {
  const nodes = nodesOf(graph).filter((n) => isComputed(n, roles));
  const { keyOf, planOf } = assign(graph, nodes, { roles, scheme, placed });
  dropLoneViews(nodes, keyOf);
  const layouts = layoutsOf(graph, (n) => roles.weights.has(n) || roles.constants.has(n));
  const recomputes = recomputation(roles, scheme, keyOf, graph.name);
  const level = new Map<string, number>();
  for (;;) {
    const units = unitsOf(nodes, keyOf, recomputes, roles);
    const found = order(graph, units);
    if ("steps" in found) {
      const steps = describe(found.steps, { graph, units, planOf, layouts });
      if (scheme.exchange === "chained") return { steps, layouts };
      const order = publishedOrder(graph, roles, layouts);
      return { steps: steps.map((s) => (s.kind === "call" ? inOrder(s, order) : s)), layouts };
    }
    let isFiner = false;
    for (const node of nodes) {
      const key = keyOf.get(node);
      if (key === undefined || !found.cycle.has(key)) continue;
      const depth = level.get(key) ?? 0;
      // A single node may wait for a program that waits for it: that one is cut.
      if (depth === 2) continue;
      isFiner = true;
      const finer = `${key}/${depth === 0 ? roles.roleOf.get(node) : node.id}`;
      level.set(finer, depth + 1);
      planOf.set(finer, planOf.get(key)!);
      keyOf.set(node, finer);
    }
    invariant(isFiner, `single nodes wait for each other: ${[...found.cycle].join(", ")}`);
  }
}

function isComputed(node: Node, { weights, constants }: Roles): boolean {
  return !isInput(node) && !isParam(node) && !weights.has(node) && !constants.has(node);
}

const VIEWS = ["reshape", "transpose"];

/** A program that would only re-arrange is the host's: it has the values anyway. */
function dropLoneViews(nodes: readonly Node[], keyOf: Map<Node, string>): void {
  const working = new Set<string>();
  for (const node of nodes) {
    const key = keyOf.get(node);
    if (key !== undefined && !isView(node)) working.add(key);
  }
  for (const node of nodes) {
    const key = keyOf.get(node);
    if (key !== undefined && !working.has(key)) keyOf.delete(node);
  }
}

/** Whether a reader computes a value again instead of taking it from where it was made. */
type Recomputes = (value: Node, reader: Node) => boolean;

function recomputation(
  { forward, roleOf, layerOf }: Roles,
  scheme: Scheme,
  keyOf: ReadonlyMap<Node, string>,
  outside: string,
): Recomputes {
  return (value, reader) => {
    if (!keyOf.has(value)) {
      // What no gradient reaches belongs to nobody: everyone computes it.
      const isLoose = !forward.has(value) && !roleOf.has(value) && layerOf.get(value) !== outside;
      return isLoose && keyOf.has(reader) && dependsOnKept(value, forward);
    }
    if (scheme.exchange === "chained" && (isView(value) || isScaling(value))) return true;
    if (roleOf.get(value) === "d_repeat") return scheme.recomputes(value);
    return forward.has(value) && !forward.has(reader) && scheme.recomputes(value);
  };
}

const isView = (value: Node): boolean => VIEWS.includes(value.op.name);

/** A product with a number, which costs less than a surface. */
function isScaling(value: Node): boolean {
  return value.op.name === "mul" && value.inputs.some((x) => constantValue(x) !== undefined);
}

function dependsOnKept(value: Node, forward: ReadonlySet<Node>): boolean {
  return value.inputs.every(
    (x) => forward.has(x) || x.inputs.length === 0 || dependsOnKept(x, forward),
  );
}

interface Unit {
  /** Of a program; undefined for a step of the host. */
  readonly key: string | undefined;
  readonly nodes: Node[];
  /** Values made elsewhere, in the order in which the nodes need them. */
  readonly inputs: Node[];
  readonly weights: Node[];
}

/** All units by what they make. The host may make again what a program keeps inside. */
interface Units {
  readonly engine: ReadonlyMap<Node, Unit>;
  readonly host: ReadonlyMap<Node, Unit>;
}

function unitsOf(
  nodes: readonly Node[],
  keyOf: ReadonlyMap<Node, string>,
  recomputes: Recomputes,
  roles: Roles,
): Units {
  const byKey = new Map<string, Unit>();
  const engine = new Map<Node, Unit>();
  const host = new Map<Node, Unit>();
  const newUnit = (key?: string): Unit => ({ key, nodes: [], inputs: [], weights: [] });
  const hostUnit = (node: Node, reader: Node): void => {
    if (host.has(node)) return;
    const unit = newUnit();
    host.set(node, unit);
    add(unit, node, reader);
  };
  /** Adds a node; `reader` says for whom it is computed, where that is another. */
  const add = (unit: Unit, node: Node, reader: Node): void => {
    unit.nodes.push(node);
    const operand = (x: Node): void => {
      if (roles.weights.has(x)) pushNew(unit.weights, x);
      else if (isInput(x)) pushNew(unit.inputs, x);
      else if (!roles.constants.has(x)) value(x);
    };
    const value = (x: Node): void => {
      if (unit.key !== undefined && keyOf.get(x) === unit.key) return;
      if (!recomputes(x, reader)) pushNew(unit.inputs, x);
      else if (unit.key === undefined) {
        hostUnit(x, reader);
        pushNew(unit.inputs, x);
      } else for (const y of x.inputs) operand(y);
    };
    for (const x of node.inputs) operand(x);
  };
  for (const node of nodes) {
    const key = keyOf.get(node);
    if (key === undefined) {
      hostUnit(node, node);
      continue;
    }
    const unit = byKey.get(key) ?? newUnit(key);
    byKey.set(key, unit);
    engine.set(node, unit);
    add(unit, node, node);
  }
  return { engine, host };
}

function pushNew<T>(list: T[], item: T): void {
  if (!list.includes(item)) list.push(item);
}

/** Units in execution order, or the keys of programs that wait for each other. */
function order(
  graph: Graph,
  { engine, host }: Units,
): { readonly steps: readonly Unit[] } | { readonly cycle: ReadonlySet<string> } {
  const makerOf = (value: Node, isHost: boolean): Unit | undefined =>
    (isHost ? host.get(value) : undefined) ?? engine.get(value) ?? host.get(value);
  const steps: Unit[] = [];
  const state = new Map<Unit, "open" | "done">();
  for (const output of graph.outputs) {
    const stack: { readonly unit: Unit; readonly deps: readonly Unit[]; next: number }[] = [];
    const enter = (unit: Unit): void => {
      state.set(unit, "open");
      const deps = unit.inputs.flatMap((x) => makerOf(x, unit.key === undefined) ?? []);
      stack.push({ unit, deps, next: 0 });
    };
    const root = makerOf(output.node, true);
    if (root !== undefined && !state.has(root)) enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const dep = top.deps[top.next];
      top.next += 1;
      if (dep === undefined) {
        state.set(top.unit, "done");
        steps.push(top.unit);
        stack.pop();
      } else if (state.get(dep) === "open" && dep !== top.unit) {
        const from = stack.findIndex((s) => s.unit === dep);
        return { cycle: new Set(stack.slice(from).flatMap((s) => s.unit.key ?? [])) };
      } else if (!state.has(dep)) enter(dep);
    }
  }
  return { steps };
}

interface Describing {
  readonly graph: Graph;
  readonly units: Units;
  readonly planOf: Assignment["planOf"];
  readonly layouts: ReadonlyMap<Node, Layout>;
}

function inOrder(call: Call, order: OperandOrder): Call {
  const { inputs, weights, outputs, nodes } = call;
  return {
    ...call,
    inputs: order.inputs(inputs, nodes),
    weights: order.weights(weights, nodes),
    outputs: order.outputs(outputs, nodes),
  };
}

function describe(steps: readonly Unit[], { graph, units, planOf, layouts }: Describing): Step[] {
  const read = new Set<Node>();
  for (const { node } of graph.outputs) if (!units.host.has(node)) read.add(node);
  for (const unit of steps) {
    const isHost = unit.key === undefined;
    for (const x of unit.inputs) if (!isHost || !units.host.has(x)) read.add(x);
  }
  return steps.map((unit): Step => {
    if (unit.key === undefined) return { kind: "host", node: unit.nodes[0]! };
    const isUsedInside = new Set(unit.nodes.flatMap((n) => n.inputs));
    const rank = (n: Node): number => (layouts.get(n) === "rows" ? 2 : isUsedInside.has(n) ? 1 : 0);
    return {
      kind: "call",
      ...planOf.get(unit.key)!,
      nodes: unit.nodes,
      inputs: unit.inputs,
      weights: unit.weights,
      outputs: unit.nodes.filter((n) => read.has(n)).sort((a, b) => rank(a) - rank(b)),
    };
  });
}
